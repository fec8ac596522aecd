"""Convolution with small symmetric kernels, axis by axis, or with a small kernel as a whole.

Every value is one sum in a fixed order, so that a region comes out the same, bit by bit, however a volume is cut.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from numba import njit

__all__ = ["convolve_axes", "convolve_axis", "convolve_whole", "gaussian_kernel", "gaussian_reach"]

Image = npt.NDArray[np.float32]

_CHUNK = 2048
"""Voxels of a row that are worked on at once: with the rows of a kernel they stay in the cache."""


def gaussian_reach(sigma: float) -> int:
    """Voxels at which a Gaussian is cut: four standard deviations, beyond which lie 6e-5 of it."""
    return int(4.0 * sigma + 0.5)


def gaussian_kernel(sigma: float) -> npt.NDArray[np.float32]:
    """Right half of a sampled Gaussian with sum 1: weight 0 is the middle. `sigma` in voxels; 0 changes nothing."""
    if sigma == 0:
        return np.ones(1, np.float32)
    half = np.exp(-0.5 * (np.arange(gaussian_reach(sigma) + 1) / sigma) ** 2)
    return np.asarray(half / (half[0] + 2 * half[1:].sum()), np.float32)


def convolve_axes(image: Image, kernels: Sequence[npt.NDArray[np.float32]]) -> Image:
    """Convolve along each axis in turn with a symmetric kernel, given as its right half; edges are repeated.

    Parameters
    ----------
    image : (Z, Y, X) float32
    kernels : one per axis; a kernel of one weight 1 leaves its axis alone

    Returns
    -------
    (Z, Y, X) float32, a new array
    """
    result = image
    for axis, kernel in enumerate(kernels):
        if len(kernel) > 1 or kernel[0] != 1:
            result = convolve_axis(result, kernel, axis)
    return result.copy() if result is image else result


def convolve_axis(
    image: Image, kernel: npt.NDArray[np.float32], axis: int, *, out: Image | None = None, sign: float = 1.0
) -> Image:
    """Convolution along one axis, times `sign`, added to `out` where it is given; edges are repeated."""
    image = np.ascontiguousarray(image, np.float32)
    out = np.zeros_like(image) if out is None else out
    weights = np.asarray(kernel * np.float32(sign), np.float32)
    if axis == 2:
        _add_along_rows(image, weights, out)
    else:
        before, after = int(np.prod(image.shape[:axis])), int(np.prod(image.shape[axis + 1 :]))
        shape = (before, image.shape[axis], after)
        _add_across_rows(image.reshape(shape), weights, out.reshape(shape))
    return out


def convolve_whole(image: Image, kernel: Image) -> Image:
    """Convolve with a kernel that is symmetric through its middle; only where the kernel fits in.

    Parameters
    ----------
    image : (Z, Y, X) float32
    kernel : (KZ, KY, KX) float32, odd along each axis

    Returns
    -------
    (Z − KZ + 1, Y − KY + 1, X − KX + 1) float32
    """
    z, y, x = (n - k + 1 for n, k in zip(image.shape, kernel.shape, strict=True))
    out = np.zeros((z, y, x), np.float32)
    _add_whole(image, kernel, out)
    return out


@njit(cache=True, nogil=True)
def _add_along_rows(image: Image, kernel: npt.NDArray[np.float32], out: Image) -> None:
    nz, ny, nx = image.shape
    reach = len(kernel) - 1
    row = np.empty(nx + 2 * reach, np.float32)
    for z in range(nz):
        for y in range(ny):
            row[:reach] = image[z, y, 0]
            row[reach : reach + nx] = image[z, y]
            row[reach + nx :] = image[z, y, nx - 1]
            target = out[z, y]
            for x in range(nx):
                target[x] += kernel[0] * row[reach + x]
            for j in range(1, reach + 1):
                weight = kernel[j]
                left, right = row[reach - j : reach - j + nx], row[reach + j : reach + j + nx]
                for x in range(nx):
                    target[x] += weight * (left[x] + right[x])


@njit(cache=True, nogil=True)
def _add_across_rows(image: Image, kernel: npt.NDArray[np.float32], out: Image) -> None:
    before, count, after = image.shape
    for a in range(before):
        for start in range(0, after, _CHUNK):
            stop = min(after, start + _CHUNK)
            for b in range(count):
                target, middle = out[a, b, start:stop], image[a, b, start:stop]
                for x in range(stop - start):
                    target[x] += kernel[0] * middle[x]
                for j in range(1, len(kernel)):
                    weight = kernel[j]
                    low, high = image[a, max(b - j, 0), start:stop], image[a, min(b + j, count - 1), start:stop]
                    for x in range(stop - start):
                        target[x] += weight * (low[x] + high[x])


@njit(cache=True, nogil=True)
def _add_whole(image: Image, kernel: Image, out: Image) -> None:
    nz, ny, nx = out.shape
    for z in range(nz):
        for y in range(ny):
            target = out[z, y]
            for i in range(kernel.shape[0]):
                for j in range(kernel.shape[1]):
                    row = image[z + i, y + j]
                    for k in range(kernel.shape[2]):
                        weight, part = kernel[i, j, k], row[k : k + nx]
                        for x in range(nx):
                            target[x] += weight * part[x]
