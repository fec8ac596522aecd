from __future__ import annotations

import numpy as np
import pytest

from voltomo.errors import InputError
from voltomo.synthesis.families import ACTIVE, BINDER, CRACK_PHASE, FAMILIES, PORE
from voltomo.synthesis.imaging.greys import Greys, Texture, paint_greys, show_phases
from voltomo.synthesis.imaging.levels import usual_levels
from voltomo.synthesis.materials import Material
from voltomo.synthesis.structure import Layers, Particles, Slits, Structure, Voids

LEVELS = {0: 0.2, PORE: 0.2, ACTIVE: 0.7, BINDER: 0.3, CRACK_PHASE: 0.2}


def _ball(radius: float, *, shape: tuple[int, int, int] = (40, 40, 40), slits: Slits | None = None) -> Structure:
    """One smooth ball in the middle of voxels of 1 m, in pore."""
    middle = np.array([[0.5 * (n - 1) + 0.13 for n in shape]])
    particles = Particles(middle, np.full((1, 3), radius), np.eye(3)[None], np.array([ACTIVE], np.uint8), roughness=0.0)
    nothing = np.empty(0)
    return Structure(
        family="nmc",
        shape=shape,
        voxel_size=(1.0, 1.0, 1.0),
        origin=(0.0, 0.0, 0.0),
        particles=particles,
        slits=slits or Slits.none(),
        voids=Voids.none(),
        layers=Layers(
            np.empty(0, np.uint8),
            *(nothing, nothing, nothing),
            np.empty(0, bool),
            np.empty(0, np.int64),
            np.empty((0, 3)),
            *(nothing, nothing, nothing),
        ),
        background=PORE,
        reach=1.0,
        texture_length=5.0,
        collector=-np.inf,
        free_surface=np.inf,
        seed=0,
    )


def _solid_volume(structure: Structure, supersampling: int) -> float:
    """Volume of the active material that the greys show, voxels."""
    whole = tuple(slice(0, n) for n in structure.shape)
    grey = paint_greys(structure, whole, Greys(LEVELS), supersampling=supersampling).astype(float)
    return float(np.sum((grey - 0.2) / 0.5))


def test_greys_show_the_volume_of_a_ball() -> None:
    """The sum of the shares is the ball's volume, and closer to it with finer points.

    A voxel of the surface is off by at most half a point layer at random: 4πr² = 1800 surface voxels give
    0.3·√1800 = 13 of 7238 voxels at one point, and 2⁻²·⁵ and 3⁻²·⁵ of that at two and three.
    """
    exact = 4 / 3 * np.pi * 12.0**3
    errors = [abs(_solid_volume(_ball(12.0), s) - exact) for s in (1, 2, 3)]
    assert errors[0] < 40
    assert errors[1] < 8
    assert errors[2] < 4


def test_a_crack_thinner_than_a_voxel_shows_its_width() -> None:
    """A slit 0.6 voxels wide through a ball takes its volume from the greys, to 10 % at three points per edge."""
    one = np.ones(1)
    slit = Slits(
        np.zeros(1, np.int64),
        np.array([[0.6, 0.48, 0.64]]),
        np.array([[0.8, -0.36, -0.48]]),
        -np.inf * one,
        1.5 * one,
        0 * one,
        0.6 * one,
    )
    missing = _solid_volume(_ball(12.0), 3) - _solid_volume(_ball(12.0, slits=slit), 3)
    assert missing == pytest.approx(0.6 * np.pi * 12.0**2, rel=0.1)


def test_tiles_and_threads_change_nothing() -> None:
    """A region painted in several tiles by two threads equals its parts painted alone, textures included."""
    structure = _ball(20.0, shape=(60, 50, 52))
    greys = Greys(LEVELS, {ACTIVE: Texture(0.05, 6.0), PORE: Texture(0.02, 3.0)}, 0.04, seed=4)
    whole = paint_greys(structure, (slice(0, 60), slice(0, 50), slice(0, 52)), greys, supersampling=2, workers=2)
    part = paint_greys(structure, (slice(33, 60), slice(7, 50), slice(0, 11)), greys, supersampling=2)
    assert np.array_equal(part, whole[33:, 7:, :11])


def test_texture_stays_in_its_phase() -> None:
    """Textured voxels vary by the stated standard deviation around their level, the others not at all.

    64³ voxels hold 10³ independent nodes of a field of length 6: the standard deviation is known to 3 %.
    """
    phases = np.full((64, 64, 64), ACTIVE, np.uint8)
    phases[:, :, :20] = PORE
    whole = (slice(0, 64),) * 3
    nobody = np.zeros(phases.shape, np.uint32)
    grey = show_phases(phases, nobody, whole, Greys(LEVELS, {ACTIVE: Texture(0.05, 6.0)}), supersampling=1)
    assert np.all(grey[:, :, :20] == np.float32(0.2))
    assert grey[:, :, 20:].std() == pytest.approx(0.05, rel=0.1)
    assert grey[:, :, 20:].mean() == pytest.approx(0.7, abs=0.01)


def test_particles_differ_by_their_spread() -> None:
    """Each particle has a grey of its own, normally distributed; its cracks and the pore have not.

    Of 4000 particles the standard deviation is known to 1.1 %.
    """
    owners = np.broadcast_to(np.arange(4001, dtype=np.uint32), (2, 2, 4001))
    phases = np.full(owners.shape, ACTIVE, np.uint8)
    phases[:, 1] = CRACK_PHASE
    whole = tuple(slice(0, n) for n in owners.shape)
    greys = Greys(LEVELS, {ACTIVE: Texture(0.0, 1.0)}, particle_spread=0.05)
    grey = show_phases(phases, owners, whole, greys, supersampling=1)
    assert np.array_equal(grey[0, 0], grey[1, 0])
    assert grey[0, 0, 0] == np.float32(0.7)
    assert grey[0, 0].std() == pytest.approx(0.05, rel=0.05)
    assert np.all(grey[:, 1] == np.float32(0.2))


def test_levels_of_an_nmc_cathode() -> None:
    """Pore 0.22, binder 0.32, active 0.70: the greys that the demo has always had; a crack is as dark as a pore."""
    levels = usual_levels(FAMILIES["nmc"].materials)
    assert levels[PORE] == levels[CRACK_PHASE] == 0.22
    assert levels[BINDER] == pytest.approx(0.32, abs=0.01)
    assert levels[ACTIVE] == 0.70


@pytest.mark.parametrize("family", FAMILIES)
def test_levels_follow_the_attenuation(family: str) -> None:
    """In every family empty space is the darkest, no grey leaves 0.2 to 0.95, and all materials are known."""
    levels = usual_levels(FAMILIES[family].materials)
    assert min(levels.values()) == levels[PORE]
    assert all(0.2 < level <= 0.95 for level in levels.values())


def test_an_unknown_formula_is_refused() -> None:
    """A formula that is no formula asks for a level instead."""
    with pytest.raises(InputError, match="give the level"):
        usual_levels({1: Material("stuff", "Xx2O", 1000.0)})
