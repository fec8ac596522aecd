"""How large particles are, and of what shape: quantiles with an edge rule and a sampling interval.

A large particle is cut by the edge of the window more often than a small one, so that the whole particles of a window
hold too few of the large ones. Miles and Lantuéjoul undo this: each whole particle counts with the inverse of the share
of positions at which it would have been whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import Measurement, UncertaintyPart
from voltomo.metrics.curves import SizeCurve
from voltomo.metrics.results import measured, withheld
from voltomo.metrics.saltykov import Spheres, unfold_spheres
from voltomo.metrics.sample import Sample
from voltomo.metrics.window import Window

__all__ = [
    "ParticleSample",
    "SizeRules",
    "measure_particles",
    "particle_curves",
    "sampling_weights",
    "weighted_quantiles",
]

Floats: TypeAlias = npt.NDArray[np.float64]

_SHARES = (0.1, 0.5, 0.9)
# The weighted whole particles should have the content of all that is seen; with 573 whole particles of a real electrode
# they have 0.99 of it, with a bootstrap spread of 0.04. Below this share, the largest particles were always cut.
_LEAST_CONTENT = 0.8
_EDGE_CORRECTED = "whole particles, Miles-Lantuéjoul weights"
_UNCORRECTED = "all particles, uncorrected"
_CLASSES = 12
"""Of the spheres behind sections: from 8 to 15 the volume-weighted D50 of known spheres is recovered alike."""
_FEWEST_SECTIONS = 100
"""200 sections of log-normal spheres recover the volume-weighted D50 to 5 % or, where sizes spread widely, 14 %."""
_LEAST_CIRCULARITY = 0.9
"""An ellipse of 3 : 2 has 0.94, one of 2 : 1 has 0.84."""
_MOST_NEGATIVE = 0.2
_OF_SPHERES = (("volume", 3, 0.1), ("volume", 3, 0.5), ("volume", 3, 0.9), ("number", 0, 0.5), ("number", 0, 0.9))
"""D10 by number hangs on the smallest classes, which carry the errors of all others."""


_FEWEST_BEYOND = 20
"""Effective particles beyond a quantile that an interval needs."""
_HIGHEST_WEIGHTED = 0.5
"""Quantiles weighted by d² or d³ above it have no interval: D90 by d² held the truth in 62 % of the windows in which
enough effective particles lay beyond it."""
_FEWEST_OF_ALL = 300
_LEAST_EVEN = 0.25
"""Particles, and effective ones per particle, that an interval needs where sizes are weighted by d² or d³: otherwise
few large particles decide. Without these, intervals of the bootstrap held the truth in 20 to 95 % of windows of
log-normal balls; a number of effective particles alone lets those windows pass that happen to lack the large ones."""


@dataclass(frozen=True)
class ParticleSample:
    """Particles of a window, one row each.

    Parameters
    ----------
    diameter : (N,) equivalent diameter of the envelope
    envelope, solid : (N,) measure with and without cracks and voids; volumes, areas in a section
    boxes : (N, 3) int, extent of the bounding box in voxels
    is_whole : (N,) bool, not cut by the edge of the field of view
    shapes : "sphericity" ("circularity" in a section) and "aspect_ratio", (N,) each; NaN where a particle has none
    phase : name of the phase that the particles are of
    window : that cuts them; None for the box, where the field of view fills it
    """

    diameter: Floats
    envelope: Floats
    solid: Floats
    boxes: npt.NDArray[np.int64]
    is_whole: npt.NDArray[np.bool_]
    shapes: Mapping[str, Floats]
    phase: str = ""
    window: Window | None = None

    def __len__(self) -> int:
        return len(self.diameter)


@dataclass(frozen=True)
class SizeRules:
    """When a size distribution is given, and how its interval is found.

    Parameters
    ----------
    min_particles : fewer withhold the distribution
    replicates : of the bootstrap over particles
    seed : of its random numbers
    """

    min_particles: int = 30
    replicates: int = 400
    seed: int = 0


def sampling_weights(boxes: npt.ArrayLike, *, shape: tuple[int, int, int]) -> Floats:
    """Miles-Lantuéjoul weights |W| / |W ⊖ box| of whole particles.

    Parameters
    ----------
    boxes : (N, 3) extents of the bounding boxes in voxels
    shape : (Z, Y, X) of the window; an axis of one voxel is not counted

    Returns
    -------
    (N,) float64
        Window positions per position at which the box lies inside without touching the edge; infinite where there is
        none, that is, for a particle as large as the window.

    References
    ----------
    .. [1] R. E. Miles, On the elimination of edge effects in planar sampling, in E. F. Harding, D. G. Kendall (eds.),
       Stochastic Geometry, Wiley (1974), 228-247.
    .. [2] J. Serra, Image Analysis and Mathematical Morphology, Academic Press (1982).

    Examples
    --------
    >>> sampling_weights([[4, 4, 4]], shape=(10, 10, 10))
    array([8.])
    """
    return Window(shape).weights(boxes)


def weighted_quantiles(values: Floats, weights: Floats, shares: tuple[float, ...] = _SHARES) -> Floats:
    """The smallest value up to which the cumulated weight reaches each share.

    Examples
    --------
    >>> weighted_quantiles(np.array([1.0, 2.0, 4.0]), np.array([1.0, 8.0, 1.0]))
    array([1., 2., 2.])
    """
    order = np.argsort(values, kind="stable")
    cumulated = np.cumsum(weights[order])
    found: Floats = values[order][_first_reaching(cumulated, shares)]
    return found


def _first_reaching(cumulated: Floats, shares: tuple[float, ...]) -> npt.NDArray[np.intp]:
    # Rounding in the sum must not push a share that is met exactly to the next particle.
    wanted = np.array(shares) * cumulated[-1] * (1 - 1e-12)
    reached: npt.NDArray[np.intp] = np.minimum(np.searchsorted(cumulated, wanted), len(cumulated) - 1)
    return reached


def measure_particles(particles: ParticleSample, sample: Sample, rules: SizeRules) -> tuple[Measurement, ...]:
    """Counts, size quantiles, median shapes and void inside particles.

    Parameters
    ----------
    particles : of the window that `sample` describes; lengths in ``sample.unit()``
    sample : window and units
    rules : gate and bootstrap
    """
    survey = _Survey(particles, sample, rules)
    return (*survey.counts(), *survey.sizes(), *survey.spheres(), *survey.shapes(), *survey.voids())


def particle_curves(particles: ParticleSample, sample: Sample) -> Iterator[SizeCurve]:
    """Cumulated size distributions of the particles by each weighting, edge rule as in the leading rows.

    Of a section, the spheres behind the sections as well, where they can be had.
    """
    survey = _Survey(particles, sample, SizeRules())
    used = survey.weights > 0
    order = np.argsort(particles.diameter[used], kind="stable")
    diameter, weights = particles.diameter[used][order], survey.weights[used][order]
    if not len(diameter):
        return
    for weighting, power in survey.weightings():
        cumulated = np.cumsum(weights * diameter**power)
        shares = tuple(cumulated / cumulated[-1])
        yield SizeCurve("equivalent_diameter", particles.phase, "", weighting, tuple(diameter), shares)
    if sample.dimension == 2 and not survey.refusal_of_spheres():
        found = survey.unfold(survey.weights)
        # Negative classes stay in the curve, which falls there.
        up_to = np.concatenate([[0.0], np.cumsum(found.densities) / found.densities.sum()])
        yield SizeCurve("unfolded_diameter", particles.phase, "", "number", tuple(found.edges), tuple(up_to))


class _Survey:
    """The numbers of one sample of particles, with the edge rule decided once."""

    def __init__(self, particles: ParticleSample, sample: Sample, rules: SizeRules) -> None:
        self.particles, self.sample, self.rules = particles, sample, rules
        self.refusal = _refusal_of_correction(particles, sample)
        self.weights = np.ones(len(particles))
        if not self.refusal:
            self.weights = np.where(particles.is_whole, _window(particles, sample).weights(particles.boxes), 0.0)
        self.number = partial(measured, sample, phase=particles.phase)
        self.nothing = partial(withheld, sample, phase=particles.phase)
        self.method = _UNCORRECTED if self.refusal else _EDGE_CORRECTED

    def counts(self) -> Iterator[Measurement]:
        """Number of particles, and of whole particles per measure of the region."""
        whole = int(self.particles.is_whole.sum())
        for statistic, value in (("all", len(self.particles)), ("whole", whole)):
            yield self.number("particle_count", value, "1", statistic=statistic, method="count")
        unit = self.sample.unit(-self.sample.dimension)
        if self.refusal:
            yield self.nothing("particle_number_density", unit, reason=self.refusal)
            return
        scatter = float(np.sqrt(np.sum(self.weights**2))) / self.sample.measure
        part = UncertaintyPart("sampling", scatter, note="as for particles at independent places (Poisson)")
        density = float(self.weights.sum()) / self.sample.measure
        if 2 * scatter >= density:
            reason = f"too few whole particles ({whole}): the interval of a random count reaches zero"
            yield self.nothing("particle_number_density", unit, reason=reason)
            return
        yield self.number("particle_number_density", density, unit, method=self.method, parts=(part,))

    def sizes(self) -> Iterator[Measurement]:
        """D10, D50 and D90 for each weighting; without edge correction as well."""
        yield from self._quantiles(self.weights, self.method, self.refusal or self._shortfall())
        if not self.refusal:
            yield from self._quantiles(np.ones(len(self.particles)), _UNCORRECTED, "")

    def _quantiles(self, weights: Floats, method: str, doubt: str) -> Iterator[Measurement]:
        used = weights > 0
        diameter = self.particles.diameter[used]
        smallest = f"; smallest particle {diameter.min():.4g} {self.sample.unit()}" if len(diameter) else ""
        words: dict[str, Any] = {"method": method + smallest}
        if doubt:
            words |= {"status": "warned", "reason": doubt}
        for weighting, power in self.weightings():
            labels = [f"D{100 * share:.0f}, {weighting}-weighted" for share in _SHARES]
            if len(diameter) < self.rules.min_particles:
                for label in labels:
                    yield self._too_few("equivalent_diameter", self.sample.unit(), len(diameter), label, method)
                continue
            loads = weights[used] * diameter**power
            found, replicates = self._bootstrap(diameter, loads, _SHARES)
            for share, label, value, spread in zip(_SHARES, labels, found, replicates.T, strict=True):
                unit = self.sample.unit()
                if short := _why_no_interval(diameter, loads, float(value), share, power):
                    fields = words | {"statistic": label, "parts": (UncertaintyPart("sampling", note=short),)}
                    yield self.number("equivalent_diameter", float(value), unit, **fields)
                else:
                    yield self._with_interval("equivalent_diameter", value, spread, unit, label, words)

    def _shortfall(self) -> str:
        """Why the whole particles do not stand for all; empty where they do."""
        seen = float(self.particles.envelope.sum())
        share = float((self.weights * self.particles.envelope).sum()) / seen if seen else 1.0
        if share >= _LEAST_CONTENT:
            return ""
        return (
            f"whole particles account for {100 * share:.0f} % of the particles' content in the window: the largest "
            "ones are cut by its edge, and the upper sizes are too small"
        )

    def weightings(self) -> tuple[tuple[str, int], ...]:
        """Weighting and the power of the diameter that it stands for; a section has no volumes."""
        return (("volume", 3), ("area", 2), ("number", 0))[3 - self.sample.dimension :]

    def spheres(self) -> Iterator[Measurement]:
        """Quantiles of the spheres behind the sections of a plane."""
        if self.sample.dimension == 3:
            return
        unit, count = self.sample.unit(), len(self.particles)
        labels = [(f"D{100 * share:.0f}, {name}-weighted", power, share) for name, power, share in _OF_SPHERES]
        words: dict[str, Any] = {"method": f"Saltykov, {_CLASSES} classes; {self.method}"}
        if reason := self.refusal_of_spheres():
            for label, _, _ in labels:
                yield self.nothing("unfolded_diameter", unit, reason=reason, statistic=label, **words)
            return
        found = self.unfold(self.weights)
        rng = np.random.default_rng(self.rules.seed)
        again = [self.unfold(self.weights * _resample(rng, count)) for _ in range(self.rules.replicates)]
        if found.negative_share > _MOST_NEGATIVE:
            reason = (
                f"negative classes hold {100 * found.negative_share:.0f} % of the others: no distribution of spheres"
            )
            words |= {"status": "warned", "reason": f"{reason} fits the sections well"}
        for label, power, share in labels:
            value = float(found.quantiles((share,), power=power)[0])
            spread = np.array([spheres.quantiles((share,), power=power)[0] for spheres in again])
            yield self._with_interval("unfolded_diameter", value, spread, unit, label, words)

    def refusal_of_spheres(self) -> str:
        """Why no spheres can be told from the sections; empty where they can."""
        if self.refusal:
            return self.refusal
        used = self.weights > 0
        if (count := int(used.sum())) < _FEWEST_SECTIONS:
            return f"{count} whole sections; at least {_FEWEST_SECTIONS} are needed"
        roundness = self.particles.shapes.get("circularity", np.empty(0))
        known = used[: len(roundness)] & np.isfinite(roundness)
        if not known.any():
            return "the particle table holds no circularity, which says whether the particles are near spheres"
        median = float(np.median(roundness[known]))
        if median < _LEAST_CIRCULARITY:
            return (
                f"the sections are no circles (median circularity {median:.2f}, at least {_LEAST_CIRCULARITY} is "
                "needed): the particles are no spheres"
            )
        return ""

    def unfold(self, weights: Floats) -> Spheres:
        """Spheres behind the whole sections, under these weights."""
        diameter = self.particles.diameter
        largest = float(diameter[self.weights > 0].max()) * (1 + 1e-9)
        return unfold_spheres(diameter, weights, area=self.sample.measure, classes=_CLASSES, largest=largest)

    def shapes(self) -> Iterator[Measurement]:
        """Median of each shape over whole particles, by number."""
        method = "whole particles, uncorrected" if self.refusal else _EDGE_CORRECTED
        for name, values in self.particles.shapes.items():
            used = self.particles.is_whole & np.isfinite(values)
            if used.sum() < self.rules.min_particles:
                yield self._too_few(name, "1", int(used.sum()), "median, number-weighted", method)
                continue
            found, replicates = self._bootstrap(values[used], self.weights[used], (0.5,))
            words: dict[str, Any] = {"method": method}
            if self.refusal:
                words |= {"status": "warned", "reason": self.refusal}
            yield self._with_interval(name, found[0], replicates[:, 0], "1", "median, number-weighted", words)

    def voids(self) -> Iterator[Measurement]:
        """Void inside the envelopes, over all particles."""
        envelope, void = self.particles.envelope, self.particles.envelope - self.particles.solid
        words = {"statistic": f"{self.weightings()[0][0]}-weighted mean", "method": "all particles, as far as seen"}
        if not len(envelope):
            yield self.nothing("particle_void_fraction", "1", reason="no particle was found", **words)
            return
        rng = np.random.default_rng(self.rules.seed)
        draws = [_resample(rng, len(envelope)) for _ in range(self.rules.replicates)]
        spread = np.array([(draw * void).sum() / (draw * envelope).sum() for draw in draws])
        value = float(void.sum() / envelope.sum())
        yield self._with_interval("particle_void_fraction", value, spread, "1", words.pop("statistic"), words)

    def _bootstrap(self, values: Floats, weights: Floats, shares: tuple[float, ...]) -> tuple[Floats, Floats]:
        """Quantiles, and (replicates, shares) quantiles of particles drawn again from these."""
        order = np.argsort(values, kind="stable")
        ordered, loads = values[order], weights[order]
        rng = np.random.default_rng(self.rules.seed)
        replicates = np.empty((self.rules.replicates, len(shares)))
        for row in replicates:
            row[:] = ordered[_first_reaching(np.cumsum(_resample(rng, len(ordered)) * loads), shares)]
        return ordered[_first_reaching(np.cumsum(loads), shares)], replicates

    def _with_interval(
        self, name: str, value: float, spread: Floats, unit: str, statistic: str, words: dict[str, Any]
    ) -> Measurement:
        low, high = np.quantile(spread, (0.025, 0.975))
        note = f"bootstrap over particles, {self.rules.replicates} replicates"
        part = UncertaintyPart("sampling", float(np.std(spread)), note=note)
        interval = (min(float(low), float(value)), max(float(high), float(value)))
        return self.number(name, float(value), unit, statistic=statistic, parts=(part,), interval=interval, **words)

    def _too_few(self, name: str, unit: str, count: int, statistic: str, method: str) -> Measurement:
        reason = f"{count} particles; at least {self.rules.min_particles} are needed"
        return self.nothing(name, unit, reason=reason, statistic=statistic, method=method)


def _why_no_interval(values: Floats, loads: Floats, quantile: float, share: float, power: int) -> str:
    """Why the quantile of a share, weighted by d to a power, gets no interval; empty where it does.

    The effective number of weighted particles is (Σ load)² / Σ load² (Kish, Survey Sampling (1965)).
    """
    count, beyond = len(values), min(_effective(loads[values <= quantile]), _effective(loads[values >= quantile]))
    if beyond < _FEWEST_BEYOND:
        return f"not estimated: {beyond:.0f} effective particles lie beyond the quantile, fewer than {_FEWEST_BEYOND}"
    if power and share > _HIGHEST_WEIGHTED:
        return "not estimated: the few largest particles decide it"
    if power and count < _FEWEST_OF_ALL:
        return f"not estimated: {count} particles; {_FEWEST_OF_ALL} are needed where large ones weigh more"
    if power and _effective(loads) < _LEAST_EVEN * count:
        return (
            f"not estimated: few large particles decide; {count} weigh like {_effective(loads):.0f}, less than "
            f"{_LEAST_EVEN:g} of them"
        )
    return ""


def _effective(loads: Floats) -> float:
    return float(loads.sum()) ** 2 / float((loads**2).sum()) if len(loads) else 0.0


def _resample(rng: np.random.Generator, count: int) -> npt.NDArray[np.int64]:
    """How often each of `count` particles is drawn when `count` are drawn with replacement."""
    return np.bincount(rng.integers(0, count, count), minlength=count)


def _refusal_of_correction(particles: ParticleSample, sample: Sample) -> str:
    """Why the edge correction does not hold; empty where it does."""
    if not sample.fills_box and particles.window is None:
        return "the edge correction needs a box or an upright cylinder, and this field of view is neither"
    spanning = int(np.isinf(_window(particles, sample).weights(particles.boxes)).sum())
    if spanning:
        return f"{spanning} particles span the window, which can hold no such particle whole: no edge correction"
    return ""


def _window(particles: ParticleSample, sample: Sample) -> Window:
    return particles.window or Window(sample.shape)
