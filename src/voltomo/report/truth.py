"""Measured against true numbers, for a scan whose structure is known or was labelled by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from voltomo.report.content import ReportContent
from voltomo.report.table import Quantity, quantities
from voltomo.report.wording import friendly_name, number_text, scaled_unit, signed_text

__all__ = ["Truth", "TruthRow", "truth_rows"]


@dataclass(frozen=True)
class TruthRow:
    """One quantity, as text in one unit; `relative` is the difference over the truth."""

    quantity: str
    measured: str
    truth: str
    difference: str
    relative: str
    unit: str


@dataclass(frozen=True)
class Truth:
    """The comparison and what must be known to read it."""

    rows: tuple[TruthRow, ...]
    scores: tuple[Quantity, ...]
    note: str


def truth_rows(content: ReportContent) -> Truth | None:
    """The comparison with the truth; None where none was given."""
    truth = content.truth or {}
    rows = tuple(_row(**row) for row in truth.get("rows") or ())
    scores = quantities(content, truth.get("scores") or ())
    return Truth(rows, scores, str(truth.get("note") or "")) if rows or scores else None


def _row(
    quantity: str,
    measured: float | None,
    truth: float | None,
    difference: float | None = None,
    unit: str = "1",
    **_more: Any,
) -> TruthRow:
    """Display text of one comparison; a missing number stays a dash."""
    scale, printed = scaled_unit(truth if truth is not None else measured, unit)
    if difference is None and measured is not None and truth is not None:
        difference = measured - truth
    relative = ""
    if difference is not None and truth:
        relative = f"{signed_text(100 * difference / abs(truth), digits=2)} %"
    return TruthRow(
        quantity=friendly_name(quantity) if "_" in quantity else quantity,
        measured="–" if measured is None else number_text(measured / scale),
        truth="–" if truth is None else number_text(truth / scale),
        difference="–" if difference is None else signed_text(difference / scale),
        relative=relative,
        unit=printed,
    )
