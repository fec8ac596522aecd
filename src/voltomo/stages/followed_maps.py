"""The numbers of other maps of the same volume: fractions, surfaces, interfaces, transport."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import ArrayLike, Measurement, PhaseMap, as_zyx
from voltomo.blocks import Block
from voltomo.errors import InputError, ShapeError
from voltomo.metrics.sample import Sample
from voltomo.stages.main_numbers import Numbers, Variant, count_variants
from voltomo.stages.varied_flows import flow_ratios, single_flows, times
from voltomo.stages.workspace import Workspace

__all__ = ["follow_maps"]

Bytes: TypeAlias = npt.NDArray[np.uint8]


def follow_maps(
    items: Sequence[Measurement],
    maps: Sequence[PhaseMap],
    labels: ArrayLike,
    sample: Sample,
    work: Workspace,
    *,
    step: str,
    transport: bool,
) -> list[Numbers]:
    """Fractions, surfaces and transport of each of several maps of the volume, in one pass.

    Parameters
    ----------
    items : the numbers of the map of the study, to which those of transport are related
    maps : the others, with phases of the same names
    labels, sample : (Z, Y, X) ids of the map of the study, and its region
    work : where the blocks run
    step : unique within the stage
    transport : whether the numbers of transport are followed too, on a central part of the volume

    Returns
    -------
    list of Numbers
        In the order of `maps`.

    Raises
    ------
    ShapeError, InputError
        If a map differs in shape, or lacks a phase of the study.
    """
    if not maps:
        return []
    for other in maps:
        _check_same(other, sample)
    names = [f"map {number}" for number in range(len(maps))]
    variants = {
        name: Variant(other.phases, partial(_one_of, number=number))
        for number, (name, other) in enumerate(zip(names, maps, strict=True))
    }
    sources = (labels, *(as_zyx(other.data) for other in maps))
    flows = single_flows(items) if transport else ()
    counted = count_variants(variants, sources, sample, work, step=step, halo=1, bytes_per_voxel=3.0 + len(maps))
    ratios = flow_ratios(variants, sources, flows, sample, work, step=step)
    return [counted[name] | times(ratios[name], items) for name in names]


def _one_of(_block: Block, _labels: Bytes, *others: Bytes, number: int) -> Bytes:
    return others[number]


def _check_same(other: PhaseMap, sample: Sample) -> None:
    """The same voxels, and at least the same phases."""
    if tuple(as_zyx(other.data).shape) != sample.shape:
        raise ShapeError(f"the other segmentation {other.shape} and the study {sample.shape} differ in shape")
    wanted, there = ({phase.name for phase in table} for table in (sample.phases, other.phases))
    if missing := sorted(wanted - there):
        raise InputError(
            f"the other segmentation has no phase {', '.join(missing)}; it has {', '.join(sorted(there))}. Give its "
            "phases the names of this study"
        )
