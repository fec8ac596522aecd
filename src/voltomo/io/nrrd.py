"""NRRD reader: raw, gzip and text encodings, attached and detached.

References
----------
.. [1] Definition of NRRD File Format, https://teem.sourceforge.net/nrrd/format.html
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from voltomo.artifacts import Volume
from voltomo.errors import ReadError
from voltomo.io.calibration import to_meters, voxel_size_from
from voltomo.io.channels import name_channels
from voltomo.io.flat import flat_array
from voltomo.io.paths import resolve_beside
from voltomo.io.regions import RegionArray
from voltomo.io.registry import FormatReader, ReadOptions
from voltomo.io.spool import Spool
from voltomo.io.unpack import unpack_text, unpack_zlib

__all__ = ["READER", "is_nrrd", "read_nrrd"]

_TYPES = {
    **dict.fromkeys(("signed char", "int8", "int8_t"), "i1"),
    **dict.fromkeys(("uchar", "unsigned char", "uint8", "uint8_t"), "u1"),
    **dict.fromkeys(("short", "short int", "signed short", "signed short int", "int16", "int16_t"), "i2"),
    **dict.fromkeys(("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"), "u2"),
    **dict.fromkeys(("int", "signed int", "int32", "int32_t"), "i4"),
    **dict.fromkeys(("uint", "unsigned int", "uint32", "uint32_t"), "u4"),
    **dict.fromkeys(("longlong", "long long", "signed long long", "int64", "int64_t"), "i8"),
    **dict.fromkeys(("ulonglong", "unsigned long long", "uint64", "uint64_t"), "u8"),
    "float": "f4",
    "double": "f8",
}
_COLOR_KINDS = ("rgb-color", "rgba-color", "hsv-color", "xyz-color")
_HEADER_LIMIT = 1 << 20


def is_nrrd(path: Path) -> bool:
    """Whether a file begins like NRRD."""
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        return stream.read(4) == b"NRRD"


def read_nrrd(path: Path, options: ReadOptions) -> Volume:
    """Open an image or volume; NRRD lists its axes fastest first, (x, y, z).

    Raises
    ------
    ReadError
        If the header is damaged, the voxels are fewer than it says, color or interleaved, or in another folder.
    """
    header = _read_header(path)
    fields = header.fields
    sizes = _integers(fields, "sizes", path)
    kinds = fields.get("kinds", "").lower().split()
    if any(kind in _COLOR_KINDS for kind in kinds):
        raise ReadError(f"{path} holds color; a grey image was expected. Save one channel, or the mean of the colors")
    if len(sizes) not in (2, 3, 4) or 0 in sizes or _integers(fields, "dimension", path) != (len(sizes),):
        raise ReadError(f"{path}: expected 2 to 4 axes that are not empty, found sizes {sizes}")
    if len(sizes) == 4 and kinds and kinds[3] in ("domain", "space"):
        raise ReadError(f"{path}: its channels are interleaved (kinds {' '.join(kinds)}); save one channel at a time")
    type_name = _require(fields, "type", path).lower()
    if type_name not in _TYPES:
        raise ReadError(f"{path} holds values of type {type_name!r}; expected integers or floats")
    dtype = np.dtype(_TYPES[type_name]).newbyteorder("<" if fields.get("endian", "little").lower() == "little" else ">")
    c, z, y, x = (1,) * (4 - len(sizes)) + sizes[::-1]
    data = _open_voxels(header, (c, z, y, x), dtype, path)
    voxel_size, notices = _voxel_size(fields, len(sizes), z)
    return Volume(data, voxel_size, channels=name_channels(c), metadata={"notices": notices})


@dataclass(frozen=True)
class _Header:
    fields: dict[str, str]
    end: int


def _read_header(path: Path) -> _Header:
    """``key: value`` lines up to the first empty one."""
    with path.open("rb") as stream:
        text = stream.read(_HEADER_LIMIT)
    gap = re.search(rb"\r?\n\r?\n", text)
    lines = (text if gap is None else text[: gap.start()]).decode("ascii", errors="replace").splitlines()
    fields = {}
    for line in lines[1:]:
        match = re.match(r"([^#:]+):[ =]?(.*)", line)
        if match is not None:
            fields[match[1].strip().lower()] = match[2].strip()
    if gap is None and not ("data file" in fields or "datafile" in fields):
        raise ReadError(f"{path} is truncated: its NRRD header has no end")
    return _Header(fields, len(text) if gap is None else gap.end())


def _require(fields: dict[str, str], key: str, path: Path) -> str:
    if key not in fields:
        raise ReadError(f"{path}: its NRRD header has no {key!r}")
    return fields[key]


def _integers(fields: dict[str, str], key: str, path: Path) -> tuple[int, ...]:
    text = _require(fields, key, path)
    try:
        return tuple(int(n) for n in text.split())
    except ValueError as error:
        raise ReadError(f"{path}: expected whole numbers as {key!r}, found {text!r}") from error


def _skip(fields: dict[str, str], what: str, path: Path) -> int:
    """Lines or bytes before the voxels; the key is spelt with or without a space."""
    key = f"{what} skip" if f"{what} skip" in fields else f"{what}skip"
    return _integers(fields, key, path)[0] if fields.get(key) else 0


def _open_voxels(header: _Header, shape: tuple[int, int, int, int], dtype: np.dtype[Any], path: Path) -> RegionArray:
    fields = header.fields
    file, offset = path, header.end
    named = fields.get("data file", fields.get("datafile"))
    if named is not None:
        if named.upper().startswith("LIST") or "%" in named:
            raise ReadError(f"{path} spreads its voxels over several files ({named}); expected one")
        file, offset = resolve_beside(path, named), 0
    encoding = _require(fields, "encoding", path).lower()
    nbytes = int(np.prod(shape, dtype=object)) * dtype.itemsize
    skip = _skip(fields, "byte", path)
    offset = _skip_lines(file, offset, _skip(fields, "line", path))
    if encoding == "raw":
        offset = file.stat().st_size - nbytes if skip == -1 else offset + skip
        if offset < 0:
            raise ReadError(f"{path} is truncated: it needs {nbytes} bytes, {file.name} has {file.stat().st_size}")
        return flat_array(file, shape=shape, dtype=dtype, offset=offset, source=path)
    if skip != 0:
        raise ReadError(f"{path}: a byte skip with the encoding {encoding} is not supported; save it as raw or gzip")
    if encoding in ("gzip", "gz"):
        spool = Spool(lambda: unpack_zlib(file, offset), nbytes=nbytes, source=path)
    elif encoding in ("txt", "text", "ascii"):
        dtype = dtype.newbyteorder("=")
        spool = Spool(lambda: unpack_text(file, offset, dtype=dtype), nbytes=nbytes, source=path)
    else:
        raise ReadError(f"{path} is encoded as {encoding}; expected raw, gzip or ascii")
    return flat_array(file, shape=shape, dtype=dtype, locate=spool.path)


def _skip_lines(file: Path, offset: int, lines: int) -> int:
    with file.open("rb") as stream:
        stream.seek(offset)
        for _ in range(lines):
            stream.readline()
        return stream.tell()


def _voxel_size(fields: dict[str, str], axes: int, slices: int) -> tuple[Any, tuple[str, ...]]:
    """Voxel size from spacings or space directions, whose units are often missing."""
    steps = _spacings(fields)[:3]
    units = re.findall(r'"([^"]*)"', fields.get("space units", fields.get("units", "")))
    if not any(step is not None for step in steps):
        return None, ()
    if not units:
        shown = ", ".join("?" if step is None else f"{step:g}" for step in reversed(steps))
        return None, (f"NRRD gives the spacing (z, y, x) = ({shown}) without a unit; state the voxel size",)
    edges = [to_meters(step, unit) for step, unit in zip(steps, units, strict=False)]
    edges += [None] * (3 - len(edges))
    return voxel_size_from((edges[2], edges[1], edges[0]), slices=slices, source="NRRD")


def _spacings(fields: dict[str, str]) -> list[float | None]:
    """One step per axis, x first."""
    try:
        if "space directions" in fields:
            vectors = re.findall(r"none|\(([^)]*)\)", fields["space directions"])
            return [math.hypot(*(float(v) for v in vector.split(","))) if vector else None for vector in vectors]
        return [float(step) for step in fields.get("spacings", "").split()]
    except ValueError:
        return []


READER = FormatReader("nrrd", (".nrrd", ".nhdr"), is_nrrd, read_nrrd)
