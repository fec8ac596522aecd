from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.registration import phase_cross_correlation

from voltomo.errors import ShapeError
from voltomo.synthesis.imaging import (
    Brightness,
    Degradation,
    DegradationRanges,
    Noise,
    Optics,
    Rings,
    Sampling,
    Wedge,
    degrade,
    draw_degradation,
)

KERNEL = np.outer([1.0, 2.0, 1.0], [1.0, 2.0, 1.0])
EACH = {
    "shift": Degradation(sampling=Sampling(shift=(0.08, -0.08, 0.08))),
    "blur": Degradation(optics=Optics(blur=2.5)),
    "fringes": Degradation(optics=Optics(blur=1.0, fringe_length=1.5, fringes=10.0)),
    "halo": Degradation(optics=Optics(halo=0.5, halo_length=8.0, background=0.2)),
    "white noise": Degradation(noise=Noise(0.1)),
    "noise": Degradation(noise=Noise(0.1, 1.5)),
    "measured noise": Degradation(noise=Noise(0.1, kernel=KERNEL)),
    "rings": Degradation(rings=Rings(0.03, (40.0, -30.0))),
    "wedge": Degradation(wedge=Wedge(math.radians(40), 0.7)),
    "drift": Degradation(brightness=Brightness(drift=0.05, drift_lengths=(30.0, 30.0, 30.0))),
    "cupping": Degradation(brightness=Brightness(cupping=0.15)),
    "inversion": Degradation(brightness=Brightness(gain=-1.2, offset=0.1)),
}


def _particles(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """A random solid of 55 % in pores, as greys."""
    smooth = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal(shape), 4)
    return np.where(smooth > np.quantile(smooth, 0.45), 0.7, 0.22).astype(np.float32)


def test_nothing_changes_nothing() -> None:
    """The default degradation returns the patch as it is, in a new array."""
    patch = _particles((20, 24, 28))
    result = degrade(patch, Degradation(), np.random.default_rng(0))
    assert np.array_equal(result, patch)
    assert not np.shares_memory(result, patch)


@pytest.mark.parametrize("name", EACH)
@pytest.mark.parametrize("shape", [(200, 200), (48, 56, 64)], ids=["plane", "volume"])
def test_truth_and_image_are_aligned(name: str, shape: tuple[int, ...]) -> None:
    """Phase correlation finds each degraded image where its truth is, to 0.1 voxel.

    The correlation is read to 0.02 voxel; 0.08 of the 0.1 are used up by the shift that is asked for.
    """
    patch = _particles(shape)
    image = degrade(patch, EACH[name], np.random.default_rng(1))
    image = -image if name == "inversion" else image
    window = np.ones(())
    for axis, n in enumerate(shape):
        along = np.hanning(n).reshape([-1 if i == axis else 1 for i in range(len(shape))])
        window = window * along
    shift, _, _ = phase_cross_correlation(
        (patch - patch.mean()) * window, (image - image.mean()) * window, upsample_factor=50, normalization=None
    )
    assert np.abs(shift).max() <= 0.1 + 1e-9


@pytest.mark.parametrize("name", EACH)
def test_a_seed_repeats_the_patch(name: str) -> None:
    """Equal generators give equal patches bit by bit; the patch that is given stays as it was."""
    patch = _particles((40, 44))
    before = patch.copy()
    first, second = (degrade(patch, EACH[name], np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(first, second)
    assert np.array_equal(patch, before)
    assert first.dtype == np.float32


def test_what_is_added_has_the_stated_strength() -> None:
    """Noise of 0.1 on a flat patch is 0.1 of standard deviation, whatever blur there is before it: to 2 %."""
    flat = np.full((40, 60, 60), 0.5, np.float32)
    degradation = Degradation(optics=Optics(blur=2.0), noise=Noise(0.1))
    assert degrade(flat, degradation, np.random.default_rng(0)).std() == pytest.approx(0.1, rel=0.02)


def test_coarser_patches_are_smaller() -> None:
    """Two voxels become one along each axis; a patch that cannot be halved is refused."""
    coarse = Degradation(sampling=Sampling(2))
    assert degrade(_particles((20, 24, 28)), coarse, np.random.default_rng(0)).shape == (10, 12, 14)
    assert degrade(_particles((24, 28)), coarse, np.random.default_rng(0)).shape == (12, 14)
    with pytest.raises(ShapeError, match="crop"):
        degrade(_particles((25, 28)), coarse, np.random.default_rng(0))


def test_a_line_is_no_patch() -> None:
    """Arrays with other than two or three axes, or none at all, are refused."""
    for wrong in (np.zeros(5), np.zeros((1, 2, 3, 4)), np.zeros((0, 4))):
        with pytest.raises(ShapeError, match="expected a patch"):
            degrade(wrong, Degradation(), np.random.default_rng(0))


@settings(max_examples=15)
@given(seed=st.integers(0, 2**20), is_plane=st.booleans())
def test_drawn_degradations_stay_in_their_ranges(seed: int, is_plane: bool) -> None:
    """Whatever is drawn lies where it may, can be applied, and gives finite greys; a seed repeats the draw."""
    shape = (16, 20) if is_plane else (12, 16, 20)
    ranges = DegradationRanges(is_inverted=True)
    drawn = draw_degradation(np.random.default_rng(seed), ranges, shape=shape)
    again = draw_degradation(np.random.default_rng(seed), ranges, shape=shape)
    assert replace(drawn, noise=Noise()) != Degradation()
    assert (drawn.optics, drawn.rings, drawn.wedge) == (again.optics, again.rings, again.wedge)
    assert ranges.blur[0] <= drawn.optics.blur <= ranges.blur[1]
    assert ranges.noise[0] <= drawn.noise.std <= ranges.noise[1]
    assert drawn.wedge.width == 0 or ranges.wedge[0] <= drawn.wedge.width <= ranges.wedge[1]
    assert np.abs(drawn.sampling.shift).max() <= ranges.shift
    result = degrade(_particles(shape, seed % 7), drawn, np.random.default_rng(seed))
    assert np.isfinite(result).all()


def test_a_kernel_is_drawn_where_kernels_are_given() -> None:
    """Measured correlations take the place of Gaussian ones."""
    ranges = DegradationRanges(noise_kernels=(KERNEL,))
    assert draw_degradation(np.random.default_rng(0), ranges, shape=(32, 32)).noise.kernel is KERNEL
