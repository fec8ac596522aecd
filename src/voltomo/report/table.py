"""The numbers of a study as rows to print: grouped, named, in display units."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TypeVar

from voltomo.artifacts import Measurement
from voltomo.report.content import ReportContent
from voltomo.report.wording import friendly_name, group_of, number_text, scaled_unit, signed_text

__all__ = ["Definition", "Group", "Quantity", "Row", "group_rows", "key_rows", "printed_value", "quantities"]


T = TypeVar("T")

_MANY = 12
"""Rows of one quantity that are shown at once."""


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
    parts : the parts that were, as text
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


@dataclass(frozen=True)
class Definition:
    """What a number means, how and over which voxels it was found."""

    method: str
    text: str
    region: str


@dataclass(frozen=True)
class Quantity:
    """All rows of one measurement name.

    Parameters
    ----------
    name, heading : in the files, and in words
    rows : shown
    more : of a long table, the rows of all methods but the first; shown on demand
    definitions : the distinct ones
    reason : what holds for every row, said once
    missing : parts of the uncertainty that are missing from every row, said once
    """

    name: str
    heading: str
    rows: tuple[Row, ...]
    more: tuple[Row, ...]
    definitions: tuple[Definition, ...]
    reason: str
    missing: tuple[str, ...]


@dataclass(frozen=True)
class Group:
    """Quantities that are read together."""

    heading: str
    quantities: tuple[Quantity, ...]


def group_rows(content: ReportContent) -> tuple[Group, ...]:
    """The whole table, in page order; within a quantity the order of the measurements stays."""
    groups: dict[tuple[int, str], list[Quantity]] = {}
    for quantity in quantities(content, content.measurements):
        groups.setdefault(group_of(quantity.name), []).append(quantity)
    return tuple(Group(heading, tuple(groups[(order, heading)])) for order, heading in sorted(groups))


def quantities(content: ReportContent, measurements: Iterable[Measurement]) -> tuple[Quantity, ...]:
    """Measurements gathered by name, in order of appearance."""
    by_name: dict[str, list[Measurement]] = {}
    for item in measurements:
        by_name.setdefault(item.name, []).append(item)
    return tuple(_quantity(content, name, items) for name, items in by_name.items())


def _quantity(content: ReportContent, name: str, items: list[Measurement]) -> Quantity:
    """Rows and distinct definitions of one name; what all rows share is taken out of them."""
    several = len({item.method for item in items}) > 1
    definitions = dict.fromkeys(Definition(i.method, i.definition, i.region) for i in items if i.definition or i.method)
    heading = friendly_name(name, dimension=items[0].dimension)
    leading = [item for item in items if item.method == items[0].method] if len(items) > _MANY else items
    others = [item for item in items if item.method != items[0].method] if len(items) > _MANY else []
    shown, more = (
        [_row(content, run, with_method=several) for run in _withheld_together(part)] for part in (leading, others)
    )
    reason = _shared([row.reason for row in (*shown, *more)]) or ""
    missing = _shared([row.missing for row in (*shown, *more) if row.status != "withheld"]) or ()

    def lean(row: Row) -> Row:
        return replace(row, reason="" if reason else row.reason, missing=() if missing else row.missing)

    return Quantity(name, heading, tuple(map(lean, shown)), tuple(map(lean, more)), tuple(definitions), reason, missing)


def _shared(values: list[T]) -> T | None:
    """The value that all of at least two have; None where they differ."""
    return values[0] if len(values) > 1 and len(set(values)) == 1 else None


def _withheld_together(items: Iterable[Measurement]) -> Iterable[tuple[Measurement, ...]]:
    """Numbers one by one; those withheld for one reason, that differ in their statistic only, together."""

    def key(item: Measurement) -> object:
        if item.status != "withheld":
            return id(item)
        return item.phase, item.phase_2, item.axis, item.method, item.reason

    return (tuple(run) for _, run in groupby(items, key))


def _row(content: ReportContent, items: tuple[Measurement, ...], *, with_method: bool) -> Row:
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
        parts=tuple(_part_text(item, *found) for found in _known_parts(item)),
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


_KEY_NAMES = (
    "porosity",
    "volume_fraction",
    "area_fraction",
    "particle_count",
    "equivalent_diameter",
    "specific_surface_area",
)
_KEY_LIMIT = 8


def key_rows(content: ReportContent) -> tuple[tuple[str, Row], ...]:
    """(quantity, row) of the numbers that people look for first; the leading method of each phase only."""
    found: list[tuple[str, Row]] = []
    for name in _KEY_NAMES:
        seen: set[str] = set()
        for item in content.measurements.select(name):
            if item.phase in seen or item.value is None or item.axis:
                continue
            if name == "equivalent_diameter" and "D50" not in item.statistic:
                continue
            seen.add(item.phase)
            found.append((friendly_name(name, dimension=item.dimension), _row(content, (item,), with_method=False)))
    return tuple(found[:_KEY_LIMIT])
