"""Two studies, row by row."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from voltomo.artifacts import Measurement, Measurements, UncertaintyPart
from voltomo.metrics.comparison import ParticleRules, compare_measurements, compare_particles, corrected

ROW = Measurement(
    "porosity",
    0.30,
    "1",
    phase="pore",
    low=0.29,
    high=0.31,
    method="voxel count",
    definition="d",
    parts=(UncertaintyPart("representativity", 0.005),),
)


def _two(first: Measurement, second: Measurement):  # type: ignore[no-untyped-def]
    return compare_measurements(Measurements((first,)), Measurements((second,)))


def test_numbers_with_intervals_are_tested() -> None:
    """0.30 ± 0.01 and 0.40 ± 0.01 differ by 0.10 ± 0.014."""
    (found,) = corrected(_two(ROW, replace(ROW, value=0.40, low=0.39, high=0.41)))
    assert found.effect is not None
    assert (found.effect.difference, found.effect.high) == pytest.approx((0.1, 0.1 + 0.01 * 2**0.5))
    assert found.verdict == "higher"
    assert found.relative == pytest.approx((1 / 3, (0.1 - 0.0141421) / 0.3, (0.1 + 0.0141421) / 0.3), rel=1e-4)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"unit": "voxel"}, "units differ"),
        ({"definition": "another"}, "definitions differ"),
        ({"parts": (UncertaintyPart("solver", 1e-4),)}, "representativity"),
        ({"low": None}, "no part of the uncertainty"),
        ({"value": float("inf"), "low": None, "high": None}, "no part of the uncertainty"),
        ({"value": None, "low": None, "high": None, "status": "withheld", "reason": "blocked"}, "withheld: blocked"),
    ],
)
def test_what_cannot_be_compared_says_why(change: dict[str, object], reason: str) -> None:
    """The row is shown with its reason and no verdict."""
    (found,) = corrected(_two(ROW, replace(ROW, **change)))  # type: ignore[arg-type]
    assert reason in found.reason
    assert found.verdict == "not tested"
    assert found.relative is None


def test_a_second_method_is_not_tested_again() -> None:
    """The same quantity by another method would count twice in the correction."""
    rows = Measurements((ROW, replace(ROW, method="faces")))
    first, second = compare_measurements(rows, rows)
    assert first.effect is not None
    assert second.effect is None
    assert "method above" in second.reason


def test_one_number_under_two_names_is_tested_once() -> None:
    """The total porosity of a map without cracks is its pore fraction."""
    rows = Measurements((ROW, replace(ROW, name="porosity_total")))
    assert [item.effect is None for item in compare_measurements(rows, rows)] == [False, True]


def test_what_follows_from_the_fractions_is_not_tested() -> None:
    """The residual from a recipe differs where the fraction does."""
    (found,) = _two(replace(ROW, name="formulation_residual"), replace(ROW, name="formulation_residual", value=0.4))
    assert (found.effect, found.reason) == (None, "follows from the fractions")


def test_details_of_a_method_are_results() -> None:
    """The smallest particle, named after a semicolon, keeps no rows apart."""
    assert len(_two(replace(ROW, method="a; smallest 1"), replace(ROW, method="a; smallest 2"))) == 1
    assert len(_two(ROW, replace(ROW, phase="crack"))) == 0


def _particles(count: int, size: float, flawed: int) -> dict[str, np.ndarray]:
    void = np.zeros(count)
    void[:flawed] = 0.05
    return {
        "equivalent_diameter": size * (1 + 0.01 * np.arange(count)),
        "sphericity": np.full(count, 0.9),
        "void_fraction": void,
        "touches_edge": np.zeros(count, np.bool_),
    }


RULES = ParticleRules(replicates=100)


def test_particles_are_compared_one_by_one() -> None:
    """Larger particles and more of them flawed are found; equal shapes are not told apart."""
    found = compare_particles(
        _particles(50, 1e-6, 5), _particles(60, 3e-6, 45), length_unit="m", dimension=3, rules=RULES
    )
    verdicts = {item.name: item.verdict for item in corrected(found)}
    assert verdicts["equivalent_diameter_by_particle"] == "higher"
    assert verdicts["sphericity_by_particle"] == "not told apart"
    assert verdicts["flawed_share"] == "higher"
    share = next(item for item in found if item.name == "flawed_share")
    assert (share.first.value, share.second.value) == (0.1, 0.75)


def test_cut_particles_and_few_particles_do_not_count() -> None:
    """Seven whole particles are too few for a test, whatever else touches the edge."""
    first = _particles(50, 1e-6, 5)
    first["touches_edge"][7:] = True
    found = compare_particles(first, _particles(50, 1e-6, 5), length_unit="m", dimension=3, rules=RULES)
    assert {item.first.count for item in found} == {7}
    assert all(item.effect is None and "at least 8" in item.reason for item in found)


def test_equal_seeds_give_equal_intervals() -> None:
    """Nothing depends on when or how often it is asked."""
    one, two = _particles(50, 1e-6, 5), _particles(60, 1.1e-6, 9)
    first, again = (compare_particles(one, two, length_unit="m", dimension=3, rules=RULES) for _ in range(2))
    assert first == again
