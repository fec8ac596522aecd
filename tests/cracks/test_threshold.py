"""The grey level between solid and void."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.filters import threshold_triangle

from voltomo.cracks.inside import interior, mark_cracks
from voltomo.cracks.threshold import BINS, find_void_threshold, grey_histogram, triangle_threshold
from voltomo.morphology.grid import Grid

GRID = Grid((1.0, 1.0, 1.0))


def counts_of(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Histogram of all values."""
    return grey_histogram(values, np.ones(values.shape, bool), low=low, high=high)


@pytest.mark.parametrize("seed", range(3))
def test_noise_alone_is_no_void(seed: int) -> None:
    """Of intact noisy solid fewer than 3 voxels in 10000 are cut off, where the triangle alone cuts off a hundred."""
    values = np.random.default_rng(seed).normal(100, 7, (40, 50, 50))
    found = find_void_threshold(counts_of(values, values.min(), values.max()), low=values.min(), high=values.max())
    assert found.cut is not None
    assert found.triangle is not None
    assert (values < found.cut).mean() < 3e-4
    assert (values < found.triangle).mean() > 30 * (values < found.cut).mean()
    assert found.mode == pytest.approx(100, abs=2.0)
    assert found.noise == pytest.approx(7, rel=0.3)


def test_cracks_are_cut_off() -> None:
    """Two percent of crack voxels at the grey of pore, with partly filled ones in between, are found."""
    rng = np.random.default_rng(0)
    solid = rng.normal(100, 5, 98_000)
    crack = rng.normal(20, 5, 1_500)
    partial = rng.uniform(20, 100, 500)
    values = np.concatenate([solid, crack, partial])
    found = find_void_threshold(counts_of(values, values.min(), values.max()), low=values.min(), high=values.max())
    assert found.cut is not None
    assert (crack < found.cut).mean() > 0.999
    assert (solid < found.cut).mean() < 3e-4
    # Four noise widths below the mode: three quarters of the partly filled voxels are darker.
    assert (partial < found.cut).mean() > 0.6


def test_triangle_is_skimages() -> None:
    """On a histogram with a long dark tail the foot is the one that skimage finds."""
    rng = np.random.default_rng(1)
    image = np.clip(np.concatenate([rng.normal(180, 6, 30_000), rng.uniform(20, 180, 3_000)]), 0, 255).astype(np.uint8)
    foot = triangle_threshold(np.bincount(image, minlength=256).astype(float))
    # skimage starts its line at the first occupied bin, ours at bin 0: a few grey levels.
    assert foot == pytest.approx(threshold_triangle(image), abs=6)


def test_a_hot_voxel_changes_nothing() -> None:
    """One voxel a thousand times brighter does not move the cut by more than its bins."""
    values = np.random.default_rng(3).normal(100, 5, 60_000)
    values[:1200] = 30
    hot = np.append(values, 1000.0)
    one = find_void_threshold(counts_of(values, values.min(), values.max()), low=values.min(), high=values.max())
    two = find_void_threshold(counts_of(hot, hot.min(), hot.max()), low=hot.min(), high=hot.max())
    assert one.cut == pytest.approx(two.cut, abs=3.0)


@pytest.mark.parametrize("counts", [np.zeros(BINS, np.int64), np.eye(1, BINS, 7, dtype=np.int64)[0] * 50])
def test_nothing_to_cut(counts: np.ndarray) -> None:
    """No voxels, or all of one grey, give no threshold."""
    assert find_void_threshold(counts, low=0, high=1).cut is None


def test_interior_keeps_away_from_other_particles() -> None:
    """Depth counts from the border between two particles as well as from the background."""
    particles = np.ones((1, 9, 20), np.uint32)
    particles[:, :, 10:] = 2
    particles[:, :, 0] = 0
    inside = interior(particles, depth=2.0, grid=Grid((1.0, 1.0, 1.0), 2))
    assert np.flatnonzero(inside[0, 4]).tolist() == [3, 4, 5, 6, 7, *range(12, 20)]


def test_dark_rim_is_no_crack() -> None:
    """Dark active voxels count as void only deeper than the given depth; other phases inside always do."""
    particles = np.ones((1, 11, 11), np.uint32)
    particles[:, [0, -1]] = particles[:, :, [0, -1]] = 0
    phases = np.where(particles > 0, 2, 1).astype(np.uint8)
    phases[0, 2, 2] = 1
    grey = np.full(phases.shape, 100.0)
    grey[0, 1, 5] = grey[0, 5, 5] = 10.0
    codes = mark_cracks(particles, phases, grey, active=2, cut=50.0, depth=3.0, grid=Grid((1.0, 1.0, 1.0), 2))
    assert np.argwhere(codes[0] == 2).tolist() == [[2, 2], [5, 5]]
    assert codes[0, 0].max() == 0
