from __future__ import annotations

import math

import pytest

from voltomo.artifacts import Measurement, UncertaintyPart
from voltomo.metrics.operators import with_operators, with_perturbed_boundary


def part(item: Measurement) -> UncertaintyPart:
    """The operator part."""
    return next(part for part in item.parts if part.name == "operator")


def test_three_segmentations_give_their_standard_deviation() -> None:
    """0.40, 0.42 and 0.44: u = 0.02, and an interval of Student's t with 2 degrees of freedom, 4.303·u."""
    found = with_operators(Measurement("x", 0.40, "1"), [0.42, 0.44])
    assert part(found).standard_uncertainty == pytest.approx(0.02)
    assert found.low == pytest.approx(0.40 - 4.3027 * 0.02, abs=1e-5)


def test_two_segmentations_give_a_range() -> None:
    """The band holds both; the budget says why there is no uncertainty."""
    found = with_operators(Measurement("x", 0.40, "1"), [0.37])
    assert (found.bands[0].low, found.bands[0].high) == (0.37, 0.40)
    assert part(found).standard_uncertainty is None
    assert found.low is None


def test_a_phase_that_is_cut_off_in_one_gives_no_uncertainty() -> None:
    """An infinite tortuosity factor is no value to take a standard deviation of."""
    found = with_operators(Measurement("x", 2.0, "1"), [2.1, math.inf])
    assert part(found).standard_uncertainty is None
    assert "does not conduct" in part(found).note


def test_a_boundary_anywhere_within_a_range_is_rectangular() -> None:
    """Between 0.3 and 0.5 all values are as likely: u = 0.1/√3."""
    found = with_perturbed_boundary(Measurement("x", 0.4, "1"), 0.3, 0.5, voxels=1)
    assert part(found).standard_uncertainty == pytest.approx(0.1 / math.sqrt(3))
    blocked = with_perturbed_boundary(Measurement("x", 2.0, "1"), math.inf, 1.5, voxels=2)
    assert part(blocked).standard_uncertainty is None
