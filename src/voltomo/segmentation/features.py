"""Features of the surroundings of a voxel: local mean, local spread, edge strength."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from voltomo.segmentation.histogram import grey_array

__all__ = ["FEATURE_HALO", "LocalFeature", "local_feature"]

Array: TypeAlias = npt.NDArray[Any]
LocalFeature: TypeAlias = Literal["mean", "std", "gradient"]

FEATURE_HALO = 1
"""Every feature looks at the 3³ voxels around one (3² in a plane)."""


def local_feature(values: Array, inside: Array, kind: LocalFeature) -> npt.NDArray[np.float32]:
    """A feature of each voxel inside, from the voxels inside around it.

    Parameters
    ----------
    values : (z, y, x) grey values
    inside : (z, y, x) uint8, 0 outside the field of view
    kind : "mean" and "std" of the grey values in a cube of 3 voxels, or "gradient": the largest difference to a voxel
        in that cube

    Returns
    -------
    (z, y, x) float32
        0 outside. At the faces of the volume the cube is cut off.
    """
    is_inside = inside != 0
    grey = grey_array(values)
    if kind == "gradient":
        low, high = _ends(grey.dtype)
        highest = ndimage.maximum_filter(np.where(is_inside, grey, low), 3, mode="constant", cval=low)
        lowest = ndimage.minimum_filter(np.where(is_inside, grey, high), 3, mode="constant", cval=high)
        here = np.where(is_inside, grey, 0).astype(np.float64)
        span = np.maximum(highest - here, here - lowest)
        return np.asarray(np.where(is_inside, span, 0), np.float32)
    count = _sum(is_inside.astype(np.float64))
    filled = np.where(is_inside, grey, 0).astype(np.float64)
    mean = np.divide(_sum(filled), count, out=np.zeros(grey.shape), where=is_inside)
    if kind == "mean":
        return np.asarray(mean, np.float32)
    square = np.divide(_sum(filled * filled), count, out=np.zeros(grey.shape), where=is_inside)
    return np.asarray(np.sqrt(np.maximum(square - mean * mean, 0)), np.float32)


def _sum(values: Array) -> Array:
    """Sum over 3 voxels along each axis; the same wherever a block begins."""
    for axis in range(3):
        if values.shape[axis] > 1:
            values = ndimage.correlate1d(values, np.ones(3), axis=axis, mode="constant")
    return values


def _ends(dtype: np.dtype[Any]) -> tuple[float, float]:
    """Values that lose every comparison for the maximum, and for the minimum."""
    if dtype.kind == "f":
        return -np.inf, np.inf
    info = np.iinfo(dtype)
    return info.min, info.max
