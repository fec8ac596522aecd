"""Histograms: exact counts, the same whatever the blocks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from voltomo.errors import InputError
from voltomo.segmentation.histogram import (
    BinRule,
    Histogram,
    bin_rule,
    count_values,
    grey_array,
    quantile_range,
    value_range,
)


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", ">u2", "?"])
def test_integers_are_counted_level_by_level(dtype):
    """Every integer level of up to 16 bits has a bin of its own."""
    values = np.random.default_rng(0).integers(0, 2 if dtype == "?" else 100, (5, 6, 7)).astype(dtype)
    low, high, bad = value_range(values, np.ones(values.shape, np.uint8))
    counts = count_values(values, np.ones(values.shape, np.uint8), bin_rule(values.dtype, low, high))
    assert bad == 0
    np.testing.assert_array_equal(counts, np.bincount(values.ravel().astype(int) - int(low)))


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i4", "u4", "i8"])
def test_floats_are_counted_as_numpy_counts_them(dtype):
    """Equal bins between the smallest and the largest value; the last bin holds its upper edge."""
    # Multiples of 1/8 and a range of 2**9 make all bin edges exact: no value lies on the wrong side by rounding.
    values = (np.random.default_rng(0).integers(0, 4096, 3000) - 1000).astype("f8") / (8 if dtype[0] == "f" else 1)
    values[:2] = values.min(), values.min() + 4096 / (8 if dtype[0] == "f" else 1)
    values = values.astype(dtype)
    low, high, _ = value_range(values, np.ones(values.shape, np.uint8))
    rule = bin_rule(values.dtype, low, high)
    expected, _ = np.histogram(values.astype("f8"), rule.count, (low, high))
    np.testing.assert_array_equal(count_values(values, np.ones(values.shape, np.uint8), rule), expected)


def test_only_voxels_inside_count():
    """The range and the counts leave out the voxels whose mask is 0."""
    values = np.array([1, 2, 3, 250], np.uint8)
    inside = np.array([1, 1, 0, 0], np.uint8)
    assert value_range(values, inside) == (1.0, 2.0, 0)
    assert count_values(values, inside, BinRule(1, 2, 2, True)).tolist() == [1, 1]


def test_values_that_are_not_finite_are_found():
    """NaN and infinity inside are counted, and do not enter the range."""
    values = np.array([1.0, np.nan, np.inf, 5.0, np.nan])
    assert value_range(values, np.array([1, 1, 1, 1, 0], np.uint8)) == (1.0, 5.0, 2)


def test_beyond_the_range_counts_in_the_end_bins():
    """Values outside the bins are not lost."""
    counts = count_values(np.array([-5.0, 0.5, 99.0]), np.ones(3, np.uint8), BinRule(0.0, 4.0, 4, False))
    assert counts.tolist() == [2, 0, 0, 1]


def test_quantile_range_leaves_the_tails_out():
    """A hot pixel in a thousand does not stretch the range."""
    counts = np.zeros(1000, np.int64)
    counts[10:20], counts[999] = 1000, 1
    low, high = quantile_range(counts, BinRule(0.0, 1000.0, 1000, False), 1e-3)
    assert (low, high) == (10.0, 20.0)


def test_grouping_keeps_the_comb_of_a_stretched_image_even():
    """An 8-bit image stretched by 5 to 16 bits groups without gaps, and no voxel is lost."""
    levels = np.arange(200) * 5 + 7
    counts = np.zeros(1 + levels[-1] - 7, np.int64)
    counts[levels - 7] = 3
    grouped = Histogram(counts, BinRule(7, float(levels[-1]), len(counts), True)).grouped(100)
    assert grouped.total == 600
    assert set(grouped.counts.tolist()) == {6}
    assert grouped.rule.edges[0] == 6.5


@given(arrays(np.int64, st.integers(2, 300), elements=st.integers(0, 50)), st.integers(2, 64))
@settings(max_examples=40, deadline=None)
def test_grouping_keeps_every_voxel(counts, bins):
    """Grouped bins hold the same voxels, are at most as many as asked for, and lie where the voxels lie."""
    counts[0] = counts[-1] = 1
    histogram = Histogram(counts, BinRule(10.0, 10.0 + len(counts) - 1, len(counts), True))
    grouped = histogram.grouped(bins)
    values = np.repeat(histogram.rule.centers, counts)
    expected, _ = np.histogram(values, grouped.rule.edges)
    assert len(grouped.counts) <= max(bins, 1) or len(counts) <= bins
    np.testing.assert_array_equal(grouped.counts, expected)


def test_an_empty_histogram_is_refused():
    """A mask without a voxel inside is said to be so."""
    with pytest.raises(InputError, match="mask"):
        Histogram(np.zeros(4, np.int64), BinRule(0, 3, 4, True))


def test_complex_values_are_refused():
    """Grey values are real numbers."""
    with pytest.raises(InputError, match="complex"):
        grey_array(np.zeros(3, complex))
