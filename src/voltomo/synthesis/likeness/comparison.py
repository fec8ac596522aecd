"""A scan and its twin side by side: which statistics are matched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from voltomo.artifacts import PhaseTable
from voltomo.synthesis.likeness.statistic import DEFINITIONS, Likeness, Statistic

__all__ = ["STRUCTURE", "TOLERANCES", "MatchRow", "Tolerance", "compare_likeness"]


@dataclass(frozen=True)
class Tolerance:
    """When two numbers count as equal: within `relative` of the source, or within `floor`.

    Parameters
    ----------
    relative : share of the source's value
    floor : absolute; for grey values in units of the contrast between active material and pore
    reason : why
    """

    relative: float
    floor: float
    reason: str


TOLERANCES: Mapping[str, Tolerance] = {
    "volume_fraction": Tolerance(0.0, 0.02, "a window of 256 voxels with 40 particles across scatters by 0.01"),
    "grey_level": Tolerance(0.0, 0.05, "a twentieth of the contrast moves an Otsu cut by less than the noise"),
    "grey_spread": Tolerance(0.15, 0.01, "noise and texture add up in it"),
    "noise": Tolerance(0.10, 0.002, "one round of correction, pairs of some hundred particles"),
    "noise_length_z": Tolerance(0.20, 0.3, "one Gaussian stands for the whole spectrum"),
    "noise_length_y": Tolerance(0.20, 0.3, "one Gaussian stands for the whole spectrum"),
    "noise_length_x": Tolerance(0.20, 0.3, "one Gaussian stands for the whole spectrum"),
    "texture": Tolerance(0.25, 0.01, "a difference of two variances"),
    "texture_length": Tolerance(0.35, 1.0, "a difference of two covariances, read at half its height"),
    "particle_spread": Tolerance(0.35, 0.01, "the standard deviation of 20 numbers is known to 16 %"),
    "blur": Tolerance(0.15, 0.2, "the segmentation puts the surface where the noise lets it"),
    "rings": Tolerance(0.40, 0.005, "few rings carry most of the variance"),
    "drift": Tolerance(0.50, 0.02, "slow: a scan holds a few of its periods; textures of few particles add to it"),
    "d10": Tolerance(0.15, 0.0, "the interval of D10 of 100 particles"),
    "d50": Tolerance(0.15, 0.0, "the interval of D50 of 100 particles"),
    "d90": Tolerance(0.20, 0.0, "few particles are so large"),
    "size_spread": Tolerance(0.10, 0.0, "follows from D10 and D90"),
    "elongation": Tolerance(0.10, 0.0, "the scatter of a median of 100 particles is half of it"),
    "roundness": Tolerance(0.0, 0.07, "noise on the surface counts as perimeter as well"),
    "cracked_share": Tolerance(0.0, 0.10, "10 of 100 particles scatter by 3"),
    "void_fraction": Tolerance(0.25, 0.01, "carried by few cracks"),
    "histogram_width": Tolerance(0.05, 0.0, "follows from fractions, levels and spreads"),
    "noise_spectrum": Tolerance(0.0, 0.6, "a power within a factor of 1.8; its faint end is known no better"),
    "histogram_distance": Tolerance(0.0, 0.05, "a shift of all grey values by a twentieth of the contrast"),
}
"""By statistic."""


STRUCTURE = frozenset(
    {"volume_fraction", "d10", "d50", "d90", "size_spread", "elongation", "roundness", "cracked_share", "void_fraction"}
)
"""Statistics that depend on the window, not on the scanner alone."""


@dataclass(frozen=True)
class MatchRow:
    """One statistic of a scan and of its twin.

    Parameters
    ----------
    name, phase, unit, definition : of the statistic
    source, twin : None where withheld
    relative_difference : (twin − source) / |source|; None without two numbers or where the source is 0
    tolerance : largest difference that counts as matched, in `unit`; None without two numbers
    is_matched : None where there is nothing to compare
    reason : why a number is missing, or how the tolerance was chosen
    """

    name: str
    phase: str
    unit: str
    definition: str
    source: float | None
    twin: float | None
    relative_difference: float | None
    tolerance: float | None
    is_matched: bool | None
    reason: str

    @property
    def key(self) -> str:
        """Name, with the phase in brackets."""
        return f"{self.name}[{self.phase}]" if self.phase else self.name

    def to_record(self) -> dict[str, Any]:
        """Plain values by name."""
        return asdict(self)


def compare_likeness(source: Likeness, twin: Likeness, phases: PhaseTable) -> tuple[MatchRow, ...]:
    """One row for each statistic of the source, in its order."""
    contrast = _contrast(source, phases)
    return (*(_row(statistic, twin, contrast) for statistic in source), *_curve_rows(source, twin, contrast))


def _curve_rows(source: Likeness, twin: Likeness, contrast: float) -> Iterator[MatchRow]:
    """How far apart whole curves are: 0 for the source, which is at no distance from itself."""
    distances = {
        "noise_spectrum": _spectral_distance(source.curves.get("noise"), twin.curves.get("noise")),
        "histogram_distance": _histogram_distance(
            source.curves.get("histogram"), twin.curves.get("histogram"), contrast
        ),
    }
    for name, distance in distances.items():
        rule = TOLERANCES[name]
        known = distance is not None
        yield MatchRow(
            name=name,
            phase="",
            unit="1",
            definition=DEFINITIONS[name],
            source=0.0 if known else None,
            twin=distance,
            relative_difference=None,
            tolerance=rule.floor if known else None,
            is_matched=None if distance is None else distance <= rule.floor,
            reason=rule.reason if known else "one of the two curves could not be measured",
        )


_FAINT = 1e-3
"""Share of the highest power of the source below which two powers count as equal: there the sampling error decides."""


def _spectral_distance(one: Mapping[str, Any] | None, two: Mapping[str, Any] | None) -> float | None:
    """Root mean square of the logarithm of the ratio over all frequencies."""
    if not one or not two:
        return None
    a, b = (np.asarray(curve["power"], np.float64) for curve in (one, two))
    if a.shape != b.shape or not a.max() > 0:
        return None
    floor = _FAINT * a.max()
    return float(np.sqrt(np.mean(np.log((a + floor) / (b + floor)) ** 2)))


def _histogram_distance(one: Mapping[str, Any] | None, two: Mapping[str, Any] | None, contrast: float) -> float | None:
    """Area between the cumulated histograms, in contrasts."""
    if not one or not two or contrast == 0:
        return None
    width = one["edges"][1] - one["edges"][0]
    gap = np.abs(np.cumsum(np.subtract(one["share"], two["share"])))
    return float(gap.sum() * width / contrast)


def _contrast(likeness: Likeness, phases: PhaseTable) -> float:
    """Distance between the grey level of the active material and the one farthest from it."""
    levels = [likeness.value("grey_level", phase.name) for phase in phases]
    known = [level for level in levels if level is not None]
    return max(known) - min(known) if known else 0.0


def _row(statistic: Statistic, twin: Likeness, contrast: float) -> MatchRow:
    """The source's number against the twin's."""
    value = twin.value(statistic.name, statistic.phase)
    difference, tolerance, matched = None, None, None
    reason = statistic.reason
    if statistic.value is not None and value is not None:
        rule = TOLERANCES[statistic.name]
        floor = rule.floor * (contrast if statistic.unit == "grey" else 1.0)
        tolerance = max(rule.relative * abs(statistic.value), floor)
        matched = abs(value - statistic.value) <= tolerance
        difference = (value - statistic.value) / abs(statistic.value) if statistic.value else None
        reason = rule.reason
    elif value is None and statistic.value is not None:
        found = [other for other in twin if other.key == statistic.key]
        reason = f"withheld for the twin: {found[0].reason if found else 'it has no such phase'}"
    return MatchRow(
        statistic.name,
        statistic.phase,
        statistic.unit,
        statistic.definition,
        statistic.value,
        value,
        difference,
        tolerance,
        matched,
        reason,
    )
