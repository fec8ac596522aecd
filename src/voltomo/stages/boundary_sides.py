"""Numbers of one phase against the rest, with its boundary farther in and farther out.

Bands and the operator part of a budget ask for the same maps; a study counts and solves them once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import ArrayLike, Measurement, Phase
from voltomo.blocks import Block
from voltomo.metrics.boundary_band import IN_PHASE, against_rest, shift_boundary
from voltomo.metrics.sample import Sample
from voltomo.stages.main_numbers import Numbers, Variant, count_variants, row_key
from voltomo.stages.varied_flows import flow_ratios, single_flows, times
from voltomo.stages.workspace import Workspace

__all__ = ["Sides", "both_sides", "follow_sides", "moved_boundaries"]

Bytes: TypeAlias = npt.NDArray[np.uint8]
Sides: TypeAlias = Mapping[str, tuple[Numbers, Numbers]]
"""By name of the phase: the numbers with its boundary farther in, and farther out."""


def follow_sides(
    pairs: Mapping[str, tuple[Variant, Variant]],
    sources: tuple[ArrayLike, ...],
    numbers: Sequence[Measurement],
    sample: Sample,
    work: Workspace,
    *,
    step: str,
    halo: int,
    bytes_per_voxel: float,
    transport: bool,
) -> Sides:
    """Fractions, surfaces and transport of two maps of each phase.

    Parameters
    ----------
    pairs : by name of the phase: its map with less of it, and with more of it
    sources : (Z, Y, X) array-likes that the maps are derived from, the ids of the phase map first
    numbers : of the phase map
    sample : its region
    work : where the blocks run
    step : names the maps: the same name stands for the same maps, which a study then has already
    halo, bytes_per_voxel : as in `count_variants`
    transport : whether transport is solved too, on a central part of the volume
    """
    variants = {f"{row} {side}": pair[side] for row, pair in enumerate(pairs.values()) for side in (0, 1)}
    found = count_variants(variants, sources, sample, work, step=step, halo=halo, bytes_per_voxel=bytes_per_voxel)
    flows = single_flows(numbers) if transport else ()
    ratios = flow_ratios(variants, sources, flows, sample, work, step=step, halo=halo)
    everything = {key: {**found[key], **times(ratios[key], numbers)} for key in found}
    return {name: (everything[f"{row} 0"], everything[f"{row} 1"]) for row, name in enumerate(pairs)}


def moved_boundaries(
    numbers: Sequence[Measurement],
    labels: ArrayLike,
    sample: Sample,
    work: Workspace,
    *,
    voxels: int,
    transport: bool,
) -> Sides:
    """The numbers of each phase with its boundary moved in and out by layers of voxels.

    Parameters
    ----------
    numbers, labels, sample : of the phase map, its (Z, Y, X) ids, and its region
    work : where the blocks run
    voxels : layers
    transport : whether transport is solved too, on a central part of the volume
    """
    pairs = {phase.name: _moved(phase, voxels) for phase in sample.phases}
    return follow_sides(
        pairs,
        (labels,),
        numbers,
        sample,
        work,
        step=f"boundary moved by {voxels}",
        halo=voxels + 1,
        bytes_per_voxel=10,
        transport=transport,
    )


def both_sides(item: Measurement, sides: Sides) -> tuple[float, float] | None:
    """The number farther in and farther out; None where one is unknown, or it depends on two boundaries."""
    if item.value is None or item.phase_2 or item.phase not in sides:
        return None
    inner, outer = (numbers.get(row_key(item)) for numbers in sides[item.phase])
    return None if inner is None or outer is None else (inner, outer)


def _moved(phase: Phase, voxels: int) -> tuple[Variant, Variant]:
    table = against_rest(phase)
    return (
        Variant(table, partial(_shifted, phase_id=phase.id, sign=-1, voxels=voxels)),
        Variant(table, partial(_shifted, phase_id=phase.id, sign=1, voxels=voxels)),
    )


def _shifted(_block: Block, labels: Bytes, *, phase_id: int, sign: Literal[-1, 1], voxels: int) -> Bytes:
    """One phase against the rest, with its boundary moved by layers of voxels."""
    moved = shift_boundary(labels, phase_id, sign)
    for _ in range(voxels - 1):
        moved = shift_boundary(moved, IN_PHASE, sign)
    return moved
