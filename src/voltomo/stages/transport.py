"""The transport part of `measure`: one solve per phase and axis, where the volume fits into memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import ArrayLike, Measurement, Phase
from voltomo.blocks import Partial
from voltomo.blocks.executor import ProgressCallback
from voltomo.errors import InputError
from voltomo.metrics.conduction import (
    Charging,
    End,
    Flow,
    Sides,
    add_coarser,
    memory_needed,
    solve_electrode,
    solve_flow,
)
from voltomo.metrics.electrode_tortuosity import measure_electrode, withhold_electrode
from voltomo.metrics.fractions import SliceCounts
from voltomo.metrics.path_tortuosity import Paths, measure_paths, solve_paths, withhold_paths
from voltomo.metrics.sample import AXES, Sample
from voltomo.metrics.transport import measure_transport, withhold_transport
from voltomo.stages.workspace import Workspace
from voltomo.units import format_bytes

__all__ = ["Axes", "PathsWanted", "TransportSettings", "transport_rows"]

Axes: TypeAlias = Literal["auto", "all", "none"]
PathsWanted: TypeAlias = Literal["auto", "all", "none"]

_ROLES = ("pore", "pore+binder", "electrolyte")
"""In these ions move; asked for by default."""
_OPEN_ROLES = ("pore", "electrolyte")
"""Their walls are those that ions charge."""
_ENDS: tuple[End, End] = ("low", "high")
_BASE = 700_000_000
"""Bytes of the process beside the solve: libraries, compiled kernels, and what the stages before it have left."""
_MOST_VOXELS_OF_PATHS = 2**23
"""About 200³: paths and bottlenecks take half a minute for three axes of it, and grow with the volume."""
_BYTES_OF_PATHS = 20
"""Per voxel: distances twice, flags, labels."""
_PERCENT = 100


@dataclass(frozen=True)
class TransportSettings:
    """What is asked of transport; see `voltomo.stages.measure.MeasureConfig`.

    Parameters
    ----------
    phases : names, "auto" or "none"
    conductivities : by phase name; two or more conduct together
    sides : of the box along the flow
    electrode : axes of the electrode tortuosity factor
    paths : whether path tortuosity and constrictivity are asked for
    tolerance : of the effective diffusivity and of the resistance, relative
    """

    phases: str | tuple[str, ...] = "auto"
    conductivities: Mapping[str, float] = field(default_factory=dict)
    sides: Sides = "closed"
    electrode: Axes = "auto"
    paths: PathsWanted = "auto"
    tolerance: float = 1e-3


def transport_rows(
    labels: ArrayLike, sample: Sample, counts: SliceCounts, settings: TransportSettings, work: Workspace
) -> Iterator[Measurement]:
    """Transport of each phase that is asked for, along each axis; withheld with the reason where it cannot be had.

    Raises
    ------
    InputError
        If a phase is asked for that the table does not hold.
    """
    if sample.dimension == 2:
        return
    run = _Run(labels, sample, counts, settings, work)
    for phase in _choose(sample, settings.phases):
        for axis in range(3):
            yield from run.flow((phase,), {phase.id: 1.0}, axis)
    if len(settings.conductivities) > 1:
        together = tuple(_find(sample, name) for name in settings.conductivities)
        given = {phase.id: settings.conductivities[phase.name] for phase in together}
        for axis in range(3):
            yield from run.flow(together, given, axis)
    for phase in _choose(sample, settings.phases):
        if phase.role in _OPEN_ROLES:
            for axis in _axes(sample, settings.electrode):
                yield from run.electrode(phase, axis)
        if settings.paths != "none":
            for axis in range(3):
                yield from run.paths(phase, axis)


def _choose(sample: Sample, wanted: str | tuple[str, ...]) -> tuple[Phase, ...]:
    if wanted == "none":
        return ()
    if wanted == "auto":
        return sample.phases.with_role(*_ROLES)
    return tuple(_find(sample, name) for name in wanted)


def _find(sample: Sample, name: str) -> Phase:
    names = {phase.name: phase for phase in sample.phases}
    if name not in names:
        raise InputError(f"transport: there is no phase {name!r}; the map has {', '.join(names)}")
    return names[name]


def _axes(sample: Sample, wanted: Axes) -> tuple[int, ...]:
    """Through the electrode where that direction is known, else all."""
    if wanted == "none":
        return ()
    if wanted == "auto" and sample.through_plane in AXES:
        return (AXES.index(sample.through_plane),)
    return (0, 1, 2)


class _Run:
    """The solves of one sample; the volume is read when the first begins."""

    def __init__(
        self, labels: ArrayLike, sample: Sample, counts: SliceCounts, settings: TransportSettings, work: Workspace
    ) -> None:
        self.labels, self.sample, self.counts, self.settings, self.work = labels, sample, counts, settings, work
        self._held: npt.NDArray[np.uint8] | None = None

    def flow(self, phases: tuple[Phase, ...], conductivities: dict[int, float], axis: int) -> Iterator[Measurement]:
        """Rows of a flow from face to face."""
        sample, settings = self.sample, self.settings
        words = {"phase": "+".join(phase.name for phase in phases), "axis": AXES[axis]}
        if reason := self._reason(phases, axis, memory_needed):
            yield from withhold_transport(sample, reason=reason, has_exponent=len(phases) == 1, **words)
            return

        def compute() -> Partial:
            flow = solve_flow(
                self._volume(),
                conductivities,
                axis=axis,
                edges=sample.edges,
                sides=settings.sides,
                tolerance=settings.tolerance,
                progress=self._progress(f"flow through {words['phase']}, {AXES[axis]}"),
            )
            if len(phases) == 1:
                box: dict[str, Any] = {"axis": axis, "edges": sample.edges, "sides": settings.sides}
                flow = add_coarser(flow, self._volume(), phases[0].id, tolerance=settings.tolerance, **box)
            return _pack(flow)

        found = self.work.remember(f"transport {_ids(phases)} {AXES[axis]}", compute)
        shares = tuple(float(share) for share in found["shares"])
        flow = Flow(**{**_unpack(found, Flow), "shares": shares, "rounds": int(found["rounds"])})
        yield from measure_transport(flow, sample, conductivities=conductivities, sides=settings.sides, **words)

    def electrode(self, phase: Phase, axis: int) -> Iterator[Measurement]:
        """The electrode tortuosity factor from both ends."""
        sample = self.sample
        words = {"phase": phase.name, "axis": AXES[axis]}
        reason = self._reason((phase,), axis, memory_needed)
        for end in _ENDS:
            if reason:
                yield withhold_electrode(sample, open_end=end, reason=reason, **words)
                continue
            step = f"electrode {phase.id} {AXES[axis]} {end}"
            found = self.work.remember(step, partial(self._charge, phase, axis, end))
            charging = Charging(**{**_unpack(found, Charging), "rounds": int(found["rounds"])})
            yield measure_electrode(charging, sample, open_end=end, **words)

    def _charge(self, phase: Phase, axis: int, end: End) -> Partial:
        found = solve_electrode(
            self._volume(),
            phase.id,
            axis=axis,
            open_end=end,
            edges=self.sample.edges,
            sides=self.settings.sides,
            tolerance=self.settings.tolerance,
            progress=self._progress(f"charging {phase.name}, {AXES[axis]} {end}"),
        )
        return _pack(found)

    def paths(self, phase: Phase, axis: int) -> Iterator[Measurement]:
        """Path tortuosity and constrictivity."""
        words = {"phase": phase.name, "axis": AXES[axis]}
        reason = self._reason((phase,), axis, lambda voxels, share: _BYTES_OF_PATHS * voxels)
        if not reason and self.settings.paths == "auto" and math.prod(self.sample.shape) > _MOST_VOXELS_OF_PATHS:
            reason = "the volume is large, and this takes minutes; ask for it with `measure: {paths: all}`"
        if reason:
            yield from withhold_paths(self.sample, reason=reason, **words)
            return

        def compute() -> Partial:
            return _pack(solve_paths(self._volume(), phase.id, axis=axis, edges=self.sample.edges))

        found = self.work.remember(f"paths {phase.id} {AXES[axis]}", compute)
        yield from measure_paths(Paths(**_unpack(found, Paths)), self.sample, **words)

    def _progress(self, step: str) -> _Progress:
        return _Progress(self.work.progress_of(step), self.settings.tolerance)

    def _volume(self) -> npt.NDArray[np.uint8]:
        if self._held is None:
            self._held = np.asarray(self.labels[:])
        return self._held

    def _reason(self, phases: tuple[Phase, ...], axis: int, needs: Callable[[int, float], int]) -> str:
        """Why the transport of phases cannot be computed along an axis; empty if it can."""
        sample, budget = self.sample, self.work.budget
        if not sample.fills_box:
            return "part of the box lies outside the field of view; crop the map to a box inside it"
        shares = [float(self.counts.phases[sample.phases.ids.index(phase.id)] / sample.voxels) for phase in phases]
        for phase, share in zip(phases, shares, strict=True):
            if share == 0:
                return f"no voxel is {phase.name}"
        if sample.shape[axis] < 2:
            return f"the volume is one voxel thick along {AXES[axis]}"
        voxels = math.prod(sample.shape)
        needed = _BASE + voxels + needs(voxels, sum(shares))
        if budget is not None and needed > budget:
            return (
                f"this needs {format_bytes(needed)} for this volume, --memory allows {format_bytes(budget)}; give "
                "more, or measure a part of the volume"
            )
        return ""


class _Progress:
    """Tells how far a solve is, in percent of the decades between its first error and the tolerance."""

    def __init__(self, tell: ProgressCallback | None, tolerance: float) -> None:
        self._tell, self._tolerance = tell, tolerance
        self._first, self._last = 0.0, 0

    def __call__(self, error: float) -> None:
        """`error` is the estimated relative error now."""
        if self._tell is None:
            return
        self._first = max(self._first, error, 2 * self._tolerance)
        decades = math.log(self._first / self._tolerance)
        done = int(_PERCENT * math.log(self._first / max(error, self._tolerance)) / decades)
        self._last = min(_PERCENT, max(self._last, done))
        self._tell(self._last, _PERCENT)


def _ids(phases: tuple[Phase, ...]) -> str:
    return "-".join(str(phase.id) for phase in phases)


def _pack(found: Flow | Charging | Paths) -> Partial:
    return {name: np.asarray(value) for name, value in asdict(found).items()}


def _unpack(found: Partial, kind: type[Any]) -> dict[str, Any]:
    """The numbers of a record, as floats."""
    return {name: float(found[name]) for name in kind.__dataclass_fields__ if found[name].ndim == 0}
