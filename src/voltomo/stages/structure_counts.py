"""One pass over a phase map: the integers that fractions, surfaces, curvatures, triple lines and Euler numbers need."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import PhaseTable
from voltomo.blocks import Block, Partial
from voltomo.metrics.euler import count_cells
from voltomo.metrics.fractions import SliceCounts, count_window
from voltomo.metrics.neighbors import count_neighbors
from voltomo.metrics.sample import AXES
from voltomo.metrics.windows import WindowCounts, count_windows
from voltomo.morphology.directions import crofton_directions
from voltomo.stages.workspace import Workspace

__all__ = ["StructureCounts", "count_structure"]


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
    """

    slices: SliceCounts
    pieces: npt.NDArray[np.int64]
    pairs: npt.NDArray[np.int64]
    cells: npt.NDArray[np.int64]
    windows: WindowCounts


def count_structure(labels: npt.NDArray[np.uint8], phases: PhaseTable, work: Workspace) -> StructureCounts:
    """Count a map of phases, over the blocks; no count depends on the voxel size."""
    z, y, x = labels.shape
    ids = phases.ids
    offsets = crofton_directions(None, 2 if z == 1 else 3).offsets

    def count(block: Block, labels: npt.NDArray[np.uint8]) -> Partial:
        starts = (block.write[0].start, block.write[1].start, block.write[2].start)
        slices, pieces = count_window(labels[block.inner], phase_ids=ids, shape=(z, y, x), origin=starts)
        return {
            "z": slices.z,
            "y": slices.y,
            "x": slices.x,
            "pieces": pieces,
            "pairs": count_neighbors(labels, phase_ids=ids, offsets=offsets, starts=block.inner),
            "cells": count_cells(labels, phase_ids=ids, starts=block.inner),
            **count_windows(labels, phase_ids=ids, starts=block.inner).arrays,
        }

    merged = work.reduce("structure", count, labels, merge=_add, halo=1, bytes_per_voxel=3)
    pieces, pairs, cells = (merged[name].astype(np.int64) for name in ("pieces", "pairs", "cells"))
    slices = SliceCounts(*(merged[axis].astype(np.int64) for axis in AXES))
    return StructureCounts(slices, pieces, pairs, cells, WindowCounts.from_arrays(merged))


def _add(total: Partial, part: Partial) -> Partial:
    return {name: np.add(total[name], part[name]) for name in total}
