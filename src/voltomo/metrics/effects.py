"""Two samples, two numbers or two proportions: how far apart, with which interval, and how often by chance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import stats

from voltomo.errors import InputError

__all__ = ["Effect", "cliffs_delta", "compare_numbers", "compare_proportions", "compare_samples", "holm", "wilson"]

Floats: TypeAlias = npt.NDArray[np.float64]
Interval: TypeAlias = tuple[float, float]

_Z = 1.959963984540054  # two-sided 95 % of a normal distribution


@dataclass(frozen=True)
class Effect:
    """What the second of two has more than the first.

    Parameters
    ----------
    difference : second - first
    low, high : its interval at 95 %
    p_value : of the test named in `test`, two-sided, not corrected for other comparisons
    test : in words
    delta, delta_low, delta_high : Cliff's delta with its interval at 95 %; None where there are no samples
    """

    difference: float
    low: float
    high: float
    p_value: float
    test: str
    delta: float | None = None
    delta_low: float | None = None
    delta_high: float | None = None


def compare_samples(first: Floats, second: Floats, *, rng: np.random.Generator, replicates: int = 1000) -> Effect:
    """Difference of the medians, Cliff's delta and the Mann-Whitney test of two independent samples.

    Parameters
    ----------
    first : (N,) finite values
    second : (M,) finite values
    rng : of the bootstrap, which draws both samples anew
    replicates : of the bootstrap; its percentiles are the intervals

    Returns
    -------
    Effect

    Raises
    ------
    InputError
        If a sample has fewer than two values or one that is not finite.

    Notes
    -----
    The test asks whether a value of the one sample is as often larger as smaller than one of the other. It takes the
    values as independent: particles of one piece are a sample of that piece, not of the electrode it was cut from.

    References
    ----------
    .. [1] H. B. Mann, D. R. Whitney, Ann. Math. Stat. 18, 50 (1947), doi 10.1214/aoms/1177730491.
    .. [2] N. Cliff, Psychol. Bull. 114, 494 (1993), doi 10.1037/0033-2909.114.3.494.
    """
    for values in (first, second):
        if len(values) < 2 or not np.isfinite(values).all():
            raise InputError(f"expected samples of two or more finite values, found {len(values)}")
    medians, deltas = np.empty(replicates), np.empty(replicates)
    for i in range(replicates):
        one, two = rng.choice(first, len(first)), rng.choice(second, len(second))
        medians[i] = np.median(two) - np.median(one)
        deltas[i] = cliffs_delta(one, two)
    difference = float(np.median(second) - np.median(first))
    delta = cliffs_delta(first, second)
    low, high = _around(difference, medians)
    delta_low, delta_high = _around(delta, deltas)
    p_value = float(stats.mannwhitneyu(first, second).pvalue)
    # All values equal: scipy divides by a variance of zero.
    p_value = p_value if math.isfinite(p_value) else 1.0
    return Effect(difference, low, high, p_value, "Mann-Whitney", delta, delta_low, delta_high)


def _around(value: float, replicates: Floats) -> Interval:
    """95 % of the replicates, the value itself included."""
    low, high = np.quantile(replicates, (0.025, 0.975))
    return min(float(low), value), max(float(high), value)


def cliffs_delta(first: Floats, second: Floats) -> float:
    """Share of pairs in which the second is larger, less the share in which it is smaller; -1 to 1.

    Examples
    --------
    >>> cliffs_delta(np.array([1.0, 2.0]), np.array([3.0, 2.0]))
    0.75
    """
    ordered = np.sort(first)
    below = np.searchsorted(ordered, second, side="left").sum()
    above = (len(first) - np.searchsorted(ordered, second, side="right")).sum()
    return float(below - above) / (len(first) * len(second))


def compare_numbers(first: float, first_interval: Interval, second: float, second_interval: Interval) -> Effect:
    """Difference of two independent numbers, from the interval of each.

    Parameters
    ----------
    first, second : finite
    first_interval, second_interval : at 95 %, around the number; they need not be symmetric

    Returns
    -------
    Effect
        The interval is that of Zou and Donner [1]_ (the limits of either number, combined as standard errors are);
        p is that of a normal deviate with the standard error which that interval has on the side of zero, so that p is
        below 0.05 just where the interval excludes zero.

    References
    ----------
    .. [1] G. Y. Zou, A. Donner, Stat. Med. 27, 1693 (2008), doi 10.1002/sim.3095.
    """
    (low_1, high_1), (low_2, high_2) = first_interval, second_interval
    difference = second - first
    below = math.hypot(second - low_2, high_1 - first)
    above = math.hypot(high_2 - second, first - low_1)
    spread = (below if difference > 0 else above) / _Z
    p_value = 2 * float(stats.norm.sf(abs(difference) / spread)) if spread > 0 else float(difference == 0)
    return Effect(difference, difference - below, difference + above, p_value, "difference of two numbers")


def compare_proportions(first: tuple[int, int], second: tuple[int, int]) -> Effect:
    """Difference of two proportions by Newcombe's interval, with Fisher's exact test.

    Parameters
    ----------
    first, second : (hits, number) of either sample; number at least 1

    References
    ----------
    .. [1] R. G. Newcombe, Stat. Med. 17, 873 (1998), method 10, doi
       10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I.

    Examples
    --------
    >>> effect = compare_proportions((48, 80), (56, 70))
    >>> round(effect.low, 4), round(effect.high, 4)
    (0.0524, 0.3339)
    """
    (hits_1, count_1), (hits_2, count_2) = first, second
    table = np.array([[hits_1, count_1 - hits_1], [hits_2, count_2 - hits_2]])
    p_value = float(stats.fisher_exact(table).pvalue)
    found = compare_numbers(hits_1 / count_1, wilson(*first), hits_2 / count_2, wilson(*second))
    return Effect(found.difference, found.low, found.high, p_value, "Fisher's exact test")


def wilson(hits: int, count: int) -> Interval:
    """Wilson's 95 % interval of a proportion.

    References
    ----------
    .. [1] E. B. Wilson, J. Am. Stat. Assoc. 22, 209 (1927), doi 10.1080/01621459.1927.10502953.
    """
    if count < 1 or not 0 <= hits <= count:
        raise InputError(f"expected a share of one or more particles, found {hits} of {count}")
    share, z2 = hits / count, _Z**2
    center = (share + z2 / (2 * count)) / (1 + z2 / count)
    half = _Z * math.sqrt(share * (1 - share) / count + z2 / (4 * count**2)) / (1 + z2 / count)
    # Rounding must not push a limit past the share it holds.
    return min(max(center - half, 0.0), share), max(min(center + half, 1.0), share)


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Correct p values for their number; in the order given.

    Whatever the dependence between the tests, at most 5 % of pages without any true difference show one below 0.05.

    References
    ----------
    .. [1] S. Holm, Scand. J. Stat. 6, 65 (1979).

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03, 0.005])
    (0.03, 0.06, 0.06, 0.02)
    """
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    corrected = [0.0] * len(p_values)
    largest = 0.0
    for rank, i in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[i]))
        corrected[i] = largest
    return tuple(corrected)
