"""Denoising: exact against slow obvious versions, blind to what lies outside, the same block by block."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from voltomo.errors import InputError
from voltomo.segmentation.denoise import gaussian_halo, gaussian_smooth, median_smooth
from voltomo.segmentation.nonlocal_means import NLM_HALO, nonlocal_means

SHAPE = (9, 13, 15)


def noisy(shape=SHAPE, *, seed=0, sigma=10.0):
    """A bright half and a dark half with white noise, float32."""
    values = np.full(shape, 60.0)
    values[..., shape[-1] // 2 :] = 160.0
    return (values + np.random.default_rng(seed).normal(0, sigma, shape)).astype(np.float32)


def everywhere(values):
    """All of the array is inside."""
    return np.ones(values.shape, np.uint8)


def slow_nonlocal_means(values, *, noise, h):
    """The definition, offset by offset in float64."""
    depth = 0 if values.shape[0] == 1 else 1
    reach, margin = (2 * depth, 2, 2), (3 * depth, 3, 3)
    padded = np.pad(values.astype(float), [(2 * m, 2 * m) for m in margin], mode="symmetric")
    window = tuple(slice(m, m + n + 2 * m) for m, n in zip(margin, values.shape, strict=True))
    base = padded[window]
    total, weight = np.zeros(values.shape), np.zeros(values.shape)
    inner = tuple(slice(m, m + n) for m, n in zip(margin, values.shape, strict=True))
    for offset in np.ndindex(*(2 * r + 1 for r in reach)):
        step = [o - r for o, r in zip(offset, reach, strict=True)]
        moved = padded[tuple(slice(w.start + s, w.stop + s) for w, s in zip(window, step, strict=True))]
        distance = ndimage.uniform_filter((base - moved) ** 2, (2 * depth + 1, 3, 3))
        excess = np.maximum(distance - 2 * noise**2, 0) / h**2
        share = np.maximum(1 - excess / 8, 0) ** 8 if any(step) else np.ones_like(base)
        total += (share * moved)[inner]
        weight += share[inner]
    return total / weight


@pytest.mark.parametrize("shape", [SHAPE, (1, 20, 22)])
def test_nonlocal_means_is_its_definition(shape):
    """The fast kernel gives the weighted mean of the definition, in a volume and in a plane."""
    values = noisy(shape)
    result = nonlocal_means(values, everywhere(values), noise=10.0, strength=0.7)
    # float32 carries 24 bits: 1e-5 of the grey values after sums of 125 terms.
    np.testing.assert_allclose(result, slow_nonlocal_means(values, noise=10.0, h=7.0), rtol=1e-5)


def test_nonlocal_means_reduces_noise_and_keeps_the_edge():
    """White noise in the halves falls to a third at least, while their means stay apart."""
    values = noisy((12, 24, 40))
    result = nonlocal_means(values, everywhere(values), noise=10.0, strength=0.65)
    left, right = result[..., 3:19], result[..., 21:37]
    # 125 independent voxels would give 1/11; the weights leave about a third to a quarter of that gain.
    assert max(left.std(), right.std()) < 10 / 3
    assert result[..., 20].mean() - result[..., 19].mean() == pytest.approx(100, abs=3)  # 3 = 4 sigma/sqrt(288) + bias


def test_no_noise_leaves_the_image_alone():
    """Where the estimate is zero, nothing is averaged."""
    values = noisy()
    np.testing.assert_array_equal(nonlocal_means(values, everywhere(values), noise=0.0, strength=0.7), values)


def test_median_is_that_of_scipy_inside():
    """Away from the faces, the median of 27 voxels."""
    values = noisy()
    result = median_smooth(values, everywhere(values))
    core = np.s_[1:-1, 1:-1, 1:-1]
    np.testing.assert_array_equal(result[core], ndimage.median_filter(values, 3)[core])


def test_median_at_the_faces_uses_the_voxels_there_are():
    """In a corner of a plane the median is the lower middle one of four voxels."""
    values = np.array([[[4, 3, 9], [2, 1, 9], [9, 9, 9]]], np.uint8)
    assert median_smooth(values, everywhere(values))[0, 0, 0] == 2


def test_gaussian_is_that_of_scipy():
    """Anisotropic standard deviations are along z, y and x."""
    values = noisy()
    result = gaussian_smooth(values, everywhere(values), sigma=(0.5, 1.0, 2.0))
    np.testing.assert_allclose(result, ndimage.gaussian_filter(values, (0.5, 1.0, 2.0)), rtol=1e-6)


@pytest.mark.parametrize("name", ["nlm", "median", "gaussian"])
@pytest.mark.parametrize("dtype", ["u1", "u2", "f4"])
def test_what_lies_outside_changes_nothing(name, dtype):
    """Voxels outside the field of view keep their value and have no influence, whatever they hold."""
    inside = np.ones(SHAPE, np.uint8)
    inside[:, :, :4] = 0
    one, two = noisy().astype(dtype), noisy().astype(dtype)
    one[inside == 0] = 0
    two[inside == 0] = 255 if dtype[0] == "u" else np.nan
    first, second = FILTERS[name][0](one, inside), FILTERS[name][0](two, inside)
    np.testing.assert_array_equal(first[inside == 1], second[inside == 1])
    np.testing.assert_array_equal(second[inside == 0], two[inside == 0])
    assert first.dtype == np.dtype(dtype)


FILTERS = {
    "nlm": (lambda v, inside: nonlocal_means(v, inside, noise=10.0, strength=0.65), (NLM_HALO,) * 3),
    "median": (lambda v, inside: median_smooth(v, inside, radius=2), (2, 2, 2)),
    "gaussian": (
        lambda v, inside: gaussian_smooth(v, inside, sigma=(0.5, 1.0, 0.7)),
        gaussian_halo((0.5, 1.0, 0.7)),
    ),
}


@pytest.mark.parametrize("name", list(FILTERS))
def test_the_halo_is_enough(name):
    """A block read with its halo gives the voxels of the whole, bit for bit."""
    apply, halo = FILTERS[name]
    values = noisy((14, 22, 24))
    inside = np.ones(values.shape, np.uint8)
    inside[:, :6, :7] = 0
    whole = apply(values, inside)
    write = (slice(4, 8), slice(5, 13), slice(9, 17))
    read = tuple(
        slice(max(0, w.start - h), min(n, w.stop + h)) for w, h, n in zip(write, halo, values.shape, strict=True)
    )
    inner = tuple(slice(w.start - r.start, w.stop - r.start) for w, r in zip(write, read, strict=True))
    np.testing.assert_array_equal(apply(values[read], inside[read])[inner], whole[write])


def test_a_median_without_neighbours_is_refused():
    """A radius of 0 is a mistake rather than a wish."""
    with pytest.raises(InputError, match="radius"):
        median_smooth(noisy(), everywhere(noisy()), radius=0)
