"""Folders of slices: which files belong together, in which order, and whether one is missing."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from pathlib import Path

from voltomo.errors import ReadError

__all__ = ["PNG", "TIFF", "list_slices", "order_slices"]

TIFF, PNG = (".tif", ".tiff"), (".png",)
_SHOWN = 5


def list_slices(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    """Files of these endings in a folder, hidden ones left out, in no order."""
    return [
        item
        for item in folder.iterdir()
        if item.name.lower().endswith(suffixes) and not item.name.startswith(".") and item.is_file()
    ]


def order_slices(folder: Path, files: Sequence[Path]) -> tuple[list[Path], tuple[str, ...]]:
    """Slices by their number, and notices.

    Parameters
    ----------
    folder : for messages
    files : names that differ in one number, such as ``slice_9.tif`` and ``slice_10.tif``

    Returns
    -------
    list of Path, tuple of str
        Files by rising number (9 before 10), and what a user should know.

    Raises
    ------
    ReadError
        If several series lie in the folder, the order is unclear, or numbers are missing.
    """
    if list_slices(folder, TIFF) and list_slices(folder, PNG):
        raise ReadError(f"{folder} holds TIFF and PNG files; expected slices of one kind. Move the others elsewhere")
    if len(files) == 1:
        return list(files), ()
    split = {file: re.split(r"(\d+)", file.name) for file in files}
    series: dict[tuple[str, ...], list[Path]] = {}
    for file, parts in split.items():
        series.setdefault((*(part.lower() for part in parts[::2]),), []).append(file)
    if len(series) > 1:
        found = ", ".join(f"{'#'.join(key)} ({len(names)})" for key, names in sorted(series.items())[:_SHOWN])
        raise ReadError(
            f"{folder} holds files with {len(series)} kinds of names: {found}; expected one series of slices "
            "that differ in a number only. Move the others elsewhere"
        )
    numbers = {file: [int(number) for number in parts[1::2]] for file, parts in split.items()}
    varying = [i for i, values in enumerate(zip(*numbers.values(), strict=True)) if len(set(values)) > 1]
    if len(varying) != 1:
        raise ReadError(
            f"{folder}: the names of its {len(files)} files differ in {len(varying)} numbers ({min(files).name} ... "
            f"{max(files).name}); expected one, the number of the slice"
        )
    by_number = {values[varying[0]]: file for file, values in numbers.items()}
    if len(by_number) != len(files):
        raise ReadError(f"{folder}: two files carry the same slice number, such as 1 and 01; remove one of them")
    order = sorted(by_number)
    steps = [b - a for a, b in itertools.pairwise(order)]
    step = min(steps)
    if max(steps) != step:
        missing = [n for n in range(order[0], order[-1], step) if n not in by_number]
        shown = ", ".join(str(n) for n in missing[:_SHOWN]) + (", ..." if len(missing) > _SHOWN else "")
        raise ReadError(
            f"{folder}: slices {order[0]} to {order[-1]} are numbered in steps of {step}, but {shown} "
            f"{'is' if len(missing) == 1 else 'are'} missing; copy the missing slices, or only an unbroken part"
        )
    notices = () if step == 1 else (f"slices are numbered in steps of {step}: is the distance between slices right?",)
    return [by_number[n] for n in order], notices
