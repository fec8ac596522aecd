"""Which particles are flawed, and how."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from voltomo.errors import InputError
from voltomo.synthesis import CRACK_TYPES, Layers, Particles, Slits, Structure, StructureRequest, Voids
from voltomo.synthesis.flaws import MIXED_SHARES, add_flaws

UM = 1e-6
REQUEST = StructureRequest(
    family="nmc",
    shape=(64, 64, 64),
    voxel_size=(1e-7, 1e-7, 1e-7),
    fractions={},
    d50=4 * UM,
    spread=1.3,
    elongation=1.3,
    flatness=1.0,
    alignment=0.0,
    roughness=0.1,
    cracked=0.5,
    crack_width=0.1 * UM,
    hollow=0.2,
    void_diameter=0.6 * UM,
    crack_spread=1.3,
    open_cracks=0.4,
    grain_size=0.5 * UM,
)


def _powder(count: int = 400, seed: int = 0) -> Structure:
    """Particles of 2 to 8 µm; where they lie does not matter here."""
    rng = np.random.default_rng(seed)
    diameter = rng.uniform(2 * UM, 8 * UM, size=(count, 1))
    particles = Particles(
        center=rng.uniform(0, 50 * UM, size=(count, 3)),
        semi_axes=0.5 * diameter * np.array([[1.1, 1.0, 1 / 1.1]]),
        rotation=np.tile(np.eye(3), (count, 1, 1)),
        phase=np.full(count, 2, np.uint8),
        roughness=0.1,
    )
    return Structure(
        family="nmc",
        shape=REQUEST.shape,
        voxel_size=REQUEST.voxel_size,
        origin=(0.0, 0.0, 0.0),
        particles=particles,
        slits=Slits.none(),
        voids=Voids.none(),
        layers=Layers.none(),
        background=1,
        reach=1 * UM,
        texture_length=1 * UM,
        collector=-np.inf,
        free_surface=np.inf,
        seed=seed,
    )


def _flawed(**changes: Any) -> Structure:
    return add_flaws(replace(REQUEST, **changes), _powder(), np.random.default_rng(1))


@pytest.mark.parametrize("share", [0.0, 0.123, 0.5, 1.0])
def test_the_share_of_cracked_particles_is_met_exactly(share: float) -> None:
    """As many particles as the share says, rounded, have cracks, and none is counted twice."""
    assert np.count_nonzero(_flawed(cracked=share, hollow=0.0).is_cracked) == round(share * 400)


@pytest.mark.parametrize("kind", CRACK_TYPES)
def test_only_the_type_asked_for_is_drawn(kind: str) -> None:
    """All slits, networks and core voids are of that type, in shapes ordered by particle."""
    structure = _flawed(crack_type=kind)
    assert {CRACK_TYPES[k] for k in structure.slits.kind} <= {kind}
    assert (len(structure.networks.particle) > 0) == (kind == "intergranular")
    assert np.any(structure.voids.is_core) == (kind == "core")
    assert np.count_nonzero(structure.is_cracked) == 200
    for shapes in (structure.slits, structure.networks, structure.voids):
        assert np.all(np.diff(shapes.particle) >= 0)


def test_a_mixture_holds_every_type_in_its_share() -> None:
    """Of 200 cracked particles, each type has its share within three standard deviations of a draw."""
    structure = _flawed()
    found = dict.fromkeys(CRACK_TYPES, 0)
    found["intergranular"] = len(structure.networks.particle)
    for kind in range(1, len(CRACK_TYPES)):
        found[CRACK_TYPES[kind]] = len(np.unique(structure.slits.particle[structure.slits.kind == kind]))
    assert sum(found.values()) == 200
    for kind, share in MIXED_SHARES.items():
        assert abs(found[kind] - 200 * share) < 3 * np.sqrt(200 * share * (1 - share))


def test_widths_scatter_about_the_one_asked_for() -> None:
    """The widths have the stated median and geometric standard deviation, and stay within a quarter of the particle."""
    slits = _flawed(cracked=1.0, crack_type="radial", crack_width=0.2 * UM).slits
    assert np.median(slits.width) == pytest.approx(0.2 * UM, rel=0.05)
    assert np.std(np.log(slits.width)) == pytest.approx(np.log(1.3), rel=0.1)
    wide = _flawed(crack_width=0.9 * UM, cracked=0.2, crack_type="meridional")
    assert np.all(wide.slits.width <= 0.25 * wide.particles.diameter[wide.slits.particle] * (1 + 1e-12))


def test_closed_voids_avoid_cracked_particles() -> None:
    """While there are particles without cracks, the hollow ones are among them; a share of 1 takes all."""
    structure = _flawed(cracked=0.5, hollow=0.4)
    hollow = structure.voids.particle[~structure.voids.is_core]
    assert len(hollow) == 160
    assert not structure.is_cracked[hollow].any()
    assert np.count_nonzero(~_flawed(cracked=0.5, hollow=1.0).voids.is_core) == 400


def test_open_cracks_come_in_the_stated_share() -> None:
    """Of the splits, which can be either, the stated share is open, within three standard deviations."""
    slits = _flawed(cracked=1.0, crack_type="meridional").slits
    assert abs(np.mean(slits.is_open) - 0.4) < 3 * np.sqrt(0.4 * 0.6 / 400)
    assert np.all((slits.extent > 1) == slits.is_open)


def test_the_same_seed_draws_the_same_flaws() -> None:
    """All arrays repeat bit by bit."""
    first, again = _flawed().to_arrays(), _flawed().to_arrays()
    assert all(np.array_equal(first[name], again[name], equal_nan=first[name].dtype.kind == "f") for name in first)


def test_cracks_thinner_than_a_voxel_are_drawn() -> None:
    """A width of a hundredth of a voxel is a width like any other."""
    assert np.count_nonzero(_flawed(crack_width=1e-9).is_cracked) == 200


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"crack_width": 1.2 * UM}, "at most a quarter of it, 1 µm"),
        ({"crack_width": 0.8 * UM, "cracked": 1.0}, r"only \d+% are large enough \(4 times as wide as a crack\)"),
        ({"void_diameter": 2.5 * UM}, "at most half of it, 2 µm"),
        ({"void_diameter": 1.9 * UM, "hollow": 1.0}, r"voids in 100% .* only \d+% are large enough"),
        ({"crack_type": "intergranular", "grain_size": 0.0}, "have no grains"),
        ({"crack_type": "intergranular", "crack_width": 0.3 * UM}, "cracks up to 250 nm"),
        ({"crack_type": "intergranular", "grain_size": 2 * UM, "cracked": 1.0}, r"only \d+% .* 3 grains of 2 µm"),
        ({"crack_type": "zigzag"}, "choose one of mixed, intergranular"),
        ({"pores": 0.2, "pore_diameter": 0.3 * UM}, "fill at most 0.09"),
        ({"pores": 0.01, "pore_diameter": 9 * UM}, "fit no particle"),
    ],
)
def test_flaws_that_do_not_fit_say_what_does(changes: dict[str, Any], message: str) -> None:
    """The refusal names the widest crack, the largest void or the share of particles that is reachable."""
    with pytest.raises(InputError, match=message):
        _flawed(**changes)
