from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voltomo.metrics.apparent import DIVISIONS, PartValues, fit_size_law, parts_of_size, size_bias, window_part


def sizes(spread: float, exponent: float) -> list[PartValues]:
    """Parts of four sizes whose logarithms have exactly the variance spread²·share^-exponent."""
    rng = np.random.default_rng(0)
    made = []
    for division in DIVISIONS[:4]:
        z = rng.standard_normal(int(division) ** 3)
        z = (z - z.mean()) / z.std(ddof=1)
        share = division**-3
        made.append(PartValues(division, share, tuple(2 * np.exp(spread * share ** (-exponent / 2) * z))))
    return made


@pytest.mark.parametrize("spread", [0.01, 0.1])
def test_a_law_that_parts_follow_exactly_is_found(spread: float) -> None:
    """With V⁻¹, as is expected before, spread and exponent come out to the last digits."""
    law = fit_size_law(sizes(spread, 1.0))
    assert law is not None
    assert law.spread == pytest.approx(spread, rel=1e-9)
    assert law.exponent == pytest.approx(1.0, rel=1e-9)


def test_another_exponent_is_met_half_way() -> None:
    """Four sizes of one window know γ about as well as what is known before: 0.6 comes out between 0.6 and 1."""
    law = fit_size_law(sizes(0.1, 0.6))
    assert law is not None
    assert 0.65 < law.exponent < 0.95


def test_the_interval_of_a_law_holds_the_truth() -> None:
    """Values drawn from a V⁻¹ law: the stated interval holds a new value of the whole in 93 to 99 % of 400 windows.

    Here parts are independent, so that the degrees of freedom kept back for overlap make it a little wide.
    """
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(400):
        drawn = [
            PartValues(d, d**-3, tuple(np.exp(0.05 * d**1.5 * rng.standard_normal(int(d) ** 3)))) for d in DIVISIONS[:4]
        ]
        law = fit_size_law(drawn)
        assert law is not None
        held += abs(0.05 * rng.standard_normal()) < law.factor * law.spread
    assert 0.93 <= held / 400 <= 0.99


def test_equal_parts_follow_no_law() -> None:
    """Where nothing scatters there is no part, and the note says so."""
    equal = [PartValues(d, d**-3, (1.5,) * int(d) ** 3) for d in DIVISIONS[:4]]
    law = fit_size_law(equal)
    assert law is None
    part, _ = window_part(1.5, law, {})
    assert part.standard_uncertainty is None
    assert "do not differ" in part.note


def test_wild_parts_give_no_uncertainty() -> None:
    """An interval as wide as the number itself is not stated."""
    part, _ = window_part(1.5, fit_size_law(sizes(0.6, 1.0)), {})
    assert part.standard_uncertainty is None
    assert "too small" in part.note


def test_the_volume_for_a_tolerance_follows_the_law() -> None:
    """Half the tolerance takes four times the volume where variance falls as V⁻¹."""
    law = fit_size_law(sizes(0.1, 1.0))
    assert law is not None
    assert law.share_for(0.196) == pytest.approx(1.0)
    assert law.share_for(0.098) == pytest.approx(4.0)


def test_a_bias_that_falls_as_one_over_volume_is_found() -> None:
    """Means of 3 + 0.01/share belong to a window that is too large by 0.01."""
    made = [PartValues(d, d**-3, (3 + 0.01 * d**3,) * 8) for d in DIVISIONS[:4]]
    assert size_bias(3.01, made) == pytest.approx(0.01)


@settings(max_examples=30, deadline=None)
@given(st.tuples(*[st.integers(28, 90)] * 3), st.sampled_from(DIVISIONS))
def test_parts_lie_apart_inside_the_window(shape: tuple[int, int, int], division: float) -> None:
    """No voxel is in two parts, none is outside, and there are floor(division)³ of them."""
    seen = np.zeros(shape, np.uint8)
    parts = parts_of_size(shape, division)
    for region in parts:
        assert seen[region].shape == tuple(int(n / division) for n in shape)
        seen[region] += 1
    assert seen.max() == 1
    assert len(parts) == int(division) ** 3


def test_small_parts_are_no_parts() -> None:
    """Below 8 voxels along an edge there are none."""
    assert parts_of_size((27, 60, 60), 3.5) == ()
    assert math.prod(parts_of_size((28, 60, 60), 3.5)[0][0].indices(28)[:2]) == 0
