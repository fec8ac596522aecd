"""Voxels as bits: a slice of labels packed 64 voxels to a word, so that counting takes 64 voxels at a time.

The layout of a packed slice: rows of `stride` words, the last of which stays zero and keeps rows apart when bits are
shifted along x; one row of zeros before and after, so that a step beyond the slice meets no phase; one more word before
and after that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, cast

import numpy as np
import numpy.typing as npt
from numba import njit, types
from numba.extending import intrinsic

__all__ = ["Bytes", "Integers", "Words", "mask_of_starts", "pack_slice", "packed_size", "popcount", "stride_of"]

Integers: TypeAlias = npt.NDArray[np.int64]
Words: TypeAlias = npt.NDArray[np.uint64]
Bytes: TypeAlias = npt.NDArray[np.uint8]


def _popcount_code(_context: Any, _word: Any) -> Any:
    """Signature and code of a popcount, in the form that numba's `intrinsic` takes."""

    def generate(_ctx: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.int64(types.uint64), generate


# Number of set bits of a uint64: one instruction where the processor has it.
popcount = cast("Callable[[Any], int]", intrinsic(_popcount_code))


@njit(cache=True, nogil=True)
def stride_of(width: int) -> int:
    """Words per row."""
    return (width + 63) // 64 + 1


@njit(cache=True, nogil=True)
def packed_size(height: int, width: int) -> int:
    """Words of a packed slice."""
    return (height + 2) * stride_of(width) + 2


@njit(cache=True, nogil=True)
def mask_of_starts(height: int, width: int, within: Integers) -> Words:
    """Bits of the voxels that may be the first of a pair, in the layout of a packed slice."""
    stride = stride_of(width)
    mask = np.zeros(packed_size(height, width), np.uint64)
    for y in range(within[1, 0], within[1, 1]):
        for x in range(within[2, 0], within[2, 1]):
            mask[1 + (y + 1) * stride + x // 64] |= np.uint64(1) << np.uint64(x % 64)
    return mask


@njit(cache=True, nogil=True)
def pack_slice(labels: Bytes, ids: Words, bits: Words) -> None:
    """One bit per voxel and phase; eight voxels at a time."""
    low, ones = np.uint64(0x7F7F7F7F7F7F7F7F), np.uint64(0x0101010101010101)
    gather = np.uint64(0x0102040810204080)  # the product brings bit 0 of byte i to bit 56 + i
    height, width = labels.shape
    stride = stride_of(width)
    padded = np.zeros((stride - 1) * 64, np.uint8)
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
