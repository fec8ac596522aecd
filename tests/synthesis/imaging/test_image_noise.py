from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from scipy import ndimage

from voltomo.errors import InputError, ShapeError
from voltomo.synthesis.imaging import Noise, kernel_from_power
from voltomo.synthesis.imaging.image_noise import draw_noise, noise_at

SHAPE = (40, 80, 80)
WHOLE = (slice(0, 40), slice(0, 80), slice(0, 80))


def _ramp_power(shape: tuple[int, ...]) -> np.ndarray:
    """Power of the noise of a filtered back-projection: it grows with the frequency up to a smooth cut."""
    grids = np.meshgrid(*(np.fft.fftfreq(n) for n in shape), indexing="ij")
    frequency = np.sqrt(sum(grid**2 for grid in grids))
    return (frequency + 0.03) * np.exp(-((frequency / 0.25) ** 2))


def _both(noise: Noise) -> list[np.ndarray]:
    """Noise tied to places, and noise drawn."""
    return [noise_at(WHOLE, noise, shape=SHAPE, seed=3), draw_noise(SHAPE, noise, np.random.default_rng(3))]


@pytest.mark.parametrize(("length", "tolerance"), [(0.0, 0.005), (1.5, 0.04)])
def test_noise_has_the_stated_deviation_and_correlation(length: float, tolerance: float) -> None:
    """Tied to places or drawn: the standard deviation is as stated, and neighbors correlate by exp(−1/4s²).

    In 40·80·80 voxels the standard deviation of white noise is known to 0.14 %. With a correlation length s there are
    (√(2π)·s)³ = 53 times fewer independent values for the variance (1 %), and (2√π·s)³ = 150 times fewer for the mean
    (0.0024); four of each.
    """
    for field in _both(Noise(0.1, length)):
        assert field.std() == pytest.approx(0.1, rel=tolerance)
        assert field.mean() == pytest.approx(0, abs=0.01)
        neighbors = float(np.mean(field[1:] * field[:-1]) / field.var())
        assert neighbors == pytest.approx(np.exp(-1 / (4 * length**2)) if length else 0, abs=0.02)


@pytest.mark.parametrize("axes", [2, 3])
def test_noise_has_the_spectrum_that_was_asked_for(axes: int) -> None:
    """The power spectrum, measured in shells, is the given one; the standard deviation is the stated one.

    Shells hold over 500 independent frequencies: 5 % each at one standard error, 15 % allowed; the kernel of 15 voxels
    smooths the spectrum by a fifteenth of the sampling frequency, which the shells are as wide as.
    """
    shape = SHAPE[-axes:]
    kernel = kernel_from_power(_ramp_power(shape), reach=7)
    expected = _ramp_power(shape)
    grids = np.meshgrid(*(np.fft.fftfreq(n) for n in shape), indexing="ij")
    shell = np.minimum(np.sqrt(sum(grid**2 for grid in grids)) * 15, 7).astype(int)
    for field in _both(Noise(0.1, kernel=kernel)):
        assert field.std() == pytest.approx(0.1, rel=0.02)
        image = field if axes == 3 else field[:, :, :]
        power = np.abs(np.fft.fftn(image, axes=tuple(range(-axes, 0)))) ** 2
        power = power.mean(axis=0) if axes == 2 else power
        measured = np.array([power[shell == i].mean() for i in range(7)])
        asked = np.array([expected[shell == i].mean() for i in range(7)])
        assert measured / measured.sum() == pytest.approx(asked / asked.sum(), rel=0.15, abs=0.01)


def test_a_kernel_of_two_axes_is_white_along_z() -> None:
    """Slices do not correlate, voxels of a slice do."""
    kernel = np.ones((3, 3))
    for field in _both(Noise(0.1, kernel=kernel)):
        assert np.mean(field[1:] * field[:-1]) / field.var() == pytest.approx(0, abs=0.02)
        assert np.mean(field[:, 1:] * field[:, :-1]) / field.var() == pytest.approx(2 / 3, abs=0.02)


@pytest.mark.parametrize("noise", [Noise(0.1), Noise(0.1, 1.3), Noise(0.1, kernel=np.ones((3, 5, 3)))])
def test_noise_belongs_to_its_place(noise: Noise) -> None:
    """A part of the volume has the noise that the whole has there, bit by bit."""
    whole = noise_at((slice(0, 12), slice(0, 20), slice(0, 24)), noise, shape=(12, 20, 24), seed=5)
    part = noise_at((slice(3, 9), slice(7, 20), slice(1, 16)), noise, shape=(12, 20, 24), seed=5)
    assert np.array_equal(part, whole[3:9, 7:20, 1:16])


def _correlations(image: np.ndarray) -> list[float]:
    """With the voxels 1, 2 and 3 further along x and along y."""
    pairs = [(image[:, :-lag], image[:, lag:]) for lag in (1, 2, 3)]
    pairs += [(image[:-lag], image[lag:]) for lag in (1, 2, 3)]
    return [float(np.mean(a * b) / image.var()) for a, b in pairs]


def test_noise_of_a_real_scan_is_imitated(data: Callable[[str], Path]) -> None:
    """The noise inside a large NMC particle, correlated more along x than along y, comes out correlated alike.

    160² voxels with correlations over five voxels give a correlation to about 0.02; the kernel of 15 voxels and the
    window of the spectrum account for as much again.
    """
    grey = tifffile.imread(data("nmc_nanoct/A_400.tif")).astype(float)[180:340, 180:340]
    real = grey - ndimage.gaussian_filter(grey, 8)
    window = np.outer(np.hanning(32), np.hanning(32))
    tiles = [real[y : y + 32, x : x + 32] for y in range(0, 129, 32) for x in range(0, 129, 32)]
    power = np.mean([np.abs(np.fft.fft2((tile - tile.mean()) * window)) ** 2 for tile in tiles], axis=0)
    noise = Noise(float(real.std()), kernel=kernel_from_power(power, reach=7))
    drawn = draw_noise((1, 160, 160), noise, np.random.default_rng(0))[0]
    assert drawn.std() == pytest.approx(real.std(), rel=0.05)
    assert _correlations(drawn) == pytest.approx(_correlations(real - real.mean()), abs=0.06)


def test_a_kernel_larger_than_the_patch_wraps_around() -> None:
    """Noise on a patch smaller than its kernel still has its standard deviation, over many draws."""
    noise = Noise(0.1, kernel=kernel_from_power(_ramp_power((32, 32)), reach=7))
    rng = np.random.default_rng(0)
    fields = np.stack([draw_noise((1, 8, 8), noise, rng) for _ in range(400)])
    # Frequencies of the patch sample the spectrum coarsely; 10 % of the deviation covers that.
    assert fields.std() == pytest.approx(0.1, rel=0.1)


def test_useless_kernels_are_refused() -> None:
    """Even edges, kernels that are not symmetric, and powers below 0 end in errors."""
    with pytest.raises(ShapeError, match="odd"):
        Noise(0.1, kernel=np.ones((4, 3)))
    with pytest.raises(InputError, match="symmetric"):
        Noise(0.1, kernel=np.arange(9.0).reshape(3, 3))
    with pytest.raises(InputError, match="not negative"):
        kernel_from_power(-np.ones((8, 8)), reach=2)
