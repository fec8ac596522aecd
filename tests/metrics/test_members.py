"""What the members of an ensemble say about a number."""

from __future__ import annotations

import math

import pytest

from voltomo.artifacts import Measurement, UncertaintyPart
from voltomo.metrics.members import member_scatter, with_segmentation

ITEM = Measurement("x", 0.42, "1")


def realized(u: float) -> UncertaintyPart:
    """What the probabilities give."""
    return UncertaintyPart("segmentation", u, 0.001, "drawn")


def part(item: Measurement) -> UncertaintyPart:
    """The segmentation part."""
    return next(part for part in item.parts if part.name == "segmentation")


def test_members_alone_give_their_standard_deviation() -> None:
    """0.40, 0.42, 0.44 around 0.42: u = 0.02, an interval of Student's t, 4.303·u, and how well u is known, 50 %."""
    found = with_segmentation(ITEM, None, member_scatter(0.42, [0.40, 0.42, 0.44]))
    assert part(found).standard_uncertainty == pytest.approx(0.02)
    assert found.high - 0.42 == pytest.approx(4.3027 * 0.02, abs=1e-5)
    assert "Student's t with 2 degrees of freedom (it is known to 50 %)" in part(found).note


def test_a_common_distance_from_the_common_map_counts() -> None:
    """Members that all find 0.02 more than the map do not scatter, but are not of its mind: u² = 3·0.02²/2."""
    found = member_scatter(0.42, [0.44, 0.44, 0.44])
    assert found.u == pytest.approx(math.sqrt(3 / 2) * 0.02)


@pytest.mark.parametrize(("u", "wins"), [(0.05, "drawn"), (0.03, "standard deviation of 3 members")])
def test_the_wider_interval_counts_and_the_other_is_told(u: float, wins: str) -> None:
    """Members (u = 0.02, half width 0.086) give way to 2·0.05 of the probabilities, not to 2·0.03; both are told."""
    found = with_segmentation(ITEM, realized(u), member_scatter(0.42, [0.40, 0.42, 0.44]))
    expected = u if wins == "drawn" else 0.02
    assert part(found).standard_uncertainty == pytest.approx(expected)
    assert part(found).bias == (0.001 if wins == "drawn" else None)
    assert part(found).note.startswith(wins)
    assert f"u = {0.02 if wins == 'drawn' else u}" in part(found).note
    assert found.high - 0.42 == pytest.approx(max(2 * u, 4.3027 * 0.02), abs=1e-5)


def test_two_members_give_a_range() -> None:
    """The band holds both; the budget keeps what the probabilities give, or says why there is nothing."""
    two = member_scatter(0.42, [0.40, 0.43])
    alone, both = (with_segmentation(ITEM, given, two) for given in (None, realized(0.01)))
    assert (alone.bands[0].low, alone.bands[0].high) == (0.40, 0.43)
    assert (part(alone).standard_uncertainty, alone.low) == (None, None)
    assert part(both).standard_uncertainty == 0.01


def test_a_phase_that_is_cut_off_for_a_member_gives_no_uncertainty() -> None:
    """An infinite tortuosity factor of one member is said, whatever the probabilities give."""
    found = with_segmentation(ITEM, realized(0.01), member_scatter(0.42, [0.40, math.inf, 0.44]))
    assert part(found).standard_uncertainty is None
    assert "1 of 3 members" in part(found).note


def test_without_members_the_probabilities_count() -> None:
    """Nothing changes where no member was kept."""
    assert part(with_segmentation(ITEM, realized(0.01), None)) == realized(0.01)
    assert with_segmentation(ITEM, None, None) == ITEM
