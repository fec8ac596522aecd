"""The numbers that follow from the correlation of a phase, and the curve behind them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.stats import t as student

from voltomo.artifacts import Measurement, ThroughPlane, UncertaintyPart
from voltomo.metrics.correlation import Correlation, IntegralRange, ball_radius, correlation_length, find_integral_range
from voltomo.metrics.representativity import Scatter
from voltomo.metrics.results import measured, withheld
from voltomo.metrics.sample import AXES, Sample

__all__ = ["CorrelationCurve", "PhaseCorrelation", "measure_correlation"]

Floats: TypeAlias = npt.NDArray[np.float64]

_NORMAL = 1.96
"""Half width of a 95 % interval / standard uncertainty, of a window that holds many ranges."""
_FEWEST_CELLS = 2.0
"""Correlation lengths of fewer cells are too short by 10 % and more: cells average over what they hold."""
_METHOD = "two-point correlation"


@dataclass(frozen=True)
class CorrelationCurve:
    """A two-point statistic over distance.

    Parameters
    ----------
    phase : its name
    axis : "z", "y" or "x"; empty for the mean over all directions
    distances : rising from 0, in m, or in voxels where the voxel size is unknown
    values : ρ = (S₂ - ε²)/(ε - ε²), 1 at no distance, of a "correlation"; of a "lineal_path" the probability that a
        line of the distance lies wholly in the phase, ε at no distance
    name : "correlation" or "lineal_path"
    range_radius : of the ball (disc, in a section) whose measure is the integral range; None where that is not known
    """

    phase: str
    axis: str
    distances: tuple[float, ...]
    values: tuple[float, ...]
    name: Literal["correlation", "lineal_path"] = "correlation"
    range_radius: float | None = None

    def to_record(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "name": self.name,
            "phase": self.phase,
            "axis": self.axis,
            "distances": list(self.distances),
            "values": list(self.values),
            "range_radius": self.range_radius,
        }


@dataclass(frozen=True)
class PhaseCorrelation:
    """What the correlation of one phase says.

    Parameters
    ----------
    phase : its name
    fraction : of the region
    span : the integral range; None where the window holds too few
    uncertainty : standard uncertainty of the fraction that follows from it
    held : integral ranges that the window holds
    lengths : correlation length along each axis that the sample has, by its name
    cells : edge of a cell along each of those, in the unit of the lengths
    trend : axis along which a straight trend was removed, or "unknown"
    curves : around all directions, then along each axis
    """

    phase: str
    fraction: float
    span: IntegralRange | None
    uncertainty: float | None = None
    held: float | None = None
    lengths: dict[str, float] = field(default_factory=dict)
    cells: dict[str, float] = field(default_factory=dict)
    trend: ThroughPlane = "unknown"
    curves: tuple[CorrelationCurve, ...] = ()

    @property
    def scatter(self) -> Scatter | None:
        """What the window leaves open of the fraction; None where the integral range is not known."""
        if self.span is None or self.uncertainty is None:
            return None
        removed = "" if self.trend == "unknown" else f", after removing a straight trend along {self.trend}"
        note = (
            f"integral range: the window holds {self.held:.3g} of them{removed}; Student's t with "
            f"{self.span.freedom:.3g} degrees of freedom; for a window cut from a homogeneous sample"
        )
        part = UncertaintyPart("representativity", self.uncertainty, note=note)
        return Scatter(part, float(student.ppf(0.975, self.span.freedom)))

    @classmethod
    def build(
        cls, phase: str, fraction: float, found: Correlation | None, trend: ThroughPlane = "unknown"
    ) -> PhaseCorrelation:
        """From a covariance; None where there is only one phase."""
        if found is None:
            return cls(phase, fraction, None, trend=trend)
        axes = range(3 - found.dimension, 3)
        span = find_integral_range(found)
        uncertainty, held, lengths = None, None, {}
        cells = {AXES[axis]: found.edges[axis] for axis in axes}
        if span is not None:
            held = found.measure / span.value
            uncertainty = math.sqrt(found.variance * span.in_window / found.measure)
            lengths = {AXES[axis]: correlation_length(found, axis, cutoff=span.cutoff) for axis in axes}
        radius = None if span is None else ball_radius(span.value, found.dimension)
        curves = [_curve(phase, "", *found.around(), radius)]
        curves += [_curve(phase, AXES[axis], *found.along(axis), radius) for axis in axes]
        return cls(phase, fraction, span, uncertainty, held, lengths, cells, trend, tuple(curves))


def _curve(phase: str, axis: str, distances: Floats, values: Floats, radius: float | None) -> CorrelationCurve:
    steps, found = tuple(map(float, distances)), tuple(map(float, values))
    return CorrelationCurve(phase, axis, steps, found, range_radius=radius)


def measure_correlation(found: PhaseCorrelation, sample: Sample, *, tolerance: float = 0.05) -> Iterator[Measurement]:
    """Integral range, correlation lengths, their ratio, and the size of window that a tolerance asks for.

    Parameters
    ----------
    found : of one phase
    sample : the region and its units
    tolerance : relative half width of the 95 % interval of the fraction that a representative window has
    """
    method = _METHOD if found.trend == "unknown" else f"{_METHOD}; straight trend along {found.trend} removed"
    words: dict[str, Any] = {"phase": found.phase, "method": method}
    target = f"{100 * tolerance:g} % of the fraction"
    if found.span is None:
        reason = _reason(found, sample)
        yield withheld(sample, "integral_range", sample.unit(sample.dimension), reason=reason, **words)
        for axis in sample.axes:
            yield withheld(sample, "correlation_length", sample.unit(), reason=reason, axis=axis, **words)
        yield withheld(sample, "correlation_anisotropy", "1", reason=reason, **words)
        yield withheld(sample, "representative_volume", sample.unit(), reason=reason, statistic=target, **words)
        return
    span, dimension = found.span, sample.dimension
    relative = 100 * span.error / span.value
    note = (
        f"no interval is given: its standard uncertainty is at most {relative:.2g} %, 1.4 to 1.5 times "
        f"the scatter seen on overlapping balls; cut off at {span.cutoff:.3g} {sample.unit()}, {span.freedom:.3g} "
        "balls of that radius in the window"
    )
    part = UncertaintyPart("sampling", note=note)
    yield measured(sample, "integral_range", span.value, sample.unit(dimension), parts=(part,), **words)
    doubt = _doubt(found)
    for axis in sample.axes:
        yield measured(sample, "correlation_length", found.lengths[axis], sample.unit(), axis=axis, **words, **doubt)
    ratio = max(found.lengths.values()) / min(found.lengths.values())
    yield measured(sample, "correlation_anisotropy", ratio, "1", **words, **doubt)
    edge = _edge(found, tolerance, dimension)
    part = UncertaintyPart(
        "sampling", note=f"no interval is given: at most {relative / dimension:.2g} %, see integral_range"
    )
    yield measured(sample, "representative_volume", edge, sample.unit(), parts=(part,), statistic=target, **words)


def _edge(found: PhaseCorrelation, tolerance: float, dimension: int) -> float:
    """Edge of the cube (square) whose 95 % interval is so wide: 1.96 √(ε(1 - ε)A₃/V) = tolerance · ε."""
    assert found.span is not None, "asked for only where the range is known"
    relative = (1 - found.fraction) / found.fraction * found.span.value
    return float((_NORMAL**2 * relative / tolerance**2) ** (1 / dimension))


def _doubt(found: PhaseCorrelation) -> dict[str, Any]:
    """A warning where cells are no longer small."""
    coarse = [axis for axis, length in found.lengths.items() if length < _FEWEST_CELLS * found.cells[axis]]
    if not coarse:
        return {}
    return {
        "status": "warned",
        "reason": f"along {', '.join(coarse)} it is shorter than {_FEWEST_CELLS:g} of the cells into which the map is "
        "summed, and too short by 10 % and more; a smaller part of the map is seen sharper",
    }


def _reason(found: PhaseCorrelation, sample: Sample) -> str:
    if not 0 < found.fraction < 1:
        return f"{found.phase} fills {'all' if found.fraction else 'none'} of the field of view: nothing varies"
    if math.prod(sample.shape) == max(sample.shape):
        return "the field of view is a single line of voxels"
    return (
        "the field of view holds too few independent parts: the correlation has not died out within a distance of "
        "which four balls fit; a larger field of view is needed"
    )
