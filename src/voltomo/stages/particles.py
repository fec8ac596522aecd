"""The verb `particles`: every particle of the active phase, with its cracks and its row in the table."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, field_validator

from voltomo.artifacts import OUTSIDE, ArrayLike, CrackMap, InstanceMap, Phase, PhaseMap, Volume, as_zyx
from voltomo.blocks import Block, Partial
from voltomo.errors import InputError, PhaseNotFoundError, ShapeError, UnitError
from voltomo.instances.shape import ShapeSums, merge_sums, sum_shapes
from voltomo.instances.table import particle_table
from voltomo.metrics.contacts import areas_of_particles
from voltomo.morphology.directions import crofton_directions
from voltomo.morphology.grid import Grid
from voltomo.stages.contacts import find_contacts
from voltomo.stages.crack_voxels import write_cracks
from voltomo.stages.splitting import SplitLengths, split_particles
from voltomo.stages.workspace import Workspace
from voltomo.units import VoxelSize, parse_length

__all__ = ["ParticlesConfig", "ParticlesResult", "run_particles"]

AUTO_MIN_DIAMETER = 8.0
"""In shortest voxel edges. A smaller ball has fewer than 270 voxels, and its shape is that of the lattice."""

AUTO_CRACK_WIDTH = 3.0
"""In shortest voxel edges: cracks this narrow are seen as lines rather than as gaps between two particles."""

AUTO_WIDEST_CAVITY = 48.0
"""In shortest voxel edges. Judging a void takes a halo of twice its width and more."""


class ParticlesConfig(BaseModel):
    """How the active phase becomes particles. Lengths are text: "1 um", or "8 voxels" of the shortest edge.

    Parameters
    ----------
    method : "watershed" of the distance map, tolerant of cracks
    active : name of the phase to split; the only phase of role active where None
    min_diameter : equivalent diameter of the smallest particle; 8 voxels where None
    close_cracks : widest crack that is closed before the split; 3 voxels where None, "0 voxels" closes none
    fill_cavities : equivalent diameter of the widest closed void that is filled before the split; 48 voxels where
        None, "0 voxels" fills none. Filled or not, a void that only one particle touches belongs to it
    cavity_depth : voids are filled if they lie at least so many of their diameters under the surface: those between
        several particles do not
    merge_ratio : two bodies are one particle where the neck between them is at least this share of the width of the
        narrower one
    crack_threshold : "triangle" also counts dark voxels inside particles as void where a volume is given; "none"
        goes by phases alone
    channel : which channel of the volume
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: Literal["watershed"] = "watershed"
    active: str | None = None
    min_diameter: str | None = None
    close_cracks: str | None = None
    fill_cavities: str | None = None
    cavity_depth: float = Field(default=2.0, ge=0)
    merge_ratio: float = Field(default=0.85, gt=0, le=1)
    crack_threshold: Literal["triangle", "none"] = "triangle"
    channel: int = Field(default=0, ge=0)

    @field_validator("min_diameter", "close_cracks", "fill_cavities")
    @classmethod
    def _is_length(cls, text: str | None) -> str | None:
        if text is not None and _voxels(text) is None and parse_length(text) < 0:
            raise UnitError(f"expected a length that is not negative, found {text!r}")
        return text


@dataclass(frozen=True)
class ParticlesResult:
    """Particles, their cracks, and how they were found.

    Parameters
    ----------
    instance_map : ids and table
    crack_map : solid and void inside particles
    record : JSON-able: resolved lengths, debris, thresholds, counts
    warnings : sentences for the report
    """

    instance_map: InstanceMap
    crack_map: CrackMap
    record: dict[str, Any]
    warnings: tuple[str, ...] = ()


def run_particles(
    phase_map: PhaseMap, config: ParticlesConfig, work: Workspace, *, volume: Volume | None = None
) -> ParticlesResult:
    """Split the active phase into particles and find the voids inside them.

    Parameters
    ----------
    phase_map : phases of a volume, or of a plane with Z = 1
    config : see `ParticlesConfig`
    work : where arrays are put and blocks are run
    volume : the grey values behind the phases; with them, dark voxels inside particles count as void too

    Returns
    -------
    ParticlesResult
        Without a particle the table has no rows and a warning says so.

    Raises
    ------
    PhaseNotFoundError
        If no phase is active, or none has the name given.
    InputError
        If several phases are active and none is named; if a length is in metres and the voxel size unknown.
    ShapeError
        If volume and phases differ in shape.
    """
    phases = as_zyx(phase_map.data)
    grid = Grid.of(phases.shape, phase_map.voxel_size)
    active = _active_phase(phase_map, config)
    grey = _grey(volume, config, phases)
    lengths = _resolve(config, grid, phase_map.voxel_size)
    split = split_particles(phases, active.id, lengths, grid, work)
    cracks, threshold = write_cracks(split.particles, phases, grey, active=active.id, grid=grid, work=work)
    sums = _sum_shapes(split.particles, cracks, phases, grid, work)
    areas = _contact_areas(split.particles, phases, active.id, np.asarray(sums["ids"]), grid, work)
    table = particle_table(sums, split.ids.contacts, grid, contact_area=areas)
    debris = _debris(split.particles, phases, active.id, work)
    record = {
        "method": config.method,
        "active": active.name,
        "length_unit": "voxel" if phase_map.voxel_size is None else "m",
        "min_diameter": lengths.min_diameter,
        "closing_radius": lengths.closing_radius,
        "fill_cavities": lengths.cavity_diameter,
        "cavity_depth": lengths.cavity_depth,
        "merge_ratio": lengths.merge_ratio,
        **split.record,
        "particles": len(split.ids),
        **debris,
        "void_threshold": threshold.cut,
        "void_threshold_triangle": threshold.triangle,
        "grey_mode_inside": threshold.mode,
        "grey_noise_inside": threshold.noise,
    }
    return ParticlesResult(
        InstanceMap(split.particles, table, phase_map.voxel_size),
        CrackMap(cracks, threshold.cut, phase_map.voxel_size),
        record,
        _warnings(record),
    )


def _active_phase(phase_map: PhaseMap, config: ParticlesConfig) -> Phase:
    """The phase to split."""
    if config.active is not None:
        for phase in phase_map.phases:
            if phase.name == config.active:
                return phase
        names = ", ".join(phase.name for phase in phase_map.phases)
        raise PhaseNotFoundError(f"no phase is called {config.active!r}; the table has {names}")
    active = phase_map.phases.with_role("active")
    if not active:
        roles = ", ".join(f"{phase.name} ({phase.role})" for phase in phase_map.phases)
        raise PhaseNotFoundError(f"no phase has the role active, found {roles}; name one: particles: {{active: NAME}}")
    if len(active) > 1:
        names = ", ".join(phase.name for phase in active)
        raise InputError(f"several phases are active ({names}); say which one to split: particles: {{active: NAME}}")
    return active[0]


def _grey(volume: Volume | None, config: ParticlesConfig, phases: ArrayLike) -> ArrayLike | None:
    """The channel that voids are looked for in."""
    if volume is None or config.crack_threshold == "none":
        return None
    if volume.shape != tuple(phases.shape):
        raise ShapeError(f"volume {volume.shape} and phases {tuple(phases.shape)} differ in shape")
    if config.channel >= len(volume.channels):
        raise InputError(f"channel {config.channel} of a volume with {len(volume.channels)}: {volume.channels}")
    return volume.channel(config.channel)


def _voxels(text: str) -> float | None:
    """The number in "8 voxels"; None if the text is something else."""
    match = re.fullmatch(r"\s*(\d+\.?\d*|\.\d+)\s*voxels?\s*", text)
    return None if match is None else float(match[1])


def _resolve(config: ParticlesConfig, grid: Grid, voxel_size: VoxelSize | None) -> SplitLengths:
    """Lengths of the config in the unit of the voxel edges."""

    def length(key: str, default: float) -> float:
        text = getattr(config, key)
        if text is None:
            return default
        voxels = _voxels(text)
        if voxels is not None:
            return voxels * grid.smallest_edge
        if voxel_size is None:
            raise InputError(f'{key} is {text!r} but the voxel size is unknown; give it as "8 voxels"')
        return parse_length(text)

    edge = grid.smallest_edge
    min_diameter = max(length("min_diameter", AUTO_MIN_DIAMETER * edge), edge)
    width = length("close_cracks", AUTO_CRACK_WIDTH * edge)
    return SplitLengths(
        min_diameter=min_diameter,
        # The middle of a gap of w voxels is (w + 1) / 2 voxel centres away from its banks.
        closing_radius=(width + edge) / 2 if width > 0 else 0.0,
        cavity_diameter=length("fill_cavities", AUTO_WIDEST_CAVITY * edge),
        cavity_depth=config.cavity_depth,
        merge_ratio=config.merge_ratio,
    )


def _sum_shapes(particles: ArrayLike, cracks: ArrayLike, phases: ArrayLike, grid: Grid, work: Workspace) -> ShapeSums:
    """Sums of all particles."""
    z, y, x = particles.shape

    def sums(
        block: Block,
        labels: npt.NDArray[np.uint32],
        codes: npt.NDArray[np.uint8],
        ids: npt.NDArray[np.uint8],
    ) -> Partial:
        shape = (int(z), int(y), int(x))
        return sum_shapes(labels, codes, ids, block.inner, origin=block.origin, shape=shape, grid=grid)

    return work.reduce("shapes", sums, particles, cracks, phases, merge=merge_sums, halo=1, bytes_per_voxel=8)


def _contact_areas(
    particles: ArrayLike, phases: ArrayLike, active: int, ids: npt.NDArray[Any], grid: Grid, work: Workspace
) -> npt.NDArray[np.float64] | None:
    """Area over which each particle touches others; None in a plane, which shows no such area."""
    if grid.dimension == 2:
        return None
    directions = crofton_directions(grid.edges, 3)
    found = find_contacts(particles, phases, (active,), directions.offsets, work)
    return areas_of_particles(found, directions, ids, edges=grid.edges)


def _debris(particles: ArrayLike, phases: ArrayLike, active: int, work: Workspace) -> dict[str, float]:
    """Active material that belongs to no particle: pieces below the smallest diameter."""

    def count(block: Block, labels: npt.NDArray[np.uint32], ids: npt.NDArray[np.uint8]) -> Partial:
        solid = ids == active
        counts = [np.count_nonzero(ids != OUTSIDE), np.count_nonzero(solid), np.count_nonzero(solid & (labels == 0))]
        return {"counts": np.array(counts, np.int64)}

    def add(one: Partial, two: Partial) -> Partial:
        return {"counts": np.asarray(one["counts"]) + np.asarray(two["counts"])}

    counts = work.reduce("debris", count, particles, phases, merge=add, bytes_per_voxel=8)["counts"]
    inside, solid, loose = (int(n) for n in np.asarray(counts))
    return {
        "debris_fraction_of_active": loose / solid if solid else 0.0,
        "debris_volume_fraction": loose / inside if inside else 0.0,
    }


def _warnings(record: dict[str, Any]) -> tuple[str, ...]:
    """What the reader of a report should know."""
    found = []
    if record["particles"] == 0:
        found.append("No particle was found: no piece of the active phase is as large as the smallest particle.")
    if record["debris_fraction_of_active"] > 0.05:
        share = record["debris_fraction_of_active"]
        found.append(
            f"{share:.1%} of the active phase are pieces smaller than the smallest particle and belong to none; "
            "they may be noise of the segmentation, or particles if min_diameter is too large."
        )
    return tuple(found)
