"""How well a window stands for its sample in transport: the same solve on parts of the window, of several sizes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import ArrayLike, Measurement, UncertaintyPart
from voltomo.blocks import Partial
from voltomo.machine import available_cores
from voltomo.metrics.apparent import (
    DIVISIONS,
    FEWEST_SIZES,
    ApparentCurve,
    PartValues,
    SizeLaw,
    fit_size_law,
    parts_of_size,
    size_bias,
    window_part,
)
from voltomo.metrics.conduction import keep_percolating, solve_flow
from voltomo.metrics.correlation import IntegralRange
from voltomo.metrics.results import measured, withheld
from voltomo.metrics.sample import AXES, Sample
from voltomo.metrics.transport import TRANSPORT
from voltomo.metrics.uncertainty import with_part
from voltomo.stages.representativity import LEAST_FREEDOM
from voltomo.stages.transport import TransportSettings
from voltomo.stages.workspace import Workspace

__all__ = ["PartsOfWindow", "with_apparent"]

Bytes: TypeAlias = npt.NDArray[np.uint8]
Floats: TypeAlias = npt.NDArray[np.float64]
PartsOfWindow: TypeAlias = Literal["auto", "all", "none"]

_ELECTRODE = "electrode_tortuosity_factor"
_NAMES = (*TRANSPORT, _ELECTRODE)
_LEADING = (TRANSPORT[0],)
"""Numbers with a representative volume of their own."""
_MOST_VOXELS = 2**25
"""About 320³: the parts hold three times the voxels of the window, for each phase and axis."""
_TOLERANCE = 0.01
"""Of the apparent values, relative: their scatter is many times as much."""


def with_apparent(
    numbers: Iterable[Measurement],
    labels: ArrayLike,
    sample: Sample,
    settings: TransportSettings,
    work: Workspace,
    *,
    wanted: PartsOfWindow = "auto",
    tolerance: float = 0.05,
    spans: Mapping[str, IntegralRange | None] | None = None,
) -> tuple[list[Measurement], tuple[ApparentCurve, ...]]:
    """Give the numbers of transport their representativity and, apart, the bias of a finite window.

    Parameters
    ----------
    numbers : of the whole window
    labels : (Z, Y, X) ids
    sample : region and units
    settings : of transport, as the numbers were found
    work : where the result is remembered
    wanted : "auto" up to 2²⁵ voxels, "all" whatever it takes, "none"
    tolerance : half width of the 95 % interval that a representative window has, relative
    spans : integral range of each phase by name, None where it is not known; a window that holds too few of them gives
        no representativity

    Returns
    -------
    numbers : in the same order, then the edges of representative windows
    curves : apparent values against the size
    """
    items = list(numbers)
    if sample.dimension == 2:
        return items, ()
    run = _Parts(labels, sample, settings, work, wanted, spans or {})
    found: list[Measurement] = []
    edges: list[Measurement] = []
    curves: list[ApparentCurve] = []
    for item in items:
        if item.name not in _NAMES or item.value is None or not math.isfinite(item.value):
            found.append(item)
            continue
        sizes, reason = run.sizes_of(item)
        law = fit_size_law(sizes) if sizes else None
        if law is None:
            reason = reason or "the parts of the window do not differ"
            found.append(with_part(item, UncertaintyPart("representativity", note=f"not estimated: {reason}")))
        else:
            found.append(_with_law(item, law, sizes))
            curves.append(_curve(item, law, sizes, sample))
        if item.name in _LEADING and wanted != "none":
            edges.append(_edge(item, law, reason, sample, tolerance))
    return [*found, *edges], tuple(curves)


def _with_law(item: Measurement, law: SizeLaw, sizes: tuple[PartValues, ...]) -> Measurement:
    """The number with its representativity and the bias of its window."""
    assert item.value is not None, "asked for only where there is one"
    part, factor = window_part(item.value, law, {size.division: len(size.values) for size in sizes})
    bias = size_bias(item.value, sizes)
    note = (
        f"parts of the window point to {item.value - bias:.4g} for an endless one, their means followed as 1/V; not "
        "taken off, outside the total"
    )
    return with_part(with_part(item, part, factor=factor), UncertaintyPart("window size", bias=bias, note=note))


def _edge(item: Measurement, law: SizeLaw | None, reason: str, sample: Sample, tolerance: float) -> Measurement:
    """Edge of the cube in which the number is as certain as stated."""
    words: dict[str, Any] = {
        "phase": item.phase,
        "axis": item.axis,
        "statistic": f"{100 * tolerance:g} % of the {_words(item)}",
        "method": "apparent values on parts of the window",
        "variant": "apparent",
    }
    name, unit = "representative_volume", sample.unit()
    if law is None:
        return withheld(sample, name, unit, reason=reason, **words)
    edge = (sample.measure * law.share_for(tolerance)) ** (1 / 3)
    part = UncertaintyPart("sampling", note="no interval is given: see the degrees of freedom of the number it is of")
    return measured(sample, name, edge, unit, parts=(part,), **words)


def _words(item: Measurement) -> str:
    name = item.name.replace("_", " ")
    return f"{name}, {item.statistic}" if item.statistic else name


def _curve(item: Measurement, law: SizeLaw, sizes: tuple[PartValues, ...], sample: Sample) -> ApparentCurve:
    assert item.value is not None, "asked for only where there is one"
    rising = sorted(sizes, key=lambda size: size.share)
    return ApparentCurve(
        item.name,
        item.phase,
        item.axis,
        item.statistic,
        edges=tuple((sample.measure * share) ** (1 / 3) for share in (*(size.share for size in rising), 1.0)),
        counts=(*(len(size.values) for size in rising), 1),
        means=(*(float(np.mean(size.values)) for size in rising), item.value),
        spreads=(*(float(np.std(np.log(size.values), ddof=1)) for size in rising), law.spread),
        exponent=law.exponent,
    )


class _Parts:
    """Apparent values of the parts of one window; each solve is remembered."""

    def __init__(
        self,
        labels: ArrayLike,
        sample: Sample,
        settings: TransportSettings,
        work: Workspace,
        wanted: PartsOfWindow,
        spans: Mapping[str, IntegralRange | None],
    ) -> None:
        self.labels, self.sample, self.settings, self.work, self.wanted = labels, sample, settings, work, wanted
        self.spans = spans
        self._held: Bytes | None = None
        self._found: dict[tuple[str, str, str], Partial] = {}

    def sizes_of(self, item: Measurement) -> tuple[tuple[PartValues, ...], str]:
        """Values of the parts by size; none, and why."""
        if reason := self._reason(item):
            return (), reason
        kind = item.statistic if item.name == _ELECTRODE else "flow"
        key = item.phase, item.axis, kind
        if key not in self._found:
            ids = "-".join(map(str, self._conductivities(item)))
            self._found[key] = self.work.remember(f"parts {ids} {item.axis} {kind}", partial(self._solve, item))
        sizes = []
        for division in DIVISIONS:
            record = self._found[key].get(f"{division:g}")
            if record is None:
                continue
            share, *_ = record[0]
            values = _values(item.name, *np.asarray(record[1:], np.float64).T)
            if np.all(np.isfinite(values)) and np.all(values > 0):
                sizes.append(PartValues(division, float(share), tuple(map(float, values))))
        if len(sizes) < FEWEST_SIZES:
            return (), (
                f"the window is too small: parts of {len(sizes)} sizes give a value wherever they lie, {FEWEST_SIZES} "
                "sizes are needed"
            )
        return tuple(sizes), ""

    def _reason(self, item: Measurement) -> str:
        if self.wanted == "none":
            return "left out (`uncertainty: {parts_of_window: none}`)"
        if item.name == _ELECTRODE:
            return "intervals from parts of the window held the truth in only 90 % (82 to 95) of 100 windows"
        if self.settings.sides == "periodic":
            return "the sides of the box are periodic, those of its parts cannot be"
        known = [self.spans[name] for name in item.phase.split("+") if name in self.spans]
        if not all(span is not None and span.freedom >= LEAST_FREEDOM for span in known):
            return "the window holds too few integral ranges for its parts to be independent; see integral_range"
        if self.wanted == "all":
            return ""
        if math.prod(self.sample.shape) > _MOST_VOXELS:
            return "the volume is large; ask with `uncertainty: {parts_of_window: all}`"
        return ""

    def _solve(self, item: Measurement) -> Partial:
        """By size: a row of the volume of a part / that of the window, then the mean and the effective conductivity."""
        given = self._conductivities(item)
        axis = AXES.index(item.axis)
        found: dict[str, Floats] = {}
        tell = self.work.progress_of(f"parts of the window, {item.phase}, {item.axis}")
        if self._held is None:
            self._held = np.asarray(self.labels[:])
        solve = partial(_flow, conductivities=given, axis=axis, edges=self.sample.edges)
        with ThreadPoolExecutor(available_cores()) as pool:
            for division in DIVISIONS:
                regions = parts_of_size(self.sample.shape, division)
                if not regions:
                    break
                parts = [np.ascontiguousarray(self._held[region]) for region in regions]
                blocked = partial(_is_blocked, ids=tuple(given), axis=axis)
                if any(pool.map(blocked, parts)):
                    continue
                rows = [(parts[0].size / self._held.size, 0.0), *pool.map(solve, parts)]
                found[f"{division:g}"] = np.asarray(rows, np.float64)
                if tell is not None:
                    tell(len(found), FEWEST_SIZES)
                if len(found) == FEWEST_SIZES:
                    break
        return dict(found)

    def _conductivities(self, item: Measurement) -> dict[int, float]:
        """Of the phases of a row, by id, the largest being 1."""
        ids = {phase.name: phase.id for phase in self.sample.phases}
        if item.phase in ids:
            return {ids[item.phase]: 1.0}
        best = max(self.settings.conductivities.values())
        return {ids[name]: value / best for name, value in self.settings.conductivities.items()}


def _flow(
    part: Bytes, *, conductivities: Mapping[int, float], axis: int, edges: tuple[float, float, float]
) -> tuple[float, float]:
    """Mean and effective conductivity."""
    flow = solve_flow(part, conductivities, axis=axis, edges=edges, tolerance=_TOLERANCE, workers=1)
    return flow.mean, flow.conductivity


def _is_blocked(part: Bytes, *, ids: tuple[int, ...], axis: int) -> bool:
    codes = np.isin(part, ids).view(np.uint8)
    _, shares = keep_percolating(np.moveaxis(codes, axis, 0))
    return shares[0] == 0


def _values(name: str, mean: Floats, conductivity: Floats) -> Floats:
    """A number of transport from mean and effective conductivity; not finite where there is none."""
    with np.errstate(divide="ignore", invalid="ignore"):
        if name == "effective_diffusivity_ratio":
            return conductivity
        if name == "macmullin_number":
            return np.asarray(1 / conductivity, np.float64)
        if name == "bruggeman_exponent":
            return np.asarray(np.log(conductivity) / np.log(mean), np.float64)
        return np.asarray(mean / conductivity, np.float64)
