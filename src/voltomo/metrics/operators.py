"""What another operator would have found: several segmentations of one volume, or a boundary drawn elsewhere."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.stats import t as student

from voltomo.artifacts import Measurement, SensitivityBand, UncertaintyPart
from voltomo.metrics.uncertainty import COVERAGE_FACTOR, with_band, with_part

__all__ = ["FEWEST_SEGMENTATIONS", "with_moved_labels", "with_operators", "with_perturbed_boundary"]

FEWEST_SEGMENTATIONS = 3
"""Below, there is a range and no standard uncertainty."""


def with_operators(
    item: Measurement, others: Sequence[float], *, what: str = "segmentations of the volume"
) -> Measurement:
    """The number with what other segmentations of the same volume say about it.

    Parameters
    ----------
    item : of the study's own segmentation, with a value
    others : the same number of at least one other segmentation
    what : the segmentations are, in words

    Returns
    -------
    Measurement
        With three segmentations or more, its own among them, the part "operator" of the budget: their standard
        deviation, and an interval by Student's t with one degree of freedom less than there are segmentations. With two
        the band "two segmentations", outside the budget.

    Notes
    -----
    It is the scatter of one segmentation, not of the mean of all, since the number is that of one. What all of them get
    wrong in the same way is not seen.

    Examples
    --------
    >>> found = with_operators(Measurement("porosity", 0.40, "1"), [0.42, 0.44])
    >>> [round(part.standard_uncertainty, 3) for part in found.parts]
    [0.02]
    """
    assert item.value is not None, "asked for only where there is one"
    values = [item.value, *others]
    count = len(values)
    if not all(math.isfinite(value) for value in values):
        note = "not estimated: in some of the segmentations the phase does not conduct"
        return with_part(item, UncertaintyPart("operator", note=note))
    if count < FEWEST_SEGMENTATIONS:
        band = SensitivityBand("two segmentations", min(values), max(values), f"the range of two {what}")
        note = "not estimated: two segmentations give a range, shown as a band; three give a standard uncertainty"
        return with_part(with_band(item, band), UncertaintyPart("operator", note=note))
    note = (
        f"standard deviation of {count} {what}; Student's t with {count - 1} degrees of freedom; "
        "what all of them get wrong alike is not in it"
    )
    part = UncertaintyPart("operator", float(np.std(values, ddof=1)), note=note)
    return with_part(item, part, factor=float(student.ppf(0.975, count - 1)))


def with_perturbed_boundary(item: Measurement, inner: float, outer: float, *, voxels: int) -> Measurement:
    """The number with the operator part that a boundary somewhere within ± some voxels gives.

    Parameters
    ----------
    item : of the map, with a value
    inner, outer : the number with the boundary of its phase farther in and farther out
    voxels : how far

    Notes
    -----
    All places within the range are taken as equally likely: u is half of the range / √3 [1]_. The interval is k = 2 of
    it, a little more than the range.

    References
    ----------
    .. [1] JCGM 100:2008, Guide to the expression of uncertainty in measurement, 4.3.7.
    """
    assert item.value is not None, "asked for only where there is one"
    values = (item.value, inner, outer)
    if not all(math.isfinite(value) for value in values):
        note = f"not estimated: with its boundary {voxels} voxels elsewhere the phase does not conduct"
        return with_part(item, UncertaintyPart("operator", note=note))
    half = (max(values) - min(values)) / 2
    note = f"boundary of the phase anywhere within ± {voxels} voxels, all places equally likely"
    return with_part(item, UncertaintyPart("operator", half / math.sqrt(3), note=note), factor=COVERAGE_FACTOR)


def with_moved_labels(
    item: Measurement, sides: Sequence[Sequence[float]], jittered: Sequence[float], *, note: str
) -> Measurement:
    """The number with the operator part that training on labels with their boundary elsewhere gives.

    Parameters
    ----------
    item : of the labels as drawn, with a value
    sides : for each phase that was moved, the number from labels that draw it narrower, and wider
    jittered : the number from labels with an unsteady boundary
    note : how they were made

    Notes
    -----
    For each phase, all places between narrower and wider are taken as equally likely: half of the range / √3 [1]_.
    The jitter counts by its root mean square difference from the labels as drawn. Both kinds add as independent ones,
    and the interval is k = 2.

    References
    ----------
    .. [1] JCGM 100:2008, Guide to the expression of uncertainty in measurement, 4.3.7 and 5.1.2.

    Examples
    --------
    >>> found = with_moved_labels(Measurement("porosity", 0.40, "1"), [(0.37, 0.43)], [0.41, 0.39], note="")
    >>> round(found.parts[0].standard_uncertainty, 3) == round((0.03**2 / 3 + 0.01**2) ** 0.5, 3)
    True
    """
    assert item.value is not None, "asked for only where there is one"
    everything = [item.value, *jittered, *(value for pair in sides for value in pair)]
    if not all(math.isfinite(value) for value in everything):
        reason = "not estimated: trained on some of the moved labels, a model finds a phase that does not conduct"
        return with_part(item, UncertaintyPart("operator", note=reason))
    variance = sum(((max(item.value, *pair) - min(item.value, *pair)) / 2) ** 2 / 3 for pair in sides)
    if jittered:
        variance += float(np.mean([(value - item.value) ** 2 for value in jittered]))
    return with_part(item, UncertaintyPart("operator", math.sqrt(variance), note=note), factor=COVERAGE_FACTOR)
