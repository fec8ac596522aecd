"""Writer of the slices of a FIB-SEM run: a folder of numbered TIFF images, with what is true about each beside them."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import SliceStack, Volume
from voltomo.errors import InputError, ShapeError
from voltomo.io.atomic import new_folder
from voltomo.io.study import write_text
from voltomo.io.tiff_writer import write_tiff

__all__ = ["read_drift", "write_slices"]

_OURS = re.compile(r"slice_\d+\.tif|drift\.csv|scan\.json")
_SLAB_BYTES = 2**26
"""Slices read at once."""
_UNITS = {"z": ("um", 1e6), "thickness": ("um", 1e6), "dy": ("px", 1.0), "dx": ("px", 1.0)}
"""Unit of a column in the file, and what its values in memory are multiplied by."""


def write_slices(
    folder: Path,
    stack: SliceStack,
    *,
    table: Mapping[str, npt.NDArray[Any]] | None = None,
    record: Mapping[str, Any] | None = None,
    overwrite: bool = False,
) -> tuple[Path, ...]:
    """Write slices as a microscope leaves them, whole or not at all.

    Parameters
    ----------
    folder : to appear, with ``slice_0000.tif`` and so on; each has the pixel size of the image and the nominal slice
        thickness in ImageJ's tags
    stack : uint8 or uint16
    table : one value per slice and column, written to ``drift.csv`` behind the number of the slice; "z" and
        "thickness" in m (µm in the file), "dy" and "dx" in pixels
    record : JSON-able, written to ``scan.json``
    overwrite : replace a folder of slices

    Returns
    -------
    tuple of Path
        What was written.

    Raises
    ------
    InputError
        If the slices are of another type, or the folder exists or holds other files.
    ShapeError
        If a column of the table has not one value per slice.
    StorageError
        If the disk is full or not writable.
    """
    if np.dtype(stack.data.dtype) not in (np.uint8, np.uint16):
        raise InputError(f"a folder of slices holds uint8 or uint16 images, found {np.dtype(stack.data.dtype)}")
    count, height, width = stack.shape
    for name, values in (table or {}).items():
        if len(values) != count:
            raise ShapeError(f"column {name} has {len(values)} values for {count} slices")
    digits = max(4, len(str(count - 1)))
    names = [f"slice_{k:0{digits}d}.tif" for k in range(count)]
    size = None if stack.pixel_size is None or stack.slice_thickness is None else stack.pixel_size
    voxel_size = None if size is None or stack.slice_thickness is None else (stack.slice_thickness, *size)
    depth = max(1, _SLAB_BYTES // (height * width * np.dtype(stack.data.dtype).itemsize))
    with new_folder(folder, overwrite=overwrite, is_ours=lambda path: bool(_OURS.fullmatch(path.name))) as temporary:
        for first in range(0, count, depth):
            slab = np.asarray(stack.data[first : first + depth])
            for k, image in enumerate(slab, start=first):
                write_tiff(Volume.from_array(image, voxel_size=voxel_size), temporary / names[k])
        if table is not None:
            write_text(temporary / "drift.csv", _drift_text(table, count))
            names.append("drift.csv")
        if record is not None:
            write_text(temporary / "scan.json", json.dumps(record, indent=1, ensure_ascii=False) + "\n")
            names.append("scan.json")
    return tuple(folder / name for name in names)


def read_drift(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Table from ``drift.csv``, lengths back in m."""
    with path.open(encoding="utf-8", newline="") as stream:
        headers, *rows = csv.reader(stream)
    table: dict[str, npt.NDArray[Any]] = {}
    for header, texts in zip(headers, zip(*rows, strict=True), strict=True):
        if header == "slice":
            table[header] = np.array(texts, np.int64)
        elif set(texts) <= {"true", "false"}:
            table[header] = np.array([text == "true" for text in texts])
        else:
            name = next((n for n, (unit, _) in _UNITS.items() if header == f"{n}_{unit}"), header)
            table[name] = np.array(texts, np.float64) / _UNITS.get(name, ("", 1.0))[1]
    return table


def _drift_text(table: Mapping[str, npt.NDArray[Any]], count: int) -> str:
    """CSV with the unit of each column in its header."""
    headers, columns = ["slice"], [[str(k) for k in range(count)]]
    for name, values in table.items():
        unit, scale = _UNITS.get(name, ("", 1.0))
        headers.append(f"{name}_{unit}" if unit else name)
        if np.asarray(values).dtype == bool:
            columns.append(["true" if value else "false" for value in values])
        else:
            columns.append([f"{value * scale:.12g}" for value in np.asarray(values, np.float64)])
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(headers)
    writer.writerows(zip(*columns, strict=True))
    return stream.getvalue()
