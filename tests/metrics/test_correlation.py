from __future__ import annotations

import numpy as np
import pytest

from voltomo.errors import InputError, ShapeError
from voltomo.metrics.coarse_cells import CellSums, cell_factors, count_phase_cells, covariance_of
from voltomo.metrics.correlation import Correlation, correlate, correlation_length, find_integral_range, two_point
from voltomo.phantoms import OverlappingSpheres

SPHERES = OverlappingSpheres(porosity=0.5, radius=6.0)


def pore(edge: int, seed: int, spheres: OverlappingSpheres = SPHERES) -> np.ndarray:
    """Pore between overlapping balls."""
    return ~spheres.rasterize((edge,) * 3, rng=np.random.default_rng(seed))


def covariance(phase: np.ndarray, **words: object) -> Correlation:
    """Of a bool map without a mask."""
    chosen = np.stack([phase, ~phase]).astype(np.int32)
    found = covariance_of(CellSums(chosen, (1, 1, 1)), 0, edges=(1.0, 1.0, 1.0), **words)  # type: ignore[arg-type]
    assert found is not None
    return found


def true_range(spheres: OverlappingSpheres) -> tuple[float, float]:
    """A₃ and the correlation length by quadrature of the closed form."""
    r = np.linspace(0, 2 * spheres.radius, 2001)
    eps = spheres.porosity
    rho = (np.array([spheres.two_point(d) for d in r]) - eps**2) / (eps - eps**2)
    return float(np.trapezoid(rho * 4 * np.pi * r**2, r)), float(np.trapezoid(rho, r))


def test_two_point_probability_of_balls() -> None:
    """S₂ of overlapping balls is the closed form, within 3 standard errors of 12 windows."""
    found = np.array([two_point(pore(48, seed), reach=(0, 0, 13))[0, 0, 13:] for seed in range(12)])
    expected = [SPHERES.two_point(d) for d in range(14)]
    error = found.std(axis=0, ddof=1) / np.sqrt(12)
    assert np.all(np.abs(found.mean(axis=0) - expected) < 3 * error)


def test_pairs_by_transform_are_the_pairs_counted() -> None:
    """With a mask, the transform gives what shifting and counting gives."""
    rng = np.random.default_rng(0)
    phase, region = rng.random((7, 8, 9)) < 0.4, rng.random((7, 8, 9)) < 0.8
    found = two_point(phase, region, reach=(2, 2, 2))
    chosen = phase & region
    for dz, dy, dx in ((0, 0, 1), (2, 1, 0), (1, 2, 2)):
        a, b = (slice(dz, None), slice(dy, None), slice(dx, None)), (slice(7 - dz), slice(8 - dy), slice(9 - dx))
        counted = np.sum(chosen[a] & chosen[b]) / np.sum(region[a] & region[b])
        assert found[2 + dz, 2 + dy, 2 + dx] == pytest.approx(counted, abs=1e-12)
        assert found[2 - dz, 2 - dy, 2 - dx] == pytest.approx(counted, abs=1e-12)


def test_periodic_only_on_request() -> None:
    """Alternate layers of an odd box: period 2 inside it, and a seam where it is repeated."""
    layers = np.zeros((1, 1, 5), bool)
    layers[..., ::2] = True
    assert two_point(layers, reach=(0, 0, 1))[0, 0, 2] == pytest.approx(0, abs=1e-12)
    assert two_point(layers, reach=(0, 0, 1), is_periodic=True)[0, 0, 2] == pytest.approx(1 / 5)


def test_integral_range_of_balls() -> None:
    """A₃ of 16 windows is the integral of the closed form within 4 of its standard errors, which are the stated ones.

    The stated error counts the whole ball of the cut-off as noise and is a third too large; a factor of 2 is allowed.
    """
    found = [find_integral_range(covariance(pore(56, seed))) for seed in range(16)]
    values = np.array([span.value for span in found if span])
    assert len(values) == 16
    spread = values.std(ddof=1)
    assert values.mean() == pytest.approx(true_range(SPHERES)[0], abs=4 * spread / 4)
    stated = np.mean([span.error for span in found if span])
    assert 0.5 < spread / stated < 1.5


def test_correlation_length_of_balls() -> None:
    """The mean over windows and axes is ∫ρ dr of the closed form within 6 %: windows of 56 leave 3 %."""
    lengths = []
    for seed in range(8):
        found = covariance(pore(56, seed))
        span = find_integral_range(found)
        assert span is not None
        lengths += [correlation_length(found, axis, cutoff=span.cutoff) for axis in range(3)]
    assert np.mean(lengths) == pytest.approx(true_range(SPHERES)[1], rel=0.06)


def test_stretched_structure_has_stretched_correlation() -> None:
    """Balls seen with voxels three times as long along z have the same lengths, in m, on all axes within 20 %."""
    solid = SPHERES.rasterize((24, 72, 72), voxel_size=(3.0, 1.0, 1.0), rng=np.random.default_rng(0))
    cells = CellSums(np.stack([~solid, solid]).astype(np.int32), (1, 1, 1))
    found = covariance_of(cells, 0, edges=(3.0, 1.0, 1.0))
    assert found is not None
    lengths = [correlation_length(found, axis, cutoff=12.0) for axis in range(3)]
    assert max(lengths) / min(lengths) < 1.2


def test_variance_of_windows_is_that_of_one_window() -> None:
    """ε(1 - ε)·A/V of the window is the variance between 60 windows within 40 %; its F-distribution allows 36 %."""
    fractions, stated = [], []
    for seed in range(60):
        found = covariance(pore(40, seed))
        span = find_integral_range(found)
        fractions.append(pore(40, seed).mean())
        if span is not None:
            stated.append(found.variance * span.in_window / found.measure)
    assert len(stated) >= 55
    assert np.mean(stated) / np.var(fractions, ddof=1) == pytest.approx(1, abs=0.4)


def test_small_window_gives_nothing() -> None:
    """A window of one ball diameter holds too few ranges, and no number comes out."""
    assert find_integral_range(covariance(pore(12, 3))) is None


def test_trend_is_removed() -> None:
    """A gradient along z lengthens the range many times, unless it is removed."""
    rng = np.random.default_rng(0)
    phase = rng.random((40, 40, 40)) < np.linspace(0.2, 0.8, 40)[:, None, None]
    flat = find_integral_range(covariance(phase, trend="z"))
    assert flat is not None
    assert flat.value < 2
    steep = find_integral_range(covariance(phase))
    assert steep is None or steep.value > 10 * flat.value


def test_cells_of_blocks_are_those_of_the_whole() -> None:
    """Cells counted in two blocks whose seam cuts a cell add up to those of the whole."""
    labels = np.random.default_rng(1).integers(0, 3, (7, 5, 9), np.uint8)
    whole = count_phase_cells(labels, phase_ids=(1, 2), factors=(2, 2, 3))
    low = count_phase_cells(labels[:3], phase_ids=(1, 2), factors=(2, 2, 3))
    high = count_phase_cells(labels[3:], phase_ids=(1, 2), factors=(2, 2, 3), origin=(3, 0, 0))
    added = np.zeros_like(whole)
    added[:, :2] += low
    added[:, 1:] += high
    np.testing.assert_array_equal(added, whole)
    assert whole.sum() == np.count_nonzero(labels)


def test_cells_keep_the_integral_range() -> None:
    """Cells of 2 × 2 × 2 voxels give the range of the voxels within 10 %: the cut-off moves by up to a cell."""
    phase = pore(56, 1)
    fine = find_integral_range(covariance(phase))
    labels = phase.astype(np.uint8) + np.uint8(1)
    sums = CellSums(count_phase_cells(labels, phase_ids=(2, 1), factors=(2, 2, 2)), (2, 2, 2))
    found = covariance_of(sums, 0, edges=(1.0, 1.0, 1.0))
    assert fine is not None
    assert found is not None
    coarse = find_integral_range(found)
    assert coarse is not None
    assert coarse.value == pytest.approx(fine.value, rel=0.1)


def test_one_phase_has_no_covariance() -> None:
    """Where one phase fills the region there is nothing to correlate."""
    full = np.stack([np.ones((4, 4, 4)), np.zeros((4, 4, 4))]).astype(np.int32)
    assert covariance_of(CellSums(full, (1, 1, 1)), 0, edges=(1.0, 1.0, 1.0)) is None


def test_cells_stay_few_and_cubic() -> None:
    """A billion voxels become at most 2²⁰ cells."""
    factors = cell_factors((1000, 1000, 1000), (1.0, 1.0, 1.0))
    assert factors == (10, 10, 10)


def test_what_is_refused() -> None:
    """Two shapes, and a reach beyond the array."""
    with pytest.raises(ShapeError, match="one shape"):
        correlate(np.ones((2, 2, 2)), np.ones((2, 2, 3)), reach=(1, 1, 1))
    with pytest.raises(InputError, match="within the array"):
        correlate(np.ones((2, 2, 2)), np.ones((2, 2, 2)), reach=(2, 1, 1))
