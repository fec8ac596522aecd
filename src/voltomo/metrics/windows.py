"""Every 2 × 2 × 2 window of a map counted once: what meshes, curvatures and triple lines are computed from.

A window of eight voxels shows a phase in one of 256 configurations. Whatever is a sum over windows (the area of a mesh
of marching cubes, the integrals of curvature, the Euler number) is a table of 256 numbers times these counts, so that
one pass over the data serves all of them and the voxel size enters afterwards.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from numba import njit

from voltomo.errors import InputError
from voltomo.metrics.bits import popcount
from voltomo.metrics.lattice_planes import QUARTERS, TRIANGLES

__all__ = ["WindowCounts", "count_windows"]

Counts: TypeAlias = npt.NDArray[np.int64]
Bytes: TypeAlias = npt.NDArray[np.uint8]

_OUTSIDE = 63  # bit of the field of view's outside; phases have the bits before it


@dataclass(frozen=True)
class WindowCounts:
    """Configurations of K phases in the windows that lie wholly inside the field of view.

    Parameters
    ----------
    inside : (1,) number of those windows
    phases : (K, 256) windows per phase and configuration; bit ``4·dz + 2·dy + dx`` of a configuration is set where the
        voxel at that corner is of the phase
    pairs : (K·(K-1)/2, 3, 256) of the windows that hold both phases of a pair: configurations of the first, of the
        second, and of both together; pairs in the order of `itertools.combinations`
    triples : (K·(K-1)·(K-2)/6, 13) points in which three phases meet on the lattice planes of
        `voltomo.metrics.lattice_planes`, in quarters
    """

    inside: Counts
    phases: Counts
    pairs: Counts
    triples: Counts

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> WindowCounts:
        """From named arrays, as they are added up over blocks."""
        return cls(*(np.asarray(arrays[f"windows_{name}"], np.int64) for name in cls.__dataclass_fields__))

    @property
    def arrays(self) -> dict[str, Counts]:
        """Named arrays, which add up over blocks."""
        return {f"windows_{name}": getattr(self, name) for name in self.__dataclass_fields__}


def count_windows(
    labels: Bytes, *, phase_ids: Sequence[int], starts: tuple[slice, slice, slice] | None = None
) -> WindowCounts:
    """Count the configurations of phases in windows of 2 × 2 × 2 voxels.

    Parameters
    ----------
    labels : (Z, Y, X) uint8 array
        Phase ids. A window with an id that is not in `phase_ids`, such as 0 outside the field of view, is not counted.
    phase_ids : up to 63 ids from 1 to 255
    starts : slices along z, y, x, optional
        Where the first voxel (lowest z, y, x) of a window lies; everywhere by default. A block gives its inner region
        here, and reads a halo of one voxel, so that each window of the volume is counted by one block.

    Raises
    ------
    InputError
        If there are more than 63 phases.

    Examples
    --------
    >>> one = np.ones((3, 3, 3), np.uint8)
    >>> one[1, 1, 1] = 2
    >>> np.flatnonzero(count_windows(one, phase_ids=(1, 2)).phases[1])  # one corner, in turn
    array([  1,   2,   4,   8,  16,  32,  64, 128])
    """
    number = len(phase_ids)
    if number > _OUTSIDE:
        raise InputError(f"expected at most {_OUTSIDE} phases, found {number}; join phases that need no surface of own")
    rows = np.full(256, _OUTSIDE, np.uint8)
    rows[list(phase_ids)] = np.arange(number)
    within = np.zeros((3, 2), np.int64)
    for axis, n in enumerate(labels.shape):
        first, last, _ = (slice(None) if starts is None else starts[axis]).indices(n)
        within[axis] = first, min(last, n - 1)
    pair_rows = np.zeros((number, number), np.int64)
    for p, (i, j) in enumerate(itertools.combinations(range(number), 2)):
        pair_rows[i, j] = p
    triples = list(itertools.combinations(range(number), 3))
    triple_rows = np.zeros((number, number, number), np.int64)
    for t, trio in enumerate(triples):
        for i, j, k in itertools.permutations(trio):
            triple_rows[i, j, k] = t
    counts = WindowCounts(
        np.zeros(1, np.int64),
        np.zeros((number, 256), np.int64),
        np.zeros((number * (number - 1) // 2, 3, 256), np.int64),
        np.zeros((len(triples), 13), np.int64),
    )
    _count(
        np.ascontiguousarray(labels), rows, within, pair_rows, triple_rows,
        counts.inside, counts.phases, counts.pairs, counts.triples,
    )  # fmt: skip
    counts.phases[:, 0] = counts.inside[0] - counts.phases[:, 1:].sum(axis=1)
    return counts


@njit(cache=True, nogil=True)
def _count(
    labels: Bytes,
    rows: Bytes,
    within: Counts,
    pair_rows: Counts,
    triple_rows: Counts,
    inside: Counts,
    phases: Counts,
    pairs: Counts,
    triples: Counts,
) -> None:
    """Walk along x with the phases of two columns of four voxels in hand."""
    corners = np.zeros(8, np.uint8)
    codes = np.zeros(64, np.int64)
    one, outside = np.uint64(1), np.uint64(1) << np.uint64(63)
    total = 0
    for z in range(within[0, 0], within[0, 1]):
        for y in range(within[1, 0], within[1, 1]):
            start, stop = within[2, 0], within[2, 1]
            if start >= stop:
                continue
            a, b = rows[labels[z, y, start]], rows[labels[z, y + 1, start]]
            c, d = rows[labels[z + 1, y, start]], rows[labels[z + 1, y + 1, start]]
            near = (one << np.uint64(a)) | (one << np.uint64(b)) | (one << np.uint64(c)) | (one << np.uint64(d))
            for x in range(start, stop):
                e, f = rows[labels[z, y, x + 1]], rows[labels[z, y + 1, x + 1]]
                g, h = rows[labels[z + 1, y, x + 1]], rows[labels[z + 1, y + 1, x + 1]]
                far = (one << np.uint64(e)) | (one << np.uint64(f)) | (one << np.uint64(g)) | (one << np.uint64(h))
                seen = near | far
                if not seen & outside:
                    total += 1
                    if seen & (seen - one):  # more than one phase
                        corners[0], corners[2], corners[4], corners[6] = a, b, c, d
                        corners[1], corners[3], corners[5], corners[7] = e, f, g, h
                        _count_mixed(corners, popcount(seen), codes, pair_rows, triple_rows, phases, pairs, triples)
                    else:
                        phases[a, 255] += 1
                a, b, c, d, near = e, f, g, h, far
    inside[0] = total


@njit(cache=True, nogil=True)
def _count_mixed(
    corners: Bytes,
    present: int,
    codes: Counts,
    pair_rows: Counts,
    triple_rows: Counts,
    phases: Counts,
    pairs: Counts,
    triples: Counts,
) -> None:
    """Add one window of several phases; `codes` is scratch, left at zero."""
    for k in range(8):
        codes[corners[k]] |= 1 << k
    left = present
    for i in range(phases.shape[0]):
        if codes[i] == 0:
            continue
        phases[i, codes[i]] += 1
        left -= 1
        if left == 0:
            break
        for j in range(i + 1, phases.shape[0]):
            if codes[j]:
                pair = pairs[pair_rows[i, j]]
                pair[0, codes[i]] += 1
                pair[1, codes[j]] += 1
                pair[2, codes[i] | codes[j]] += 1
    if present > 2:
        for t in range(TRIANGLES.shape[0]):
            i, j, k = corners[TRIANGLES[t, 1]], corners[TRIANGLES[t, 2]], corners[TRIANGLES[t, 3]]
            if i != j and j != k and k != i:
                triples[triple_rows[i, j, k], TRIANGLES[t, 0]] += QUARTERS[t]
    for k in range(8):
        codes[corners[k]] = 0
