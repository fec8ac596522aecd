"""Reader of raw voxels: bytes without a header, described by options or by a JSON file beside them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from voltomo.artifacts import Volume
from voltomo.errors import InputError, ReadError
from voltomo.io.calibration import to_meters
from voltomo.io.channels import name_channels
from voltomo.io.flat import as_czyx, check_dtype, flat_array
from voltomo.io.registry import FormatReader, ReadOptions
from voltomo.units import VoxelSize

__all__ = ["READER", "is_raw", "read_raw", "sidecar_of"]

_SUFFIXES = (".raw", ".vol", ".bin", ".dat")


def is_raw(path: Path) -> bool:
    """Whether the ending is one of raw files, which have no signature."""
    return path.is_file() and path.name.lower().endswith(_SUFFIXES)


def sidecar_of(path: Path) -> Path:
    """The JSON file that describes a raw file: ``scan.raw.json`` beside ``scan.raw``."""
    return path.with_name(f"{path.name}.json")


def read_raw(path: Path, options: ReadOptions) -> Volume:
    """Open raw voxels; shape and type come from the options, else from the JSON beside the file.

    Raises
    ------
    InputError
        If neither says shape and type.
    ReadError
        If the file's size is not what they say.
    """
    layout = _find_layout(path, options)
    shape = as_czyx(layout.shape, source=path)
    expected = layout.offset + int(np.prod(shape)) * layout.dtype.itemsize
    found = path.stat().st_size
    if found != expected:
        header = found - expected + layout.offset
        extra = f" A header of {header} bytes? Then give it as the offset." if found > expected else ""
        raise ReadError(
            f"{path} has {found} bytes; shape {layout.shape} of {layout.dtype} after {layout.offset} bytes of header "
            f"needs {expected}. Shape is in z, y, x order; is the type right?{extra}"
        )
    data = flat_array(path, shape=shape, dtype=layout.dtype, offset=layout.offset)
    return Volume(data, layout.voxel_size, channels=name_channels(shape[0]), metadata={"labels": layout.labels})


@dataclass(frozen=True)
class _Layout:
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    offset: int
    voxel_size: VoxelSize | None
    labels: tuple[dict[str, Any], ...]


def _find_layout(path: Path, options: ReadOptions) -> _Layout:
    sidecar = sidecar_of(path)
    fields: dict[str, Any] = {}
    if sidecar.exists():
        try:
            fields = dict(json.loads(sidecar.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            raise ReadError(f"{sidecar} is not a JSON object ({error})") from error
    shape, dtype = options.shape or fields.get("shape"), options.dtype or fields.get("dtype")
    if shape is None or dtype is None:
        raise InputError(
            f"{path} is raw: its shape and type are not in the file. Give shape (z, y, x) and dtype, or write "
            f'{sidecar.name}: {{"shape": [100, 512, 512], "dtype": "uint16", "voxel_size_um": [0.2, 0.064, 0.064]}}'
        )
    try:
        kind = np.dtype(dtype)
        sizes = tuple(int(n) for n in shape)
        offset = int(options.offset or fields.get("offset", 0))
        edges = [to_meters(float(edge), "um") for edge in fields.get("voxel_size_um") or ()]
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{path}: cannot understand shape {shape!r}, dtype {dtype!r} or {sidecar.name} ({error})"
        ) from error
    if options.dtype is None and fields.get("byte_order") == "big":
        kind = kind.newbyteorder(">")
    dz, dy, dx = edges if len(edges) == 3 else (None, None, None)
    size = None if dz is None or dy is None or dx is None else (dz, dy, dx)
    return _Layout(sizes, check_dtype(kind, source=path), offset, size, tuple(fields.get("labels") or ()))


READER = FormatReader("raw", _SUFFIXES, is_raw, read_raw)
