"""Conduction against exact answers, direct solves and published numbers."""

from __future__ import annotations

import itertools
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
from voltomo.metrics.conduction import Flow, Sides, memory_needed, solve_flow
from voltomo.phantoms import Laminate

Data = Callable[[str], Path]
Bytes = npt.NDArray[np.uint8]


def blobs(shape: tuple[int, int, int], *, share: float, seed: int, size: float = 1.5) -> Bytes:
    """A random two-phase structure: 1 with a share, 2 elsewhere."""
    field = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=shape), size)
    return np.where(field < np.quantile(field, share), 1, 2).astype(np.uint8)


def direct(
    phases: Bytes,
    conductivities: dict[int, float],
    axis: int,
    edges: tuple[float, float, float],
    *,
    is_periodic: bool = False,
) -> float:
    """The same finite volumes, assembled as a matrix in double precision and solved directly."""
    sigma = np.zeros(256)
    sigma[list(conductivities)] = list(conductivities.values())
    values = np.moveaxis(sigma[phases], axis, 0)
    d = np.array([edges[axis], *(e for a, e in enumerate(edges) if a != axis)])
    # Three copies beside one another hold every way around the sides, if a part does not wind more than once.
    tiles = (1, 3, 3) if is_periodic else (1, 1, 1)
    labels, _ = ndimage.label(np.tile(values, tiles) > 0)
    through = np.intersect1d(labels[0], labels[-1])
    on = np.isin(labels, through[through > 0])
    if is_periodic:
        on = on.reshape(values.shape[0], 3, values.shape[1], 3, values.shape[2]).any(axis=(1, 3))
    index = np.full(on.shape, -1)
    index[on] = np.arange(on.sum())
    n = int(on.sum())
    diagonal, right = np.zeros(n), np.zeros(n)
    rows, columns, entries = [], [], []
    for a in range(3):
        g_area = np.prod(d) / d[a] ** 2
        joined = on.shape[a] if is_periodic and a > 0 else on.shape[a] - 1
        places = np.arange(joined), np.arange(1, joined + 1) % on.shape[a]
        low, high = (np.take(index, place, a).ravel() for place in places)
        s_low, s_high = (np.take(values, place, a).ravel() for place in places)
        both = (low >= 0) & (high >= 0)
        g = g_area * 2 * s_low[both] * s_high[both] / (s_low[both] + s_high[both])
        rows += [low[both], high[both]]
        columns += [high[both], low[both]]
        entries += [-g, -g]
        np.add.at(diagonal, low[both], g)
        np.add.at(diagonal, high[both], g)
    wall = 2 * values * np.prod(d) / d[0] ** 2
    first, last = index[0][on[0]], index[-1][on[-1]]
    diagonal[first] += wall[0][on[0]]
    diagonal[last] += wall[-1][on[-1]]
    right[first] = wall[0][on[0]]
    matrix = sparse.csc_matrix((np.concatenate(entries), (np.concatenate(rows), np.concatenate(columns))), shape=(n, n))
    potential = spsolve(matrix + sparse.diags(diagonal).tocsc(), right)
    flux = np.sum(wall[0][on[0]] * (1 - potential[first]))
    length, area = on.shape[0] * d[0], on.shape[1] * d[1] * on.shape[2] * d[2]
    return float(flux * length / area)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_an_empty_box_conducts_like_its_filling(axis: int) -> None:
    """Exactly, whatever the voxel: the linear profile is the solution."""
    flow = solve_flow(np.ones((7, 9, 12), np.uint8), {1: 3.0}, axis=axis, edges=(2.0, 1.0, 0.3))
    assert flow.conductivity == pytest.approx(3.0, rel=1e-6)
    assert flow.fraction == 1


@pytest.mark.parametrize("along", [0, 1, 2])
def test_laminates_conduct_as_their_means(along: int) -> None:
    """Arithmetic in the layers, harmonic across: exact on the grid, since layers are whole voxels."""
    layers = Laminate((3, 2), (1, 2))
    flow = solve_flow(layers.rasterize((20, 12, 10)), {1: 1.0, 2: 0.01}, axis=along)
    assert flow.conductivity == pytest.approx(layers.conductivity({1: 1.0, 2: 0.01}, along=along), rel=1e-6)


@settings(max_examples=16)
@given(
    seed=st.integers(0, 10_000),
    share=st.floats(0.4, 0.8),
    axis=st.integers(0, 2),
    contrast=st.sampled_from([0.0, 1e-1, 1e-4]),
    edges=st.sampled_from([(1.0, 1.0, 1.0), (3.0, 1.0, 0.7)]),
    sides=st.sampled_from(["closed", "periodic"]),
)
def test_it_equals_a_direct_solve(
    seed: int, share: float, axis: int, contrast: float, edges: tuple[float, float, float], sides: Sides
) -> None:
    """Within the error that it states, which never exceeds the tolerance; odd sizes have half-filled blocks."""
    phases = blobs((13, 16, 11), share=share, seed=seed)
    conductivities = {1: 2.0, 2: 2.0 * contrast}
    flow = solve_flow(phases, conductivities, axis=axis, edges=edges, sides=sides, tolerance=1e-4)
    if flow.conductivity == 0:
        return
    given = {i: s for i, s in conductivities.items() if s > 0}
    truth = direct(phases, given, axis, edges, is_periodic=sides == "periodic")
    assert flow.conductivity == pytest.approx(truth, rel=1e-4)
    assert abs(flow.conductivity / truth - 1) < flow.relative_error + 1e-9
    assert flow.imbalance <= 1e-4


@settings(max_examples=10)
@given(seed=st.integers(0, 1000), share=st.floats(0.2, 0.8))
def test_wiener_bounds_hold(seed: int, share: float) -> None:
    """Between the harmonic and the arithmetic mean of the conductivities (Wiener 1912)."""
    phases = blobs((16, 14, 15), share=share, seed=seed)
    first = np.count_nonzero(phases == 1) / phases.size
    flow = solve_flow(phases, {1: 1.0, 2: 0.1}, axis=0)
    assert 1 / (first + (1 - first) / 0.1) <= flow.conductivity * (1 + 1e-6)
    assert flow.conductivity <= (first + (1 - first) * 0.1) * (1 + 1e-6)


def test_a_permutation_of_the_axes_changes_nothing() -> None:
    """The same volume lying on its side."""
    phases = blobs((18, 20, 22), share=0.5, seed=3)
    upright = solve_flow(phases, {1: 1.0}, axis=0, tolerance=1e-7).conductivity
    for axis in (1, 2):
        lying = solve_flow(np.moveaxis(phases, 0, axis), {1: 1.0}, axis=axis, tolerance=1e-7).conductivity
        assert lying == pytest.approx(upright, rel=1e-6)


def test_a_checkerboard_tends_to_the_geometric_mean() -> None:
    """√(σ₁·σ₂) in two dimensions (Keller 1964, Dykhne 1971); the corners make it slow: the error falls steadily."""
    errors = []
    for n in (4, 8, 16, 32):
        z, y = np.indices((2 * n, 2 * n)) // n
        board = np.where((z + y) % 2, 1, 2).astype(np.uint8)[:, :, None]
        flow = solve_flow(board, {1: 1.0, 2: 4.0}, axis=0)
        errors.append(2 - flow.conductivity)
    assert all(0 < b < a for a, b in itertools.pairwise(errors))
    # At a corner the potential is singular with the exponent β = (4/π)·arctan(√(1/4)) = 0.590; the error falls as h^2β.
    rate = np.log2(errors[-2] / errors[-1])
    assert rate == pytest.approx(2 * 4 / np.pi * np.arctan(0.5), abs=0.05)


def test_a_3d_checkerboard_with_an_insulator_is_blocked() -> None:
    """Cubes that touch along edges only do not conduct, and the answer is 0, not a small number."""
    board = np.where(np.indices((8, 8, 8)).sum(0) // 1 % 2, 1, 2).astype(np.uint8)
    assert solve_flow(board, {1: 1.0}, axis=0) == Flow(0.0, 0.5, 0.5, (0.0, 0.25, 0.75))


@pytest.mark.parametrize("contrast", [1e2, 1e4])
def test_three_conductors_equal_a_direct_solve(contrast: float) -> None:
    """Whatever lies between them, up to the contrast that is stated."""
    phases = blobs((16, 15, 14), share=0.5, seed=8)
    phases[blobs((16, 15, 14), share=0.3, seed=9) == 1] = 3
    given = {1: 1.0, 2: 1 / contrast, 3: 0.05}
    flow = solve_flow(phases, given, axis=1, tolerance=1e-5)
    assert flow.conductivity == pytest.approx(direct(phases, given, 1, (1.0, 1.0, 1.0)), rel=1e-5)
    assert flow.mean == pytest.approx(np.mean([given[i] for i in phases.ravel().tolist()]))


def test_periodic_sides_forget_where_the_box_was_cut() -> None:
    """A structure that goes on beyond the sides may be rolled; with closed sides that changes the answer."""
    field = ndimage.gaussian_filter(np.random.default_rng(5).normal(size=(18, 15, 17)), 1.5, mode="wrap")
    phases = np.where(field < np.quantile(field, 0.5), 1, 2).astype(np.uint8)
    rolled = np.roll(phases, (4, 7), axis=(1, 2))
    here, there = (solve_flow(p, {1: 1.0}, axis=0, sides="periodic", tolerance=1e-7) for p in (phases, rolled))
    assert here.conductivity == pytest.approx(there.conductivity, rel=1e-6)
    assert here.shares == pytest.approx(there.shares)
    closed = [solve_flow(p, {1: 1.0}, axis=0).conductivity for p in (phases, rolled)]
    assert abs(closed[0] / closed[1] - 1) > 1e-3
    # Opening the sides can only help (Rayleigh's monotonicity).
    assert here.conductivity > max(closed)


def test_periodic_sides_join_parts() -> None:
    """A pore that leaves through one side and comes back at the other leads through, around the box."""
    phases = np.full((8, 9, 3), 2, np.uint8)
    phases[:4, 0], phases[4:, -1] = 1, 1
    phases[3:5, 0], phases[3:5, -1] = 1, 1
    assert solve_flow(phases, {1: 1.0}, axis=0).conductivity == 0
    flow = solve_flow(phases, {1: 1.0}, axis=0, sides="periodic")
    assert flow.shares == (1.0, 0.0, 0.0)
    assert flow.conductivity == pytest.approx(direct(phases, {1: 1.0}, 0, (1.0, 1.0, 1.0), is_periodic=True), rel=1e-6)


def test_balls_at_random_keep_the_bound_of_hashin_and_shtrikman() -> None:
    """On the mean over axes and volumes, since a single cut of an isotropic structure may lie beyond it.

    With an insulator: σ ≤ 2ε/(3 − ε); J. Appl. Phys. 33, 3125 (1962), doi 10.1063/1.1728579. Overlapping balls at
    ε = 0.6 conduct a good part of it, so that the bound is close enough to mean something.
    """
    found, fractions = [], []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        z, y, x = np.ogrid[:32, :32, :32]
        solid = np.zeros((32, 32, 32), bool)
        while solid.mean() < 0.4:
            centre = rng.random(3) * 32
            steps = ((g - c + 16) % 32 - 16 for g, c in zip((z, y, x), centre, strict=True))
            solid |= sum(s**2 for s in steps) < 5**2
        phases = np.where(solid, 2, 1).astype(np.uint8)
        for axis in range(3):
            flow = solve_flow(phases, {1: 1.0}, axis=axis, sides="periodic")
            found.append(flow.conductivity)
            fractions.append(flow.fraction)
    bound = np.mean([2 * f / (3 - f) for f in fractions])
    assert 0.75 * bound < np.mean(found) < bound


def test_isolated_parts_count_in_the_fraction_only() -> None:
    """A closed pocket and a dead end change ε and the shares, not the conductivity."""
    tube = np.full((12, 12, 12), 2, np.uint8)
    tube[:, 2:5, 2:5] = 1
    alone = solve_flow(tube, {1: 1.0}, axis=0)
    tube[4:7, 8:11, 8:11] = 1
    tube[:3, 8:11, 2:5] = 1
    more = solve_flow(tube, {1: 1.0}, axis=0)
    assert more.conductivity == alone.conductivity == pytest.approx(9 / 144, rel=1e-6)
    assert more.shares == pytest.approx((108 / 162, 27 / 162, 27 / 162))


def test_threads_change_nothing() -> None:
    """Bit by bit: sums are taken plane by plane."""
    phases = blobs((70, 24, 24), share=0.5, seed=1, size=2.0)
    assert solve_flow(phases, {1: 1.0}, axis=0, workers=1) == solve_flow(phases, {1: 1.0}, axis=0, workers=3)


def test_simple_cubic_spheres_match_the_literature() -> None:
    """Insulating balls of radius 0.4 on a cubic lattice, by Rayleigh's formula, better than 10⁻³ at this fraction.

    Phil. Mag. 34 (1892) 481, with the coefficient of McPhedran and McKenzie, Proc. R. Soc. A 359 (1978) 45.
    """
    errors = []
    for n in (30, 60):
        z, y, x = np.ogrid[:n, :n, :n]
        center = (n - 1) / 2
        ball = (z - center) ** 2 + (y - center) ** 2 + (x - center) ** 2 < (0.4 * n) ** 2
        flow = solve_flow(np.where(ball, 2, 1).astype(np.uint8), {1: 1.0}, axis=0)
        f = 4 / 3 * np.pi * 0.4**3
        errors.append(flow.conductivity / (1 - 3 * f / (2 + f - 0.75 * 1.305 * f ** (10 / 3))) - 1)
    # Steps of the surface hinder the flow past it: too low, by a part that falls with the voxel.
    assert errors[0] < errors[1] < 0
    assert abs(2 * errors[1] - errors[0]) < 3e-3


@pytest.mark.parametrize(("axis", "published"), [(0, 2.0776), (1, 2.0766)])
def test_the_published_electrode(data: Data, axis: int, published: float) -> None:
    """The tortuosity factor of the pore that its authors print, within 0.1 %."""
    phases = tifffile.imread(data("electrode_3phase_tau/electrode.tiff"))
    flow = solve_flow(phases, {0: 1.0}, axis=axis)
    assert flow.fraction / flow.conductivity == pytest.approx(published, rel=1e-3)


@pytest.mark.parametrize(
    ("file", "values"),
    [("nmc_binary_128/NMC_lr.tif", (1.6203, 1.6760, 1.6800)), ("separator/Separator_lr.tif", (1.2786, 1.2788, 8.6434))],
)
def test_known_volumes(data: Data, file: str, values: tuple[float, float, float]) -> None:
    """Phase 0 of segmented volumes, along all axes, within 0.1 % of an independent solve."""
    phases = tifffile.imread(data(file)).astype(np.uint8)
    for axis, value in enumerate(values):
        flow = solve_flow(phases, {0: 1.0}, axis=axis)
        assert flow.fraction / flow.conductivity == pytest.approx(value, rel=1e-3)


@pytest.mark.parametrize(
    ("phases", "conductivities", "axis", "says"),
    [
        (np.ones((4, 4), np.uint8), {1: 1.0}, 0, "uint8 array, found 2 axes"),
        (np.ones((4, 4, 4), np.int32), {1: 1.0}, 0, "of int32"),
        (np.ones((4, 4, 4), np.uint8), {1: 1.0}, 3, "axis 0, 1 or 2"),
        (np.ones((4, 4, 4), np.uint8), {1: 0.0}, 0, "positive"),
        (np.ones((4, 4, 4), np.uint8), {1: 1.0, 2: 1e-6}, 0, "differ by a factor of 1e+06"),
        (np.ones((1, 4, 4), np.uint8), {1: 1.0}, 0, "one voxel thick"),
        (np.ones((4, 4, 4), np.uint8), {1: np.nan, 2: 1.0}, 0, "finite"),
    ],
)
def test_bad_input_says_what_was_expected(
    phases: Bytes, conductivities: dict[int, float], axis: int, says: str
) -> None:
    """And what was found."""
    with pytest.raises(InputError, match=says.replace("+", r"\+")):
        solve_flow(phases, conductivities, axis=axis)


def test_memory_is_known_before() -> None:
    """10⁹ voxels at a porosity of 0.45 fit into 20 GB, by what is stated."""
    assert memory_needed(10**9, 0.45) < 20e9
