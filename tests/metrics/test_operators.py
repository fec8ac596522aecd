from __future__ import annotations

import math

import pytest

from voltomo.artifacts import Measurement, UncertaintyPart
from voltomo.metrics.operators import with_moved_labels, with_operators, with_perturbed_boundary


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


def test_labels_with_their_boundary_elsewhere_count_by_range_and_jitter() -> None:
    """0.4 with 0.37 to 0.43 from narrower and wider labels, and 0.38 and 0.42 from jittered ones: √(0.03²/3 + 0.02²).

    A phase that is moved only to one side counts its half range from the labels as drawn.
    """
    item = Measurement("x", 0.4, "1")
    found = with_moved_labels(item, [(0.37, 0.43)], [0.38, 0.42], note="six sets")
    assert found.parts[0].standard_uncertainty == pytest.approx(math.sqrt(0.03**2 / 3 + 0.02**2))
    assert found.high - 0.4 == pytest.approx(2 * math.sqrt(0.03**2 / 3 + 0.02**2))
    assert found.parts[0].note == "six sets"
    lopsided = with_moved_labels(item, [(0.41, 0.44)], [], note="")
    assert lopsided.parts[0].standard_uncertainty == pytest.approx(0.02 / math.sqrt(3))
    blocked = with_moved_labels(item, [(0.37, math.inf)], [], note="")
    assert blocked.parts[0].standard_uncertainty is None
