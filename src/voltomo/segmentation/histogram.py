"""The histogram of a volume, built block by block.

Counts are integers and their sums do not depend on the order of the blocks, so that cuts found from a histogram are the
same in and out of core, bit for bit. Integers of up to 16 bits are counted level by level; wider integers and floats in
`FLOAT_BINS` equal bins between two given values.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numba
import numpy as np
import numpy.typing as npt

from voltomo.errors import InputError

__all__ = [
    "FLOAT_BINS",
    "BinRule",
    "Histogram",
    "bin_rule",
    "count_values",
    "grey_array",
    "quantile_range",
    "value_range",
]

Array: TypeAlias = npt.NDArray[Any]
Floats: TypeAlias = npt.NDArray[np.float64]

FLOAT_BINS = 4096
"""Bins for floats: a bin is then 0.02 % of the range, far below the noise of any scan."""


@dataclass(frozen=True)
class BinRule:
    """How grey values become bins.

    Parameters
    ----------
    low, high : grey values of the first level and the last (levels), or the outer edges of all bins (equal bins)
    count : number of bins
    is_exact : one bin per integer level, or equal bins; values beyond `low` and `high` count in the end bins
    """

    low: float
    high: float
    count: int
    is_exact: bool

    @property
    def edges(self) -> Floats:
        """(count + 1,) edges; half a level around each level where the bins are levels."""
        if self.is_exact:
            return np.arange(self.count + 1, dtype=np.float64) + (self.low - 0.5)
        return np.linspace(self.low, self.high, self.count + 1).astype(np.float64)

    @property
    def centers(self) -> Floats:
        """(count,) grey value that stands for each bin."""
        edges = self.edges
        return (edges[:-1] + edges[1:]) / 2


@dataclass(frozen=True)
class Histogram:
    """Counts of grey values inside the field of view.

    Parameters
    ----------
    counts : (rule.count,) int64
    rule : the bins
    """

    counts: npt.NDArray[np.int64]
    rule: BinRule

    def __post_init__(self) -> None:
        if not self.counts.any():
            raise InputError("the histogram is empty; the mask leaves no voxel inside")

    @property
    def total(self) -> int:
        """Number of voxels."""
        return int(self.counts.sum())

    @property
    def filled(self) -> npt.NDArray[np.intp]:
        """Numbers of the bins that hold a voxel."""
        return np.flatnonzero(self.counts)

    def grouped(self, count: int) -> Histogram:
        """At most `count` equal bins, each of whole bins of this one: for a drawing, or a method that needs few.

        Where grey levels leave gaps (an 8-bit image stretched to 16 bits), a bin holds as many steps of the comb as
        the next, so that no false gaps appear.
        """
        if self.rule.count <= count:
            return self
        filled = self.filled
        step = int(np.gcd.reduce(np.diff(filled))) if self.rule.is_exact and filled.size > 1 else 1
        first = int(filled[0]) if step > 1 else 0
        length = int(filled[-1]) - first + 1 if step > 1 else self.rule.count
        width = step * -(-length // (step * count))
        groups = -(-length // width)
        sums = np.bincount((filled - first) // width, weights=self.counts[filled], minlength=groups)
        edges = self.rule.edges
        size = (edges[-1] - edges[0]) / self.rule.count
        high = edges[-1] if first + groups * width == self.rule.count else edges[first] + groups * width * size
        return Histogram(sums.astype(np.int64), BinRule(float(edges[first]), float(high), groups, False))


def grey_array(values: Array) -> Array:
    """The array as kernels take it: contiguous, real numbers; bool becomes uint8 and half precision float32.

    Raises
    ------
    InputError
        If the values are no real numbers.
    """
    kind = values.dtype.kind
    if kind == "b":
        return np.ascontiguousarray(values).view(np.uint8)
    if kind not in "iuf":
        raise InputError(f"expected grey values (integers or floats), found {values.dtype}")
    if values.dtype == np.float16:
        return np.ascontiguousarray(values, dtype=np.float32)
    return np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("="))


def bin_rule(dtype: npt.DTypeLike, low: float, high: float) -> BinRule:
    """The bins for a dtype and the range of its values; bins are levels for integers of up to 16 bits.

    Parameters
    ----------
    dtype : of the grey values
    low, high : smallest and largest grey value to tell apart
    """
    kind = np.dtype(dtype)
    if kind.kind == "b" or (kind.kind in "iu" and kind.itemsize <= 2):
        return BinRule(float(low), float(high), round(high - low) + 1, True)
    if not high > low:
        high = low + 1.0
    return BinRule(float(low), float(high), FLOAT_BINS, False)


def value_range(values: Array, inside: Array) -> tuple[float, float, int]:
    """Smallest and largest finite value where `inside` is not 0, and the number of voxels inside that are not finite.

    The range is (inf, -inf) where nothing is inside.
    """
    low, high, bad = _range_kernel(grey_array(values).ravel(), np.ascontiguousarray(inside).ravel())
    return float(low), float(high), int(bad)


def count_values(values: Array, inside: Array, rule: BinRule) -> npt.NDArray[np.int64]:
    """Counts per bin of the voxels inside.

    Parameters
    ----------
    values : array of grey values, finite where `inside` is not 0
    inside : uint8 array of the same shape, 0 outside the field of view
    rule : the bins

    Returns
    -------
    (rule.count,) int64
    """
    counts = np.zeros(rule.count, np.int64)
    scale = 1.0 if rule.is_exact else rule.count / (rule.high - rule.low)
    _count_kernel(grey_array(values).ravel(), np.ascontiguousarray(inside).ravel(), rule.low, scale, counts)
    return counts


def quantile_range(counts: npt.NDArray[np.int64], rule: BinRule, tail: float) -> tuple[float, float]:
    """Edges of the bins that remain when a share `tail` of the voxels is left out at either end."""
    cumulative = np.cumsum(counts)
    allowed = tail * cumulative[-1]
    first = int(np.searchsorted(cumulative, allowed, side="right"))
    last = int(np.searchsorted(cumulative, cumulative[-1] - allowed, side="left"))
    return float(rule.edges[first]), float(rule.edges[last + 1])


@numba.njit(cache=True, nogil=True)
def _range_kernel(values: Array, inside: Array) -> tuple[float, float, int]:
    """Minimum and maximum as float64, and the number of values that are not finite."""
    low, high, bad = np.inf, -np.inf, 0
    for i in range(values.size):
        if inside[i]:
            value = float(values[i])
            if np.isfinite(value):
                low = min(value, low)
                high = max(value, high)
            else:
                bad += 1
    return low, high, bad


@numba.njit(cache=True, nogil=True)
def _count_kernel(values: Array, inside: Array, low: float, scale: float, counts: Array) -> None:
    """Add every value inside to its bin; values beyond the range go to the end bins."""
    last = counts.size - 1
    for i in range(values.size):
        if inside[i]:
            position = (float(values[i]) - low) * scale
            if position <= 0.0:
                counts[0] += 1
            elif position >= last:
                counts[last] += 1
            else:
                counts[int(position)] += 1
