"""Watershed by flooding."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.segmentation import watershed

from voltomo.errors import ShapeError
from voltomo.morphology.flooding import flood, flood_markers


def distinct_levels(shape: tuple[int, int, int], seed: int) -> np.ndarray:
    """Levels without a tie, some of them 0 (no flood)."""
    rng = np.random.default_rng(seed)
    levels = (rng.permutation(np.prod(shape)) + 1).reshape(shape).astype(np.uint16)
    levels[rng.random(shape) < 0.15] = 0
    return levels


def some_markers(shape: tuple[int, int, int], seed: int, count: int = 6) -> np.ndarray:
    """Single voxels with ids 1 to `count`."""
    rng = np.random.default_rng(seed + 1000)
    markers = np.zeros(np.prod(shape), np.int32)
    markers[rng.choice(markers.size, count, replace=False)] = np.arange(1, count + 1)
    return markers.reshape(shape)


@settings(max_examples=25, deadline=None)
@given(st.tuples(st.integers(1, 8), st.integers(2, 9), st.integers(2, 9)), st.integers(0, 999))
def test_without_ties_it_is_skimage(shape: tuple[int, int, int], seed: int) -> None:
    """Where no two levels are equal, every voxel has skimage's label."""
    levels, markers = distinct_levels(shape, seed), some_markers(shape, seed, count=3)
    expected = watershed(-levels.astype(np.int32), markers, mask=levels > 0, connectivity=1)
    np.testing.assert_array_equal(flood_markers(levels, markers), expected)


def test_with_ties_it_is_nearly_skimage() -> None:
    """On a quantised distance map 99 % of labels agree; on basin borders the order among equal levels decides."""
    solid = ndimage.gaussian_filter(np.random.default_rng(3).standard_normal((48, 48, 48)), 3) > 0
    distance = ndimage.gaussian_filter(ndimage.distance_transform_edt(solid), 1)
    peaks = (ndimage.maximum_filter(distance, 5) == distance) & solid
    markers, _ = ndimage.label(peaks, np.ones((3, 3, 3)))
    levels = np.where(solid, np.maximum(np.rint(distance * 64), 1), 0).astype(np.uint16)
    ours = flood_markers(levels, markers)
    theirs = watershed(-distance, markers, mask=solid)
    assert (ours == theirs)[solid].mean() > 0.99
    assert not ours[~solid].any()


def test_each_basin_holds_together() -> None:
    """Every basin of a single marker voxel is connected over faces and holds its marker."""
    levels, markers = distinct_levels((1, 30, 30), 5), some_markers((1, 30, 30), 5)
    basins = flood_markers(levels, markers)
    for place in np.argwhere(markers):
        label = markers[tuple(place)]
        if levels[tuple(place)]:
            assert basins[tuple(place)] == label
            assert ndimage.label(basins == label)[1] == 1


def test_flood_does_not_leak_over_array_edges() -> None:
    """The end of a row and the beginning of the next are no neighbours."""
    levels = np.zeros((2, 3, 4), np.uint16)
    levels[0, 0, 3] = levels[0, 1, 0] = levels[1, 0, 0] = levels[0, 2, 3] = 7
    basins = flood(levels, np.array([[0, 0, 3]]), np.array([5], np.uint32))
    assert np.argwhere(basins).tolist() == [[0, 0, 3]]


def test_input_stays_as_it_is() -> None:
    """Levels are not changed, and a second flood gives the same basins."""
    levels, markers = distinct_levels((4, 9, 9), 2), some_markers((4, 9, 9), 2)
    before = levels.copy()
    first = flood_markers(levels, markers)
    np.testing.assert_array_equal(levels, before)
    np.testing.assert_array_equal(flood_markers(levels, markers), first)


def test_no_markers_no_basins() -> None:
    """Without markers nothing is flooded."""
    assert not flood(np.ones((2, 3, 4), np.uint16), np.empty((0, 3), np.int64), np.empty(0, np.uint32)).any()


def test_other_levels_are_refused() -> None:
    """Float levels are an error that says what was expected."""
    with pytest.raises(ShapeError, match="uint16"):
        flood_markers(np.ones((2, 2, 2)), np.zeros((2, 2, 2), int))  # type: ignore[arg-type]
