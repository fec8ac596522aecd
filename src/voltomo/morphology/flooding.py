"""Marker-controlled watershed by flooding, with one first-in-first-out queue per level.

Voxels are flooded from the highest level down, from the markers outwards, over voxel faces. Levels are 16-bit integers,
so that the queues need no comparisons: a counting sort sets aside the place of every voxel in the queue of its level
before the flood begins. Reading a queue is then reading memory in order, which is where most of the speed comes from.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from voltomo.errors import InputError, ShapeError

__all__ = ["flood", "flood_markers"]


def flood(
    levels: npt.NDArray[np.uint16], places: npt.NDArray[np.integer[Any]], ids: npt.NDArray[np.uint32]
) -> npt.NDArray[np.uint32]:
    """Watershed basins of markers given as a list of voxels.

    Parameters
    ----------
    levels : (Z, Y, X) uint16 array
        High levels are flooded first; 0 is not flooded.
    places : (M, 3) integer array
        Index of each marker voxel. Markers on level 0 are ignored.
    ids : (M,) uint32 array
        Id of each marker voxel, from 1; several voxels may share one.

    Returns
    -------
    (Z, Y, X) uint32 array
        0 where no marker reaches.

    Notes
    -----
    Each voxel takes the id of the neighbour (6 in a volume, 4 in a plane) from which it is reached first. Within a
    level the order is first in, first out, beginning with the markers in the order given. Next to its input and output
    (2 and 4 bytes per voxel) it holds 2 bytes per voxel and 4 per flooded voxel.

    References
    ----------
    .. [1] F. Meyer, Topographic distance and watershed lines, Signal Processing 38 (1994) 113,
       doi 10.1016/0165-1684(94)90060-4.
    .. [2] S. Beucher, C. Lantuéjoul, Use of watersheds in contour detection, Int. Workshop on Image Processing,
       Rennes (1979).
    """
    if levels.ndim != 3 or levels.dtype != np.uint16:
        raise ShapeError(f"expected levels as a (Z, Y, X) uint16 array, found {levels.shape} {levels.dtype}")
    padding = [(0, 0) if n == 1 else (1, 1) for n in levels.shape]
    walled = np.pad(levels, padding)
    basins = np.zeros(walled.shape, np.uint32)
    lifted = np.asarray(places, np.int64).reshape(-1, 3) + [before for before, _ in padding]
    flat = np.ravel_multi_index(tuple(lifted.T), walled.shape)
    # A queue holds positions: 4 bytes are enough for arrays of up to 2^31 voxels.
    position = np.int32 if walled.size < 2**31 else np.int64
    queue = np.empty(np.count_nonzero(levels), position)
    _flood(walled.ravel(), basins.ravel(), flat, np.asarray(ids, np.uint32), _steps(walled.shape), queue)
    inner = tuple(slice(before, n - after) for (before, after), n in zip(padding, walled.shape, strict=True))
    return basins[inner]


def flood_markers(levels: npt.NDArray[np.uint16], markers: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.uint32]:
    """Watershed basins of markers given as an array of ids; 0 is no marker. See `flood`.

    Examples
    --------
    >>> levels = np.array([[[9, 7, 3, 4, 8, 0, 5]]], np.uint16)
    >>> flood_markers(levels, np.array([[[1, 0, 0, 0, 2, 0, 0]]])).tolist()
    [[[1, 1, 1, 2, 2, 0, 0]]]
    """
    if markers.shape != levels.shape:
        raise ShapeError(f"levels {levels.shape} and markers {markers.shape} differ in shape")
    if markers.size and markers.min() < 0:
        raise InputError("marker ids are not negative; 0 is no marker")
    places = np.argwhere(markers)
    return flood(levels, places, markers[tuple(places.T)].astype(np.uint32))


def _steps(shape: tuple[int, ...]) -> npt.NDArray[np.int64]:
    """Distance in memory to the neighbours over faces, in raster order; along axes longer than 1."""
    _, ny, nx = shape
    strides = [stride for stride, n in zip((ny * nx, nx, 1), shape, strict=True) if n > 1]
    return np.array([-s for s in strides] + strides[::-1], np.int64)


@njit(cache=True, nogil=True)
def _flood(
    levels: npt.NDArray[np.uint16],
    basins: npt.NDArray[np.uint32],
    places: npt.NDArray[np.int64],
    ids: npt.NDArray[np.uint32],
    steps: npt.NDArray[np.int64],
    queue: npt.NDArray[Any],
) -> None:
    """Flood `basins` (flat, all 0) in place, and set `levels` (flat, 0 all around) to 0 wherever the flood has come.

    One array thus tells walls, visited and open voxels apart, and most neighbours are looked up in it alone.
    """
    head = np.zeros(65537, np.int64)
    for p in range(levels.size):
        # Turn 65535 - level, so that the highest level comes first.
        head[65535 - levels[p] + 1] += 1
    for turn in range(1, 65537):
        head[turn] += head[turn - 1]
    tail = head.copy()
    for m in range(places.size):
        p = places[m]
        if levels[p] > 0:
            turn = 65535 - levels[p]
            queue[tail[turn]] = p
            tail[turn] += 1
            levels[p] = 0
            basins[p] = ids[m]
    turn = 0
    while turn < 65535:
        if head[turn] == tail[turn]:
            turn += 1
            continue
        p = queue[head[turn]]
        head[turn] += 1
        label = basins[p]
        for k in range(steps.size):
            q = p + steps[k]
            level = levels[q]
            if level > 0:
                levels[q] = 0
                basins[q] = label
                later = 65535 - level
                queue[tail[later]] = q
                tail[later] += 1
                # Over a saddle the flood runs uphill into a basin without a marker of its own, as from a heap.
                turn = min(turn, later)
