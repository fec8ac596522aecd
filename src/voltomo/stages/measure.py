"""`measure`: maps become numbers, each with its definition, unit and uncertainty."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from voltomo.artifacts import CrackMap, InstanceMap, Measurement, Measurements, PhaseMap, as_zyx
from voltomo.blocks import Block, Partial
from voltomo.errors import GateError, InputError
from voltomo.metrics.fractions import Profiles, SliceCounts, count_slices, measure_fractions, measure_porosity, profiles
from voltomo.metrics.neighbors import count_neighbors
from voltomo.metrics.sample import AXES, Sample
from voltomo.metrics.surfaces import InterfaceCounts, measure_surfaces
from voltomo.morphology.directions import CroftonDirections, crofton_directions
from voltomo.stages.workspace import Workspace

__all__ = ["MeasureConfig", "MeasureResult", "run_measure"]


class MeasureConfig(BaseModel):
    """What `measure` may be told."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True)
class MeasureResult:
    """The numbers of a study.

    Parameters
    ----------
    measurements : in stable order
    profiles : axis, then phase name, then the fraction per slice
    warnings : what the numbers cannot carry, in sentences
    """

    measurements: Measurements
    profiles: Profiles = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def run_measure(
    phase_map: PhaseMap,
    config: MeasureConfig,
    work: Workspace,
    *,
    instance_map: InstanceMap | None = None,
    crack_map: CrackMap | None = None,
) -> MeasureResult:
    """Measure everything that the maps support.

    Parameters
    ----------
    phase_map : phases of the sample; id 0 is outside the field of view and never counted
    config : what to measure, and how
    work : where the blocks run
    instance_map, crack_map : particles and their voids, where they were found

    Returns
    -------
    MeasureResult

    Raises
    ------
    InputError
        If the map carries ids that the phase table does not hold, or the maps differ in shape.
    GateError
        If no voxel is inside the field of view.
    """
    labels = as_zyx(phase_map.data)
    counts = _count_slices(labels, phase_map, work)
    sample = _sample(phase_map, counts)
    directions = crofton_directions(sample.edges, sample.dimension)
    pairs = _count_neighbors(labels, phase_map, directions, work)

    numbers: list[Measurement] = [*measure_fractions(counts, sample)]
    numbers += measure_porosity(counts, sample, parts=None)
    numbers += measure_surfaces(InterfaceCounts(pairs, directions), sample, voxels=counts.phases)
    return MeasureResult(Measurements(tuple(numbers)), profiles(counts, sample), tuple(_warnings(sample)))


def _sample(phase_map: PhaseMap, counts: SliceCounts) -> Sample:
    if counts.unknown:
        raise InputError(
            f"{counts.unknown} voxels carry ids that are not in the phase table, which has {phase_map.phases.ids} "
            "(0 is outside the field of view); give a phase table with one row per id"
        )
    if not counts.region:
        raise GateError("no voxel of the map is inside the field of view (all ids are 0)", gate="field-of-view")
    z, y, x = (counts.z.shape[1], counts.y.shape[1], counts.x.shape[1])
    return Sample(phase_map.phases, (z, y, x), counts.region, phase_map.voxel_size, phase_map.through_plane)


def _count_slices(labels: npt.NDArray[np.uint8], phase_map: PhaseMap, work: Workspace) -> SliceCounts:
    """Voxels per phase and slice, over the blocks."""
    shape = labels.shape

    def count(block: Block, labels: npt.NDArray[np.uint8]) -> Partial:
        whole: Partial = {}
        part = count_slices(labels[block.inner], phase_ids=phase_map.phases.ids)
        for axis, size, place in zip(AXES, shape, block.write, strict=True):
            counts = getattr(part, axis)
            whole[axis] = np.zeros((counts.shape[0], size), np.int64)
            whole[axis][:, place] = counts
        return whole

    merged = work.reduce("fractions", count, labels, merge=_add, bytes_per_voxel=2)
    return SliceCounts(*(merged[axis].astype(np.int64) for axis in AXES))


def _count_neighbors(
    labels: npt.NDArray[np.uint8], phase_map: PhaseMap, directions: CroftonDirections, work: Workspace
) -> npt.NDArray[np.int64]:
    """Pairs of phases in neighboring voxels, over the blocks."""
    count = partial(count_neighbors, phase_ids=phase_map.phases.ids, offsets=directions.offsets)

    def count_block(block: Block, labels: npt.NDArray[np.uint8]) -> Partial:
        return {"pairs": count(labels, starts=block.inner)}

    merged = work.reduce("neighbors", count_block, labels, merge=_add, halo=1, bytes_per_voxel=2)
    return merged["pairs"].astype(np.int64)


def _add(total: Partial, part: Partial) -> Partial:
    return {name: np.add(total[name], part[name]) for name in total}


def _warnings(sample: Sample) -> Iterator[str]:
    if sample.phases.with_role("pore+binder"):
        yield (
            "Two-phase segmentation of a three-phase electrode: binder and pore share one class. Its fraction is no "
            "porosity, and a tortuosity factor computed on it is too low by a factor of 1.35 to 1.81 "
            "(Usseglio-Viretta et al., J. Electrochem. Soc. 165, A3403 (2018), doi 10.1149/2.0731814jes)."
        )
