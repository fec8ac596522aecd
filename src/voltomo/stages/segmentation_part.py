"""The part of the segmentation in a budget: what probabilities allow, and how the members of an ensemble scatter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from voltomo.artifacts import ArrayLike, Measurement, PhaseMap, as_zyx
from voltomo.errors import InputError, ShapeError
from voltomo.metrics.members import MemberScatter, member_scatter, with_segmentation
from voltomo.metrics.sample import Sample
from voltomo.metrics.transport import TRANSPORT
from voltomo.metrics.uncertainty import with_reason
from voltomo.stages.followed_maps import follow_maps
from voltomo.stages.main_numbers import RowKey, row_key
from voltomo.stages.realized_maps import realized_parts
from voltomo.stages.uncertainty_config import UncertaintyConfig
from voltomo.stages.varied_flows import ON_PART
from voltomo.stages.workspace import Workspace

__all__ = ["check_segmentation", "segmentation_parts"]


def segmentation_parts(
    numbers: Iterable[Measurement],
    phase_map: PhaseMap,
    labels: ArrayLike,
    sample: Sample,
    config: UncertaintyConfig,
    work: Workspace,
) -> list[Measurement]:
    """Give fractions, surfaces and transport the part of the segmentation.

    Parameters
    ----------
    numbers : of the map
    phase_map, labels, sample : the map with its probabilities and members, its (Z, Y, X) ids, and their region
    config : how maps are drawn from the probabilities, and whether transport is followed
    work : where the blocks run

    Returns
    -------
    list of Measurement
        Unchanged where the map has neither probabilities nor members.
    """
    items = list(numbers)
    realized = realized_parts(items, phase_map, labels, sample, config, work)
    scatter = _scatter_of_members(items, phase_map, labels, sample, work, transport=config.transport)
    if realized is None and scatter is None:
        return items
    found: list[Measurement] = []
    for item in items:
        key = row_key(item)
        parts = (realized or {}).get(key), (scatter or {}).get(key)
        found.append(with_reason(item, "segmentation") if parts == (None, None) else with_segmentation(item, *parts))
    return found


def _scatter_of_members(
    items: Sequence[Measurement],
    phase_map: PhaseMap,
    labels: ArrayLike,
    sample: Sample,
    work: Workspace,
    *,
    transport: bool,
) -> Mapping[RowKey, MemberScatter] | None:
    """Of every number that all members have; None where the map has no members."""
    if not phase_map.members:
        return None
    maps = [PhaseMap(member, phase_map.phases) for member in phase_map.members]
    followed = follow_maps(items, maps, labels, sample, work, step="members", transport=transport)
    found: dict[RowKey, MemberScatter] = {}
    for item in items:
        values = [numbers[row_key(item)] for numbers in followed if row_key(item) in numbers]
        if item.value is not None and len(values) == len(maps):
            where = ON_PART if item.name in TRANSPORT else ""
            found[row_key(item)] = member_scatter(item.value, values, where=where)
    return found


def check_segmentation(phase_map: PhaseMap, sample: Sample) -> None:
    """Refuse probabilities and members that do not fit the map.

    Raises
    ------
    ShapeError
        If they are not uint8 over the voxels of the map, or there is not one channel per phase.
    InputError
        If there is a single member.
    """
    given = phase_map.probabilities
    expected = (len(sample.phases), *sample.shape)
    if given is not None and (tuple(given.shape) != expected or np.dtype(given.dtype) != np.uint8):
        raise ShapeError(
            f"probabilities {tuple(given.shape)} {given.dtype} do not fit the map: expected {expected} uint8, one "
            "channel per row of the phase table, probability · 255"
        )
    if len(phase_map.members) == 1:
        raise InputError("members: expected the maps of two members of an ensemble or more, found one; leave it out")
    for number, member in enumerate(phase_map.members, 1):
        if tuple(as_zyx(member).shape) != sample.shape or np.dtype(member.dtype) != np.uint8:
            raise ShapeError(
                f"member {number} {tuple(member.shape)} {member.dtype} does not fit the map: expected {sample.shape} "
                "uint8, ids of the phase table"
            )
