"""Noise with a stated standard deviation and correlation, tied to places or drawn anew."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import fft

from voltomo.blocks import Region
from voltomo.errors import InputError, ShapeError
from voltomo.synthesis.imaging.convolution import convolve_axis, convolve_whole, gaussian_reach
from voltomo.synthesis.noise import white_noise

__all__ = ["Noise", "draw_noise", "kernel_from_power", "noise_at"]

Image = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Noise:
    """Noise that does not depend on the grey value.

    Parameters
    ----------
    std : standard deviation in the image, grey
    length : standard deviation of the Gaussian that correlates it, voxels; 0 for white noise
        Two voxels at a distance d correlate by exp(−d²/4·length²).
    kernel : (KY, KX) or (KZ, KY, KX) array, odd along each axis, that correlates white noise instead; of any scale
        Its Fourier transform is the root of the power spectrum, see `kernel_from_power`. Two axes: white along z.
    """

    std: float = 0.0
    length: float = 0.0
    kernel: npt.NDArray[np.floating] | None = None

    def __post_init__(self) -> None:
        if self.std < 0 or self.length < 0:
            raise InputError(f"std and length are not negative, found {self.std:g} and {self.length:g}")
        if self.kernel is not None:
            shape = self.kernel.shape
            if len(shape) not in (2, 3) or any(n % 2 == 0 for n in shape):
                raise ShapeError(f"a noise kernel has two or three axes, odd along each, found {shape}")
            if not np.allclose(self.kernel, np.flip(self.kernel), atol=1e-6 * float(np.abs(self.kernel).max())):
                raise InputError("a noise kernel is symmetric through its middle; make it by kernel_from_power")

    def reaches(self, shape: tuple[int, int, int]) -> tuple[int, int, int]:
        """Voxels around a place along z, y and x whose white noise its noise depends on."""
        if self.kernel is not None:
            z, y, x = (n // 2 for n in self.unit_kernel().shape)
        else:
            z, y, x = (gaussian_reach(self.length) if n > 1 else 0 for n in shape)
        return z, y, x

    def unit_kernel(self) -> Image:
        """(KZ, KY, KX) kernel of energy 1, which keeps the variance of white noise."""
        assert self.kernel is not None, "only asked for where there is one"
        kernel = self.kernel if self.kernel.ndim == 3 else self.kernel[None]
        return np.asarray(kernel / np.sqrt(np.sum(np.square(kernel, dtype=np.float64))), np.float32)


def noise_at(region: Region, noise: Noise, *, shape: tuple[int, int, int], seed: int) -> Image:
    """Noise of the voxels of a region, the same for every region that holds them.

    Parameters
    ----------
    region : slices of global voxel indices
    noise : Noise
    shape : (Z, Y, X) of the whole volume; a Gaussian does not correlate along an axis of one voxel
    seed : int

    Returns
    -------
    (Z, Y, X) float32 array
    """
    z, y, x = noise.reaches(shape)
    wide = tuple(slice(axis.start - r, axis.stop + r) for axis, r in zip(region, (z, y, x), strict=True))
    white = white_noise((wide[0], wide[1], wide[2]), seed=seed)
    if noise.kernel is not None:
        return convolve_whole(white, np.float32(noise.std) * noise.unit_kernel())
    return _correlate(white, noise, (z, y, x))


def draw_noise(shape: tuple[int, int, int], noise: Noise, rng: np.random.Generator, *, workers: int = 1) -> Image:
    """Noise of a new image, from the same model, without regard to places.

    Parameters
    ----------
    shape : (Z, Y, X)
    noise : Noise
    rng : Generator
    workers : threads of the Fourier transforms, which apply a kernel; such noise continues at the opposite side

    Returns
    -------
    (Z, Y, X) float32 array
    """
    if noise.kernel is not None:
        spectrum = fft.rfftn(rng.standard_normal(shape, dtype=np.float32), workers=workers)
        spectrum *= fft.rfftn(_wrap(np.float32(noise.std) * noise.unit_kernel(), shape), workers=workers).real
        return np.asarray(fft.irfftn(spectrum, shape, workers=workers, overwrite_x=True), np.float32)
    z, y, x = noise.reaches(shape)
    wide = [n + 2 * r for n, r in zip(shape, (z, y, x), strict=True)]
    return _correlate(rng.standard_normal(wide, dtype=np.float32), noise, (z, y, x))


def kernel_from_power(power: npt.NDArray[np.floating], *, reach: int) -> Image:
    """Kernel that gives white noise the shape of a power spectrum.

    Parameters
    ----------
    power : (Y, X) or (Z, Y, X) power of a noise image in the order of `numpy.fft.fftn`, of any scale, not negative
    reach : voxels from the middle of the kernel to its edge; 3 to 7 hold the noise of most reconstructions

    Returns
    -------
    float32, 2·reach + 1 along each axis, or less where the spectrum is shorter; energy 1

    Notes
    -----
    The root of the power is the transform of a kernel that is symmetric through its middle. Cutting it at `reach`
    smooths the spectrum over 1/(2·reach + 1) of the sampling frequency.
    """
    if power.ndim not in (2, 3) or np.any(power < 0) or not np.any(power > 0):
        raise InputError("a power spectrum has two or three axes and is not negative, and not 0 everywhere")
    kernel = fft.fftshift(fft.ifftn(np.sqrt(np.asarray(power, np.float64))).real)
    reaches = [min(reach, (n - 1) // 2) for n in power.shape]
    kernel = kernel[tuple(slice(n // 2 - r, n // 2 + r + 1) for n, r in zip(power.shape, reaches, strict=True))]
    kernel = 0.5 * (kernel + np.flip(kernel))
    return np.asarray(kernel / np.sqrt(np.sum(kernel**2)), np.float32)


def _correlate(white: Image, noise: Noise, reaches: tuple[int, int, int]) -> Image:
    """White noise through the Gaussian, with what it needs around cut off, times the standard deviation."""
    reach = max(reaches)
    half = np.exp(-0.5 * (np.arange(reach + 1) / max(noise.length, 1e-9)) ** 2)
    half /= math.sqrt(half[0] ** 2 + 2 * np.sum(half[1:] ** 2))  # energy 1 keeps the variance of white noise
    field = np.float32(noise.std) * white
    for axis, cut in enumerate(reaches):
        if cut:
            field = convolve_axis(field, half.astype(np.float32), axis)
            field = field[tuple(slice(cut, -cut) if i == axis else slice(None) for i in range(3))]
    return field


def _wrap(kernel: Image, shape: tuple[int, int, int]) -> Image:
    """The kernel around the first voxel of a periodic image, overlapping itself where it is the larger one."""
    out = np.zeros(shape, np.float32)
    indices = [(np.arange(k) - k // 2) % n for k, n in zip(kernel.shape, shape, strict=True)]
    np.add.at(out, np.ix_(*indices), kernel)
    return out
