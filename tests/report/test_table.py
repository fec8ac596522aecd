"""The numbers as they are printed."""

import re
from collections.abc import Callable

import pytest

from voltomo.artifacts import Measurement, Measurements, UncertaintyPart
from voltomo.metrics.definitions import DEFINITIONS
from voltomo.report import ReportContent
from voltomo.report.rows import printed_value
from voltomo.report.table import key_rows, make_table
from voltomo.report.truth import truth_rows
from voltomo.report.wording import friendly_name, group_of, number_text, scaled_unit

Make = Callable[..., ReportContent]


@pytest.mark.parametrize(
    ("value", "unit", "low", "high", "expected"),
    [
        (1.5234e-6, "m", 1.41e-6, 1.64e-6, ("1.52", "µm", "1.41 to 1.64")),
        (785502.0, "1/m", None, None, ("0.7855", "1/µm", "")),
        (12.0, "voxel", None, None, ("12", "voxel", "")),
        (0.449917, "1", None, None, ("0.4499", "", "")),
        (0.449917, "1", 0.449, 0.4508, ("0.44992", "", "0.44900 to 0.45080")),
        (3.2e-18, "m^3", None, None, ("3.200", "µm³", "")),
        (None, "m", None, None, ("withheld", "", "")),
    ],
)
def test_a_number_and_its_interval_share_one_unit(
    value: float | None, unit: str, low: float | None, high: float | None, expected: tuple[str, str, str]
) -> None:
    """Digits follow the interval; without one there are four."""
    status = {"status": "withheld", "reason": "too few"} if value is None else {}
    assert printed_value(Measurement("x", value, unit, low=low, high=high, **status)) == expected  # type: ignore[arg-type]


def test_every_measurement_has_its_words_and_its_place() -> None:
    """No name that the package measures falls among the further numbers or is shown as an identifier."""
    for name in DEFINITIONS:
        assert group_of(name)[1] != "Further numbers", name
        assert "_" not in friendly_name(name)


def test_infinite_numbers_are_written_as_such() -> None:
    """A blocked pore has an infinite tortuosity, not an empty cell."""
    assert number_text(float("inf")) == "∞"
    assert scaled_unit(float("inf"), "m")[1] == "nm"


def test_numbers_withheld_for_one_reason_are_one_row(make_content: Make) -> None:
    """D10, D50 and D90 that lack particles are said once; numbers that exist keep a row each."""
    items = [
        Measurement("equivalent_diameter", None, "m", statistic=s, status="withheld", reason="3 particles")
        for s in ("D10", "D50", "D90")
    ]
    quantity = make_table(make_content(measurements=Measurements(tuple(items)))).groups[0].quantities[0]
    assert [row.what for row in quantity.rows] == ["D10; D50; D90"]
    assert quantity.rows[0].reason == "3 particles"
    values = [Measurement("equivalent_diameter", 1e-6, "m", statistic=s) for s in ("D10", "D50", "D90")]
    assert len(make_table(make_content(measurements=Measurements(tuple(values)))).groups[0].quantities[0].rows) == 3


def test_what_all_rows_share_is_said_once(make_content: Make) -> None:
    """One reason moves from the rows to the quantity, one missing part of the uncertainty to the whole table."""
    part = (UncertaintyPart("segmentation", note="not estimated"), UncertaintyPart("sampling", 1e-8))
    items = [
        Measurement("equivalent_diameter", 1e-6, "m", statistic=s, status="warned", reason="edge", parts=part)
        for s in ("D10", "D50")
    ]
    table = make_table(make_content(measurements=Measurements(tuple(items))))
    quantity = table.groups[0].quantities[0]
    assert quantity.reason == "edge"
    assert table.missing == ("segmentation (not estimated)",)
    assert quantity.missing == ()
    assert all(row.reason == "" and row.missing == () and row.status == "warned" for row in quantity.rows)
    assert quantity.rows[0].parts == ("sampling: ±0.010 µm",)


def test_a_long_table_shows_its_leading_method(make_content: Make) -> None:
    """Of 27 rows in three neighbourhoods the first one's nine are shown, the others on demand; none is lost."""
    items = [
        Measurement("connected_fraction", 0.5, "1", phase=phase, axis=axis, method=f"{n} neighbors")
        for phase in ("a", "b", "c")
        for n in (6, 18, 26)
        for axis in "zyx"
    ]
    quantity = make_table(make_content(measurements=Measurements(tuple(items)))).groups[0].quantities[0]
    assert len(quantity.rows) == 9
    assert {row.method for row in quantity.rows} == {"6 neighbors"}
    assert len(quantity.more) == 18


def test_directions_are_named_where_they_are_known(make_content: Make) -> None:
    """Along the axis normal to the collector a number is through-plane; where that is unknown it has the axis alone."""
    words = [row.what for g in make_table(make_content()).groups for q in g.quantities for row in q.rows]
    assert any(re.search(r"along z \(through-plane\)", what) for what in words)
    assert make_content().axis_label("x") == "x (in-plane)"
    assert ReportContent("nothing known").axis_label("x") == "x"


def test_withheld_numbers_are_no_key_numbers(make_content: Make) -> None:
    """The summary shows numbers that exist, and says which of them carry a warning."""
    rows = key_rows(make_content())
    assert all(row.status != "withheld" for _, row in rows)
    assert any(row.status == "warned" for _, row in rows)


def test_a_comparison_has_one_unit_per_row(make_content: Make) -> None:
    """Measured, truth and difference are printed in the unit of the truth; the share is of the truth."""
    rows = [{"quantity": "particle D50", "measured": 0.98e-6, "truth": 1.02e-6, "difference": -0.04e-6, "unit": "m"}]
    truth = truth_rows(make_content(truth={"rows": rows, "note": "known exactly"}))
    assert truth is not None
    row = truth.rows[0]
    assert (row.measured, row.truth, row.difference, row.unit) == ("0.9800", "1.020", "−0.0400", "µm")
    assert row.relative == "−3.9 %"
    assert truth_rows(make_content(truth=None)) is None
