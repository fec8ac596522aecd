"""`measure`: maps become numbers, each with its definition, unit and uncertainty."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, field_validator

from voltomo.artifacts import (
    CrackMap,
    InstanceMap,
    Measurement,
    Measurements,
    ParticleTable,
    PhaseMap,
    Volume,
    as_zyx,
)
from voltomo.errors import GateError, InputError, ShapeError
from voltomo.metrics.apparent import ApparentCurve
from voltomo.metrics.conduction import Sides
from voltomo.metrics.connectivity import measure_connectivity
from voltomo.metrics.correlation_rows import CorrelationCurve, measure_correlation
from voltomo.metrics.curves import SizeCurve
from voltomo.metrics.euler import measure_euler
from voltomo.metrics.fractions import Profiles, SliceCounts, measure_fractions, measure_porosity, profiles
from voltomo.metrics.recipe_check import check_recipe
from voltomo.metrics.sample import AXES, Sample
from voltomo.metrics.sizes import ParticleSample, SizeRules, measure_particles, particle_curves
from voltomo.metrics.surfaces import InterfaceCounts
from voltomo.metrics.window import Face, find_window
from voltomo.morphology.directions import crofton_directions
from voltomo.stages.apparent import with_apparent
from voltomo.stages.contacts import contact_rows
from voltomo.stages.conventions import convention_rows
from voltomo.stages.correlation import correlate_phases
from voltomo.stages.detached import detached_rows
from voltomo.stages.formulation import FormulationConfig
from voltomo.stages.label_variants import Retrained
from voltomo.stages.phase_components import PhaseComponents, find_void_parts
from voltomo.stages.representativity import density_rows, independent_parts
from voltomo.stages.segment import SegmentConfig
from voltomo.stages.structure_counts import count_structure
from voltomo.stages.transport import Axes, PathsWanted, TransportSettings, transport_rows
from voltomo.stages.uncertainty import estimate_uncertainty
from voltomo.stages.uncertainty_config import UncertaintyConfig
from voltomo.stages.widths import ThicknessWanted, width_rows
from voltomo.stages.workspace import Workspace
from voltomo.units import VoxelSize, format_voxel_size

__all__ = ["MeasureConfig", "MeasureResult", "run_measure"]

_SIDES = ("low", "high")


class MeasureConfig(BaseModel):
    """What is measured, and from how much.

    Parameters
    ----------
    conventions : whether surface areas are given as other programs report them, besides; one more pass over the map
    connectivity : neighborhoods in which connectivity is counted: 6, 18, 26; in a section 6 is 4, and 18 and 26 are 8
    sample_ends : faces of the box at which the sample itself ends, such as a free surface or the collector, as in
        ``[z low]``: what touches only those is a whole particle
    min_particles : fewer particles withhold their size distribution; 30 leave three below D10 and three above D90
    transport : names of the phases whose transport is computed along each axis; "auto" takes those of role pore,
        pore+binder and electrolyte, "none" takes none
    conductivities : of two or more phases that conduct together, by name, such as ``{pore: 1, binder: 0.05}``; their
        common transport is then given besides
    sides : of the box along the flow: "closed", or "periodic" where each side continues at the opposite one
    electrode_tortuosity : axes along which it is computed, from both ends; "auto" takes the through-plane one where it
        is known, else all; "none" takes none
    paths : path tortuosity and constrictivity; "auto" up to 2²³ voxels, "all" whatever the size, "none"
    tolerance : of the effective diffusivity, relative
    local_thickness : "auto" up to 2²⁷ voxels and where the phases are not too wide, "all" whatever it takes, "none"
    representative_tolerance : half width of the 95 % interval of a fraction in a representative window, relative
    formulation : recipe of the coating, with which the fractions are compared
    uncertainty : parts of the uncertainty that are found by making the map again
    bootstrap : replicates of the bootstrap over particles
    seed : of its random numbers
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    conventions: bool = True
    connectivity: tuple[Literal[6, 18, 26], ...] = (6, 18, 26)
    sample_ends: tuple[Face, ...] = ()
    min_particles: int = Field(default=30, ge=2)
    transport: Literal["auto", "none"] | tuple[str, ...] = "auto"
    conductivities: dict[str, Annotated[float, Field(gt=0)]] = Field(default_factory=dict)
    sides: Sides = "closed"
    electrode_tortuosity: Axes = "auto"
    paths: PathsWanted = "auto"
    tolerance: float = Field(default=1e-3, gt=1e-8, le=0.05)
    local_thickness: ThicknessWanted = "auto"
    representative_tolerance: float = Field(default=0.05, gt=0, lt=1)
    formulation: FormulationConfig | None = None
    uncertainty: UncertaintyConfig = UncertaintyConfig()
    bootstrap: int = Field(default=400, ge=100)
    seed: int = Field(default=0, ge=0)

    @field_validator("conductivities")
    @classmethod
    def _two_or_none(cls, given: dict[str, float]) -> dict[str, float]:
        if len(given) == 1:
            raise ValueError("expected two or more phases that conduct together; `transport` names single ones")
        return given

    def relative_to(self, folder: Path) -> MeasureConfig:
        """The same with its paths taken from a folder."""
        named = tuple(str(folder / path) for path in self.uncertainty.segmentations)
        return self.model_copy(update={"uncertainty": self.uncertainty.model_copy(update={"segmentations": named})})

    @property
    def transport_settings(self) -> TransportSettings:
        """What is asked of transport."""
        return TransportSettings(
            self.transport, self.conductivities, self.sides, self.electrode_tortuosity, self.paths, self.tolerance
        )


@dataclass(frozen=True)
class MeasureResult:
    """The numbers of a study.

    Parameters
    ----------
    measurements : in stable order
    profiles : axis, then phase name, then the fraction per slice
    curves : size distributions
    warnings : what the numbers cannot carry, in sentences
    correlations : two-point statistics of each phase over distance
    apparent : numbers of transport against the size of the window
    """

    measurements: Measurements
    profiles: Profiles = field(default_factory=dict)
    curves: tuple[SizeCurve, ...] = ()
    warnings: tuple[str, ...] = ()
    correlations: tuple[CorrelationCurve, ...] = ()
    apparent: tuple[ApparentCurve, ...] = ()


def run_measure(
    phase_map: PhaseMap,
    config: MeasureConfig,
    work: Workspace,
    *,
    instance_map: InstanceMap | None = None,
    crack_map: CrackMap | None = None,
    volume: Volume | None = None,
    segmentation: SegmentConfig | None = None,
    others: Sequence[PhaseMap] = (),
    retrained: Retrained | None = None,
) -> MeasureResult:
    """Measure everything that the maps support.

    Parameters
    ----------
    phase_map : phases of the sample; id 0 is outside the field of view and never counted
    config : what to measure, and how
    work : where the blocks run
    instance_map, crack_map : particles and their voids, where they were found
    volume, segmentation : the grey volume and how the phases were found in it, for the resolution
    others : the segmentations that ``config.uncertainty.segmentations`` names
    retrained : the volume as models see it that were trained on other labels, for the operator part

    Returns
    -------
    MeasureResult

    Raises
    ------
    InputError
        If the map carries ids that the phase table does not hold, the maps differ in shape or voxel size, or the
        particle table lacks a column.
    GateError
        If no voxel is inside the field of view.
    """
    labels = as_zyx(phase_map.data)
    _check_same_grid(phase_map, instance_map, crack_map)
    if volume is not None and volume.shape != tuple(labels.shape):
        shapes = f"volume {volume.shape} and phases {tuple(labels.shape)}"
        raise ShapeError(f"{shapes} differ in shape; are they of one scan?")
    found = count_structure(labels, phase_map.phases, work)
    counts, pieces = found.slices, found.pieces
    sample = _sample(phase_map, counts)
    components = PhaseComponents(labels, work)
    neighbors = InterfaceCounts(found.pairs, crofton_directions(sample.edges, sample.dimension))

    correlations = tuple(correlate_phases(labels, sample, work))
    scatters = [found.scatter for found in correlations]
    numbers: list[Measurement] = [*measure_fractions(counts, sample, pieces=pieces, scatters=scatters)]
    if config.formulation is not None:
        numbers += check_recipe(numbers, config.formulation.formulation, sample)
    void = find_void_parts(components, sample, instance_map)
    numbers += measure_porosity(counts, sample, parts=void, pieces=pieces, scatters=scatters)
    spans = [one.span for one in correlations if 0 < one.fraction < 1]
    numbers += density_rows(found, sample, spans=spans)
    if config.conventions:
        numbers += convention_rows(labels, sample, found, neighbors, work)
    numbers += detached_rows(components, sample, work)
    numbers += _connectivity(components, sample, counts, config)
    numbers += measure_euler(found.cells, sample)
    for correlation in correlations:
        numbers += measure_correlation(correlation, sample, tolerance=config.representative_tolerance)
    transport = transport_rows(labels, sample, counts, config.transport_settings, work)
    asked: dict[str, Any] = {"wanted": config.uncertainty.parts_of_window, "tolerance": config.representative_tolerance}
    asked["spans"] = {one.phase: one.span for one in correlations if 0 < one.fraction < 1}
    flows, apparent = with_apparent(transport, labels, sample, config.transport_settings, work, **asked)
    numbers += flows
    filled = independent_parts(found, sample, spans=spans) or ()
    widths = width_rows(labels, sample, found, config.local_thickness, work, parts=filled)
    numbers += widths.rows
    curves = widths.curves
    if instance_map is not None and instance_map.table:
        rules = SizeRules(config.min_particles, config.bootstrap, config.seed)
        particles = _particles(instance_map.table, sample, counts, config)
        numbers += measure_particles(particles, sample, rules)
        touching, coordination = contact_rows(instance_map, labels, sample, work)
        numbers += touching
        curves += (*particle_curves(particles, sample), *coordination)
    grey: dict[str, Any] = {"volume": volume, "segmentation": segmentation, "others": others}
    grey["retrained"] = retrained
    numbers = estimate_uncertainty(numbers, phase_map, labels, sample, config.uncertainty, work, **grey)
    warnings = tuple(_warnings(sample, instance_map))
    drawn = tuple(curve for correlation in correlations for curve in correlation.curves)
    drawn += widths.paths
    return MeasureResult(Measurements(tuple(numbers)), profiles(counts, sample), curves, warnings, drawn, apparent)


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


def _connectivity(
    components: PhaseComponents, sample: Sample, counts: SliceCounts, config: MeasureConfig
) -> Iterator[Measurement]:
    for phase in sample.phases:
        for neighbors, seen_as in _neighborhoods(config.connectivity, sample.dimension).items():
            found = components.find((phase.id,), seen_as)
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


def _particles(table: ParticleTable, sample: Sample, counts: SliceCounts, config: MeasureConfig) -> ParticleSample:
    """The columns of the particle table that sizes and shapes need."""
    content, roundness = ("volume", "sphericity") if sample.dimension == 3 else ("area", "circularity")
    sides = [f"box_{axis}_{side}" for axis in AXES for side in _SIDES]
    needed = [
        "equivalent_diameter",
        f"envelope_{content}",
        f"solid_{content}",
        "touches_edge",
        roundness,
        "aspect_ratio",
    ]
    if missing := [name for name in (*needed, *sides) if name not in table]:
        raise InputError(
            f"the particle table has no column {', '.join(missing)}; run `particles` on this map to get a table "
            f"of {sample.dimension} dimensions"
        )
    low, high = (np.stack([np.asarray(table[f"box_{axis}_{side}"], np.int64) for axis in AXES], 1) for side in _SIDES)
    window = find_window(counts, sample, ends=frozenset(config.sample_ends))
    return ParticleSample(
        diameter=np.asarray(table["equivalent_diameter"], np.float64),
        envelope=np.asarray(table[f"envelope_{content}"], np.float64),
        solid=np.asarray(table[f"solid_{content}"], np.float64),
        boxes=high - low,
        is_whole=~np.asarray(table["touches_edge"], np.bool_) if window is None else window.holds(low, high),
        shapes={name: np.asarray(table[name], np.float64) for name in (roundness, "aspect_ratio")},
        phase="+".join(phase.name for phase in sample.phases.with_role("active")),
        window=window,
    )


def _warnings(sample: Sample, instance_map: InstanceMap | None) -> Iterator[str]:
    if sample.phases.with_role("pore+binder"):
        yield (
            "Two-phase segmentation of a three-phase electrode: binder and pore share one class. Its fraction is no "
            "porosity, and a tortuosity factor computed on it is too low by a factor of 1.35 to 1.81 "
            "(Usseglio-Viretta et al., J. Electrochem. Soc. 165, A3403 (2018), doi 10.1149/2.0731814jes)."
        )
    if instance_map is not None and not instance_map.table:
        yield "The particle map has no table, so particle sizes were not measured; run `particles` to get one."
