"""`measure`: maps become numbers, each with its definition, unit and uncertainty."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from voltomo.artifacts import CrackMap, InstanceMap, Measurement, Measurements, ParticleTable, PhaseMap, as_zyx
from voltomo.blocks import Block, Partial
from voltomo.blocks.components import Components, find_components
from voltomo.errors import GateError, InputError, ShapeError
from voltomo.metrics.connectivity import measure_connectivity
from voltomo.metrics.fractions import (
    Profiles,
    SliceCounts,
    VoidParts,
    count_slices,
    measure_fractions,
    measure_porosity,
    profiles,
    void_phases,
)
from voltomo.metrics.neighbors import count_neighbors
from voltomo.metrics.sample import AXES, Sample
from voltomo.metrics.sizes import ParticleSample, SizeRules, measure_particles
from voltomo.metrics.surfaces import InterfaceCounts, measure_surfaces
from voltomo.morphology.directions import CroftonDirections, crofton_directions
from voltomo.stages.workspace import Workspace
from voltomo.units import VoxelSize, format_voxel_size

__all__ = ["MeasureConfig", "MeasureResult", "run_measure"]


class MeasureConfig(BaseModel):
    """What `measure` may be told."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    connectivity: tuple[Literal[6, 18, 26], ...] = (6, 18, 26)
    """Neighborhoods in which connectivity is counted; 6 stands for 4, and 18 and 26 for 8, in a section."""
    min_particles: int = Field(default=30, ge=2)
    """Fewer particles withhold their size distribution: 30 leave three beyond D10 and D90."""
    bootstrap: int = Field(default=400, ge=100)
    """Replicates of the bootstrap over particles; 400 fix the ends of a 95 % interval to a tenth of its width."""
    seed: int = 0
    """Of the random numbers of the bootstrap."""


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
    _check_same_grid(phase_map, instance_map, crack_map)
    counts = _count_slices(labels, phase_map, work)
    sample = _sample(phase_map, counts)
    finder = _ComponentFinder(labels, work)
    directions = crofton_directions(sample.edges, sample.dimension)
    pairs = _count_neighbors(labels, phase_map, directions, work)

    numbers: list[Measurement] = [*measure_fractions(counts, sample)]
    numbers += measure_porosity(counts, sample, parts=_void_parts(finder, sample, instance_map))
    numbers += measure_surfaces(InterfaceCounts(pairs, directions), sample, voxels=counts.phases)
    numbers += _connectivity(finder, sample, counts, config)
    if instance_map is not None and instance_map.table:
        rules = SizeRules(config.min_particles, config.bootstrap, config.seed)
        numbers += measure_particles(_particles(instance_map.table, sample), sample, rules)
    warnings = tuple(_warnings(sample, instance_map))
    return MeasureResult(Measurements(tuple(numbers)), profiles(counts, sample), warnings)


def _check_same_grid(phase_map: PhaseMap, *others: InstanceMap | CrackMap | None) -> None:
    """All maps show the same voxels."""
    for other in others:
        if other is None:
            continue
        name, shape = type(other).__name__, tuple(other.data.shape)
        if as_zyx(other.data).shape != as_zyx(phase_map.data).shape:
            raise ShapeError(f"{name} {shape} and phases {phase_map.shape} differ in shape; are they of one sample?")
        if not _same_size(other.voxel_size, phase_map.voxel_size):
            raise InputError(
                f"{name} has voxels of {format_voxel_size(other.voxel_size)}, the phases have "
                f"{format_voxel_size(phase_map.voxel_size)}; give both the same voxel size"
            )


def _same_size(one: VoxelSize | None, two: VoxelSize | None) -> bool:
    """Equal up to the rounding of a file that stores micrometres."""
    return one == two or (one is not None and two is not None and np.allclose(one, two, rtol=1e-6, atol=0))


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


@dataclass
class _ComponentFinder:
    """Connected components of sets of phases, each found once."""

    labels: npt.NDArray[np.uint8]
    work: Workspace
    found: dict[tuple[tuple[int, ...], int], Components] = field(default_factory=dict)

    def find(self, ids: tuple[int, ...], neighbors: Literal[6, 18, 26]) -> Components:
        """Components of the voxels that carry one of the ids."""
        if (ids, neighbors) not in self.found:
            self.found[ids, neighbors] = find_components(
                self.labels,
                predicate=partial(_carries, ids=ids),
                runner=self.work,
                step=f"components of {'+'.join(map(str, ids))}, {neighbors} neighbors",
                connectivity=neighbors,
            )
        return self.found[ids, neighbors]

    def find_inside(self, ids: tuple[int, ...], instances: npt.NDArray[np.uint32]) -> Components:
        """Components, by 6 neighbors, of the voxels that carry one of the ids and lie inside a particle."""

        def inside(labels: npt.NDArray[np.uint8], instances: npt.NDArray[np.uint32]) -> npt.NDArray[np.bool_]:
            return _carries(labels, ids=ids) & (instances > 0)

        return find_components(
            self.labels, instances, predicate=inside, runner=self.work, step="voids inside particles", connectivity=6
        )


def _carries(labels: npt.NDArray[np.uint8], *, ids: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    lookup = np.zeros(256, np.bool_)
    lookup[list(ids)] = True
    return lookup[labels]


def _connectivity(
    finder: _ComponentFinder, sample: Sample, counts: SliceCounts, config: MeasureConfig
) -> Iterator[Measurement]:
    for phase in sample.phases:
        for neighbors, seen_as in _neighborhoods(config.connectivity, sample.dimension).items():
            found = finder.find((phase.id,), seen_as)
            yield from measure_connectivity(
                sample,
                phase=phase.name,
                neighbors=neighbors,
                sizes=found.counts,
                touches=found.touches,
                slices=counts,
            )


def _neighborhoods(wanted: tuple[Literal[6, 18, 26], ...], dimension: int) -> dict[int, Literal[6, 18, 26]]:
    """Neighborhood as it is called, and as the labelling knows it; a section has 4 and 8 neighbors."""
    if dimension == 3:
        return {neighbors: neighbors for neighbors in wanted}
    return {4 if neighbors == 6 else 8: neighbors for neighbors in wanted}


def _void_parts(finder: _ComponentFinder, sample: Sample, instance_map: InstanceMap | None) -> VoidParts | None:
    """Where the void is; None without particles or without a void phase.

    A component of the void inside the envelopes is closed if it is a component of the whole void as well: then it has
    the same first voxel and the same size there. No labels need to be written to know that.
    """
    ids = tuple(phase.id for phase in void_phases(sample))
    if instance_map is None or not ids:
        return None
    everywhere, inside = finder.find(ids, 6), finder.find_inside(ids, as_zyx(instance_map.data))
    total, intra = int(everywhere.counts.sum()), int(inside.counts.sum())
    closed = int(inside.counts[_is_component_of(inside, everywhere)].sum())
    return VoidParts(inter=total - intra, closed=closed, opened=intra - closed)


def _is_component_of(inside: Components, everywhere: Components) -> npt.NDArray[np.bool_]:
    """Which components of a part of the voxels are components of all of them; both are ordered by their first voxel."""
    if not len(inside):
        return np.zeros(0, np.bool_)
    own, all_ = (np.ravel_multi_index(tuple(found.first.T), found.shape) for found in (inside, everywhere))
    match = np.minimum(np.searchsorted(all_, own), len(all_) - 1)
    return np.asarray((all_[match] == own) & (everywhere.counts[match] == inside.counts))


def _particles(table: ParticleTable, sample: Sample) -> ParticleSample:
    """The columns of the particle table that sizes and shapes need."""
    content, roundness = ("volume", "sphericity") if sample.dimension == 3 else ("area", "circularity")
    extents = [np.asarray(table[f"box_{axis}_high"]) - np.asarray(table[f"box_{axis}_low"]) for axis in AXES]
    return ParticleSample(
        diameter=np.asarray(table["equivalent_diameter"], np.float64),
        envelope=np.asarray(table[f"envelope_{content}"], np.float64),
        solid=np.asarray(table[f"solid_{content}"], np.float64),
        boxes=np.stack(extents, axis=1).astype(np.int64),
        is_whole=~np.asarray(table["touches_edge"], np.bool_),
        shapes={name: np.asarray(table[name], np.float64) for name in (roundness, "aspect_ratio")},
        phase="+".join(phase.name for phase in sample.phases.with_role("active")),
    )


def _add(total: Partial, part: Partial) -> Partial:
    return {name: np.add(total[name], part[name]) for name in total}


def _warnings(sample: Sample, instance_map: InstanceMap | None) -> Iterator[str]:
    if sample.phases.with_role("pore+binder"):
        yield (
            "Two-phase segmentation of a three-phase electrode: binder and pore share one class. Its fraction is no "
            "porosity, and a tortuosity factor computed on it is too low by a factor of 1.35 to 1.81 "
            "(Usseglio-Viretta et al., J. Electrochem. Soc. 165, A3403 (2018), doi 10.1149/2.0731814jes)."
        )
    if instance_map is not None and not instance_map.table:
        yield "The particle map has no table, so particle sizes were not measured; run `particles` to get one."
