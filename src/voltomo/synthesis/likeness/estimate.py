"""From sums over voxels to the statistics of a scan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from voltomo.artifacts import Phase, PhaseTable
from voltomo.blocks import Partial
from voltomo.errors import GateError
from voltomo.synthesis.likeness.covariance import Covariance, fit_length, half_width, spectrum
from voltomo.synthesis.likeness.edges import EdgeFit, fit_edge
from voltomo.synthesis.likeness.statistic import Statistic
from voltomo.synthesis.likeness.sums import BINS_PER_VOXEL, HISTOGRAM_BINS, Interior
from voltomo.synthesis.likeness.surfaces import REACH

__all__ = ["Fluctuations", "Greys", "find_interior", "fluctuation_statistics", "grey_statistics"]

Floats = npt.NDArray[np.float64]
Curves = dict[str, dict[str, Any]]

_DEEPEST = 6
"""Voxels: an edge blurred by 2 voxels has ended there."""
_FEWEST = 1500
"""Voxels inside a phase from which its grey level is given."""
_FEWEST_IN_SLICE = 200
_FEWEST_SLICES = 8
_FEWEST_ON_CIRCLE = 20
_FEWEST_IN_PARTICLE = 60
"""Voxels away from the surface: at usual noise lengths their mean knows the noise to a fifth of it."""
_FEWEST_PARTICLES = 10
_SMALLEST_CIRCLE = 12
"""Voxels: on smaller circles neighbouring sectors share their noise."""
_WIDEST_RING = 15
"""Voxels of radius over which a ring profile is smoothed; what is wider is no ring."""


@dataclass(frozen=True)
class Greys:
    """What the first pass found.

    Parameters
    ----------
    sums : of `voltomo.synthesis.likeness.sums.sum_greys`
    origin : what was taken off the grey values
    span : of the histogram
    """

    sums: Partial
    origin: float
    span: tuple[float, float]


@dataclass(frozen=True)
class Fluctuations:
    """What the second pass found.

    Parameters
    ----------
    sums : of `voltomo.synthesis.likeness.sums.sum_fluctuations`
    noise_phase : name of the phase whose fluctuations are the noise; the quietest one where None
    """

    sums: Partial
    noise_phase: str | None = None


def find_interior(greys: Greys, phases: PhaseTable) -> Interior:
    """For each phase the largest depth, up to 6 voxels, at which it has enough voxels; its level and spread there."""
    count, total, squares = np.asarray(greys.sums["depth"], np.float64)
    depth, level, spread = np.full(256, np.inf), np.full(256, np.nan), np.full(256, np.nan)
    for phase in phases:
        enough = np.flatnonzero(count[phase.id, 1 : _DEEPEST + 1] >= _FEWEST) + 1
        if len(enough):
            deepest = int(enough[-1])
            depth[phase.id] = deepest
            n, mean = count[phase.id, deepest], total[phase.id, deepest] / count[phase.id, deepest]
            level[phase.id] = greys.origin + mean
            spread[phase.id] = np.sqrt(max(squares[phase.id, deepest] / n - mean**2, 0))
    return Interior(depth, level, spread)


def grey_statistics(greys: Greys, phases: PhaseTable, active: Phase) -> tuple[list[Statistic], Curves]:
    """Fractions, levels, spreads, blur and drift."""
    interior = find_interior(greys, phases)
    voxels = np.asarray(greys.sums["voxels"], np.float64)[1:]
    if not voxels.sum():
        raise GateError("the phase map holds nothing inside the field of view", gate="likeness")
    fractions = voxels / voxels.sum()
    found = [Statistic("volume_fraction", float(fractions[p.id - 1]), "1", p.name) for p in phases]
    for phase in phases:
        found += _level(interior, phase)
    found.append(_width(greys))
    edge, edge_curve = _edge(greys)
    reason = "" if edge else "too few voxels at various distances from the surface of the active material"
    found.append(Statistic("blur", edge.sigma if edge else None, "voxel", reason=reason))
    drift, drift_curve = _drift(greys)
    found.append(drift)
    histogram = np.asarray(greys.sums["histogram"], np.float64)
    edges = np.linspace(*greys.span, HISTOGRAM_BINS + 1)
    curves: Curves = {
        "histogram": {"edges": edges.tolist(), "share": (histogram / histogram.sum()).tolist()},
        "edge": edge_curve,
        "drift": drift_curve,
    }
    return found, curves


def _level(interior: Interior, phase: Phase) -> Iterator[Statistic]:
    """Mean and standard deviation away from the boundaries."""
    depth = interior.depth[phase.id]
    if not np.isfinite(depth):
        reason = f"fewer than {_FEWEST} voxels of {phase.name} are not at a boundary"
        yield Statistic("grey_level", None, "grey", phase.name, reason)
        yield Statistic("grey_spread", None, "grey", phase.name, reason)
        return
    weak = "" if depth >= 4 else f"at most {depth:g} voxels from a boundary, whose blur it holds"
    yield Statistic("grey_level", float(interior.level[phase.id]), "grey", phase.name, weak)
    yield Statistic("grey_spread", float(interior.spread[phase.id]), "grey", phase.name, weak)


def _width(greys: Greys) -> Statistic:
    """Standard deviation of all grey values."""
    n, s, q = np.asarray(greys.sums["depth"], np.float64)[:, 1:, 0].sum(axis=1)
    return Statistic("histogram_width", float(np.sqrt(max(q / n - (s / n) ** 2, 0))), "grey")


def _edge(greys: Greys) -> tuple[EdgeFit | None, dict[str, Any]]:
    """The edge profile of the active surface and its fit."""
    count, total = np.asarray(greys.sums["edge"], np.float64)
    distance = (np.arange(len(count)) + 0.5) / BINS_PER_VOXEL - REACH
    filled = count > 0
    mean = np.where(filled, total / np.maximum(count, 1), 0.0) + greys.origin
    # The last bin on either side holds all that is farther away.
    filled[[0, -1]] = False
    fit = fit_edge(distance[filled], count[filled], mean[filled])
    return fit, {"distance": distance[filled].tolist(), "grey": mean[filled].tolist()}


def _drift(greys: Greys) -> tuple[Statistic, dict[str, Any]]:
    """Mean grey values of the slices, and their spread."""
    count, total = np.asarray(greys.sums["slices"], np.float64)
    used = np.flatnonzero(count >= _FEWEST_IN_SLICE)
    mean = greys.origin + total[used] / count[used]
    curve = {"z": used.tolist(), "grey": mean.tolist()}
    if len(used) < _FEWEST_SLICES:
        reason = f"{len(used)} slices hold enough of the active material; {_FEWEST_SLICES} are needed"
        return Statistic("drift", None, "grey", reason=reason), curve
    return Statistic("drift", float(np.std(mean)), "grey"), curve


def fluctuation_statistics(
    fluctuations: Fluctuations, interior: Interior, phases: PhaseTable
) -> tuple[list[Statistic], Curves, Covariance | None]:
    """Noise, texture and rings; also the covariance of the noise."""
    count, squares = np.asarray(fluctuations.sums["pairs"], np.float64)
    found = {
        phase.name: Covariance.of_pairs(count[phase.id], squares[phase.id])
        for phase in phases
        if np.isfinite(interior.depth[phase.id])
    }
    known = {name: covariance for name, covariance in found.items() if covariance is not None}
    rings, ring_curve = _rings(fluctuations)
    particles = _particle_spread(fluctuations)
    if not known:
        reason = "no phase has enough pairs of voxels 12 voxels apart inside it"
        names = ("noise", "noise_length_z", "noise_length_y", "noise_length_x")
        units = ("grey", "voxel", "voxel", "voxel")
        statistics = [Statistic(n, None, u, reason=reason) for n, u in zip(names, units, strict=True)]
        return [*statistics, particles, rings], {"rings": ring_curve}, None
    quietest = fluctuations.noise_phase or min(known, key=lambda name: known[name].variance)
    if quietest not in known:
        quietest = min(known, key=lambda name: known[name].variance)
    noise = known[quietest]
    statistics = [Statistic("noise", float(np.sqrt(max(noise.variance, 0))), "grey", reason=f"seen in {quietest}")]
    for axis in "zyx":
        length = fit_length(noise.along(axis))
        reason = "" if length is not None else "a section, or too few pairs along this axis"
        statistics.append(Statistic(f"noise_length_{axis}", length, "voxel", reason=reason))
    for phase in phases:
        statistics += _texture(known.get(phase.name), noise, phase, interior)
    frequency, power = spectrum(noise)
    curves: Curves = {
        "noise": {"frequency": frequency.tolist(), "power": power.tolist(), "phase": quietest},
        "rings": ring_curve,
    }
    return [*statistics, particles, rings], curves, noise


def _texture(covariance: Covariance | None, noise: Covariance, phase: Phase, interior: Interior) -> Iterator[Statistic]:
    """What a phase varies beyond the noise."""
    if covariance is None:
        reason = f"too few pairs of voxels inside {phase.name}"
        yield Statistic("texture", None, "grey", phase.name, reason)
        yield Statistic("texture_length", None, "voxel", phase.name, reason)
        return
    variance = float(interior.spread[phase.id]) ** 2
    yield Statistic("texture", float(np.sqrt(max(variance - noise.variance, 0))), "grey", phase.name)
    length = half_width(covariance.lags, covariance.texture(variance, noise))
    reason = "" if length is not None else "no texture, or one that does not fall to half within 48 voxels"
    yield Statistic("texture_length", length, "voxel", phase.name, reason)


def _particle_spread(fluctuations: Fluctuations) -> Statistic:
    """How much the mean grey values of the particles differ, large ones weighing more."""
    count, total = np.asarray(fluctuations.sums["particles"], np.float64)[:, 1:]
    used = count >= _FEWEST_IN_PARTICLE
    if used.sum() < _FEWEST_PARTICLES:
        found = f"{int(used.sum())} particles have an inside of {_FEWEST_IN_PARTICLE} voxels"
        reason = f"{found}; {_FEWEST_PARTICLES} are needed"
        return Statistic("particle_spread", None, "grey", reason=reason)
    mean = total[used] / count[used]
    middle = np.average(mean, weights=count[used])
    return Statistic("particle_spread", float(np.sqrt(np.average((mean - middle) ** 2, weights=count[used]))), "grey")


def _rings(fluctuations: Fluctuations) -> tuple[Statistic, dict[str, Any]]:
    """Covariance over radii of the two halves of each circle: what they share is rings, what they do not is noise."""
    count, total = np.asarray(fluctuations.sums["circles"], np.float64)
    used = np.flatnonzero((count >= _FEWEST_ON_CIRCLE).all(axis=0))
    used = used[used >= _SMALLEST_CIRCLE]
    if len(used) < 3 * _WIDEST_RING:
        reason = f"{len(used)} circles around the middle of the plane hold enough voxels; {3 * _WIDEST_RING} are needed"
        return Statistic("rings", None, "grey", reason=reason), {}
    mean = total[:, used] / count[:, used]
    sharp = mean - ndimage.uniform_filter1d(mean, _WIDEST_RING, axis=1, mode="nearest")
    # A window of n values takes 1/n of the variance of independent rings with it.
    shared = float(np.mean(sharp[0] * sharp[1])) / (1 - 1 / _WIDEST_RING)
    curve: Mapping[str, Any] = {"radius": used.tolist(), "grey": sharp.mean(axis=0).tolist()}
    return Statistic("rings", float(np.sqrt(max(shared, 0))), "grey"), dict(curve)
