"""Two studies, number by number: what differs by more than its uncertainty."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import Measurement, Measurements, ParticleTable
from voltomo.metrics.effects import (
    Effect,
    compare_numbers,
    compare_proportions,
    compare_samples,
    holm,
    wilson,
)

__all__ = ["Contrast", "ParticleRules", "Reading", "Verdict", "compare_measurements", "compare_particles", "corrected"]

Floats: TypeAlias = npt.NDArray[np.float64]
Verdict: TypeAlias = Literal["higher", "lower", "not told apart", "not tested"]

_LEVEL = 0.05  # family-wise, after Holm

_SCATTER = ("representativity", "sampling")
"""Parts of an uncertainty that hold the scatter between pieces of one material."""

_DERIVED = ("representative_volume", "formulation_residual", "expected_fraction")
"""Names that say nothing of the material which the fractions do not say."""

_PARTICLE_WORDS = {
    "equivalent_diameter": "median of the equivalent diameters of whole particles, each counted once",
    "sphericity": "median sphericity of whole particles, each counted once",
    "circularity": "median circularity of whole particle sections, each counted once",
    "aspect_ratio": "median aspect ratio of whole particles, each counted once",
    "void_fraction": "median over whole particles of the share of the envelope that is crack or void",
}
"""Columns of the particle table that are compared particle by particle."""


@dataclass(frozen=True)
class Reading:
    """One study's number.

    Parameters
    ----------
    value : None where it was withheld
    low, high : at 95 %, or None
    count : particles it stands on, or None
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    count: int | None = None

    @property
    def interval(self) -> tuple[float, float] | None:
        """(low, high) of a finite number; None where no part of its uncertainty is known."""
        if self.value is None or self.low is None or self.high is None:
            return None
        is_finite = all(math.isfinite(number) for number in (self.value, self.low, self.high))
        return (self.low, self.high) if is_finite else None


@dataclass(frozen=True)
class Contrast:
    """One quantity in two studies.

    Parameters
    ----------
    name, phase, phase_2, axis, statistic, method, definition, unit, dimension : as in a Measurement
    first, second : what either study says
    effect : second - first with its test; None where it was not tested
    p_adjusted : p after correction for all tests that were made together
    reason : why it was not tested
    """

    name: str
    unit: str
    first: Reading
    second: Reading
    phase: str = ""
    phase_2: str = ""
    axis: str = ""
    statistic: str = ""
    method: str = ""
    definition: str = ""
    dimension: int = 3
    effect: Effect | None = None
    p_adjusted: float | None = None
    reason: str = ""

    @property
    def verdict(self) -> Verdict:
        """What may be said of the second study at a family-wise level of 5 %."""
        if self.effect is None or self.p_adjusted is None:
            return "not tested"
        if self.p_adjusted >= _LEVEL:
            return "not told apart"
        # Medians may agree where distributions do not: then the pairs decide.
        leading = self.effect.delta if self.effect.delta is not None else self.effect.difference
        return "higher" if leading > 0 else "lower"

    @property
    def relative(self) -> tuple[float, float, float] | None:
        """Difference, low and high as shares of the first number; None where it is zero or nothing was tested."""
        if self.effect is None or not self.first.value or not math.isfinite(self.first.value):
            return None
        scale = abs(self.first.value)
        return self.effect.difference / scale, self.effect.low / scale, self.effect.high / scale


@dataclass(frozen=True)
class ParticleRules:
    """How particles are compared.

    Parameters
    ----------
    flawed_above : share of its envelope from which on cracks and voids make a particle count as flawed
    fewest : whole particles that either study must hold; of two times 7 values the smallest p is 6e-4, which leaves
        nothing after a correction for a hundred tests
    replicates, seed : of the bootstrap
    """

    flawed_above: float = 0.01
    fewest: int = 8
    replicates: int = 1000
    seed: int = 0


def compare_measurements(first: Measurements, second: Measurements) -> tuple[Contrast, ...]:
    """Every number that both studies have, in the order of the first.

    A number found by several methods is tested by the first of them that has an interval in both studies. Numbers of
    another unit or definition, and those of which only errors of the method are known, are shown and not tested.
    """
    others: dict[tuple[str, ...], Measurement] = {}
    for item in second:
        others.setdefault(_key(item), item)
    tested: set[object] = set()
    found = []
    for item in first:
        if (other := others.get(_key(item))) is None:
            continue
        contrast = _contrast(item, other)
        quantity, numbers = _key(item)[:-1], (contrast.first, contrast.second, contrast.unit)
        if contrast.effect is not None and quantity in tested:
            contrast = replace(contrast, effect=None, reason="tested by another method above")
        elif contrast.effect is not None and numbers in tested:
            contrast = replace(contrast, effect=None, reason="the same numbers as above, under another name")
        elif contrast.effect is not None:
            tested |= {quantity, numbers}
        found.append(contrast)
    return tuple(found)


def _key(item: Measurement) -> tuple[str, ...]:
    """What makes two rows the same quantity; details after a semicolon, such as the smallest particle, are results."""
    method = item.method.partition(";")[0]
    return item.name, item.phase, item.phase_2, item.axis, str(item.dimension), item.statistic, method


def _contrast(first: Measurement, second: Measurement) -> Contrast:
    readings = [Reading(item.value, item.low, item.high) for item in (first, second)]
    one, two = readings
    effect, reason = None, ""
    if first.unit != second.unit:
        reason = f"the units differ: {first.unit} and {second.unit}"
    elif first.definition != second.definition:
        reason = "the definitions differ"
    elif one.value is None or two.value is None:
        reason = f"withheld: {first.reason if one.value is None else second.reason}"
    elif first.name in _DERIVED:
        reason = "follows from the fractions"
    elif one.interval is None or two.interval is None:
        reason = "no part of the uncertainty was estimated in both studies"
    elif not (_speaks_for_the_material(first) and _speaks_for_the_material(second)):
        reason = "how much such a number differs between pieces of one electrode (representativity) was not estimated"
    else:
        effect = compare_numbers(one.value, one.interval, two.value, two.interval)
    return Contrast(
        first.name,
        first.unit,
        one,
        two,
        phase=first.phase,
        phase_2=first.phase_2,
        axis=first.axis,
        statistic=first.statistic,
        method=first.method.partition(";")[0],
        definition=first.definition,
        dimension=first.dimension,
        effect=effect,
        reason=reason,
    )


def _speaks_for_the_material(item: Measurement) -> bool:
    """Whether the interval holds the scatter between pieces of the same material.

    The error of a solver or of a surface formula alone is small, so that any two pieces would differ by more than it.
    """
    return any(part.name in _SCATTER and part.standard_uncertainty is not None for part in item.parts)


def compare_particles(
    first: ParticleTable, second: ParticleTable, *, length_unit: str, dimension: int, rules: ParticleRules
) -> tuple[Contrast, ...]:
    """Sizes, shapes and flaws of the whole particles of two studies, particle by particle.

    Parameters
    ----------
    first, second : tables with `touches_edge` and some of the columns that are compared
    length_unit : of `equivalent_diameter`, "m" or "voxel"
    dimension : 2 or 3
    rules : what counts as flawed, how few particles are too few

    Notes
    -----
    A particle that touches the edge is left out of both studies. This favours small particles, equally in windows of
    equal size only.
    """
    return tuple(_particle_contrasts(first, second, length_unit, dimension, rules))


def _particle_contrasts(
    first: ParticleTable, second: ParticleTable, length_unit: str, dimension: int, rules: ParticleRules
) -> Iterator[Contrast]:
    rng = np.random.default_rng(rules.seed)
    for column, words in _PARTICLE_WORDS.items():
        if column not in first or column not in second:
            continue
        one, two = _whole(first, column), _whole(second, column)
        effect, reason = None, _too_few(one, two, rules)
        if not reason:
            effect = compare_samples(one, two, rng=rng, replicates=rules.replicates)
        yield Contrast(
            f"{column}_by_particle",
            length_unit if column == "equivalent_diameter" else "1",
            _median(one),
            _median(two),
            statistic="median of whole particles",
            method="particle by particle",
            definition=f"{words[0].upper()}{words[1:]}.",
            dimension=dimension,
            effect=effect,
            reason=reason,
        )
    if "void_fraction" in first and "void_fraction" in second:
        yield _flawed(_whole(first, "void_fraction"), _whole(second, "void_fraction"), dimension, rules)


def _flawed(one: Floats, two: Floats, dimension: int, rules: ParticleRules) -> Contrast:
    reason = _too_few(one, two, rules)
    hits_1, hits_2 = (int((values >= rules.flawed_above).sum()) for values in (one, two))
    return Contrast(
        "flawed_share",
        "1",
        _share(hits_1, len(one)),
        _share(hits_2, len(two)),
        statistic="share of whole particles",
        method="particle by particle",
        definition=f"Whole particles whose cracks and voids fill at least {100 * rules.flawed_above:g} % of the "
        "envelope / whole particles.",
        dimension=dimension,
        effect=None if reason else compare_proportions((hits_1, len(one)), (hits_2, len(two))),
        reason=reason,
    )


def _share(hits: int, count: int) -> Reading:
    return Reading(hits / count, *wilson(hits, count), count) if count else Reading(None, count=0)


def _whole(table: ParticleTable, column: str) -> Floats:
    values = np.asarray(table[column], np.float64)
    return values[~np.asarray(table["touches_edge"], np.bool_) & np.isfinite(values)]


def _too_few(one: Floats, two: Floats, rules: ParticleRules) -> str:
    if min(len(one), len(two)) >= rules.fewest:
        return ""
    return f"{len(one)} and {len(two)} whole particles; at least {rules.fewest} in each study are needed"


def _median(values: Floats) -> Reading:
    return Reading(float(np.median(values)) if len(values) else None, count=len(values))


def corrected(contrasts: Iterable[Contrast]) -> tuple[Contrast, ...]:
    """The same with p values corrected by Holm for all tests among them."""
    items = tuple(contrasts)
    tested = [item.effect.p_value for item in items if item.effect is not None]
    adjusted = iter(holm(tested))
    return tuple(item if item.effect is None else replace(item, p_adjusted=next(adjusted)) for item in items)
