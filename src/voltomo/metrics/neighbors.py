"""Which phases meet: pairs of neighboring voxels counted per direction, in one pass over the labels.

Every phase of a slice is packed into bits, 64 voxels to a word. The pairs that phase i and phase j form along a
direction are then the set bits of ``bits_i & shifted(bits_j)``: all directions cost a few operations per 64 voxels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, cast

import numpy as np
import numpy.typing as npt
from numba import njit, types
from numba.extending import intrinsic

from voltomo.errors import InputError

__all__ = ["count_neighbors"]

Integers: TypeAlias = npt.NDArray[np.int64]
Words: TypeAlias = npt.NDArray[np.uint64]
Bytes: TypeAlias = npt.NDArray[np.uint8]


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


def _popcount_code(_context: Any, _word: Any) -> Any:
    """Signature and code of a popcount, in the form that numba's `intrinsic` takes."""

    def generate(_ctx: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.int64(types.uint64), generate


# Number of set bits of a uint64: one instruction where the processor has it.
_popcount = cast("Callable[[Any], int]", intrinsic(_popcount_code))


@njit(cache=True, nogil=True)
def _count_pairs(labels: Bytes, ids: Words, steps: Integers, within: Integers) -> Integers:
    """Walk along z with the bits of two slices in hand."""
    depth, height, width = labels.shape
    stride = (width + 63) // 64 + 1  # words per row; the last one stays zero and keeps rows apart when bits are shifted
    # One more row of zeros before and after each slice: a step beyond the slice meets no phase.
    bits = np.zeros((2, ids.size, (height + 2) * stride + 2), np.uint64)
    padded = np.zeros((stride - 1) * 64, np.uint8)
    first = _mask_of_starts(height, width, stride, within)
    counts = np.zeros((steps.shape[0], ids.size, ids.size), np.int64)
    z_start, z_stop = within[0]
    if z_start < z_stop:
        _pack_slice(labels[z_start], ids, padded, bits[z_start % 2], stride)
    for z in range(z_start, z_stop):
        if z + 1 < depth:
            _pack_slice(labels[z + 1], ids, padded, bits[(z + 1) % 2], stride)
        for d in range(steps.shape[0]):
            if z + steps[d, 0] < depth:
                ahead = bits[(z + steps[d, 0]) % 2]
                _count_slice(bits[z % 2], ahead, first, steps[d, 1] * stride, steps[d, 2], stride, counts[d])
    return counts


@njit(cache=True, nogil=True)
def _mask_of_starts(height: int, width: int, stride: int, within: Integers) -> Words:
    """Bits of the voxels that may be the first of a pair, in the layout of a packed slice."""
    mask = np.zeros((height + 2) * stride + 2, np.uint64)
    for y in range(within[1, 0], within[1, 1]):
        for x in range(within[2, 0], within[2, 1]):
            mask[1 + (y + 1) * stride + x // 64] |= np.uint64(1) << np.uint64(x % 64)
    return mask


@njit(cache=True, nogil=True)
def _pack_slice(labels: Bytes, ids: Words, padded: Bytes, bits: Words, stride: int) -> None:
    """One bit per voxel and phase; eight voxels at a time."""
    low, ones = np.uint64(0x7F7F7F7F7F7F7F7F), np.uint64(0x0101010101010101)
    gather = np.uint64(0x0102040810204080)  # the product brings bit 0 of byte i to bit 56 + i
    height, width = labels.shape
    octets = padded.view(np.uint64)
    for y in range(height):
        for x in range(width):
            padded[x] = labels[y, x]
        for k in range(ids.size):
            pattern = ids[k] * ones
            for w in range(stride - 1):
                word = np.uint64(0)
                for b in range(8):
                    differs = octets[8 * w + b] ^ pattern
                    # Bit 7 of each byte is set unless the byte is zero, that is, unless the voxel carries the id.
                    equal = ~(((differs & low) + low) | differs | low) >> np.uint64(7)
                    word |= ((equal * gather) >> np.uint64(56)) << np.uint64(8 * b)
                bits[k, 1 + (y + 1) * stride + w] = word


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
                    total += _popcount(mine[w] & first[w] & other[w + rows])
            elif dx > 0:
                for w in range(start, stop):
                    v = w + rows
                    total += _popcount(mine[w] & first[w] & ((other[v] >> one) | (other[v + 1] << rest)))
            else:
                for w in range(start, stop):
                    v = w + rows
                    total += _popcount(mine[w] & first[w] & ((other[v] << one) | (other[v - 1] >> rest)))
            counts[i, j] += total
