"""Contacts between particles, over the blocks of an instance map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import ArrayLike, InstanceMap, Measurement, Role, as_zyx
from voltomo.blocks import Block, Partial
from voltomo.metrics.contacts import (
    Contacts,
    contact_curves,
    count_contacts,
    measure_contacts,
    merge_contacts,
)
from voltomo.metrics.curves import SizeCurve
from voltomo.metrics.sample import Sample
from voltomo.morphology.directions import crofton_directions
from voltomo.stages.workspace import Workspace

__all__ = ["contact_rows", "find_contacts"]

_NOT_MATERIAL: tuple[Role, ...] = ("pore", "pore+binder", "crack", "binder", "electrolyte")
"""Roles that an envelope may hold besides the material of its particle."""


def find_contacts(
    instances: ArrayLike, phases: ArrayLike, material: Sequence[int], offsets: npt.NDArray[np.int64], work: Workspace
) -> Contacts:
    """Pairs of particles and the pairs of voxels of their material between them.

    Parameters
    ----------
    instances, phases : (Z, Y, X) uint32 and uint8 array-likes
    material : phase ids that count as the material of particles: cracks and voids in their envelopes touch nothing
    offsets : (D, 3) steps to a neighbor
    work : where the blocks run
    """
    is_material = np.zeros(256, np.uint32)
    is_material[list(material)] = 1

    def count(block: Block, instances: npt.NDArray[np.uint32], phases: npt.NDArray[np.uint8]) -> Partial:
        found = count_contacts(instances * is_material[phases], offsets, starts=block.inner)
        return {"pairs": found.pairs, "crossings": found.crossings}

    def merge(one: Partial, two: Partial) -> Partial:
        found = merge_contacts(_contacts(one), _contacts(two))
        return {"pairs": found.pairs, "crossings": found.crossings}

    # The ids, and three comparisons of one direction at a time; voxels in contact are few.
    return _contacts(work.reduce("contacts", count, instances, phases, merge=merge, halo=1, bytes_per_voxel=15))


def contact_rows(
    instance_map: InstanceMap, labels: ArrayLike, sample: Sample, work: Workspace
) -> tuple[tuple[Measurement, ...], tuple[SizeCurve, ...]]:
    """Contact numbers and areas of the particles of a map that has a table; none in a section."""
    if sample.dimension == 2:
        return (), ()
    directions = crofton_directions(sample.edges, 3)
    material = [phase.id for phase in sample.phases if phase.role not in _NOT_MATERIAL]
    found = find_contacts(as_zyx(instance_map.data), labels, material, directions.offsets, work)
    table = instance_map.table
    words: dict[str, Any] = {
        "instance_ids": table["instance_id"],
        "is_whole": ~np.asarray(table["touches_edge"], np.bool_),
        "phase": "+".join(phase.name for phase in sample.phases.with_role("active")),
    }
    rows = measure_contacts(found, directions, sample, **words)
    return tuple(rows), tuple(contact_curves(found, directions, **words))


def _contacts(part: Partial) -> Contacts:
    return Contacts(np.asarray(part["pairs"], np.int64), np.asarray(part["crossings"], np.int64))
