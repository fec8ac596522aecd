"""Chords: the straight stretches of one phase along the lines of the lattice.

A block counts the chords that begin and end in it, and hands on what lies at either end of each line: the first run
and the last one. `join_runs` joins them with the blocks that follow, so that no chord is cut by a block. What the
edge of the field of view cuts is counted apart. A chord belongs to the part of the window in which it ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from numba import njit

__all__ = ["CUTS", "ChordEnds", "LineRuns", "count_chords", "join_runs"]

Counts: TypeAlias = npt.NDArray[np.int64]
Places: TypeAlias = tuple[Counts, Counts, Counts]
"""One array per axis; the part of the window that a voxel lies in is the sum of its three entries."""

CUTS = 3
"""A chord is cut by the edge of the field of view at no end, one, or both."""
_INSIDE, _CUT, _UNKNOWN = 0, 1, 2
"""What lies before a run: another phase, the outside, or a voxel that the block does not see."""


@dataclass(frozen=True)
class LineRuns:
    """The first and the last run of every line through a block, along one axis.

    Parameters
    ----------
    head_id, tail_id : (M, N) uint8, phase ids; equal runs where the line has only one
    head_length, tail_length : (M, N) int32, voxels
    head_cut, tail_cut : (M, N) uint8, whether the outside follows the first run, or comes before the last one
    """

    head_id: npt.NDArray[np.uint8]
    head_length: npt.NDArray[np.int32]
    head_cut: npt.NDArray[np.uint8]
    tail_id: npt.NDArray[np.uint8]
    tail_length: npt.NDArray[np.int32]
    tail_cut: npt.NDArray[np.uint8]


ChordEnds: TypeAlias = tuple[npt.NDArray[np.uint8], npt.NDArray[np.int32], npt.NDArray[np.uint8]]
"""(id, length, cut) of the run that is open at the end of each line; id 0 is the outside."""


def count_chords(
    labels: npt.NDArray[np.uint8],
    *,
    axis: int,
    phase_ids: Sequence[int],
    longest: int,
    places: Places,
    part_count: int,
) -> tuple[Counts, LineRuns]:
    """Chords that begin and end in a block, and the runs at the ends of its lines.

    Parameters
    ----------
    labels : (Z, Y, X) uint8 array
        The block; 0 is outside the field of view.
    axis : along which the chords run
    phase_ids : K ids
    longest : voxels of a line through the whole volume
    places, part_count : of the voxels of the block along z, y, x, and how many parts the window has

    Returns
    -------
    counts : (P, K, 3, longest + 1) int64
        Chords by part of the window, by number of ends that the edge of the field of view cuts, and by length in
        voxels.
    runs : LineRuns
        Arrays over the two other axes, in order.
    """
    row_of = _rows(phase_ids)
    counts = np.zeros((part_count, len(phase_ids), CUTS, longest + 1), np.int64)
    lines = np.ascontiguousarray(np.moveaxis(labels, axis, 0))
    shape = lines.shape[1:]
    runs = LineRuns(
        *(np.zeros(shape, kind) for kind in (np.uint8, np.int32, np.uint8)),
        *(np.zeros(shape, kind) for kind in (np.uint8, np.int32, np.uint8)),
    )
    _scan(
        lines,
        *_along_first(places, axis),
        row_of,
        counts,
        runs.head_id,
        runs.head_length,
        runs.head_cut,
        runs.tail_id,
        runs.tail_length,
        runs.tail_cut,
    )
    return counts, runs


def join_runs(
    ends: ChordEnds,
    runs: LineRuns | None,
    counts: Counts,
    *,
    axis: int,
    phase_ids: Sequence[int],
    places: Places,
    before: int,
) -> None:
    """Continue the open runs of lines through the next block; changes `ends` and `counts`.

    Parameters
    ----------
    ends : open runs so far; at the first block (0, 0, 0), which is the outside
    runs : of the next block, or None where the volume ends
    counts : (P, K, 3, L) int64, as `count_chords` gives them
    axis, phase_ids : as in `count_chords`
    places : of the voxels of the block; of the last voxel along the axis where the volume ends
    before : place, along the axis, of the voxel before the block
    """
    along, others, rest = _along_first(places, axis)
    voxels = len(along)
    if runs is None:
        shape = ends[0].shape
        bytes_, lengths = np.zeros(shape, np.uint8), np.zeros(shape, np.int32)
        runs, voxels = LineRuns(bytes_, lengths, bytes_, bytes_, lengths, bytes_), -1
    _join(
        *ends,
        runs.head_id,
        runs.head_length,
        runs.head_cut,
        runs.tail_id,
        runs.tail_length,
        runs.tail_cut,
        voxels,
        np.concatenate([[before], along]),
        others,
        rest,
        _rows(phase_ids),
        counts,
    )


def _along_first(places: Places, axis: int) -> Places:
    """Places along the lines, then along the two other axes."""
    others = [np.asarray(places[other], np.int64) for other in range(3) if other != axis]
    return np.asarray(places[axis], np.int64), others[0], others[1]


def _rows(phase_ids: Sequence[int]) -> npt.NDArray[np.int64]:
    row_of = np.full(256, -1, np.int64)
    row_of[list(phase_ids)] = np.arange(len(phase_ids))
    return row_of


@njit(cache=True, nogil=True)
def _scan(lines, along, down, across, row_of, counts, head_id, head_length, head_cut, tail_id, tail_length, tail_cut):  # type: ignore[no-untyped-def]
    """Runs along the first axis of `lines`; the tails hold the open runs on the way."""
    length, height, width = lines.shape
    for i in range(height):
        for j in range(width):
            tail_id[i, j] = lines[0, i, j]
            tail_length[i, j] = 1
            tail_cut[i, j] = _UNKNOWN
    for n in range(1, length):
        for i in range(height):
            for j in range(width):
                value = lines[n, i, j]
                before = tail_id[i, j]
                if value == before:
                    tail_length[i, j] += 1
                    continue
                ends_outside = _CUT if value == 0 else _INSIDE
                if tail_cut[i, j] == _UNKNOWN:
                    head_id[i, j] = before
                    head_length[i, j] = tail_length[i, j]
                    head_cut[i, j] = ends_outside
                elif row_of[before] >= 0:
                    part = along[n - 1] + down[i] + across[j]
                    counts[part, row_of[before], tail_cut[i, j] + ends_outside, tail_length[i, j]] += 1
                tail_id[i, j] = value
                tail_length[i, j] = 1
                tail_cut[i, j] = _CUT if before == 0 else _INSIDE
    for i in range(height):
        for j in range(width):
            if tail_cut[i, j] == _UNKNOWN:
                head_id[i, j] = tail_id[i, j]
                head_length[i, j] = tail_length[i, j]


@njit(cache=True, nogil=True)
def _join(  # type: ignore[no-untyped-def]
    open_id,
    open_length,
    open_cut,
    head_id,
    head_length,
    head_cut,
    tail_id,
    tail_length,
    tail_cut,
    voxels,
    along,
    down,
    across,
    row_of,
    counts,
):
    """Continue every line; `along` begins with the voxel before the block."""
    height, width = open_id.shape
    for i in range(height):
        for j in range(width):
            before, first = open_id[i, j], head_id[i, j]
            whole_line = head_length[i, j] == voxels
            if before != first:
                if row_of[before] >= 0:
                    ends_outside = _CUT if first == 0 else _INSIDE
                    part = along[0] + down[i] + across[j]
                    counts[part, row_of[before], open_cut[i, j] + ends_outside, open_length[i, j]] += 1
                open_id[i, j] = first
                open_length[i, j] = 0
                open_cut[i, j] = _CUT if before == 0 else _INSIDE
            open_length[i, j] += head_length[i, j]
            if not whole_line:
                if row_of[first] >= 0:
                    part = along[head_length[i, j]] + down[i] + across[j]
                    counts[part, row_of[first], open_cut[i, j] + head_cut[i, j], open_length[i, j]] += 1
                open_id[i, j] = tail_id[i, j]
                open_length[i, j] = tail_length[i, j]
                open_cut[i, j] = tail_cut[i, j]
