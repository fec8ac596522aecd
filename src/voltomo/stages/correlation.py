"""Two-point statistics of every phase: one pass over the blocks into coarse cells, then Fourier transforms of those."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import ArrayLike
from voltomo.blocks import Block, Partial
from voltomo.metrics.coarse_cells import CellSums, cell_factors, count_phase_cells, covariance_of
from voltomo.metrics.correlation_rows import PhaseCorrelation
from voltomo.metrics.sample import Sample
from voltomo.stages.workspace import Workspace

__all__ = ["correlate_phases", "count_cell_sums"]


def count_cell_sums(labels: ArrayLike, sample: Sample, work: Workspace) -> CellSums:
    """Voxels of each phase per cell, over the blocks; the same whatever the blocks."""
    ids, factors = sample.phases.ids, cell_factors(sample.shape, sample.edges)
    total = np.zeros((len(ids), *(-(-n // f) for n, f in zip(sample.shape, factors, strict=True))), np.int32)

    def count(block: Block, labels: npt.NDArray[np.uint8]) -> Partial:
        starts = np.array([side.start for side in block.write])
        origin = (int(starts[0]), int(starts[1]), int(starts[2]))
        return {
            "first": starts // np.array(factors),
            "cells": count_phase_cells(labels[block.inner], phase_ids=ids, factors=factors, origin=origin),
        }

    def add(part: Partial) -> None:
        first, cells = np.asarray(part["first"], np.int64), np.asarray(part["cells"], np.int32)
        place = tuple(slice(int(a), int(a) + n) for a, n in zip(first, cells.shape[1:], strict=True))
        total[(slice(None), *place)] += cells

    def merge(before: Partial, part: Partial) -> Partial:
        add(part)
        return before

    # Blocks are added at their place as they come; the first one, which `merge` never gets, last.
    add(work.reduce("cells", count, labels, merge=merge, bytes_per_voxel=2 + 4 * len(ids)))
    return CellSums(total, factors)


def correlate_phases(labels: ArrayLike, sample: Sample, work: Workspace) -> Iterator[PhaseCorrelation]:
    """The correlation of each phase of the table, in its order.

    A straight trend along the through-plane axis is removed where that axis is known.
    """
    cells = count_cell_sums(labels, sample, work)
    trend = sample.through_plane
    if trend != "unknown" and sample.shape["zyx".index(trend)] < 3:
        trend = "unknown"
    for row, phase in enumerate(sample.phases):
        found = covariance_of(cells, row, edges=sample.edges, trend=trend)
        yield PhaseCorrelation.build(phase.name, float(cells.phases[row].sum()) / sample.voxels, found, trend)
