"""What the window leaves open of a quantile: the scatter of the share below it, read off the distribution.

The share of a distribution that lies below a fixed size is a ratio of sums over the window, so that the parts of the
window tell its scatter. The interval of the quantile is where the distribution crosses the share less and plus that
scatter. No density is estimated, and steps of the distribution do no harm.

References
----------
.. [1] R. S. Woodruff, Confidence intervals for medians and other position measures, J. Am. Stat. Assoc. 47 (1952) 635,
   doi 10.1080/01621459.1952.10483443.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.stats import t as student

from voltomo.artifacts import UncertaintyPart
from voltomo.metrics.representativity import jackknife

__all__ = ["HIGHEST_SHARE", "QuantileScatter", "interval_with", "missing_scatter", "scatter_of_quantile"]

Floats: TypeAlias = npt.NDArray[np.float64]

HIGHEST_SHARE = 0.5
"""Quantiles above it get no interval: with 400 windows of overlapping balls, intervals of D90 held the truth in 86 %
(local thickness) and 90 % (chords), since few wide places decide it; those of D10 and D50 in 92 to 95 %."""


@dataclass(frozen=True)
class QuantileScatter:
    """What a window of this size leaves open of a quantile.

    Parameters
    ----------
    part : the representativity part of an uncertainty budget
    low, high : ends of its 95 % interval
    """

    part: UncertaintyPart
    low: float
    high: float


def scatter_of_quantile(
    sizes: Floats, shares: Floats, without: Sequence[Floats], share: float
) -> QuantileScatter | None:
    """Interval of the size up to which a share lies.

    Parameters
    ----------
    sizes : (N,) rising
    shares : (N,) of the whole that is at most so large; rising, interpolated between
    without : the same shares with each part of the window left out
    share : such as 0.5

    Returns
    -------
    QuantileScatter or None
        None where nothing scatters, or the interval reaches beyond what is seen of the distribution.
    """
    middle = float(np.interp(share, shares, sizes))
    spread = jackknife([float(np.interp(middle, sizes, one)) for one in without])
    if spread is None:
        return None
    freedom = len(without) - 1
    half = float(student.ppf(0.975, freedom)) * spread
    if share - half <= 0 or share + half >= float(shares[-1]):
        return None
    low, high = (float(np.interp(share + sign * half, shares, sizes)) for sign in (-1, 1))
    note = (
        f"from the spread of the share below it when each of {len(without)} parts of the window is left out (Woodruff "
        f"1952); Student's t with {freedom} degrees of freedom; for a window cut from a homogeneous sample"
    )
    standard = (high - low) / 2 / float(student.ppf(0.975, freedom))
    return QuantileScatter(UncertaintyPart("representativity", standard, note=note), low, high)


def missing_scatter() -> UncertaintyPart:
    """The part of a quantile that gets no interval."""
    return UncertaintyPart(
        "representativity",
        note="not estimated: a few wide places decide it, and intervals from the parts of the window held the truth "
        "too seldom",
    )


def interval_with(value: float, half: float, scatter: QuantileScatter | None) -> tuple[float, float]:
    """Interval that joins a half width to the scatter, side by side as independent ones; not below 0.

    Examples
    --------
    >>> interval_with(10.0, 3.0, QuantileScatter(UncertaintyPart("representativity", 2.0), 6.0, 14.0))
    (5.0, 15.0)
    """
    below, above = (half, half) if scatter is None else (value - scatter.low, scatter.high - value)
    if scatter is not None:
        below, above = math.hypot(half, max(below, 0.0)), math.hypot(half, max(above, 0.0))
    return max(0.0, value - below), value + above
