"""The transport part of `measure`: one solve per phase and axis, where the volume fits into memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import ArrayLike, Measurement, Phase
from voltomo.blocks import Partial
from voltomo.errors import InputError
from voltomo.metrics.conduction import Flow, memory_needed, solve_flow
from voltomo.metrics.fractions import SliceCounts
from voltomo.metrics.sample import AXES, Sample
from voltomo.metrics.transport import measure_transport, withhold_transport
from voltomo.stages.workspace import Workspace
from voltomo.units import format_bytes

__all__ = ["transport_rows"]

_ROLES = ("pore", "pore+binder", "electrolyte")
"""In these ions move; asked for by default."""
_BASE = 700_000_000
"""Bytes of the process beside the solve: libraries, compiled kernels, and what the stages before it have left."""


def transport_rows(
    labels: ArrayLike,
    sample: Sample,
    counts: SliceCounts,
    wanted: str | tuple[str, ...],
    work: Workspace,
    *,
    tolerance: float,
) -> Iterator[Measurement]:
    """Transport of each phase that is asked for, along each axis; withheld with the reason where it cannot be had.

    Raises
    ------
    InputError
        If a phase is asked for that the table does not hold.
    """
    if sample.dimension == 2:
        return
    held: npt.NDArray[np.uint8] | None = None
    for phase in _choose(sample, wanted):
        share = float(counts.phases[sample.phases.ids.index(phase.id)] / sample.voxels)
        reason = _reason(sample, phase, share, work.budget)
        for number, axis in enumerate(AXES):
            if reason or sample.shape[number] < 2:
                why = reason or f"the volume is one voxel thick along {axis}"
                yield from withhold_transport(sample, phase=phase.name, axis=axis, reason=why)
                continue
            if held is None:
                held = np.asarray(labels[:])
            flow = _solve(held, sample, phase.id, number, work, tolerance)
            yield from measure_transport(flow, sample, phase=phase.name, axis=axis)


def _choose(sample: Sample, wanted: str | tuple[str, ...]) -> tuple[Phase, ...]:
    if wanted == "none":
        return ()
    if wanted == "auto":
        return sample.phases.with_role(*_ROLES)
    names = {phase.name: phase for phase in sample.phases}
    if unknown := [name for name in wanted if name not in names]:
        raise InputError(f"transport: there is no phase {unknown[0]!r}; the map has {', '.join(names)}")
    return tuple(names[name] for name in wanted)


def _reason(sample: Sample, phase: Phase, share: float, budget: int | None) -> str:
    """Why the transport of a phase cannot be computed; empty if it can."""
    if not sample.fills_box:
        return "part of the box lies outside the field of view; crop the map to a box inside it"
    if share == 0:
        return f"no voxel is {phase.name}"
    voxels = int(np.prod(sample.shape))
    needed = _BASE + voxels + memory_needed(voxels, share)
    if budget is not None and needed > budget:
        return (
            f"the solver needs {format_bytes(needed)} for this volume, --memory allows {format_bytes(budget)}; give "
            "more, or measure a part of the volume"
        )
    return ""


def _solve(
    labels: npt.NDArray[np.uint8], sample: Sample, phase_id: int, axis: int, work: Workspace, tolerance: float
) -> Flow:
    """One solve, found again after a kill."""

    def compute() -> Partial:
        flow = solve_flow(labels, {phase_id: 1.0}, axis=axis, edges=sample.edges, tolerance=tolerance)
        return {name: np.asarray(value) for name, value in asdict(flow).items()}

    found = work.remember(f"transport {phase_id} {AXES[axis]}", compute)
    both, one, none = (float(share) for share in found["shares"])
    numbers = {name: float(found[name]) for name in ("conductivity", "fraction", "relative_error", "imbalance")}
    return Flow(shares=(both, one, none), rounds=int(found["rounds"]), **numbers)
