"""Transport of maps that are varied: how its numbers follow a boundary, a probability, or the resolution.

A solve takes much longer than a count, so varied maps are solved on a central part of the volume. What counts is the
ratio of a number there to the same number of the map itself, on the same part.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import ArrayLike, Measurement, PhaseTable
from voltomo.blocks import Block, Partial
from voltomo.metrics.conduction import add_coarser, solve_flow
from voltomo.metrics.sample import AXES, Sample
from voltomo.metrics.transport import TRANSPORT, measure_transport
from voltomo.stages.main_numbers import Numbers, RowKey, Variant, row_key
from voltomo.stages.workspace import Workspace

__all__ = [
    "ON_PART",
    "Flows",
    "central_part",
    "flow_numbers",
    "flow_ratios",
    "remembered_flows",
    "single_flows",
    "times",
    "without_voxels",
]

Bytes: TypeAlias = npt.NDArray[np.uint8]
Region: TypeAlias = tuple[slice, slice, slice]
Flows: TypeAlias = tuple[tuple[str, int], ...]
"""Name of the phase, and axis, of each flow."""

ON_PART = "on a central part of the volume, in relation to what the map gives there"
"""Where and how, for the notes of a budget."""
_LEAST_PART, _MOST_PART = 2**19, 2**21
"""Voxels of the central part, 80³ to 128³; in between an eighth of the volume, so that the nine solves of a phase take
as long as its three on the whole volume."""
_METHOD = "finite volumes"
"""Between closed sides, through one phase."""
_TOLERANCE = 0.005
"""Of an effective diffusivity, relative: well below what the variations of a map do to it."""


def single_flows(numbers: Iterable[Measurement]) -> Flows:
    """The flows through one phase that have a finite tortuosity factor, between closed sides."""
    return tuple(
        (item.phase, AXES.index(item.axis))
        for item in numbers
        if item.name == TRANSPORT[0] and item.value is not None and math.isfinite(item.value) and item.method == _METHOD
    )


def flow_numbers(
    labels: Bytes, phases: PhaseTable, flows: Flows, sample: Sample, *, is_corrected: bool = False
) -> Numbers:
    """Numbers of transport of one map.

    Parameters
    ----------
    labels : (Z, Y, X) ids
    phases : its table; flows through other phases are left out
    flows : what is solved
    sample : for the voxel size
    is_corrected : take off what the voxels do to each number; numbers of which that is not known are then absent
    """
    ids = {phase.name: phase.id for phase in phases}
    z, y, x = labels.shape
    own = replace(sample, shape=(z, y, x), voxels=labels.size)
    found: Numbers = {}
    for name, axis in flows:
        if name not in ids:
            continue
        box: dict[str, Any] = {"axis": axis, "edges": sample.edges, "tolerance": _TOLERANCE}
        flow = solve_flow(labels, {ids[name]: 1.0}, **box)
        if is_corrected:
            flow = add_coarser(flow, labels, ids[name], **box)
        for row in measure_transport(flow, own, phase=name, axis=AXES[axis]):
            value = without_voxels(row) if is_corrected else row.value
            if value is not None:
                found[row_key(row)] = value
    return found


def without_voxels(item: Measurement) -> float | None:
    """A number of transport less the bias that its voxels give it; None where that is not known."""
    bias = next((part.bias for part in item.parts if part.name == "discretization"), None)
    return None if bias is None or item.value is None else item.value - bias


def central_part(shape: tuple[int, int, int]) -> Region:
    """The part of a volume on which varied maps are solved; all of a small one.

    Examples
    --------
    >>> central_part((200, 200, 200))[0]
    slice(50, 150, None)
    """
    voxels = math.prod(shape)
    most = min(max(voxels // 8, _LEAST_PART), _MOST_PART)
    scale = min(1.0, (most / voxels) ** (1 / 3))
    edges = [max(1, int(round(n * scale, 6))) for n in shape]
    z, y, x = (slice((n - edge) // 2, (n - edge) // 2 + edge) for n, edge in zip(shape, edges, strict=True))
    return z, y, x


def flow_ratios(
    variants: Mapping[str, Variant],
    sources: Sequence[ArrayLike],
    flows: Flows,
    sample: Sample,
    work: Workspace,
    *,
    step: str,
    halo: int = 0,
) -> dict[str, Numbers]:
    """Numbers of transport of varied maps / those of the map, on a central part of the volume.

    Parameters
    ----------
    variants : by name
    sources : (Z, Y, X) array-likes that they are derived from, the ids of the map first
    flows : what is solved; of each variant those through phases of its table
    sample : of the whole volume
    work : where results are remembered
    step : unique within the stage
    halo : voxels around the part that a derived map needs

    Returns
    -------
    dict of Numbers
        Empty where the map itself does not conduct there. A tortuosity factor is infinite where a variant does not.
    """
    if not flows:
        return {name: {} for name in variants}
    block = _block(central_part(sample.shape), sample.shape, halo)

    def inner(variant: Variant | None) -> Bytes:
        arrays = [np.asarray(source[block.read]) for source in sources[: None if variant else 1]]
        labels = arrays[0] if variant is None else variant.derive(block, *arrays)
        return np.ascontiguousarray(labels[block.inner])

    def numbers(name: str, variant: Variant | None) -> Numbers:
        table = sample.phases if variant is None else variant.phases
        return remembered_flows(partial(inner, variant), table, flows, sample, work, step=f"{step}, flows {name}")

    unvaried = numbers("of the map itself", None)
    base = {key: value for key, value in unvaried.items() if math.isfinite(value) and value > 0}
    found = {name: numbers(name, variant) for name, variant in variants.items()}
    return {name: {key: values[key] / base[key] for key in values if key in base} for name, values in found.items()}


def remembered_flows(
    labels: Callable[[], Bytes],
    phases: PhaseTable,
    flows: Flows,
    sample: Sample,
    work: Workspace,
    *,
    step: str,
    is_corrected: bool = False,
) -> Numbers:
    """`flow_numbers` of a map that is made when it is needed; computed once."""
    names = {phase.name for phase in phases}
    words = [(name, AXES[axis]) for name, axis in flows if name in names]
    keys: list[RowKey] = [(name, phase, "", axis, "", _METHOD) for phase, axis in words for name in TRANSPORT]

    def solve() -> Partial:
        found = flow_numbers(labels(), phases, flows, sample, is_corrected=is_corrected)
        return {"values": np.array([found.get(key, math.nan) for key in keys])}

    values = np.asarray(work.remember(step, solve)["values"], np.float64)
    return {key: float(value) for key, value in zip(keys, values, strict=True) if not math.isnan(value)}


def times(ratios: Numbers, numbers: Iterable[Measurement]) -> Numbers:
    """Ratios as numbers of the whole volume."""
    values = {row_key(item): item.value for item in numbers if item.value is not None}
    return {key: ratio * value for key, ratio in ratios.items() if (value := values.get(key)) is not None}


def _block(part: Region, shape: tuple[int, int, int], halo: int) -> Block:
    """The part as a block of its own."""
    read: list[slice[Any, Any, Any]] = []
    inner: list[slice[Any, Any, Any]] = []
    for side, n in zip(part, shape, strict=True):
        start, stop = max(0, side.start - halo), min(n, side.stop + halo)
        read.append(slice(start, stop))
        inner.append(slice(side.start - start, side.stop - start))
    return Block(0, part, (read[0], read[1], read[2]), (inner[0], inner[1], inner[2]))
