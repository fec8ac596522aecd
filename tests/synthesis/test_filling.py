from __future__ import annotations

import numpy as np
import pytest

from voltomo.stages.synth import SynthConfig
from voltomo.synthesis import make_structure, rasterize
from voltomo.synthesis.families import BINDER, ELECTROLYTE, PORE
from voltomo.synthesis.filling import sampling_lattice
from voltomo.synthesis.raster import open_space


def _binder_distances(rules: tuple[float, float, float]) -> tuple[float, float]:
    """Mean distances of binder to the nearest two particles, in voxels."""
    config = SynthConfig(shape=80, binder_rules=rules, d50="2 um", cracked=0, hollow=0)
    structure = make_structure(config.request(), np.random.default_rng(0))
    phases, _ = rasterize(structure, (slice(0, 80), slice(0, 80), slice(0, 80)))
    space = open_space(structure, sampling_lattice(structure))
    assert np.mean(phases == BINDER) == pytest.approx(0.15, abs=0.003)
    taken = phases == BINDER
    return float(space.first[taken].mean() / 1e-7), float(space.second[taken].mean() / 1e-7)


def test_binder_rules_do_what_their_names_say() -> None:
    """Bridges lie between two particles, films on one, webs away from both."""
    bridge, film, web = (_binder_distances(rules) for rules in ((1, 0, 0), (0, 1, 0), (0, 0, 1)))
    assert bridge[1] < film[1]
    assert bridge[1] < web[1]
    assert film[0] < web[0]
    assert film[0] < bridge[1]


def test_a_mixture_of_rules_lies_between_them() -> None:
    """Shares of the three rules make the fraction together."""
    mixed = _binder_distances((0.5, 0.2, 0.3))
    assert _binder_distances((1, 0, 0))[1] < mixed[1] < _binder_distances((0, 0, 1))[1]


def test_pores_of_a_solid_state_cathode_sit_at_particles_and_between() -> None:
    """Electrolyte takes what pores leave; some pores touch particles, some lie in the electrolyte."""
    config = SynthConfig(family="assb", shape=80, cracked=0, hollow=0)
    structure = make_structure(config.request(), np.random.default_rng(0))
    phases, _ = rasterize(structure, (slice(0, 80), slice(0, 80), slice(0, 80)))
    assert np.mean(phases == PORE) == pytest.approx(0.10, abs=0.003)
    assert np.mean(phases == ELECTROLYTE) == pytest.approx(0.40, abs=0.004)
    first = open_space(structure, sampling_lattice(structure)).first[phases == PORE] / structure.voxel_size[0]
    assert np.mean(first < 1.5) > 0.2
    assert np.mean(first > 3) > 0.2


@pytest.mark.parametrize(("shape", "step"), [((64, 64, 64), 1), ((256, 256, 256), 3), ((1, 900, 900), 1)])
def test_a_lattice_has_about_a_million_places(shape: tuple[int, int, int], step: int) -> None:
    """Small windows are sampled at every voxel, large ones at one in several along each axis."""
    config = SynthConfig(family="separator", shape=(8, 16, 16), feature="60 nm", voxel_size="10 nm")
    structure = make_structure(config.request(), np.random.default_rng(0))
    object.__setattr__(structure, "shape", shape)
    assert {axis.step for axis in sampling_lattice(structure)} == {step}
