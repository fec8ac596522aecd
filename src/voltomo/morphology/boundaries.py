"""Moving the boundary between phases by layers of voxels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from numba import njit

__all__ = ["spread_phases"]

Bytes: TypeAlias = npt.NDArray[np.uint8]
Along: TypeAlias = tuple[bool, bool, bool]


def spread_phases(
    labels: Bytes, source: Sequence[int], target: Sequence[int], *, along: Along = (True, True, True)
) -> Bytes:
    """The labels after the source has taken a layer of voxels from the target.

    Parameters
    ----------
    labels : (Z, Y, X) uint8 array of ids
        A voxel depends on its 6 neighbors only: a halo of one voxel makes blocks equal to the whole.
    source, target : ids that grow, and ids that lose; other voxels stay, and nothing beyond the box grows into it
    along : whether source spreads along z, y, x

    Returns
    -------
    (Z, Y, X) uint8 array
        A voxel of the target that shares a face with the source takes the id that most of those faces have; of equally
        many the smallest.

    Examples
    --------
    >>> spread_phases(np.array([[[1, 1, 2, 2, 0, 3]]], np.uint8), [1, 3], [2])
    array([[[1, 1, 1, 2, 0, 3]]], dtype=uint8)
    """
    moved = labels.copy()
    _spread(labels, _is_one_of(source), _is_one_of(target), along, moved)
    return moved


def _is_one_of(ids: Sequence[int]) -> npt.NDArray[np.bool_]:
    table = np.zeros(256, np.bool_)
    table[list(ids)] = True
    return table


@njit(cache=True, nogil=True)
def _spread(
    labels: Bytes, grows: npt.NDArray[np.bool_], loses: npt.NDArray[np.bool_], along: Along, moved: Bytes
) -> None:
    """Write the voxels that change hands into `moved`."""
    nz, ny, nx = labels.shape
    near = np.zeros(6, np.uint8)
    for z in range(nz):
        for y in range(ny):
            for x in range(nx):
                if not loses[labels[z, y, x]]:
                    continue
                count = 0
                for axis in range(3):
                    if not along[axis]:
                        continue
                    for step in (-1, 1):
                        k = z + step * (axis == 0)
                        j = y + step * (axis == 1)
                        i = x + step * (axis == 2)
                        if 0 <= k < nz and 0 <= j < ny and 0 <= i < nx and grows[labels[k, j, i]]:
                            near[count] = labels[k, j, i]
                            count += 1
                if count:
                    moved[z, y, x] = _most_frequent(near, count)


@njit(cache=True, nogil=True)
def _most_frequent(ids: Bytes, count: int) -> int:
    """The id that occurs most often among the first ones; of equally many the smallest."""
    best, most = 0, 0
    for i in range(count):
        same = 0
        for j in range(count):
            same += ids[i] == ids[j]
        if same > most or (same == most and ids[i] < best):
            best, most = int(ids[i]), same
    return best
