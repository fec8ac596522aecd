"""The numbers of a study as a table to read: grouped, and what rows share said once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from voltomo.artifacts import Measurement
from voltomo.report.content import ReportContent
from voltomo.report.rows import Row, make_row
from voltomo.report.wording import friendly_name, group_of

__all__ = ["Definition", "Group", "Quantity", "Table", "key_rows", "make_table", "quantities"]

_MANY = 12
"""Rows of one quantity that are shown at once."""

_DIRECTION = re.compile(r"\s*Direction: [^.]*\.$")
"""What a definition says of its own row's axis; the row says it too."""


@dataclass(frozen=True)
class Definition:
    """What numbers mean, by which methods and over which voxels they were found."""

    text: str
    methods: tuple[str, ...]
    region: str

    @property
    def sentences(self) -> str:
        """All of it, each part with its full stop."""
        methods = f"Method: {'; '.join(self.methods)}" if self.methods else ""
        region = f"Region: {self.region}" if self.region else ""
        return " ".join(part.rstrip(". ") + "." for part in (self.text, methods, region) if part)


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


@dataclass(frozen=True)
class Table:
    """All numbers, and the parts of the uncertainty that were estimated for none of them."""

    groups: tuple[Group, ...]
    missing: tuple[str, ...]


def make_table(content: ReportContent) -> Table:
    """The whole table, in page order; within a quantity the order of the measurements stays."""
    found = quantities(content, content.measurements)
    missing = _common([quantity.missing for quantity in found if _with_value(quantity.rows)])
    groups: dict[tuple[int, str], list[Quantity]] = {}
    for quantity in found:
        rest = tuple(part for part in quantity.missing if part not in missing)
        groups.setdefault(group_of(quantity.name), []).append(replace(quantity, missing=rest))
    ordered = tuple(Group(heading, tuple(groups[(order, heading)])) for order, heading in sorted(groups))
    return Table(ordered, missing)


def quantities(content: ReportContent, measurements: Iterable[Measurement]) -> tuple[Quantity, ...]:
    """Measurements gathered by name, in order of appearance."""
    by_name: dict[str, list[Measurement]] = {}
    for item in measurements:
        by_name.setdefault(item.name, []).append(item)
    return tuple(_quantity(content, name, items) for name, items in by_name.items())


def _quantity(content: ReportContent, name: str, items: list[Measurement]) -> Quantity:
    """Rows and distinct definitions of one name; what all rows share is taken out of them."""
    several = len({item.method for item in items}) > 1
    leading = [item for item in items if item.method == items[0].method] if len(items) > _MANY else items
    others = [item for item in items if item.method != items[0].method] if len(items) > _MANY else []
    shown, more = (
        [make_row(content, run, with_method=several) for run in _withheld_together(part)] for part in (leading, others)
    )
    rows = (*shown, *more)
    reason = rows[0].reason if len(rows) > 1 and len({row.reason for row in rows}) == 1 else ""
    missing = _common([row.missing for row in _with_value(rows)])

    def lean(row: Row) -> Row:
        rest = tuple(part for part in row.missing if part not in missing)
        return replace(row, reason="" if reason else row.reason, missing=rest)

    return Quantity(
        name=name,
        heading=friendly_name(name, dimension=items[0].dimension),
        rows=tuple(map(lean, shown)),
        more=tuple(map(lean, more)),
        definitions=_definitions(items),
        reason=reason,
        missing=missing,
    )


def _with_value(rows: Sequence[Row]) -> tuple[Row, ...]:
    """The rows that hold a number; one that is withheld has no uncertainty to speak of."""
    return tuple(row for row in rows if row.status != "withheld")


def _common(lists: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """What is in every list, in the order of the first."""
    return tuple(entry for entry in lists[0] if all(entry in other for other in lists)) if lists else ()


def _definitions(items: Iterable[Measurement]) -> tuple[Definition, ...]:
    """The distinct definitions, each with its methods."""
    methods: dict[tuple[str, str], dict[str, None]] = {}
    for item in items:
        if item.definition or item.method:
            text = _DIRECTION.sub("", item.definition)
            methods.setdefault((text, item.region), {})[item.method] = None
    return tuple(Definition(text, tuple(filter(None, used)), region) for (text, region), used in methods.items())


def _withheld_together(items: Iterable[Measurement]) -> Iterable[tuple[Measurement, ...]]:
    """Numbers one by one; those withheld for one reason, that differ in their statistic only, together."""

    def key(item: Measurement) -> object:
        if item.status != "withheld":
            return id(item)
        return item.phase, item.phase_2, item.axis, item.method, item.reason

    return (tuple(run) for _, run in groupby(items, key))


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
            if item.phase not in seen and _is_key(content, item):
                seen.add(item.phase)
                row = make_row(content, (item,), with_method=False)
                found.append((friendly_name(name, dimension=item.dimension), row))
    return tuple(found[:_KEY_LIMIT])


def _is_key(content: ReportContent, item: Measurement) -> bool:
    """A number of its whole phase; of sizes the median, of surfaces that of the active material."""
    if item.value is None or item.axis:
        return False
    if item.name == "specific_surface_area" and content.phase_map is not None:
        active = {phase.name for phase in content.phase_map.phases.with_role("active")}
        return item.phase in active or not active
    return item.name != "equivalent_diameter" or "D50" in item.statistic
