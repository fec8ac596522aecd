"""Connected components of one array, and what there is to count about each label."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, TypeAlias, get_args

import cc3d
import numpy as np
import numpy.typing as npt
from numba import njit

from voltomo.errors import InputError

__all__ = ["Connectivity", "LabelExtents", "label_mask", "measure_extents"]

Connectivity: TypeAlias = Literal[6, 18, 26]
"""Neighbours over faces; over faces and edges; over corners too. In a plane they become 4, 8 and 8."""


class LabelExtents(NamedTuple):
    """Row ``i`` belongs to label ``i + 1``.

    Parameters
    ----------
    counts : (N,) int64, voxels
    bounds : (N, 6) int32, first and last index along z, y, x: (z0, y0, x0, z1, y1, x1), both inclusive
    first : (N, 3) int32, index of the first voxel in raster order (z slowest)
    """

    counts: npt.NDArray[np.int64]
    bounds: npt.NDArray[np.int32]
    first: npt.NDArray[np.int32]


def label_mask(mask: npt.NDArray[np.bool_], *, connectivity: Connectivity = 6) -> tuple[npt.NDArray[np.uint32], int]:
    """Connected components of a mask.

    Parameters
    ----------
    mask : (Z, Y, X) bool array
    connectivity : {6, 18, 26}

    Returns
    -------
    labels : (Z, Y, X) uint32 array
        1 to N; 0 where the mask is false. The same mask always gives the same numbers.
    count : int
        N.

    Examples
    --------
    >>> label_mask(np.array([[[True, False, True]]]))[0].tolist()
    [[[1, 0, 2]]]
    """
    if connectivity not in get_args(Connectivity):
        raise InputError(f"expected a connectivity of 6, 18 or 26, found {connectivity}")
    labels, count = cc3d.connected_components(
        np.ascontiguousarray(mask), connectivity=connectivity, return_N=True, out_dtype=np.uint32, binary_image=True
    )
    return labels.astype(np.uint32, copy=False), int(count)


def measure_extents(labels: npt.NDArray[Any], count: int, *, origin: tuple[int, int, int] = (0, 0, 0)) -> LabelExtents:
    """Voxel count, bounding box and first voxel of each label.

    Parameters
    ----------
    labels : (Z, Y, X) unsigned array with values 0 to `count`
    count : number of labels
    origin : index of the array's first voxel in the volume; added to the indices
    """
    counts = np.zeros(count, np.int64)
    bounds = np.empty((count, 6), np.int32)
    bounds[:, :3] = np.iinfo(np.int32).max
    bounds[:, 3:] = -1
    first = np.zeros((count, 3), np.int32)
    _measure_extents(labels, counts, bounds, first)
    shift = np.array(origin, np.int32)
    return LabelExtents(counts, bounds + np.tile(shift, 2), first + shift)


@njit(cache=True, nogil=True)
def _measure_extents(
    labels: npt.NDArray[Any],
    counts: npt.NDArray[np.int64],
    bounds: npt.NDArray[np.int32],
    first: npt.NDArray[np.int32],
) -> None:
    """Fill the rows run by run: a label changes seldom along x."""
    nz, ny, nx = labels.shape
    for z in range(nz):
        for y in range(ny):
            x = 0
            while x < nx:
                label = labels[z, y, x]
                start = x
                x += 1
                while x < nx and labels[z, y, x] == label:
                    x += 1
                if label == 0:
                    continue
                row = label - 1
                if counts[row] == 0:
                    first[row, 0], first[row, 1], first[row, 2] = z, y, start
                    bounds[row, 0] = z
                counts[row] += x - start
                bounds[row, 3] = z
                bounds[row, 1] = min(bounds[row, 1], y)
                bounds[row, 4] = max(bounds[row, 4], y)
                bounds[row, 2] = min(bounds[row, 2], start)
                bounds[row, 5] = max(bounds[row, 5], x - 1)
