"""One number of a study as text: value, unit and interval in display units, and what it is of."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from voltomo.artifacts import Measurement
from voltomo.report.content import ReportContent
from voltomo.report.wording import number_text, scaled_unit, signed_text

__all__ = ["Row", "make_row", "printed_value"]


@dataclass(frozen=True)
class Row:
    """One number, as text.

    Parameters
    ----------
    what : phase, statistic and axis; empty where the quantity says it all
    method : how, where a quantity was found in more than one way
    value, unit, interval : display text; value is "withheld" without a number
    status, reason : of the measurement
    missing : names and notes of the parts of the uncertainty that were not estimated
    parts : the parts that were, and sensitivity bands, as text
    """

    what: str
    method: str
    value: str
    unit: str
    interval: str
    status: str
    reason: str
    missing: tuple[str, ...]
    parts: tuple[str, ...]


def make_row(content: ReportContent, items: tuple[Measurement, ...], *, with_method: bool) -> Row:
    """Display text of one measurement, or of several that are withheld together."""
    item = items[0]
    value, unit, interval = printed_value(item)
    return Row(
        what=_what(content, items),
        method=item.method if with_method else "",
        value=value,
        unit=unit,
        interval=interval,
        status=item.status,
        reason=item.reason,
        missing=tuple(
            part.name + (f" ({part.note})" if part.note else "")
            for part in item.parts
            if part.standard_uncertainty is None and part.bias is None
        ),
        parts=(*(_part_text(item, *found) for found in _known_parts(item)), *_band_texts(item)),
    )


def _what(content: ReportContent, items: tuple[Measurement, ...]) -> str:
    """Phase, statistic and axis of a number, in words; the statistics of numbers that are withheld together."""
    item = items[0]
    statistic = "; ".join(dict.fromkeys(i.statistic for i in items if i.statistic))
    phases = f"{item.phase} | {item.phase_2}" if item.phase_2 else item.phase
    axis = content.axis_label(item.axis) if item.axis else ""
    return ", ".join(word for word in (phases, statistic, f"along {axis}" if axis else "") if word)


def printed_value(item: Measurement) -> tuple[str, str, str]:
    """(value, unit, interval) of a measurement as text in one common unit."""
    if item.value is None:
        return "withheld", "", ""
    scale, unit = scaled_unit(item.value, item.unit)
    digits = _digits(item)
    value = number_text(item.value / scale, digits=digits)
    if item.low is None and item.high is None:
        return value, unit, ""
    low = "…" if item.low is None else number_text(item.low / scale, digits=digits)
    high = "…" if item.high is None else number_text(item.high / scale, digits=digits)
    return value, unit, f"{low} to {high}"


def _digits(item: Measurement) -> int:
    """Significant digits: four, or as many as leave two of the interval's half width."""
    bounds = [b for b in (item.low, item.high) if b is not None and math.isfinite(b)]
    if item.value is None or not item.value or not math.isfinite(item.value) or not bounds:
        return 4
    half = max(abs(bound - item.value) for bound in bounds)
    if half == 0:
        return 4
    return min(6, max(2, 2 + math.floor(math.log10(abs(item.value))) - math.floor(math.log10(half))))


def _band_texts(item: Measurement) -> Iterable[str]:
    """Sensitivity bands in the unit of the row."""
    scale, unit = scaled_unit(item.value, item.unit)
    for band in item.bands:
        span = f"{number_text(band.low / scale)} to {number_text(band.high / scale)} {unit}".strip()
        yield f"outside the interval, {band.name}: {span}" + (f" ({band.note})" if band.note else "")


def _known_parts(item: Measurement) -> Iterable[tuple[str, float | None, float | None, str]]:
    """Name, standard uncertainty, bias and note of the parts that were estimated."""
    for part in item.parts:
        if part.standard_uncertainty is not None or part.bias is not None:
            yield part.name, part.standard_uncertainty, part.bias, part.note


def _part_text(item: Measurement, name: str, spread: float | None, bias: float | None, note: str) -> str:
    """One part of the budget in the unit of its row."""
    scale, unit = scaled_unit(item.value, item.unit)
    words = [f"±{number_text(spread / scale, digits=2)} {unit}".strip()] if spread is not None else []
    if bias is not None:
        words.append(f"bias {signed_text(bias / scale, digits=2)} {unit}".strip())
    return f"{name}: {', '.join(words)}" + (f" ({note})" if note else "")
