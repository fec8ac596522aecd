"""Rows of a benchmark in a file of JSON lines, from which a killed run goes on."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

__all__ = ["keep_rows", "read_rows"]

RowT = TypeVar("RowT")


def read_rows(path: Path | None, kind: type[RowT]) -> list[RowT]:
    """The rows that a file holds already; none where there is no file."""
    if path is None or not path.exists():
        return []
    return [kind(**json.loads(line)) for line in path.read_text().splitlines()]


def keep_rows(path: Path | None, rows: Iterable[Any]) -> None:
    """Add rows to the file, if one is named."""
    if path is not None:
        with path.open("a") as stream:
            stream.writelines(json.dumps(vars(row)) + "\n" for row in rows)
