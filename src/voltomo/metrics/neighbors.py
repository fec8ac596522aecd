"""Which phases meet: pairs of neighboring voxels counted per direction, in one pass over the labels.

Every phase of a slice is packed into bits, 64 voxels to a word. The pairs that phase i and phase j form along a
direction are then the set bits of ``bits_i & shifted(bits_j)``: all directions cost a few operations per 64 voxels.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from numba import njit

from voltomo.errors import InputError
from voltomo.metrics.bits import Bytes, Integers, Words, mask_of_starts, pack_slice, packed_size, popcount, stride_of

__all__ = ["count_neighbors"]


def count_neighbors(
    labels: npt.NDArray[np.uint8],
    *,
    phase_ids: Sequence[int],
    offsets: npt.ArrayLike,
    starts: tuple[slice, slice, slice] | None = None,
) -> npt.NDArray[np.int64]:
    """Co-occurrence of phases in neighboring voxels.

    Parameters
    ----------
    labels : (Z, Y, X) uint8 array
        Phase ids. Ids that are not in `phase_ids`, such as 0 outside the field of view, form no pairs.
    phase_ids : K ids from 1 to 255
    offsets : (D, 3) integers
        Steps (dz, dy, dx) from the first voxel of a pair to the second; dz is 0 or 1, dy and dx are -1, 0 or 1.
    starts : slices along z, y, x, optional
        Where the first voxel of a pair lies; everywhere by default. A block gives its inner region here, and reads a
        halo of one voxel, so that each pair of the volume is counted by one block.

    Returns
    -------
    (D, K, K) int64 array
        ``[d, i, j]`` is the number of voxels of phase i whose neighbor along offset d is of phase j. The sum
        over i and j is the number of pairs with both ends inside the region.

    Raises
    ------
    InputError
        If an id or an offset is out of range.

    Notes
    -----
    Time is independent of the structure: about 13·K²/64 popcounts per voxel. Memory is two slices of bits per phase.

    Examples
    --------
    >>> layers = np.array([1, 1, 2, 2], np.uint8).reshape(1, 1, 4)
    >>> count_neighbors(layers, phase_ids=(1, 2), offsets=[(0, 0, 1)])
    array([[[1, 1],
            [0, 1]]])
    """
    steps = np.ascontiguousarray(offsets, dtype=np.int64).reshape(-1, 3)
    if np.abs(steps).max(initial=0) > 1 or steps[:, 0].min(initial=0) < 0:
        raise InputError(f"offsets are steps to a neighbor with dz 0 or 1 and dy, dx -1 to 1, found {steps.tolist()}")
    ids = np.array(phase_ids, dtype=np.int64)
    if ids.size and (ids.min() < 1 or ids.max() > 255):
        raise InputError(f"phase ids are 1 to 255, found {ids.tolist()}")
    within = np.zeros((3, 2), dtype=np.int64)
    for axis, n in enumerate(labels.shape):
        part = slice(None) if starts is None else starts[axis]
        within[axis] = part.indices(n)[:2]
    return np.asarray(_count_pairs(np.ascontiguousarray(labels), ids.astype(np.uint64), steps, within))


@njit(cache=True, nogil=True)
def _count_pairs(labels: Bytes, ids: Words, steps: Integers, within: Integers) -> Integers:
    """Walk along z with the bits of two slices in hand."""
    depth, height, width = labels.shape
    stride = stride_of(width)
    bits = np.zeros((2, ids.size, packed_size(height, width)), np.uint64)
    first = mask_of_starts(height, width, within)
    counts = np.zeros((steps.shape[0], ids.size, ids.size), np.int64)
    z_start, z_stop = within[0]
    if z_start < z_stop:
        pack_slice(labels[z_start], ids, bits[z_start % 2])
    for z in range(z_start, z_stop):
        if z + 1 < depth:
            pack_slice(labels[z + 1], ids, bits[(z + 1) % 2])
        for d in range(steps.shape[0]):
            if z + steps[d, 0] < depth:
                ahead = bits[(z + steps[d, 0]) % 2]
                _count_slice(bits[z % 2], ahead, first, steps[d, 1] * stride, steps[d, 2], stride, counts[d])
    return counts


@njit(cache=True, nogil=True)
def _count_slice(here: Words, ahead: Words, first: Words, rows: int, dx: int, stride: int, counts: Integers) -> None:
    """Add the pairs between two packed slices that are `rows` words and `dx` voxels apart."""
    start, stop = 1 + stride, first.size - 1 - stride
    one, rest = np.uint64(1), np.uint64(63)
    for j in range(counts.shape[1]):
        other = ahead[j]
        for i in range(counts.shape[0]):
            mine = here[i]
            total = 0
            if dx == 0:
                for w in range(start, stop):
                    total += popcount(mine[w] & first[w] & other[w + rows])
            elif dx > 0:
                for w in range(start, stop):
                    v = w + rows
                    total += popcount(mine[w] & first[w] & ((other[v] >> one) | (other[v + 1] << rest)))
            else:
                for w in range(start, stop):
                    v = w + rows
                    total += popcount(mine[w] & first[w] & ((other[v] << one) | (other[v - 1] >> rest)))
            counts[i, j] += total
