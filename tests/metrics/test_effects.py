"""Effect sizes and their intervals against closed forms, published values and repeated sampling."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voltomo.errors import InputError
from voltomo.metrics.effects import (
    cliffs_delta,
    compare_numbers,
    compare_proportions,
    compare_samples,
    holm,
    wilson,
)

SAMPLES = st.lists(st.integers(0, 9), min_size=1, max_size=12).map(lambda v: np.array(v, np.float64))


@given(SAMPLES, SAMPLES)
def test_cliffs_delta_counts_pairs(first: np.ndarray, second: np.ndarray) -> None:
    """The fast count equals the mean sign over all pairs, ties included."""
    assert cliffs_delta(first, second) == pytest.approx(np.sign(second[:, None] - first[None]).mean(), abs=1e-12)


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [
        ((48, 80), (56, 70), 0.0524, 0.3339),
        ((3, 10), (9, 10), 0.1705, 0.8090),
        ((0, 20), (10, 10), 0.6791, 1.0000),
    ],
)
def test_newcombe_published(first: tuple[int, int], second: tuple[int, int], low: float, high: float) -> None:
    """The examples of Newcombe (1998), table II, method 10, to the four digits that are printed."""
    effect = compare_proportions(first, second)
    assert (effect.low, effect.high) == pytest.approx((low, high), abs=6e-5)


def test_symmetric_intervals_combine_as_standard_errors() -> None:
    """Half widths 3 and 4 give 5, and p is that of the normal deviate."""
    effect = compare_numbers(10.0, (7.0, 13.0), 20.0, (16.0, 24.0))
    assert (effect.difference, effect.low, effect.high) == pytest.approx((10.0, 5.0, 15.0))
    assert effect.p_value == pytest.approx(8.857e-5, rel=1e-3)  # 2(1 - Φ(1.96 · 10/5))


@given(*(st.floats(0.1, 5) for _ in range(4)), st.floats(-20, 20))
def test_p_is_small_just_where_the_interval_excludes_zero(
    a: float, b: float, c: float, d: float, second: float
) -> None:
    """The test and the interval of two numbers never contradict each other."""
    effect = compare_numbers(0.0, (-a, b), second, (second - c, second + d))
    excludes = effect.low > 1e-9 or effect.high < -1e-9
    includes = effect.low < -1e-9 < 1e-9 < effect.high
    assert (not excludes or effect.p_value < 0.05) and (not includes or effect.p_value > 0.05)  # noqa: PT018 - one iff


def test_samples_that_are_one_differ_in_nothing() -> None:
    """Equal samples have difference and delta 0, also where all values are equal."""
    for values in (np.arange(20.0), np.ones(20)):
        effect = compare_samples(values, values, rng=np.random.default_rng(0), replicates=100)
        assert (effect.difference, effect.delta) == (0, 0)
        assert effect.p_value > 0.9


def test_separated_samples_have_delta_one() -> None:
    """Every particle of the second is larger."""
    effect = compare_samples(np.arange(30.0), np.arange(30.0) + 100, rng=np.random.default_rng(0), replicates=100)
    assert (effect.delta, effect.difference) == (1, 100)
    assert effect.p_value < 1e-9


def test_the_interval_of_delta_covers_the_truth() -> None:
    """Of 300 pairs of normal samples of 40, 92 to 98 % of the intervals hold δ = 2Φ(0.5/√2) - 1.

    The binomial spread of 300 trials at 95 % is 1.3 %; percentiles of a bootstrap of 40 are a little short.
    """
    rng = np.random.default_rng(1)
    truth = 0.27632639
    hits = 0
    for _ in range(300):
        first, second = rng.normal(size=40), rng.normal(0.5, size=40)
        effect = compare_samples(first, second, rng=rng, replicates=200)
        assert effect.delta_low is not None
        assert effect.delta_high is not None
        hits += effect.delta_low <= truth <= effect.delta_high
    assert 0.91 <= hits / 300 <= 0.985


def test_holm_keeps_the_family_wise_rate() -> None:
    """Of 2000 families of 10 true null hypotheses at most 5 % (and three binomial errors) show one below 0.05."""
    p_values = np.random.default_rng(0).uniform(size=(2000, 10))
    shown = np.mean([min(holm(row.tolist())) < 0.05 for row in p_values])
    assert shown <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 2000)


@pytest.mark.parametrize(("hits", "count"), [(1, 0), (3, 2), (-1, 5)])
def test_an_impossible_share_is_refused(hits: int, count: int) -> None:
    """No hits of nothing."""
    with pytest.raises(InputError, match="expected a share"):
        wilson(hits, count)


def test_a_single_value_is_no_sample() -> None:
    """The bootstrap of one value would have an interval of no width."""
    with pytest.raises(InputError, match="two or more"):
        compare_samples(np.ones(1), np.ones(5), rng=np.random.default_rng(0))
