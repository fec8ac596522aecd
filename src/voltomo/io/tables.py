"""Tables of a study: measurements and particles as CSV, JSON and a spreadsheet.

In memory lengths are metres. In `particles.csv` and `summary.xlsx` they are micrometres, and the column says so;
without a voxel size they are voxels. `measurements.csv` keeps SI units and names them in its column `unit`.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import (
    COLUMNS,
    LENGTH_POWERS,
    Measurement,
    Measurements,
    ParticleTable,
    SensitivityBand,
    UncertaintyPart,
)
from voltomo.errors import ReadError
from voltomo.io.study import write_text

__all__ = ["read_measurements", "read_table", "write_measurements", "write_summary", "write_table"]

MICROMETERS = 1e6

_DEFINED = ("name", "unit", "dimension", "method", "definition")
"""The columns of the sheet of definitions."""


def write_measurements(folder: Path, measurements: Measurements) -> tuple[str, ...]:
    """Write measurements.csv and measurements.json into a folder; returns their names."""
    rows = [[_text(getattr(item, column)) for column in COLUMNS] for item in measurements]
    write_text(folder / "measurements.csv", _csv(COLUMNS, rows))
    content = {"voltomo": 1, "measurements": [asdict(item) for item in measurements]}
    write_text(folder / "measurements.json", json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    return "measurements.csv", "measurements.json"


def read_measurements(path: Path) -> Measurements:
    """Measurements from measurements.json."""
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))["measurements"]
        return Measurements(tuple(_measurement(row) for row in rows))
    except (ValueError, KeyError, TypeError) as error:
        raise ReadError(f"expected measurements written by voltomo in {path}, found: {error}") from error


def _measurement(row: dict[str, Any]) -> Measurement:
    parts = tuple(UncertaintyPart(**part) for part in row["parts"])
    bands = tuple(SensitivityBand(**band) for band in row.get("bands", ()))
    return Measurement(**{**row, "parts": parts, "bands": bands})


def write_table(path: Path, table: ParticleTable, *, has_voxel_size: bool) -> None:
    """Write a table of particles or cracks, one row each; headers carry the unit."""
    headers, columns = _display_columns(table, has_voxel_size=has_voxel_size)
    rows = [[_text(value) for value in row] for row in zip(*columns, strict=True)]
    write_text(path, _csv(headers, rows))


def read_table(path: Path) -> dict[str, npt.NDArray[Any]]:
    """The table that `write_table` wrote, lengths back in metres (or voxels)."""
    with path.open(encoding="utf-8", newline="") as stream:
        headers, *rows = csv.reader(stream)
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(headers)
    table: dict[str, npt.NDArray[Any]] = {}
    for header, texts in zip(headers, columns, strict=True):
        name, scale = _internal_name(header)
        values = [_value(text) for text in texts]
        array = np.asarray(values) if values else np.zeros(0)
        table[name] = array / scale if scale != 1 else array
    return table


def write_summary(path: Path, measurements: Measurements, table: ParticleTable | None, *, has_voxel_size: bool) -> None:
    """Write a spreadsheet with a sheet of measurements, one of their definitions, and one of particles."""
    from openpyxl import Workbook
    from openpyxl.styles import Font

    book = Workbook(write_only=True)
    sheets: list[tuple[str, Sequence[str], Iterable[Sequence[object]]]] = [
        ("measurements", COLUMNS, ([getattr(item, column) for column in COLUMNS] for item in measurements)),
        ("definitions", _DEFINED, _definition_rows(measurements)),
    ]
    if table is not None:
        headers, columns = _display_columns(table, has_voxel_size=has_voxel_size)
        sheets.append(("particles", headers, (list(row) for row in zip(*columns, strict=True))))
    for title, titles, rows in sheets:
        sheet = book.create_sheet(title)
        sheet.freeze_panes = "B2"
        sheet.append(_bold(sheet, titles, Font(bold=True)))
        for row in rows:
            sheet.append([_cell(value) for value in row])
    temporary = path.with_name(f".{path.name}.part")
    book.save(temporary)
    temporary.replace(path)


def _definition_rows(measurements: Measurements) -> list[tuple[object, ...]]:
    """What each name means by each method, in the order of the measurements, without repetition."""
    rows = (tuple(getattr(item, column) for column in _DEFINED) for item in measurements)
    return list(dict.fromkeys(rows))


def _bold(sheet: Any, titles: Sequence[str], font: Any) -> list[Any]:
    from openpyxl.cell import WriteOnlyCell

    cells = [WriteOnlyCell(sheet, value=title) for title in titles]
    for cell in cells:
        cell.font = font
    return cells


def _display_columns(
    table: ParticleTable, *, has_voxel_size: bool
) -> tuple[list[str], list[list[bool | int | float | str]]]:
    """Headers with their unit, and columns in that unit."""
    headers, columns = [], []
    for name, values in table.items():
        power = LENGTH_POWERS.get(name, 0)
        scale = MICROMETERS**power if has_voxel_size else 1.0
        headers.append(
            name if power == 0 else f"{name}_{'um' if has_voxel_size else 'voxel'}{power if power > 1 else ''}"
        )
        columns.append((np.asarray(values) * scale if power else np.asarray(values)).tolist())
    return headers, columns


def _internal_name(header: str) -> tuple[str, float]:
    """Column name without its unit, and what its values were multiplied by."""
    for name, power in LENGTH_POWERS.items():
        suffix = str(power) if power > 1 else ""
        if header == f"{name}_um{suffix}":
            return name, MICROMETERS**power
        if header == f"{name}_voxel{suffix}":
            return name, 1.0
    return header, 1.0


def _csv(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(headers)
    writer.writerows(rows)
    return stream.getvalue()


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    return f"{value:.12g}" if isinstance(value, float | np.floating) else str(value)


def _value(text: str) -> bool | int | float | str:
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _cell(value: object) -> Any:
    if isinstance(value, float) and not np.isfinite(value):
        return str(value)
    # A text that begins with "=" would be run as a formula by a spreadsheet.
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "@")) else value
