"""Chords: the straight stretches of one phase along the lines of the lattice.

A block counts the chords that begin and end in it, and hands on what lies at either end of each line: the first run
and the last one. `join_runs` joins them with the blocks that follow, so that no chord is cut by a block. What the
edge of the field of view cuts is counted apart. Seen from each end that is visible, a chord is an observation of its
length; it belongs to the part of the window in which that end lies.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
from numba import njit

__all__ = ["CUTS", "ChordEnds", "ChordTable", "LinePlaces", "LineRuns", "count_chords", "join_runs"]

Counts: TypeAlias = npt.NDArray[np.int64]
CUTS = 3
"""A chord is cut by the edge of the field of view at no end, one, or both."""
_INSIDE, _CUT, _UNKNOWN = 0, 1, 2
"""What lies before a run: another phase, the outside, or a voxel that the block does not see."""


class LineRuns(NamedTuple):
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


class ChordTable(NamedTuple):
    """Chords of K phases by length in voxels, which `count_chords` and `join_runs` fill.

    Parameters
    ----------
    runs : (K, 3, L) int64, by number of ends that the edge of the field of view cuts
    ends : (P, K, 2, L) int64, visible ends in each part of the window, by whether the other end is cut
    """

    runs: Counts
    ends: Counts

    @classmethod
    def empty(cls, parts: int, phases: int, longest: int) -> ChordTable:
        """Zeros; `longest` is the number of voxels of a line through the whole volume."""
        shape = (phases, CUTS, longest + 1)
        return cls(np.zeros(shape, np.int64), np.zeros((parts, phases, 2, longest + 1), np.int64))


class LinePlaces(NamedTuple):
    """Where the voxels of a block lie in the parts of the window.

    Parameters
    ----------
    along : (L,) place of each voxel of a line through the whole volume
    origin : of the block along the lines; the length of the volume where it has ended
    down, across : places along the two other axes, of the block; the part of a voxel is the sum of its three places
    """

    along: Counts
    origin: int
    down: Counts
    across: Counts


def count_chords(
    labels: npt.NDArray[np.uint8], *, axis: int, phase_ids: Sequence[int], places: LinePlaces, parts: int
) -> tuple[ChordTable, LineRuns]:
    """Chords that begin and end in a block, and the runs at the ends of its lines.

    Parameters
    ----------
    labels : (Z, Y, X) uint8 array
        The block; 0 is outside the field of view.
    axis : along which the chords run
    phase_ids : K ids
    places, parts : of the block, and how many parts the window has

    Returns
    -------
    table : ChordTable
    runs : LineRuns
        Arrays over the two other axes, in order.
    """
    lines = np.ascontiguousarray(np.moveaxis(labels, axis, 0))
    shape = lines.shape[1:]
    table = ChordTable.empty(parts, len(phase_ids), len(places.along))
    runs = LineRuns(
        *(np.zeros(shape, kind) for kind in (np.uint8, np.int32, np.uint8)),
        *(np.zeros(shape, kind) for kind in (np.uint8, np.int32, np.uint8)),
    )
    _scan(lines, places, _rows(phase_ids), table, runs)
    return table, runs


def join_runs(
    ends: ChordEnds,
    runs: LineRuns | None,
    table: ChordTable,
    *,
    phase_ids: Sequence[int],
    places: LinePlaces,
    voxels: int,
) -> None:
    """Continue the open runs of lines through the next block; changes `ends` and `table`.

    Parameters
    ----------
    ends : open runs so far; at the first block (0, 0, 0), which is the outside
    runs : of the next block, or None where the volume ends
    table : of the volume so far
    phase_ids, places : as in `count_chords`
    voxels : of a line through the block
    """
    if runs is None:
        shape = ends[0].shape
        bytes_, lengths = np.zeros(shape, np.uint8), np.zeros(shape, np.int32)
        runs, voxels = LineRuns(bytes_, lengths, bytes_, bytes_, lengths, bytes_), -1
    _join(ends, runs, voxels, places, _rows(phase_ids), table)


def _rows(phase_ids: Sequence[int]) -> npt.NDArray[np.int64]:
    row_of = np.full(256, -1, np.int64)
    row_of[list(phase_ids)] = np.arange(len(phase_ids))
    return row_of


@njit(cache=True, nogil=True)
def _record(runs, ends, along, row, cuts, length, last, side):  # type: ignore[no-untyped-def]
    """Add a chord whose last voxel is `last`; `side` is the place of its line across, `cuts` tells which ends are."""
    begins_outside, ends_outside = cuts
    runs[row, begins_outside + ends_outside, length] += 1
    if not begins_outside:
        ends[along[last - length + 1] + side, row, ends_outside, length] += 1
    if not ends_outside:
        ends[along[last] + side, row, begins_outside, length] += 1


@njit(cache=True, nogil=True)
def _scan(lines, places, row_of, table, runs):  # type: ignore[no-untyped-def]
    """Runs along the first axis of `lines`; the tails hold the open runs on the way."""
    head_id, head_length, head_cut = runs.head_id, runs.head_length, runs.head_cut
    tail_id, tail_length, tail_cut = runs.tail_id, runs.tail_length, runs.tail_cut
    along, down, across = places.along, places.down, places.across
    whole, ends = table.runs, table.ends
    depth, height, width = lines.shape
    for i in range(height):
        for j in range(width):
            tail_id[i, j] = lines[0, i, j]
            tail_length[i, j] = 1
            tail_cut[i, j] = _UNKNOWN
    for n in range(1, depth):
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
                    cuts, side = (tail_cut[i, j], ends_outside), down[i] + across[j]
                    last = places.origin + n - 1
                    _record(whole, ends, along, row_of[before], cuts, tail_length[i, j], last, side)
                tail_id[i, j] = value
                tail_length[i, j] = 1
                tail_cut[i, j] = _CUT if before == 0 else _INSIDE
    for i in range(height):
        for j in range(width):
            if tail_cut[i, j] == _UNKNOWN:
                head_id[i, j] = tail_id[i, j]
                head_length[i, j] = tail_length[i, j]


@njit(cache=True, nogil=True)
def _join(open_runs, runs, voxels, places, row_of, table):  # type: ignore[no-untyped-def]
    """Close the open runs that another phase follows, and open those at the end of the block."""
    open_id, open_length, open_cut = open_runs
    head_id, head_length, head_cut = runs.head_id, runs.head_length, runs.head_cut
    tail_id, tail_length, tail_cut = runs.tail_id, runs.tail_length, runs.tail_cut
    along, down, across = places.along, places.down, places.across
    whole, ends = table.runs, table.ends
    height, width = open_id.shape
    for i in range(height):
        for j in range(width):
            before, first = open_id[i, j], head_id[i, j]
            whole_line = head_length[i, j] == voxels
            side = down[i] + across[j]
            if before != first:
                if row_of[before] >= 0:
                    ends_outside = _CUT if first == 0 else _INSIDE
                    cuts = (open_cut[i, j], ends_outside)
                    _record(whole, ends, along, row_of[before], cuts, open_length[i, j], places.origin - 1, side)
                open_id[i, j] = first
                open_length[i, j] = 0
                open_cut[i, j] = _CUT if before == 0 else _INSIDE
            open_length[i, j] += head_length[i, j]
            if not whole_line:
                if row_of[first] >= 0:
                    cuts = (open_cut[i, j], head_cut[i, j])
                    last = places.origin + head_length[i, j] - 1
                    _record(whole, ends, along, row_of[first], cuts, open_length[i, j], last, side)
                open_id[i, j] = tail_id[i, j]
                open_length[i, j] = tail_length[i, j]
                open_cut[i, j] = tail_cut[i, j]
