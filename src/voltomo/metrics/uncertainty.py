"""The uncertainty budget of a number: what was estimated, and what is missing."""

from __future__ import annotations

import math

from voltomo.artifacts import UncertaintyPart

__all__ = ["budget", "combined"]

_MISSING = {
    "segmentation": "not estimated: the phase map gives no probabilities or repeated segmentations",
    "operator": "not estimated: needs three or more annotators, or a perturbed boundary",
    "representativity": "not estimated: needs the integral range or sub-volumes",
    "resolution": "not estimated: needs the grey volume coarsened and segmented again",
}


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
