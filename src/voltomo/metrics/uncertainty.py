"""The uncertainty budget of a number: what was estimated, and what is missing."""

from __future__ import annotations

import math
from dataclasses import replace

from voltomo.artifacts import Measurement, SensitivityBand, UncertaintyPart

__all__ = [
    "COVERAGE_FACTOR",
    "budget",
    "combined",
    "missing_parts",
    "variance_shares",
    "with_band",
    "with_part",
    "with_reason",
]

COVERAGE_FACTOR = 2
"""Half width of the 95 % interval of a normal distribution over its standard uncertainty: JCGM 100:2008, 6.3.3."""

_MISSING = {
    "segmentation": "not estimated: the phase map gives no probabilities or repeated segmentations",
    "operator": "not estimated: needs three or more annotators, or a perturbed boundary",
    "representativity": "not estimated: needs the integral range or sub-volumes",
    "resolution": "not estimated: needs the grey volume coarsened and segmented again",
}
_SHARES = ("volume_fraction", "area_fraction", "porosity")
"""Beginnings of the names of numbers that lie between 0 and 1."""
_OF_PARTICLES = ("equivalent_diameter", "particle", "contact", "sphericity", "circularity", "aspect", "unfolded")
"""The same of numbers of particles."""
_AMOUNTS = (
    "specific_surface_area",
    "interface_area",
    "boundary_length",
    "interface_length",
    "triple_phase_boundary",
    "tortuosity_factor",
    "effective_diffusivity",
    "macmullin",
    "electrode_tortuosity",
)
"""The same of numbers that are not negative."""


def budget(*estimated: UncertaintyPart) -> tuple[UncertaintyPart, ...]:
    """The parts that were estimated, then the usual parts that were not, each listed as missing (never as zero).

    Examples
    --------
    >>> [part.name for part in budget(UncertaintyPart("segmentation", 0.01))]
    ['segmentation', 'operator', 'representativity', 'resolution']
    """
    names = {part.name for part in estimated}
    return (*estimated, *(UncertaintyPart(name, note=note) for name, note in _MISSING.items() if name not in names))


def combined(parts: tuple[UncertaintyPart, ...]) -> float | None:
    """Standard uncertainty √Σu² of the independent parts that were estimated; None if there is none.

    A lower limit as long as parts are missing.
    """
    known = [part.standard_uncertainty for part in parts if part.standard_uncertainty is not None]
    return math.sqrt(sum(u * u for u in known)) if known else None


def missing_parts(parts: tuple[UncertaintyPart, ...]) -> tuple[str, ...]:
    """Names of the parts of which neither an uncertainty nor a bias was estimated."""
    return tuple(part.name for part in parts if part.standard_uncertainty is None and part.bias is None)


def variance_shares(parts: tuple[UncertaintyPart, ...]) -> dict[str, float]:
    """Share of each estimated part in the variance Σu²; empty where nothing was estimated, or all of it is 0.

    Examples
    --------
    >>> variance_shares((UncertaintyPart("segmentation", 0.03), UncertaintyPart("solver", 0.04)))
    {'segmentation': 0.36, 'solver': 0.64}
    """
    squares = {part.name: part.standard_uncertainty**2 for part in parts if part.standard_uncertainty is not None}
    total = sum(squares.values())
    return {name: round(square / total, 12) for name, square in squares.items()} if total > 0 else {}


def with_part(item: Measurement, part: UncertaintyPart, *, factor: float = COVERAGE_FACTOR) -> Measurement:
    """The number with one more part in its budget, in the place of the missing one, and its interval widened by it.

    Parameters
    ----------
    item : a number with a value
    part : what was estimated; a part without a standard uncertainty replaces the note and widens nothing
    factor : half width of the 95 % interval of this part / its standard uncertainty

    Returns
    -------
    Measurement
        Each half width becomes the root of its square and (factor·u)²: an interval that came from a bootstrap, or from
        Student's t, keeps its shape. A share stays within 0 and 1, a surface or length at or above 0.

    Notes
    -----
    Parts add as independent ones [1]_. Two parts of one budget never have the same name.

    References
    ----------
    .. [1] JCGM 100:2008, Guide to the expression of uncertainty in measurement, 5.1.2.
    """
    known = {old.name for old in item.parts}
    parts = tuple(part if old.name == part.name else old for old in item.parts)
    parts = parts if part.name in known else (part, *parts)
    u = part.standard_uncertainty
    if u is None or item.value is None or not math.isfinite(item.value):
        return replace(item, parts=parts)
    low = item.value if item.low is None else item.low
    high = item.value if item.high is None else item.high
    low = item.value - math.hypot(item.value - low, factor * u)
    high = item.value + math.hypot(high - item.value, factor * u)
    if item.name.startswith(_SHARES):
        low, high = max(0.0, low), min(1.0, high)
    if item.name.startswith(_AMOUNTS):
        low = max(0.0, low)
    return replace(item, parts=parts, low=low, high=high)


def with_reason(item: Measurement, name: str) -> Measurement:
    """A number that is not followed through other maps, with that as the reason why a part is missing.

    Parameters
    ----------
    item : a number; one that has the part, another reason, or no budget stays as it is
    name : of the part
    """
    if not any(part.name == name and part.note == _MISSING.get(name) for part in item.parts):
        return item
    why = "this number is not followed through other maps"
    if item.name.startswith(_OF_PARTICLES):
        why = "particles would have to be found again in every map"
    return with_part(item, UncertaintyPart(name, note=f"not estimated: {why}"))


def with_band(item: Measurement, band: SensitivityBand) -> Measurement:
    """The number with a sensitivity band, outside its budget."""
    return replace(item, bands=(*(old for old in item.bands if old.name != band.name), band))
