"""One pass over a phase map: the integers that fractions, surfaces, curvatures, triple lines and Euler numbers need."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import PhaseTable
from voltomo.blocks import Block, Partial
from voltomo.metrics.euler import count_cells
from voltomo.metrics.fractions import SliceCounts, count_window
from voltomo.metrics.neighbors import count_neighbors
from voltomo.metrics.representativity import CUTS, part_number, parts_of, piece_bounds, piece_counts
from voltomo.metrics.sample import AXES
from voltomo.metrics.windows import WindowCounts, count_windows
from voltomo.morphology.directions import crofton_directions
from voltomo.stages.workspace import Workspace

__all__ = ["PartCounts", "StructureCounts", "count_structure"]


@dataclass(frozen=True)
class PartCounts:
    """What is counted in one part of the window.

    Parameters
    ----------
    voxels : (K,) of each phase
    pairs, windows : as of the whole; those that begin in the part
    """

    voxels: npt.NDArray[np.int64]
    pairs: npt.NDArray[np.int64]
    windows: WindowCounts


@dataclass(frozen=True)
class StructureCounts:
    """What is counted, voxel by voxel and window by window.

    Parameters
    ----------
    slices : voxels of each phase per slice
    pieces : (Z', Y', X', K) voxels of each phase per piece of the window
    pairs : (D, K, K) neighboring voxels along the Crofton directions
    cells : (K, 4) voxels, pairs, squares and cubes of each phase
    windows : configurations of 2 × 2 × 2 voxels
    parts : the same in each of 8 parts of the window (9 of a section)
    """

    slices: SliceCounts
    pieces: npt.NDArray[np.int64]
    pairs: npt.NDArray[np.int64]
    cells: npt.NDArray[np.int64]
    windows: WindowCounts
    parts: tuple[PartCounts, ...] = ()


def count_structure(labels: npt.NDArray[np.uint8], phases: PhaseTable, work: Workspace) -> StructureCounts:
    """Count a map of phases, over the blocks; no count depends on the voxel size."""
    z, y, x = labels.shape
    ids = phases.ids
    dimension = 2 if z == 1 else 3
    offsets = crofton_directions(None, dimension).offsets
    cut = CUTS[dimension][0]
    part_count = cut**dimension

    def count(block: Block, labels: npt.NDArray[np.uint8]) -> Partial:
        starts = (block.write[0].start, block.write[1].start, block.write[2].start)
        slices, pieces = count_window(labels[block.inner], phase_ids=ids, shape=(z, y, x), origin=starts)
        return {
            "z": slices.z,
            "y": slices.y,
            "x": slices.x,
            "pieces": pieces,
            "cells": count_cells(labels, phase_ids=ids, starts=block.inner),
            **count_parts(block, labels),
        }

    def count_parts(block: Block, labels: npt.NDArray[np.uint8]) -> Partial:
        counted: dict[str, npt.NDArray[np.int64]] = {}
        for index, inner, starts in _pieces_of(block, (z, y, x)):
            piece = np.ascontiguousarray(labels[inner])
            found = {
                "pairs": count_neighbors(piece, phase_ids=ids, offsets=offsets, starts=starts),
                **count_windows(piece, phase_ids=ids, starts=starts).arrays,
            }
            for name, values in found.items():
                if name not in counted:
                    counted[name] = np.zeros((part_count, *values.shape), np.int64)
                counted[name][part_number(index, (z, y, x))] += values
        return dict(counted)

    merged = work.reduce("structure", count, labels, merge=_add, halo=1, bytes_per_voxel=3)
    pieces, cells = (merged[name].astype(np.int64) for name in ("pieces", "cells"))
    slices = SliceCounts(*(merged[axis].astype(np.int64) for axis in AXES))
    voxels = np.stack([parts_of(pieces[..., k], cut) for k in range(len(ids))], axis=-1).astype(np.int64)
    parts = tuple(
        PartCounts(counts, merged["pairs"][i].astype(np.int64), WindowCounts.from_arrays(_row(merged, i)))
        for i, counts in enumerate(voxels)
    )
    whole = {name: merged[name].sum(axis=0) for name in merged if name.startswith(("pairs", "windows"))}
    return StructureCounts(
        slices, pieces, whole["pairs"].astype(np.int64), cells, WindowCounts.from_arrays(whole), parts
    )


def _row(merged: Partial, part: int) -> Partial:
    return {name: merged[name][part] for name in merged if name.startswith("windows")}


def _pieces_of(
    block: Block, shape: tuple[int, int, int]
) -> Iterator[tuple[tuple[int, int, int], tuple[slice, ...], tuple[slice, slice, slice]]]:
    """The pieces of the window that a block touches.

    Yields the index of each; the piece with a halo of one voxel, in the array that the block reads; and the piece
    without it, in that.
    """
    counts = piece_counts(shape)
    bounds = [piece_bounds(n, count) for n, count in zip(shape, counts, strict=True)]
    for index in np.ndindex(counts):
        inner, starts = [], []
        for i, b, write, read in zip(index, bounds, block.write, block.read, strict=True):
            low, high = max(write.start, int(b[i])), min(write.stop, int(b[i + 1]))
            if low >= high:
                break
            first, last = max(low - 1, read.start), min(high + 1, read.stop)
            inner.append(slice(first - read.start, last - read.start))
            starts.append(slice(low - first, high - first))
        else:
            yield (index[0], index[1], index[2]), tuple(inner), (starts[0], starts[1], starts[2])


def _add(total: Partial, part: Partial) -> Partial:
    return {name: np.add(total[name], part[name]) for name in total}
