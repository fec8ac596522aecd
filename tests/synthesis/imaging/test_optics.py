from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage, special

from voltomo.errors import InputError
from voltomo.synthesis.imaging import Optics
from voltomo.synthesis.imaging.convolution import convolve_axes, convolve_whole, gaussian_kernel
from voltomo.synthesis.imaging.optics import image_through


def _edge(count: int = 96) -> np.ndarray:
    """0 left of the middle, 1 right of it, along x."""
    return np.broadcast_to((np.arange(count) >= count // 2).astype(np.float32), (5, 7, count))


def _response(optics: Optics, count: int = 96) -> np.ndarray:
    """What becomes of the edge, along x."""
    return image_through(_edge(count), optics)[2, 3].astype(float)


@pytest.mark.parametrize("sigma", [0.8, 1.5, 3.0])
def test_blur_has_the_modulation_transfer_of_a_gaussian(sigma: float) -> None:
    """The Fourier transform of the line spread is exp(−2π²σ²f²).

    0.01: a Gaussian sampled at σ = 0.8 aliases by exp(−2π²·0.8²·(1 − f)²), that is 0.008 at f = 0.4.
    """
    spread = np.diff(_response(Optics(blur=sigma)))
    frequency = np.array([0.02, 0.1, 0.2, 0.3])
    transfer = np.abs(np.exp(-2j * np.pi * frequency[:, None] * np.arange(len(spread))) @ spread)
    assert transfer == pytest.approx(np.exp(-2 * (np.pi * sigma * frequency) ** 2), abs=0.01)


def test_blur_is_that_of_scipy() -> None:
    """An independent Gaussian filter gives the same volume, edges repeated, to float32 rounding of sums of 13 terms."""
    image = np.random.default_rng(0).random((9, 14, 30), dtype=np.float32)
    expected = ndimage.gaussian_filter(image.astype(float), 1.5, mode="nearest", truncate=4.0)
    assert image_through(image, Optics(blur=1.5)) == pytest.approx(expected, abs=1e-5)


def test_a_plane_is_blurred_in_its_plane() -> None:
    """A section of one slice keeps its brightness and spreads along y and x alone."""
    image = np.random.default_rng(0).random((1, 14, 30), dtype=np.float32)
    expected = ndimage.gaussian_filter(image[0].astype(float), 1.5, mode="nearest", truncate=4.0)
    assert image_through(image, Optics(blur=1.5))[0] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(("length", "ratio"), [(1.5, 20.0), (4.0, 0.0), (4.0, 5.0)])
def test_fringes_of_an_edge_follow_the_closed_form(length: float, ratio: float) -> None:
    """An edge through a complex Gaussian is half of 1 + erf(x / √(2s)), s = σ² − iL²/2π: Fresnel's fringes, blurred.

    Sums over whole voxels for integrals: the midpoint rule misses h²/24 of the largest slope of the Gaussian, 0.007 for
    the blur alone and 0.004 for the wider imaginary part, which δ/β multiplies.
    """
    sigma = 1.2
    variance = sigma**2 - 1j * length**2 / (2 * np.pi)
    x = np.arange(96) - 47.5
    wave = 0.5 * (1 + special.erf(x / np.sqrt(2 * variance)))
    expected = wave.real + ratio * wave.imag
    found = _response(Optics(blur=sigma, fringe_length=length, fringes=ratio))
    assert found == pytest.approx(expected, abs=0.008 + 0.005 * ratio)


def test_the_bright_side_of_an_edge_becomes_brighter() -> None:
    """Free-space propagation overshoots on the dense side and undershoots on the other, equally far from the edge."""
    line = _response(Optics(blur=1.0, fringe_length=2.0, fringes=10.0))
    assert line.max() > 1.2
    assert line.min() < -0.2
    assert line.argmax() > 47 > line.argmin()
    assert line.argmax() - 47.5 == 47.5 - line.argmin()


def test_fringes_widen_with_the_square_root_of_the_distance() -> None:
    """Twice √(λz) puts the fringes of an absorbing edge twice as far apart, while the blur stays small against them."""

    def spacing(length: float) -> float:
        line = _response(Optics(blur=0.8, fringe_length=length), 400)
        peaks = [i for i in range(201, 399) if line[i - 1] < line[i] > line[i + 1] and line[i] > 1.001]
        return float(peaks[1] - peaks[0])

    # Peaks are found to whole voxels, 0.5 each.
    assert spacing(16.0) == pytest.approx(2 * spacing(8.0), abs=2.0)


def test_a_uniform_body_keeps_its_grey() -> None:
    """Blur, fringes and a halo around the background leave a constant image as the formula says."""
    image = np.full((9, 9, 9), 0.7, np.float32)
    assert image_through(image, Optics(blur=1.0, fringe_length=2.0, fringes=30.0)) == pytest.approx(0.7, abs=1e-5)
    haloed = image_through(image, Optics(halo=0.4, halo_length=3.0, background=0.2))
    assert haloed == pytest.approx(0.7 - 0.4 * 0.5, abs=1e-5)
    empty = np.full((5, 5, 5), 0.2, np.float32)
    assert image_through(empty, Optics(halo=0.4, halo_length=3.0, background=0.2)) == pytest.approx(0.2, abs=1e-6)


def test_a_halo_darkens_the_surroundings_and_the_middle() -> None:
    """A bright ball on a background: dark around it, and darker in its middle than below its surface (shade-off)."""
    axis = np.arange(61) - 30
    radius = np.sqrt(axis[:, None, None] ** 2 + axis[:, None] ** 2 + axis**2)
    ball = np.where(radius < 16, 0.7, 0.2).astype(np.float32)
    line = image_through(ball, Optics(halo=0.4, halo_length=5.0, background=0.2))[30, 30]
    assert line[30 + 18] < 0.19  # outside
    assert line[2] == pytest.approx(0.2, abs=0.005)  # far away
    assert line[30] < line[30 + 14] - 0.05


def test_sharp_fringes_are_refused() -> None:
    """Fringes without blur would fall between the voxels; the message names the blur that is needed."""
    with pytest.raises(InputError, match=r"at least 0\.7"):
        Optics(blur=0.3, fringe_length=1.0)


def test_a_whole_kernel_is_the_product_of_its_axes() -> None:
    """A kernel that separates gives the same either way, where it fits in."""
    image = np.random.default_rng(1).random((9, 11, 13), dtype=np.float32)
    half = gaussian_kernel(0.6)
    full = np.concatenate([half[:0:-1], half])
    kernel = (full[:, None, None] * full[:, None] * full).astype(np.float32)
    reach = len(half) - 1
    inner = (slice(reach, -reach),) * 3
    assert convolve_whole(image, kernel) == pytest.approx(convolve_axes(image, [half] * 3)[inner], abs=1e-5)
