"""The tortuosity factor as a measurement."""

from __future__ import annotations

import math

import numpy as np
import pytest

import voltomo as vt
from voltomo.artifacts import PhaseMap, PhaseTable
from voltomo.errors import InputError, PhaseNotFoundError
from voltomo.metrics.conduction.coarsening import coarsen


def test_it_carries_unit_axis_definition_and_solver_error() -> None:
    """A number of a paper is more than its value."""
    phases = np.ones((10, 10, 10), np.uint8)
    phases[:, 5:] = 2
    found = vt.tortuosity_factor(phases, 1, axis=0, voxel_size="64 nm")
    assert (found.unit, found.axis, found.phase) == ("1", "z", "1")
    assert "D_eff" in found.definition
    assert found.value == pytest.approx(1, rel=1e-6)
    assert found.low is not None
    assert found.low <= 1 + 1e-9
    assert {part.name for part in found.parts if part.standard_uncertainty is None} >= {"resolution", "segmentation"}


def test_a_blocked_phase_is_infinite_and_says_so() -> None:
    """No large number from a solver that could not converge."""
    phases = np.ones((8, 8, 8), np.uint8)
    phases[4] = 2
    found = vt.tortuosity_factor(phases, 1, axis=0)
    assert found.value == math.inf
    assert found.status == "warned"
    assert "joins the two faces" in found.reason


def test_voxels_need_not_be_cubes() -> None:
    """A volume with every slice doubled, and half the slice distance, is the same body."""
    rng = np.random.default_rng(2)
    phases = np.where(rng.random((6, 9, 9)) < 0.7, 1, 2).astype(np.uint8).repeat(3, 0).repeat(3, 1).repeat(3, 2)
    cubes = vt.tortuosity_factor(phases, 1, axis=1).value
    thin = vt.tortuosity_factor(phases.repeat(2, 0), 1, axis=1, voxel_size=(0.5e-6, 1e-6, 1e-6)).value
    assert thin == pytest.approx(cubes, rel=1e-2)  # finer slices resolve the flow a little better


def test_what_has_no_faces_is_refused() -> None:
    """A field of view that does not fill the box; a missing phase; the wrong type."""
    ids = np.ones((6, 6, 6), np.uint8)
    ids[:, 0, 0] = 0
    with pytest.raises(InputError, match="crop"):
        vt.tortuosity_factor(PhaseMap(ids, PhaseTable.two_class()), 1, axis=0)
    with pytest.raises(PhaseNotFoundError, match="phase id 9"):
        vt.tortuosity_factor(ids, 9, axis=0)
    with pytest.raises(InputError, match="uint8"):
        vt.tortuosity_factor(ids.astype(float), 1, axis=0)


def test_several_conductors_relate_to_their_mean() -> None:
    """Layers along the flow: τ = 1 whatever their conductivities; across it, arithmetic over harmonic mean."""
    phases = np.tile(np.array([1, 1, 3], np.uint8), (6, 6, 2))
    along = vt.tortuosity_factor(phases, {1: 2.0, 3: 0.1}, axis=0)
    across = vt.tortuosity_factor(phases, {1: 2.0, 3: 0.1}, axis=2)
    assert along.value == pytest.approx(1, rel=1e-6)
    assert across.value == pytest.approx((2 * 2 + 0.1) / 3 * (2 / 2 + 1 / 0.1) / 3, rel=1e-6)
    assert (along.phase, along.method) == ("1+3", "finite volumes; conductivities 1 2, 3 0.1")
    assert vt.tortuosity_factor(phases, {1: 4.0, 3: 0.2}, axis=2).value == pytest.approx(across.value, rel=1e-9)


def test_the_scale_of_a_conductivity_is_no_matter() -> None:
    """One phase with any conductivity, and a binder that does not conduct: the same number."""
    phases = np.where(np.random.default_rng(0).random((8, 8, 8)) < 0.7, 1, 3).astype(np.uint8)
    alone = vt.tortuosity_factor(phases, 1, axis=0).value
    assert vt.tortuosity_factor(phases, {1: 7.0}, axis=0).value == pytest.approx(alone, rel=1e-6)


@pytest.mark.parametrize("edge", [20, 32])
def test_the_bias_of_the_voxels_is_stated_with_its_sign(edge: int) -> None:
    """A lattice of balls of radius 0.4: steps hinder the flow, τ is too high, and the interval reaches to the truth.

    Rayleigh's formula, as in `tests/metrics/conduction/test_solve_flow.py`.
    """
    z, y, x = np.ogrid[:edge, :edge, :edge]
    center = (edge - 1) / 2
    ball = (z - center) ** 2 + (y - center) ** 2 + (x - center) ** 2 < (0.4 * edge) ** 2
    found = vt.tortuosity_factor(np.where(ball, 2, 1).astype(np.uint8), 1, axis=0, sides="periodic")
    f = 4 / 3 * math.pi * 0.4**3
    truth = (1 - f) / (1 - 3 * f / (2 + f - 0.75 * 1.305 * f ** (10 / 3)))
    (part,) = (part for part in found.parts if part.name == "discretization")
    assert found.value > truth
    assert part.bias > 0
    assert found.low <= truth <= found.high
    assert found.high - found.low < 0.15


def test_blocks_take_what_most_of_them_is() -> None:
    """Ties alternate like a chessboard, so that a share of one half stays one half."""
    half = np.tile(np.array([[[1]], [[2]]], np.uint8), (4, 8, 8))
    assert coarsen(half, 1).mean() == 0.5
    blocks = np.kron(np.eye(4, dtype=np.uint8)[None], np.ones((2, 2, 2), np.uint8))
    assert np.array_equal(coarsen(blocks, 1)[0], np.eye(4))
    found = vt.tortuosity_factor(np.tile(np.array([1, 2], np.uint8), (12, 12, 6)), 1, axis=0)
    (part,) = (part for part in found.parts if part.name == "discretization")
    assert part.bias is None
    assert "too thin" in part.note
