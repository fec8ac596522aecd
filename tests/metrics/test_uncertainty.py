from __future__ import annotations

import math

import pytest

from voltomo.artifacts import Measurement, SensitivityBand, UncertaintyPart
from voltomo.metrics.uncertainty import (
    budget,
    combined,
    missing_parts,
    variance_shares,
    with_band,
    with_part,
    with_reason,
)

NUMBER = Measurement("specific_surface_area", 10.0, "1/m", low=8.0, high=13.0, parts=budget(UncertaintyPart("a", 1.0)))


def test_independent_parts_add_in_squares() -> None:
    """3 and 4 give 5; a bias alone gives no standard uncertainty."""
    parts = (UncertaintyPart("a", 3.0), UncertaintyPart("b", 4.0), UncertaintyPart("c", bias=9.0))
    assert combined(parts) == 5.0
    assert combined((UncertaintyPart("c", bias=9.0),)) is None


def test_a_part_that_was_not_estimated_is_missing() -> None:
    """A missing part is named; one of which only the bias is known is not missing."""
    parts = budget(UncertaintyPart("segmentation", 0.1), UncertaintyPart("resolution", bias=0.2))
    assert missing_parts(parts) == ("operator", "representativity")


def test_shares_of_the_variance_add_to_one() -> None:
    """The drawing of a budget is its variance, of the estimated parts."""
    shares = variance_shares((UncertaintyPart("a", 1.0), UncertaintyPart("b", 2.0), UncertaintyPart("c")))
    assert shares == {"a": pytest.approx(0.2), "b": pytest.approx(0.8)}


def test_a_new_part_takes_the_place_of_the_missing_one() -> None:
    """The budget lists each name once, and each side of the interval grows by (2u)² under the root."""
    found = with_part(NUMBER, UncertaintyPart("segmentation", 2.0))
    assert [part.name for part in found.parts] == [part.name for part in NUMBER.parts]
    assert found.low == pytest.approx(10 - math.hypot(2, 4))
    assert found.high == pytest.approx(10 + math.hypot(3, 4))


def test_a_share_stays_within_0_and_1() -> None:
    """A fraction of 2 % with a large uncertainty does not begin below 0."""
    found = with_part(Measurement("volume_fraction", 0.02, "1"), UncertaintyPart("segmentation", 0.05))
    assert found.interval == (0.0, pytest.approx(0.12))


def test_a_part_without_an_uncertainty_widens_nothing() -> None:
    """It says why it is missing."""
    found = with_part(NUMBER, UncertaintyPart("resolution", note="too small"))
    assert found.interval == NUMBER.interval
    assert "too small" in [part.note for part in found.parts]


def test_a_band_is_no_part_of_the_interval() -> None:
    """A sensitivity stands beside the budget; one of the same name is replaced."""
    band = SensitivityBand("boundary ± 1 voxel", 5.0, 20.0)
    found = with_band(with_band(NUMBER, SensitivityBand("boundary ± 1 voxel", 0.0, 1.0)), band)
    assert found.bands == (band,)
    assert (found.interval, found.parts) == (NUMBER.interval, NUMBER.parts)


def test_a_number_that_is_not_followed_says_why() -> None:
    """Sizes name the particles; a part that is there, or has a reason of its own, stays."""
    size = Measurement("equivalent_diameter", 1.0, "m", parts=budget(UncertaintyPart("sampling", 0.1)))
    (part,) = [part for part in with_reason(size, "resolution").parts if part.name == "resolution"]
    assert "particles would have to be found again" in part.note
    known = with_part(size, UncertaintyPart("resolution", note="not estimated: the volume is small"))
    assert with_reason(known, "resolution") == known
    assert with_reason(NUMBER, "a") == NUMBER
