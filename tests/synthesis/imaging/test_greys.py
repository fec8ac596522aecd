from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from voltomo.errors import InputError
from voltomo.stages.synth import SynthConfig
from voltomo.synthesis import Slits, Structure, make_structure, rasterize
from voltomo.synthesis.families import ACTIVE, BINDER, CRACK_PHASE, FAMILIES, PORE
from voltomo.synthesis.imaging.greys import Greys, Texture, paint_greys, show_phases
from voltomo.synthesis.imaging.levels import usual_levels
from voltomo.synthesis.materials import Material

LEVELS = {0: 0.2, PORE: 0.2, ACTIVE: 0.7, BINDER: 0.3, CRACK_PHASE: 0.2}


def _solid_volume(structure: Structure, supersampling: int) -> float:
    """Volume of the active material that the greys show, voxels."""
    whole = tuple(slice(0, n) for n in structure.shape)
    grey = paint_greys(structure, whole, Greys(LEVELS), supersampling=supersampling).astype(float)
    return float(np.sum((grey - 0.2) / 0.5))


def test_greys_show_the_volume_of_a_ball(balls: Callable[..., Structure]) -> None:
    """The sum of the shares is the ball's volume, and closer to it with finer points.

    A voxel of the surface is off by at most half a point layer at random: 4πr² = 1800 surface voxels give
    0.3·√1800 = 13 of 7238 voxels at one point, and 2⁻²·⁵ and 3⁻²·⁵ of that at two and three; three of each.
    """
    ball = balls((30, 30, 30), [14.63, 14.6, 14.4], 12.0)
    errors = [abs(_solid_volume(ball, s) - 4 / 3 * np.pi * 12.0**3) for s in (1, 2, 3)]
    assert errors[0] < 39
    assert errors[1] < 7
    assert errors[2] < 3


def test_a_crack_thinner_than_a_voxel_shows_its_width(
    balls: Callable[..., Structure], slit: Callable[..., Slits]
) -> None:
    """A slit 0.6 voxels wide through a ball takes its volume from the greys, to 10 % at three points per edge."""
    intact = balls((30, 30, 30), [14.63, 14.6, 14.4], 12.0)
    cracked = balls((30, 30, 30), [14.63, 14.6, 14.4], 12.0, slits=slit([0.6, 0.48, 0.64], 0.6))
    missing = _solid_volume(intact, 3) - _solid_volume(cracked, 3)
    assert missing == pytest.approx(0.6 * np.pi * 12.0**2, rel=0.1)


def test_grains_differ_by_their_spread(balls: Callable[..., Structure]) -> None:
    """Inside a ball of about 1000 grains, which give it to 3 %, greys vary by the stated deviation; not outside."""
    ball = balls((60, 60, 60), [29.6, 29.5, 29.4], 28.0, grain_size=5.0)
    whole = (slice(0, 60),) * 3
    greys = Greys(LEVELS, {ACTIVE: Texture(0.0, 1.0)}, grain_spread=0.05)
    grey = paint_greys(ball, whole, greys, supersampling=1)
    inside = rasterize(ball, whole)[0] == ACTIVE
    assert grey[inside].std() == pytest.approx(0.05, rel=0.1)
    assert np.all(grey[~inside] == np.float32(0.2))


def test_tiles_and_threads_change_nothing(balls: Callable[..., Structure]) -> None:
    """A region painted in several tiles by two threads equals its parts painted alone, textures included."""
    structure = balls((60, 50, 52), [[29.6, 25.0, 26.0], [10.0, 9.0, 40.0]], [20.0, 9.0], grain_size=6.0)
    greys = Greys(LEVELS, {ACTIVE: Texture(0.05, 6.0), PORE: Texture(0.02, 3.0)}, 0.04, 0.03, seed=4)
    whole = paint_greys(structure, (slice(0, 60), slice(0, 50), slice(0, 52)), greys, supersampling=2, workers=2)
    part = paint_greys(structure, (slice(33, 60), slice(7, 50), slice(0, 11)), greys, supersampling=2)
    assert np.array_equal(part, whole[33:, 7:, :11])


@pytest.mark.parametrize("supersampling", [2, 3])
def test_mixed_voxels_are_not_missed(supersampling: int) -> None:
    """Of a whole cathode, greys sampled where it matters equal those sampled everywhere in all but 1 % of the voxels.

    What differs are tips and specks of binder, which no centre of a voxel lies in, in an electrode whose particles are
    only 20 voxels across; the mean is the same to 2e-4.
    """
    structure = make_structure(
        SynthConfig(shape=(40, 40, 40), voxel_size="100 nm", d50="2 um", cracked=0.5).request(),
        np.random.default_rng(0),
    )
    fine = rasterize(structure.refined(supersampling), (slice(0, 40 * supersampling),) * 3)[0]
    levels = np.array([LEVELS[i] for i in range(5)])
    expected = levels[fine].reshape(40, supersampling, 40, supersampling, 40, supersampling).mean(axis=(1, 3, 5))
    grey = paint_greys(structure, (slice(0, 40),) * 3, Greys(LEVELS), supersampling=supersampling)
    assert np.mean(np.abs(grey - expected) > 1e-5) < 0.01
    assert grey.mean() == pytest.approx(expected.mean(), abs=2e-4)


def test_texture_stays_in_its_phase() -> None:
    """Textured voxels vary by the stated standard deviation around their level, the others not at all.

    64³ voxels hold 10³ independent nodes of a field of length 6: the standard deviation is known to 3 %.
    """
    phases = np.full((64, 64, 64), ACTIVE, np.uint8)
    phases[:, :, :20] = PORE
    whole = (slice(0, 64),) * 3
    nobody = np.zeros(phases.shape, np.uint32)
    grey = show_phases(phases, nobody, whole, Greys(LEVELS, {ACTIVE: Texture(0.05, 6.0)}))
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
    grey = show_phases(phases, owners, whole, greys)
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
