"""Partial volume: what a voxel shows is the mean over its volume."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from voltomo.errors import InputError, ShapeError

__all__ = ["Sampling", "average_cells", "sample_coarsely"]

Image = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Sampling:
    """A grid of voxels laid over a finer image.

    Parameters
    ----------
    coarsening : edge of a voxel in voxels of the image
    shift : by which the new grid lies further along z, y and x than the image's, in voxels of the image, −1 to 1
        The truth lies shifted by it against the result; 0.1 is the most that labels bear.
    """

    coarsening: int = 1
    shift: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        if self.coarsening < 1 or max(abs(s) for s in self.shift) > 1:
            raise InputError(f"coarsening is at least 1 and a shift at most one voxel, found {self}")


def sample_coarsely(grey: Image, sampling: Sampling) -> Image:
    """Means over the voxels of the shifted, coarser grid.

    Parameters
    ----------
    grey : (Z, Y, X) float32, taken as constant within each voxel; beyond it the edge voxels are repeated
    sampling : Sampling

    Returns
    -------
    float32 of shape (Z, Y, X) // coarsening; an axis of one voxel stays

    Raises
    ------
    ShapeError
        If an edge is no whole number of the coarser voxels.
    """
    factors = tuple(sampling.coarsening if n > 1 else 1 for n in grey.shape)
    if any(n % f for n, f in zip(grey.shape, factors, strict=True)):
        raise ShapeError(f"an image {grey.shape} cannot be cut into voxels of {sampling.coarsening}; crop it first")
    shifted = grey
    for axis, shift in enumerate(sampling.shift):
        if shift and grey.shape[axis] > 1:
            shifted = _shift(shifted, shift, axis)
    return average_cells(shifted, (factors[0], factors[1], factors[2]))


def _shift(grey: Image, shift: float, axis: int) -> Image:
    """Mean over voxels that lie `shift` further: exact for an image that is constant in each voxel."""
    part = np.float32(abs(shift))
    index = np.clip(np.arange(grey.shape[axis]) + (1 if shift > 0 else -1), 0, grey.shape[axis] - 1)
    return np.asarray((1 - part) * grey + part * np.take(grey, index, axis=axis), np.float32)


def average_cells(grey: Image, factors: tuple[int, int, int]) -> Image:
    """Means over cells of `factors` voxels, a new array."""
    z, y, x = (n // f for n, f in zip(grey.shape, factors, strict=True))
    out = np.zeros((z, y, x), np.float32)
    _average(np.ascontiguousarray(grey, np.float32), factors[0], factors[1], factors[2], out)
    return out


@njit(cache=True, nogil=True)
def _average(grey: Image, fz: int, fy: int, fx: int, out: Image) -> None:
    scale = np.float32(1.0 / (fz * fy * fx))
    for z in range(out.shape[0] * fz):
        for y in range(out.shape[1] * fy):
            target, row = out[z // fz, y // fy], grey[z, y]
            for i in range(fx):
                for x in range(len(target)):
                    target[x] += row[x * fx + i]
    for z in range(out.shape[0]):
        for y in range(out.shape[1]):
            for x in range(out.shape[2]):
                out[z, y, x] *= scale
