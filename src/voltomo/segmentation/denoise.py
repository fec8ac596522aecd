"""Denoising filters that give the same voxels block by block as in one piece.

Every filter reads a known number of voxels around each one, its halo, and nothing outside the field of view. Integers
come back as integers, rounded; floats as float32.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numba
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from voltomo.errors import InputError
from voltomo.segmentation.histogram import grey_array

__all__ = ["as_source", "denoised_dtype", "gaussian_halo", "gaussian_smooth", "median_smooth"]

Array: TypeAlias = npt.NDArray[Any]

TRUNCATE = 4.0
"""Standard deviations after which the Gaussian is cut; what is left out is 6e-5 of its weight."""


def denoised_dtype(dtype: npt.DTypeLike) -> np.dtype[Any]:
    """The dtype of the filtered values: the source's for integers, float32 for floats."""
    kind = np.dtype(dtype)
    if kind.kind == "b":
        return np.dtype(np.uint8)
    return kind if kind.kind in "iu" else np.dtype(np.float32)


def median_smooth(values: Array, inside: Array, *, radius: int = 1) -> Array:
    """Median of the voxels inside, in a cube of 2·radius + 1 voxels; the lower one of two middle values.

    Parameters
    ----------
    values : (z, y, x) grey values
    inside : (z, y, x) uint8, 0 outside the field of view; those voxels are left as they are and not used
    radius : halo in voxels; a plane (z = 1) is filtered in the plane
    """
    if radius < 1:
        raise InputError(f"the radius of the median is 1 voxel or more, found {radius}")
    grey = grey_array(values)
    out = np.empty_like(grey)
    _median_kernel(grey, np.ascontiguousarray(inside), radius, np.empty((2 * radius + 1) ** 3, grey.dtype), out)
    return out.astype(denoised_dtype(values.dtype), copy=False)


def gaussian_halo(sigma: tuple[float, float, float]) -> tuple[int, int, int]:
    """Halo of `gaussian_smooth` along z, y and x."""
    z, y, x = (math.ceil(TRUNCATE * s) for s in sigma)
    return z, y, x


def gaussian_smooth(values: Array, inside: Array, *, sigma: tuple[float, float, float]) -> Array:
    """Gaussian mean of the voxels inside the field of view.

    Parameters
    ----------
    values : (z, y, x) grey values
    inside : (z, y, x) uint8, 0 outside the field of view; those voxels are left as they are and not used
    sigma : standard deviation along z, y and x in voxels; 0 leaves an axis alone
    """
    grey = grey_array(values)
    weight = inside.astype(np.float32)
    total = np.where(inside != 0, grey, 0).astype(np.float32)
    for axis, (one, halo) in enumerate(zip(sigma, gaussian_halo(sigma), strict=True)):
        if one > 0 and grey.shape[axis] > 1:
            kernel = np.exp(-0.5 * (np.arange(-halo, halo + 1) / one) ** 2)
            kernel /= kernel.sum()
            total = ndimage.correlate1d(total, kernel, axis=axis, mode="reflect")
            weight = ndimage.correlate1d(weight, kernel, axis=axis, mode="reflect")
    mean = np.divide(total, weight, out=np.zeros_like(total), where=inside != 0)
    return as_source(mean, values, inside)


def as_source(result: Array, values: Array, inside: Array) -> Array:
    """The filtered voxels in the dtype to store, those outside as they were."""
    dtype = denoised_dtype(values.dtype)
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        result = np.clip(np.rint(result), info.min, info.max)
    return np.where(inside != 0, result, values).astype(dtype)


@numba.njit(cache=True, nogil=True)
def _median_kernel(values: Array, inside: Array, radius: int, window: Array, out: Array) -> None:
    """Lower median of the voxels inside, by partial insertion sort."""
    nz, ny, nx = values.shape
    for z in range(nz):
        for y in range(ny):
            for x in range(nx):
                if not inside[z, y, x]:
                    out[z, y, x] = values[z, y, x]
                    continue
                n = 0
                for i in range(max(0, z - radius), min(nz, z + radius + 1)):
                    for j in range(max(0, y - radius), min(ny, y + radius + 1)):
                        for k in range(max(0, x - radius), min(nx, x + radius + 1)):
                            if inside[i, j, k]:
                                window[n] = values[i, j, k]
                                n += 1
                out[z, y, x] = _select(window, n, (n - 1) // 2)


@numba.njit(cache=True, nogil=True)
def _select(window: Array, n: int, rank: int) -> Any:
    """The value of a rank among the first n; reorders them (Hoare's quickselect)."""
    low, high = 0, n - 1
    while low < high:
        pivot = window[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while window[i] < pivot:
                i += 1
            while window[j] > pivot:
                j -= 1
            if i <= j:
                window[i], window[j] = window[j], window[i]
                i += 1
                j -= 1
        if rank <= j:
            high = j
        elif rank >= i:
            low = i
        else:
            break
    return window[rank]
