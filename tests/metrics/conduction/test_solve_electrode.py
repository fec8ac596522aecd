"""Charging the walls of pores, against exact answers, direct solves and published figures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import scipy.sparse as sparse
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from scipy.sparse.linalg import spsolve

from voltomo.errors import InputError
from voltomo.metrics.conduction import End, solve_electrode

Data = Callable[[str], Path]
Bytes = npt.NDArray[np.uint8]
Edges = tuple[float, float, float]


def tau_e(phases: Bytes, phase_id: int = 1, *, axis: int = 0, open_end: End = "low", edges: Edges = (1, 1, 1)) -> float:
    """The electrode tortuosity factor, solved tightly."""
    found = solve_electrode(phases, phase_id, axis=axis, open_end=open_end, edges=edges, tolerance=1e-5)
    return found.fraction * found.resistance


def tube(length: int, *, depth: int | None = None) -> Bytes:
    """A straight pore (1) of 2 × 2 voxels in a solid (2), open at the low face, closed below `depth`."""
    phases = np.full((length, 7, 6), 2, np.uint8)
    phases[:depth, 2:4, 2:4] = 1
    return phases


def direct(phases: Bytes, edges: Edges) -> float:
    """τ_e from the same equations, assembled as a matrix and solved directly: axis 0, open at the low face."""
    labels, _ = ndimage.label(phases == 1)
    on = np.isin(labels, np.setdiff1d(labels[0], 0))
    index = np.full(on.shape, -1)
    index[on] = np.arange(on.sum())
    n = int(on.sum())
    diagonal, charge, half_ways = np.zeros(n), np.zeros(n), 0.0
    rows, columns, entries = [], [], []
    for a in range(3):
        area, g = np.prod(edges) / edges[a], np.prod(edges) / edges[a] ** 2
        low, high = np.moveaxis(index, a, 0)[:-1].ravel(), np.moveaxis(index, a, 0)[1:].ravel()
        both = (low >= 0) & (high >= 0)
        rows, columns = [*rows, low[both], high[both]], [*columns, high[both], low[both]]
        entries += [np.full(both.sum(), -g)] * 2
        np.add.at(diagonal, low[both], g)
        np.add.at(diagonal, high[both], g)
        for one in (low[(low >= 0) & (high < 0)], high[(high >= 0) & (low < 0)]):
            np.add.at(charge, one, area)
            half_ways += len(one) * area**2 * 0.5 * edges[a] / area
    first = index[0][on[0]]
    diagonal[first] += 2 * np.prod(edges) / edges[0] ** 2
    matrix = sparse.csc_matrix((np.concatenate(entries), (np.concatenate(rows), np.concatenate(columns))), shape=(n, n))
    potential = spsolve(matrix + sparse.diags(diagonal).tocsc(), charge)
    resistance = (charge @ potential + half_ways) / charge.sum() ** 2
    length, across = on.shape[0] * edges[0], on.shape[1] * edges[1] * on.shape[2] * edges[2]
    return float(np.mean(phases == 1) * 3 * resistance * across / length)


def test_an_empty_box_has_one() -> None:
    """The limit of evenly spread walls, however few; whatever the voxel and the end."""
    for end in ("low", "high"):
        assert tau_e(np.ones((5, 6, 7), np.uint8), axis=1, open_end=end, edges=(1.0, 2.0, 3.0)) == 1


def test_a_straight_pore_has_one_with_the_order_of_the_grid() -> None:
    """De Levie's R_ion/3; with N voxels along the pore the sum over them exceeds it by 1/(2N²).

    To that comes the last half voxel to the walls of the pore of 2 × 2: 8N faces with half a voxel each, in parallel.
    """
    for n in (6, 12, 24):
        expected = 1 + 1 / (2 * n**2) + 3 * (0.5 / (8 * n)) / (n / 4)
        assert tau_e(tube(n)) == pytest.approx(expected, rel=1e-5)


def test_a_dead_end_counts_with_its_depth() -> None:
    """A pore of half the thickness: ε and R_ion are both half, so τ_e is a quarter, up to the charge on its bottom."""
    n = 48
    values = [tau_e(tube(2 * k, depth=k)) for k in (n // 2, n)]
    errors = [value - 0.25 for value in values]
    # The bottom takes 4 of 8k + 4 faces: an error of first order in 1/k.
    assert 0 < errors[1] < errors[0] < 0.03
    assert errors[0] / errors[1] == pytest.approx(2, rel=0.1)
    closed = solve_electrode(tube(2 * n, depth=n), 1, axis=0, open_end="high")
    assert closed.resistance == np.inf
    assert closed.reached == 0


def test_a_dead_end_lowers_the_resistance_at_its_mouth() -> None:
    """Charge that leaves near the open face has a short way."""
    phases = tube(20)
    alone = solve_electrode(phases, 1, axis=0, open_end="low").resistance
    phases[1:3, 2:4, :2] = 1
    assert solve_electrode(phases, 1, axis=0, open_end="low").resistance < alone


@settings(max_examples=10, deadline=None)
@given(
    seed=st.integers(0, 1000),
    share=st.floats(0.35, 0.8),
    edges=st.sampled_from([(1.0, 1.0, 1.0), (3.0, 1.0, 0.7)]),
    axis=st.integers(0, 2),
    end=st.sampled_from(["low", "high"]),
)
def test_it_equals_a_direct_solve(seed: int, share: float, edges: Edges, axis: int, end: End) -> None:
    """Along each axis and from both ends."""
    field = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(11, 12, 9)), 1.2)
    phases = np.where(field < np.quantile(field, share), 1, 2).astype(np.uint8)
    turned = np.moveaxis(phases, axis, 0)[:: 1 if end == "low" else -1]
    if not np.any(turned[0] == 1):
        return
    turned_edges = (edges[axis], *(e for a, e in enumerate(edges) if a != axis))
    found = tau_e(phases, axis=axis, open_end=end, edges=edges)
    assert found == pytest.approx(direct(turned, turned_edges), rel=2e-5)


def test_a_few_voxels_at_the_open_face_are_solved() -> None:
    """Pockets of 1 to 20 voxels, some exact after the first step, give what a direct solve gives."""
    rng = np.random.default_rng(0)
    for _ in range(200):
        phases = np.full((18, 18, 18), 2, np.uint8)
        for _ in range(rng.integers(1, 4)):
            y, x = rng.integers(0, 16, 2)
            depth, height, width = rng.integers(1, 4, 3)
            phases[:depth, y : y + height, x : x + width] = 1
        assert tau_e(phases) == pytest.approx(direct(phases, (1, 1, 1)), rel=1e-3)


def test_periodic_sides_are_no_walls_but_what_lies_beyond_is() -> None:
    """A pore along a side: with periodic sides its wall there is the solid at the opposite side."""
    phases = np.full((12, 5, 5), 2, np.uint8)
    phases[:, :2] = 1
    moved = np.roll(phases, 2, axis=1)
    here, there = (
        solve_electrode(p, 1, axis=0, open_end="low", sides="periodic", tolerance=1e-6) for p in (phases, moved)
    )
    assert here.resistance == pytest.approx(there.resistance, rel=1e-6)


def test_the_published_electrode(data: Data) -> None:
    """TauFactor's documentation prints 2.0729 for all pores (2.0658 for the connected ones): 1 % is asked for.

    It solves a decaying field and reduces it to the means of each plane, which leaves out the way from the mean
    of a plane to its walls; with such means this solver's field gives 2.078 (both), with the walls 2.085 and 2.084.
    """
    phases = tifffile.imread(data("electrode_3phase_tau/electrode.tiff"))
    assert tau_e(phases, 0) == pytest.approx(2.0729, rel=1e-2)


def test_bad_input_says_what_was_expected() -> None:
    """As for a flow; and the end must be one of two."""
    with pytest.raises(InputError, match="open end as low or high"):
        solve_electrode(np.ones((4, 4, 4), np.uint8), 1, axis=0, open_end="top")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="one voxel thick"):
        solve_electrode(np.ones((1, 4, 4), np.uint8), 1, axis=0, open_end="low")
