"""How pages and their tables come into a folder."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path

from voltomo.io.study import storage_errors, write_text

__all__ = ["csv_text", "write_texts"]


def csv_text(rows: Iterable[Mapping[str, str]]) -> str:
    """A table as CSV; the columns in the order in which they first appear, cells that a row lacks empty."""
    table = list(rows)
    columns = list(dict.fromkeys(key for row in table for key in row))
    stream = io.StringIO()
    writer = csv.DictWriter(stream, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(table)
    return stream.getvalue()


def write_texts(folder: Path, texts: Mapping[str, str]) -> None:
    """Write files by name, each appearing whole, in the order given: the page last, so that it finds its tables.

    Parameters
    ----------
    folder : created if missing
    texts : content of each file

    Raises
    ------
    StorageError
        If the disk is full or the folder is not writable.
    """
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            write_text(folder / name, text)
