"""Cuts: exact answers, the oracle of scikit-image, and what must not change them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.filters import threshold_multiotsu, threshold_otsu, threshold_triangle

from voltomo.errors import GateError, InputError
from voltomo.segmentation.histogram import BinRule, Histogram, bin_rule, count_values, value_range
from voltomo.segmentation.thresholds import (
    between_class_share,
    class_shares,
    classify,
    cuts_for_fractions,
    multi_otsu_cuts,
    otsu_cut,
    triangle_cut,
)


def histogram_of(values):
    """The histogram of an array, all of it inside."""
    inside = np.ones(values.shape, np.uint8)
    low, high, _ = value_range(values, inside)
    rule = bin_rule(values.dtype, low, high)
    return Histogram(count_values(values, inside, rule), rule)


def mixture(dtype, *, means=(60, 150), width=12, seed=0, size=20000):
    """Equal shares of normal grey values around the means."""
    rng = np.random.default_rng(seed)
    values = np.concatenate([rng.normal(mean, width, size) for mean in means])
    return np.clip(values, 0, 255).astype(dtype) if np.dtype(dtype).kind == "u" else values.astype(dtype)


def test_otsu_lies_midway_between_two_equal_gaussians():
    """By symmetry, the optimum for equal shares and widths is the mean of the two means."""
    levels = np.arange(256)
    density = np.exp(-(((levels - 60) / 30) ** 2) / 2) + np.exp(-(((levels - 151) / 30) ** 2) / 2)
    # The symmetry point 105.5 lies between two levels, so that the largest level below it is the cut.
    histogram = Histogram(np.rint(1e9 * density).astype(np.int64)[: 60 + 151 + 1], BinRule(0, 211, 212, True))
    assert otsu_cut(histogram) == 105


def test_otsu_lies_midway_between_the_means_of_its_classes():
    """The condition of the optimum, for unequal shares and widths too: no level lies between cut and midpoint."""
    values = np.concatenate([mixture("u2", means=(60,)), (mixture("u2", means=(30,), size=4000) * 4).astype("u2")])
    cut = otsu_cut(histogram_of(values))
    midway = (values[values <= cut].mean() + values[values > cut].mean()) / 2
    assert cut <= midway < values[values > cut].min()


@pytest.mark.parametrize("dtype", ["u1", "u2", "f4", "f8"])
def test_otsu_is_that_of_scikit_image(dtype):
    """The cut is scikit-image's for integers, and up to rounding for floats."""
    values = mixture(dtype, width=25)  # wide enough to leave no empty bin near the cut
    expected = threshold_otsu(values)
    assert otsu_cut(histogram_of(values)) == (
        expected if values.dtype.kind == "u" else pytest.approx(expected, rel=1e-6)
    )


@pytest.mark.parametrize("dtype", ["u1", "f4"])
def test_multi_otsu_is_that_of_scikit_image(dtype):
    """Dynamic programming finds the cuts of an exhaustive search."""
    values = mixture(dtype, means=(50, 120, 200), width=25, size=4000)
    expected = threshold_multiotsu(values, classes=3, nbins=256)
    np.testing.assert_allclose(multi_otsu_cuts(histogram_of(values), 3), expected, rtol=1e-6)


@pytest.mark.parametrize("classes", [2, 3, 4])
def test_multi_otsu_is_the_optimum(classes):
    """No other cuts of a small histogram separate the classes better."""
    values = np.random.default_rng(classes).integers(0, 14, 60).astype(np.uint8)
    histogram = histogram_of(values)
    best = max(between_class_share(histogram, cuts) for cuts in itertools.combinations(range(14), classes - 1))
    assert between_class_share(histogram, multi_otsu_cuts(histogram, classes)) == pytest.approx(best, rel=1e-12)


def test_a_gap_between_float_classes_is_cut_in_its_middle():
    """No voxel of well separated classes falls on the wrong side, though a bin is as wide as a class."""
    values = np.concatenate([np.linspace(0, 1, 50), np.linspace(9, 10, 50)])
    assert otsu_cut(histogram_of(values)) == pytest.approx(5, abs=10 / 256)
    np.testing.assert_array_equal(_classes(values, lambda h: (otsu_cut(h),)) == 2, values > 5)


def test_two_classes_of_multi_otsu_are_otsu():
    """Both methods agree where they ask the same question."""
    histogram = histogram_of(mixture("u2"))
    assert multi_otsu_cuts(histogram, 2) == (otsu_cut(histogram),)


def test_triangle_finds_the_foot_of_a_single_peak():
    """The cut is scikit-image's to one of the 256 bins, on either side of the peak."""
    values = np.concatenate([mixture("u1", means=(60,)), np.arange(60, 250, dtype=np.uint8)])
    for one in (values, (255 - values).astype(np.uint8)):
        assert triangle_cut(histogram_of(one)) == pytest.approx(float(threshold_triangle(one)), abs=1)


@given(st.integers(1, 200), st.integers(0, 30000), st.integers(0, 5))
@settings(max_examples=25, deadline=None)
def test_scaling_and_shifting_integers_leaves_the_classes(scale, shift, seed):
    """Brightness and contrast of a scan do not decide which voxel is which."""
    values = np.random.default_rng(seed).integers(0, 150, 400).astype(np.uint16)
    other = (values * np.uint16(scale) + np.uint16(shift)).astype(np.uint16)
    for find in (
        lambda h: (otsu_cut(h),),
        lambda h: multi_otsu_cuts(h, 3),
        lambda h: cuts_for_fractions(h, (0.3, 0.7)),
    ):
        np.testing.assert_array_equal(_classes(values, find), _classes(other, find))


@given(st.sampled_from([0.125, 1.0, 4.0, 1024.0]), st.integers(0, 5))
@settings(max_examples=15, deadline=None)
def test_scaling_floats_leaves_the_classes(scale, seed):
    """Powers of two scale without rounding: every class stays exactly as it was, for every method."""
    values = np.random.default_rng(seed).normal(-1.0, 2.0, 500)
    for find in (lambda h: (otsu_cut(h),), lambda h: multi_otsu_cuts(h, 4), lambda h: (triangle_cut(h),)):
        np.testing.assert_array_equal(_classes(values, find), _classes(values * scale, find))


def _classes(values, find):
    cuts = find(histogram_of(values))
    return classify(values, cuts, range(1, len(cuts) + 2), np.ones(values.shape, np.uint8))


@pytest.mark.parametrize("dtype", ["u1", "f8"])
def test_fractions_are_met(dtype):
    """The classes have the fractions that were asked for, to the share of one grey level."""
    values = mixture(dtype)
    histogram = histogram_of(values)
    cuts = cuts_for_fractions(histogram, (0.35, 0.15, 0.5))
    largest = histogram.counts.max() / histogram.total
    np.testing.assert_allclose(class_shares(histogram, cuts), (0.35, 0.15, 0.5), atol=largest / 2)
    ids = classify(values, cuts, (1, 2, 3), np.ones(values.shape, np.uint8))
    np.testing.assert_allclose(np.bincount(ids)[1:] / values.size, (0.35, 0.15, 0.5), atol=largest)


def test_fractions_that_grey_levels_cannot_meet_are_refused():
    """Two grey levels do not make three classes, and one level does not take two cuts."""
    with pytest.raises(GateError, match="3 classes"):
        cuts_for_fractions(histogram_of(np.array([0, 1, 1], np.uint8)), (0.3, 0.3, 0.4))
    with pytest.raises(GateError, match="too coarse"):
        cuts_for_fractions(histogram_of(np.array([0] + [1] * 98 + [2], np.uint8)), (0.3, 0.1, 0.6))
    with pytest.raises(InputError, match="sum to 1"):
        cuts_for_fractions(histogram_of(mixture("u1")), (0.3, 0.3))


def test_a_voxel_on_the_cut_belongs_below():
    """A cut is the largest grey value of the class below it; outside the field of view is 0."""
    values = np.array([9, 10, 11, 20, 21], np.uint8)
    inside = np.array([1, 1, 1, 1, 0], np.uint8)
    assert classify(values, (10, 20), (3, 1, 2), inside).tolist() == [3, 3, 1, 1, 0]


def test_constant_image_is_refused():
    """One grey value cannot be cut."""
    with pytest.raises(GateError, match="grey value 7") as caught:
        otsu_cut(histogram_of(np.full(9, 7, np.uint8)))
    assert caught.value.gate == "constant"
    with pytest.raises(GateError, match="3 classes"):
        multi_otsu_cuts(histogram_of(np.array([1, 2], np.uint8)), 3)


def test_separation_is_one_for_two_grey_values():
    """Classes without spread are separated entirely."""
    assert between_class_share(histogram_of(np.array([1, 1, 9], np.uint8)), (1,)) == pytest.approx(1.0)
