"""AmiraMesh and Avizo ``.am`` reader: uniform lattices, raw, text, HxByteRLE and HxZip; materials of label fields.

The bounding box runs from the centre of the first voxel to the centre of the last.

References
----------
.. [1] Amira User's Guide, "AmiraMesh file format".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from voltomo.artifacts import Volume
from voltomo.errors import InputError, ReadError
from voltomo.io.amira_header import find_labels, find_value, parse_parameters
from voltomo.io.calibration import to_meters, voxel_size_from
from voltomo.io.flat import flat_array
from voltomo.io.regions import RegionArray
from voltomo.io.registry import FormatReader, ReadOptions
from voltomo.io.spool import Spool
from voltomo.io.unpack import unpack_runs, unpack_text, unpack_zlib

__all__ = ["READER", "is_amira", "read_amira"]

_TYPES = {"byte": "u1", "short": "i2", "ushort": "u2", "int": "i4", "float": "f4", "double": "f8"}
_MARK = b"# Data section follows"
_HEADER_LIMIT = 16 << 20  # Avizo writes the history of a network into the header


def is_amira(path: Path) -> bool:
    """Whether a file begins like AmiraMesh or Avizo."""
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        return re.match(rb"#\s*(AmiraMesh|Avizo)\b", stream.read(32)) is not None


def read_amira(path: Path, options: ReadOptions) -> Volume:
    """Open the lattice of a file; where it has several fields, `options.dataset` names one.

    Raises
    ------
    InputError
        If there are several fields and none was named.
    ReadError
        If the header is damaged, the lattice is not uniform, or the voxels are fewer than it says.
    """
    header = _read_header(path)
    field = _choose_field(header, options.dataset, path)
    data = _open_voxels(header, field, path)
    voxel_size, notices = _voxel_size(header, path)
    labels = find_labels(header.parameters) if field.dtype.kind in "ui" else ()
    return Volume(data, voxel_size, metadata={"notices": notices, "labels": labels})


@dataclass(frozen=True)
class _Field:
    name: str
    dtype: np.dtype[Any]
    section: int
    codec: str
    packed: int


@dataclass(frozen=True)
class _Header:
    order: str  # "<", ">" or "text"
    size: tuple[int, int, int]  # x, y, z
    fields: tuple[_Field, ...]
    parameters: dict[str, Any]
    end: int


def _read_header(path: Path) -> _Header:
    with path.open("rb") as stream:
        raw = stream.read(1 << 16)
        while _MARK not in raw and len(raw) < _HEADER_LIMIT and (more := stream.read(1 << 20)):
            raw += more
    at = raw.find(_MARK)
    if at < 0:
        raise ReadError(f"{path} is truncated: its header ends without {_MARK.decode()!r}")
    # Avizo writes its micro sign in UTF-8 or Latin-1.
    try:
        text = raw[:at].decode("utf-8")
    except UnicodeDecodeError:
        text = raw[:at].decode("latin-1")
    first = text.splitlines()[0].upper()
    order = "text" if "ASCII" in first else "<" if "BINARY-LITTLE-ENDIAN" in first else ">"
    lattice = re.search(r"define\s+Lattice\s+(\d+)\s+(\d+)\s+(\d+)", text)
    if lattice is None or "0" in lattice.groups():
        raise ReadError(
            f"{path} holds no lattice of voxels; expected 'define Lattice nx ny nz' (a surface, or a mesh?)"
        )
    parameters = parse_parameters(text)
    kind = find_value(parameters, "CoordType")
    if kind is not None and kind.lower() != "uniform":
        raise ReadError(f"{path} has {kind} coordinates; expected a uniform lattice. Resample it in Amira or Avizo")
    size = (int(lattice[1]), int(lattice[2]), int(lattice[3]))
    return _Header(order, size, tuple(_parse_fields(text, order, path)), parameters, at + len(_MARK))


def _parse_fields(text: str, order: str, path: Path) -> Iterator[_Field]:
    """``Lattice { byte Labels } @1(HxByteRLE,1234)``."""
    pattern = r"^\s*Lattice\s*\{\s*(\w+)(\[\d+\])?\s+(\w+)\s*\}\s*=?\s*@(\d+)(?:\(\s*(\w+)\s*,\s*(\d+)\s*\))?"
    for match in re.finditer(pattern, text, re.MULTILINE):
        if match[2] not in (None, "[1]"):
            raise ReadError(
                f"{path}: the field {match[3]} has {match[2][1:-1]} values a voxel; expected one grey value"
            )
        if match[1] not in _TYPES:
            raise ReadError(f"{path} holds values of type {match[1]!r}; expected {', '.join(_TYPES)}")
        dtype = np.dtype(_TYPES[match[1]]).newbyteorder("=" if order == "text" else order)  # type: ignore[arg-type]
        yield _Field(match[3], dtype, int(match[4]), match[5] or "", int(match[6] or 0))


def _choose_field(header: _Header, name: str | None, path: Path) -> _Field:
    names = [field.name for field in header.fields]
    if not names:
        raise ReadError(f"{path}: its header names no field of voxels")
    if name is None and len(names) == 1:
        return header.fields[0]
    if name is None or name not in names:
        raise InputError(f"{path} holds the fields {', '.join(names)}; name one as the dataset")
    return header.fields[names.index(name)]


def _open_voxels(header: _Header, field: _Field, path: Path) -> RegionArray:
    x, y, z = header.size
    offset = _find_section(header, field, path)
    shape = (1, z, y, x)
    nbytes = x * y * z * field.dtype.itemsize
    if header.order == "text":
        if len(header.fields) > 1:
            raise ReadError(f"{path} is a text file with several fields; save it as binary")
        spool = Spool(lambda: unpack_text(path, offset, dtype=field.dtype), nbytes=nbytes, source=path)
    elif not field.codec:
        return flat_array(path, shape=shape, dtype=field.dtype, offset=offset)
    elif field.codec == "HxByteRLE":
        spool = Spool(lambda: unpack_runs(path, offset, length=field.packed), nbytes=nbytes, source=path)
    elif field.codec == "HxZip":
        spool = Spool(lambda: unpack_zlib(path, offset, length=field.packed), nbytes=nbytes, source=path)
    else:
        raise ReadError(f"{path} is packed with {field.codec}; expected HxByteRLE or HxZip. Save it uncompressed")
    if header.order != "text" and offset + field.packed > path.stat().st_size:
        raise ReadError(f"{path} is truncated: it needs {offset + field.packed} bytes, it has {path.stat().st_size}")
    return flat_array(path, shape=shape, dtype=field.dtype, locate=spool.path)


def _find_section(header: _Header, field: _Field, path: Path) -> int:
    """Byte after the line ``@n``; the sections before it are stepped over by their known lengths."""
    x, y, z = header.size
    position = header.end
    with path.open("rb") as stream:
        for other in sorted(header.fields, key=lambda item: item.section):
            stream.seek(position)
            match = re.match(rb"\s*@(\d+)[ \t]*\r?\n", stream.read(64))
            if match is None or int(match[1]) != other.section:
                raise ReadError(f"{path}: expected the data of @{other.section} at byte {position}; is it truncated?")
            position += match.end()
            if other is field:
                return position
            position += other.packed or x * y * z * other.dtype.itemsize
    raise AssertionError("the field is one of the header's")


def _voxel_size(header: _Header, path: Path) -> tuple[Any, tuple[str, ...]]:
    text = find_value(header.parameters, "BoundingBox") or ""
    try:
        box = [float(v) for v in text.split()]
    except ValueError as error:
        raise ReadError(f"{path}: expected six numbers as BoundingBox, found {text!r}") from error
    if len(box) != 6:
        return None, ()
    # A single voxel has no distance between centres; Amira then gives its whole edge.
    steps = [(high - low) / max(n - 1, 1) for low, high, n in zip(box[::2], box[1::2], header.size, strict=True)]
    unit = find_value(header.parameters, "Units", "Coordinates")
    if unit is None:
        shown = ", ".join(f"{step:g}" for step in reversed(steps))
        return None, (f"the bounding box gives the spacing (z, y, x) = ({shown}) without a unit; state the voxel size",)
    dx, dy, dz = (to_meters(step, unit) for step in steps)
    return voxel_size_from((dz, dy, dx), slices=header.size[2], source=path.name)


READER = FormatReader("amira", (".am",), is_amira, read_amira)
