"""Contacts between particles, over the blocks of an instance map."""

from __future__ import annotations

from functools import partial

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import InstanceMap, Measurement, as_zyx
from voltomo.blocks import Block, Partial
from voltomo.metrics.contacts import Contacts, count_contacts, measure_contacts, merge_contacts
from voltomo.metrics.sample import Sample
from voltomo.morphology.directions import crofton_directions
from voltomo.stages.workspace import Workspace

__all__ = ["contact_rows"]


def contact_rows(instance_map: InstanceMap, sample: Sample, work: Workspace) -> tuple[Measurement, ...]:
    """Contact numbers and areas of the particles of a map that has a table."""
    if sample.dimension == 2:
        return ()
    directions = crofton_directions(sample.edges, 3)

    def count(block: Block, instances: npt.NDArray[np.uint32]) -> Partial:
        found = count_contacts(instances, directions.offsets, starts=block.inner)
        return {"pairs": found.pairs, "crossings": found.crossings}

    def merge(one: Partial, two: Partial) -> Partial:
        found = merge_contacts(_contacts(one), _contacts(two))
        return {"pairs": found.pairs, "crossings": found.crossings}

    # The ids, and three comparisons of one direction at a time; voxels in contact are few.
    merged = work.reduce("contacts", count, as_zyx(instance_map.data), merge=merge, halo=1, bytes_per_voxel=10)
    table = instance_map.table
    measure = partial(measure_contacts, _contacts(merged), directions, sample)
    phase = "+".join(phase.name for phase in sample.phases.with_role("active"))
    return tuple(
        measure(instance_ids=table["instance_id"], is_whole=~np.asarray(table["touches_edge"], np.bool_), phase=phase)
    )


def _contacts(part: Partial) -> Contacts:
    return Contacts(np.asarray(part["pairs"], np.int64), np.asarray(part["crossings"], np.int64))
