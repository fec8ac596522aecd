"""Smoothing over many scales."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from voltomo.classifiers.scale_space import mirrored, plan_smoothing, reach_of, smooth

PLANE = (1, 2)
CUBES = (1.0, 1.0, 1.0)


@given(fine=st.floats(0, 4), factor=st.floats(1.05, 4), edge=st.floats(0.5, 3))
@settings(max_examples=25)
def test_variances_add_up(fine: float, factor: float, edge: float) -> None:
    """A point becomes a spot whose variance is that of the plan, along each axis, and whose sum is 1."""
    coarse = max(0.5, fine * factor)
    passes = plan_smoothing(fine, coarse, edges=(1.0, edge, 1.0), axes=PLANE)
    reach = 2 * max(reach_of(passes))  # room around the spot, so that nothing of it is mirrored
    point = np.zeros((1, 2 * reach + 1, 2 * reach + 1), np.float32)
    point[0, reach, reach] = 1
    spot = smooth(point, passes).astype(np.float64)[0]
    place = np.arange(-reach, reach + 1) ** 2
    # float32 products of up to ten passes
    assert spot.sum() == pytest.approx(1, abs=1e-5)
    wanted = coarse**2 - fine**2
    assert (spot.sum(axis=0) * place).sum() == pytest.approx(wanted, rel=1e-3)
    assert (spot.sum(axis=1) * place).sum() == pytest.approx(wanted / edge**2, rel=1e-3)


@pytest.mark.parametrize(("sigma", "worst"), [(2.0, 0.02), (4.0, 0.02), (8.0, 0.03)])
def test_a_smooth_image_is_smoothed_like_by_a_gaussian(sigma: float, worst: float) -> None:
    """On an image as sharp as a detector makes it (blur of a pixel and a half), it is a Gaussian within 3 %."""
    image = np.random.default_rng(0).normal(size=(1, 160, 160))
    image = ndimage.gaussian_filter(image, (0, 1.5, 1.5), mode="mirror").astype(np.float32)
    ours, before = image, 0.0
    for now in (1.0, 2.0, 4.0, 8.0):
        if now <= sigma:
            ours = smooth(ours, plan_smoothing(before, now, edges=CUBES, axes=PLANE))
            before = now
    exact = ndimage.gaussian_filter(image.astype(np.float64), (0, sigma, sigma), mode="mirror", truncate=7)
    # relative to the spread of the image that is smoothed; the binomial kernels and their gaps make the difference
    assert np.sqrt(np.mean((ours - exact) ** 2)) < worst * image.std()


def test_a_block_is_smoothed_like_the_whole() -> None:
    """Further from its faces than the reach, a block gets the numbers of the whole, to the bit."""
    volume = np.random.default_rng(1).normal(size=(30, 40, 50)).astype(np.float32)
    passes = plan_smoothing(0.0, 3.0, edges=(2.0, 1.0, 1.0), axes=(0, 1, 2))
    z, y, x = reach_of(passes)
    whole = smooth(volume, passes)
    part = smooth(volume[5:, :31, 3:], passes)
    assert np.array_equal(part[z:, : 31 - y, x:], whole[5:, :31, 3:][z:, : 31 - y, x:])


def test_threads_change_nothing() -> None:
    """Two threads give the numbers of one, to the bit."""
    volume = np.random.default_rng(2).normal(size=(8, 40, 50)).astype(np.float32)
    passes = plan_smoothing(0.0, 4.0, edges=CUBES, axes=(0, 1, 2))
    assert np.array_equal(smooth(volume, passes, threads=2), smooth(volume, passes))


def test_a_constant_stays_constant() -> None:
    """Also in an image that is smaller than the kernel."""
    passes = plan_smoothing(0.0, 8.0, edges=CUBES, axes=PLANE)
    # the weights of a pass add up to 1 within a float32
    assert np.allclose(smooth(np.full((1, 3, 5), 0.7, np.float32), passes), 0.7, rtol=1e-5)


@given(st.integers(-60, 60), st.integers(2, 9))
@settings(max_examples=30)
def test_mirroring_is_that_of_numpy(place: int, size: int) -> None:
    """A place beyond the ends is the one that ``numpy.pad(mode="reflect")`` puts there."""
    assert mirrored(place, size) == np.pad(np.arange(size), 60, mode="reflect")[60 + place]
