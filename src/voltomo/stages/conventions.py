"""The table of conventions of a map: what other programs would report as its surface areas."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import Measurement
from voltomo.blocks import Block, Partial
from voltomo.metrics.conventions import measure_conventions
from voltomo.metrics.sample import Sample
from voltomo.metrics.smooth_mesh import HALO, smooth_mesh_area
from voltomo.metrics.surfaces import InterfaceCounts
from voltomo.stages.structure_counts import StructureCounts
from voltomo.stages.workspace import Workspace

__all__ = ["convention_rows"]


def convention_rows(
    labels: npt.NDArray[np.uint8], sample: Sample, found: StructureCounts, neighbors: InterfaceCounts, work: Workspace
) -> tuple[Measurement, ...]:
    """Surface areas by the conventions of other programs; the smoothed mesh is one more pass over the blocks."""
    if sample.dimension == 2:
        return ()
    ids = sample.phases.ids

    def smooth(block: Block, labels: npt.NDArray[np.uint8]) -> Partial:
        areas = [smooth_mesh_area(labels, i, edges=sample.edges, starts=block.inner) for i in ids]
        return {"areas": np.array(areas, np.int64)}

    def add(one: Partial, two: Partial) -> Partial:
        return {"areas": np.add(one["areas"], two["areas"])}

    # The labels and a copy, an indicator, and two float32 fields while one is filtered into the other.
    areas = work.reduce("smoothed mesh", smooth, labels, merge=add, halo=HALO, bytes_per_voxel=14)["areas"]
    smooth_areas = [int(area) for area in areas]
    return tuple(measure_conventions(neighbors, found.windows, smooth_areas, sample, voxels=found.slices.phases))
