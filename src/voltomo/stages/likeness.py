"""What a scan looks like: the statistics that a twin has to match, measured block by block."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import ArrayLike, InstanceMap, Phase, PhaseMap, Volume
from voltomo.blocks import Partial, WritableArray
from voltomo.blocks.executor import BlockMap, BlockPartial, ProgressCallback
from voltomo.errors import PhaseNotFoundError, ShapeError
from voltomo.morphology.grid import Grid
from voltomo.stages.inspection import measure_field
from voltomo.stages.workspace import Workspace
from voltomo.synthesis.likeness.covariance import Covariance
from voltomo.synthesis.likeness.estimate import (
    Fluctuations,
    Greys,
    find_interior,
    fluctuation_statistics,
    grey_statistics,
)
from voltomo.synthesis.likeness.sizes import size_statistics
from voltomo.synthesis.likeness.statistic import Likeness
from voltomo.synthesis.likeness.sums import FARTHEST_LAG, LONGEST_LAG, merge_sums, sum_fluctuations, sum_greys
from voltomo.synthesis.likeness.surfaces import REACH

__all__ = ["Measured", "Prefixed", "measure_likeness"]

_MOST_STARTS = 3_000_000
"""Voxels at which pairs start; more make the variogram no better than its model."""


@dataclass(frozen=True)
class Prefixed:
    """A part of a workspace under names of its own, so that one stage can carry out another several times."""

    work: Workspace
    prefix: str

    @property
    def budget(self) -> int | None:
        """As of the workspace behind it."""
        return self.work.budget

    def array(self, name: str, shape: tuple[int, ...], dtype: npt.DTypeLike) -> WritableArray:
        """A scratch array."""
        return self.work.array(f"{self.prefix}-{name}", shape, dtype)

    def map(
        self,
        step: str,
        function: BlockMap,
        *sources: ArrayLike,
        out: WritableArray,
        halo: int | tuple[int, int, int] = 0,
        bytes_per_voxel: float,
        whole_slices: bool = False,
    ) -> None:
        """As the workspace behind it."""
        self.work.map(
            f"{self.prefix}-{step}",
            function,
            *sources,
            out=out,
            halo=halo,
            bytes_per_voxel=bytes_per_voxel,
            whole_slices=whole_slices,
        )

    def reduce(
        self,
        step: str,
        function: BlockPartial,
        *sources: ArrayLike,
        merge: Callable[[Partial, Partial], Partial],
        halo: int | tuple[int, int, int] = 0,
        bytes_per_voxel: float,
    ) -> Partial:
        """As the workspace behind it."""
        return self.work.reduce(
            f"{self.prefix}-{step}", function, *sources, merge=merge, halo=halo, bytes_per_voxel=bytes_per_voxel
        )

    def remember(self, step: str, compute: Callable[[], Partial]) -> Partial:
        """As the workspace behind it."""
        return self.work.remember(f"{self.prefix}-{step}", compute)

    def progress_of(self, step: str) -> ProgressCallback | None:
        """As the workspace behind it."""
        return self.work.progress_of(f"{self.prefix}-{step}")


@dataclass(frozen=True)
class Measured:
    """The statistics of a scan.

    Parameters
    ----------
    likeness : the statistics and their curves
    noise : covariance of the noise in the plane; None where it was withheld
    """

    likeness: Likeness
    noise: Covariance | None


def measure_likeness(
    volume: Volume,
    phase_map: PhaseMap,
    work: Workspace,
    *,
    instance_map: InstanceMap | None = None,
    span: tuple[float, float] | None = None,
    noise_phase: str | None = None,
) -> Measured:
    """Measure what a twin has to match.

    Parameters
    ----------
    volume : the scan; its first channel is measured
    phase_map : its phases, of the same shape; where they are 0 nothing is measured
    work : where blocks run
    instance_map : the particles; without them sizes are withheld
    span : grey values at the ends of the histogram; those of the scan where None
    noise_phase : the phase whose fluctuations are the noise; the one that varies least where None

    Raises
    ------
    ShapeError
        If scan and phases differ in shape.
    PhaseNotFoundError
        If no phase has the role active.
    GateError
        If the scan is constant or not finite inside the field of view.
    """
    if volume.shape != tuple(phase_map.shape):
        raise ShapeError(f"volume {volume.shape} and phases {tuple(phase_map.shape)} differ in shape; was one cropped?")
    active = _active(phase_map)
    field = measure_field(volume, work)
    grid = Grid.of(volume.shape, volume.voxel_size)
    greys = _measure_greys(field.grey, phase_map, work, active, grid, span or (field.low, field.high))
    statistics, curves = grey_statistics(greys, phase_map.phases, active)
    interior = find_interior(greys, phase_map.phases)
    # Half of the rows and slices would do for a large scan; the numbers of pairs stay above a million.
    stride = max(1, int(np.ceil(np.sqrt(np.prod(volume.shape, dtype=float) / _MOST_STARTS))))
    sums = work.reduce(
        "fluctuations",
        partial(
            sum_fluctuations,
            interior=interior,
            active=active.id,
            grid=grid,
            center=(0.5 * (volume.shape[1] - 1), 0.5 * (volume.shape[2] - 1)),
            stride=stride,
        ),
        field.grey,
        phase_map.data,
        *([] if instance_map is None else [instance_map.data]),
        merge=merge_sums,
        halo=_halo(grid, REACH + LONGEST_LAG, REACH + FARTHEST_LAG),
        bytes_per_voxel=22,
    )
    more, more_curves, noise = fluctuation_statistics(Fluctuations(sums, noise_phase), interior, phase_map.phases)
    unit = "voxel" if volume.voxel_size is None else "m"
    table: Mapping[str, npt.NDArray[np.generic]] = {} if instance_map is None else instance_map.table
    sizes, size_curve = size_statistics(table, unit=unit)
    return Measured(Likeness((*statistics, *more, *sizes), {**curves, **more_curves, "sizes": size_curve}), noise)


def _active(phase_map: PhaseMap) -> Phase:
    """The first phase of role active."""
    found = phase_map.phases.with_role("active")
    if not found:
        roles = ", ".join(f"{phase.name} ({phase.role})" for phase in phase_map.phases)
        raise PhaseNotFoundError(f"a twin needs a phase of role active, found {roles}; name one in the phase table")
    return found[0]


def _measure_greys(
    grey: ArrayLike, phase_map: PhaseMap, work: Workspace, active: Phase, grid: Grid, span: tuple[float, float]
) -> Greys:
    """The first pass."""
    origin = 0.5 * (span[0] + span[1])
    function = partial(sum_greys, active=active.id, grid=grid, span=span, origin=origin)
    sums = work.reduce(
        "greys",
        function,
        grey,
        phase_map.data,
        merge=merge_sums,
        halo=_halo(grid, REACH, REACH),
        bytes_per_voxel=34,
    )
    return Greys(sums, origin, span)


def _halo(grid: Grid, across: int, along: int) -> tuple[int, int, int]:
    """Voxels along z, and along y and x; distances are in shortest edges, lags in voxels of each axis."""
    return (across if grid.dimension == 3 else 0, along, along)
