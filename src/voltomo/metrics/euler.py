"""Euler number of each phase: parts minus loops plus cavities, from counts of voxels, pairs, squares and cubes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from numba import njit

from voltomo.artifacts import Measurement
from voltomo.metrics.bits import Bytes, Integers, Words, mask_of_starts, pack_slice, packed_size, popcount, stride_of
from voltomo.metrics.results import measured
from voltomo.metrics.sample import Sample

__all__ = ["count_cells", "euler_number", "measure_euler"]


def count_cells(
    labels: npt.NDArray[np.uint8], *, phase_ids: Sequence[int], starts: tuple[slice, slice, slice] | None = None
) -> Integers:
    """Voxels of each phase, and pairs, squares and cubes of neighboring voxels that are wholly of it.

    Parameters
    ----------
    labels : (Z, Y, X) uint8 array
    phase_ids : K ids from 1 to 255
    starts : slices along z, y, x, optional
        Where the first voxel (lowest z, y, x) of a cell lies; everywhere by default. A block gives its inner region
        here, and reads a halo of one voxel, so that each cell of the volume is counted by one block.

    Returns
    -------
    (K, 4) int64 array
        Voxels, pairs along an axis, squares of four voxels, cubes of eight.
    """
    within = np.zeros((3, 2), dtype=np.int64)
    for axis, n in enumerate(labels.shape):
        within[axis] = (slice(None) if starts is None else starts[axis]).indices(n)[:2]
    return np.asarray(_count_cells(np.ascontiguousarray(labels), np.array(phase_ids, np.uint64), within))


def euler_number(cells: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """(K,) Euler numbers by 6 neighbors (4 in a section): voxels - pairs + squares - cubes.

    Voxel centres are the corners, pairs the edges of a cell complex, whose Euler-Poincaré formula this is; its parts
    and loops are those of the 6-connected phase.

    References
    ----------
    .. [1] J. Serra, Image Analysis and Mathematical Morphology, Academic Press (1982).

    Examples
    --------
    >>> ring = np.array([[[1, 1, 1], [1, 2, 1], [1, 1, 1]]], np.uint8)
    >>> euler_number(count_cells(ring, phase_ids=(1, 2)))
    array([0, 1])
    """
    euler: npt.NDArray[np.int64] = cells @ np.array([1, -1, 1, -1])
    return euler


def measure_euler(cells: npt.NDArray[np.int64], sample: Sample) -> tuple[Measurement, ...]:
    """Euler number of each phase inside the window."""
    method = f"{6 if sample.dimension == 3 else 4} neighbors"
    return tuple(
        measured(sample, "euler_number", int(value), "1", phase=phase.name, method=method)
        for phase, value in zip(sample.phases, euler_number(cells), strict=True)
    )


@njit(cache=True, nogil=True)
def _count_cells(labels: Bytes, ids: Words, within: Integers) -> Integers:
    """Walk along z with the bits of two slices in hand; beyond the last slice there is no phase."""
    depth, height, width = labels.shape
    bits = np.zeros((2, ids.size, packed_size(height, width)), np.uint64)
    first = mask_of_starts(height, width, within)
    counts = np.zeros((ids.size, 4), np.int64)
    z_start, z_stop = within[0]
    if z_start < z_stop:
        pack_slice(labels[z_start], ids, bits[z_start % 2])
    for z in range(z_start, z_stop):
        if z + 1 < depth:
            pack_slice(labels[z + 1], ids, bits[(z + 1) % 2])
        else:
            bits[(z + 1) % 2] = 0
        for k in range(ids.size):
            _count_slice(bits[z % 2, k], bits[(z + 1) % 2, k], first, stride_of(width), counts[k])
    return counts


@njit(cache=True, nogil=True)
def _count_slice(low: Words, high: Words, first: Words, stride: int, counts: Integers) -> None:
    """Add the cells whose first voxel lies in the slice `low`; `high` is the slice after it."""
    one, rest = np.uint64(1), np.uint64(63)
    for w in range(1 + stride, first.size - 1 - stride):
        v = w + stride
        a = low[w] & first[w]
        a_x, a_y = (low[w] >> one) | (low[w + 1] << rest), low[v]
        b, b_y = high[w], high[v]
        b_x = (b >> one) | (high[w + 1] << rest)
        square = a & a_x & a_y & ((a_y >> one) | (low[v + 1] << rest))
        roof = b & b_x & b_y & ((b_y >> one) | (high[v + 1] << rest))
        counts[0] += popcount(a)
        counts[1] += popcount(a & a_x) + popcount(a & a_y) + popcount(a & b)
        counts[2] += popcount(square) + popcount(a & a_x & b & b_x) + popcount(a & a_y & b & b_y)
        counts[3] += popcount(square & roof)
