"""Readers of PNG: a single image, and a folder of slices."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL.PngImagePlugin import PngImageFile

from voltomo.artifacts import Volume
from voltomo.blocks import Region
from voltomo.errors import ReadError
from voltomo.io.calibration import to_meters, voxel_size_from
from voltomo.io.regions import RegionArray
from voltomo.io.registry import FormatReader, ReadOptions
from voltomo.io.slices import PNG, list_slices, order_slices

__all__ = ["FOLDER_READER", "READER", "is_png", "is_png_folder", "read_png", "read_png_folder"]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY, _PALETTE = 0, 3
_Edges: TypeAlias = tuple[float | None, float | None, float | None]
"""(dz, dy, dx) in m, None where not stated."""


def is_png(path: Path) -> bool:
    """Whether a file begins like PNG."""
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        return stream.read(8) == _SIGNATURE


def is_png_folder(path: Path) -> bool:
    """Whether a folder holds PNG files."""
    return path.is_dir() and bool(list_slices(path, PNG))


def read_png(path: Path, options: ReadOptions) -> Volume:
    """Open one image.

    Raises
    ------
    ReadError
        If it is damaged or holds color.
    """
    return _open_slices([path], ())


def read_png_folder(path: Path, options: ReadOptions) -> Volume:
    """Open a folder of slices; every header is read, no voxel.

    Raises
    ------
    ReadError
        If a slice is missing, damaged, or differs from the first in shape or dtype.
    """
    files, notices = order_slices(path, list_slices(path, PNG))
    return _open_slices(files, notices)


def _open_slices(files: list[Path], notices: tuple[str, ...]) -> Volume:
    headers = [_read_header(file) for file in files]
    first = headers[0]
    for file, header in zip(files, headers, strict=True):
        if (header.height, header.width, header.dtype) != (first.height, first.width, first.dtype):
            raise ReadError(
                f"{file} is {header.height}×{header.width} {header.dtype}, {files[0].name} is "
                f"{first.height}×{first.width} {first.dtype}; expected slices of one shape and type"
            )

    def read(channel: int, region: Region) -> npt.NDArray[Any]:
        z, y, x = region
        return np.stack([_decode(files[k], first)[y, x] for k in range(z.start, z.stop)])

    shape = (1, len(files), first.height, first.width)
    data = RegionArray(shape, first.dtype, read, chunks=(1, 1, first.height, first.width))
    voxel_size, missing = voxel_size_from(first.edges, slices=len(files), source="the pHYs chunk of the PNG")
    if first.color_type == _PALETTE:
        notices = (*notices, "has a color table; the stored values were read, not the colors")
    return Volume(
        data, voxel_size, metadata={"notices": (*notices, *missing), "slices": tuple(file.name for file in files)}
    )


@dataclass(frozen=True)
class _Header:
    height: int
    width: int
    dtype: np.dtype[Any]
    color_type: int
    edges: _Edges


def _read_header(path: Path) -> _Header:
    """The IHDR chunk, and pHYs where it comes before the image."""
    with path.open("rb") as stream:
        start = stream.read(33)
        if len(start) == 0:
            raise ReadError(f"{path} is empty (0 bytes); was the copy or the export interrupted?")
        if len(start) < 33 or start[:8] != _SIGNATURE or start[12:16] != b"IHDR":
            raise ReadError(f"{path} does not begin like a PNG; is it truncated, or another format?")
        width, height, depth, color_type = struct.unpack(">IIBB", start[16:26])
        edges: _Edges = (None, None, None)
        while len(head := stream.read(8)) == 8 and head[4:] not in (b"IDAT", b"IEND"):
            (length,) = struct.unpack(">I", head[:4])
            after = stream.tell() + length + 4
            if head[4:] == b"pHYs":
                edges = edges if edges[0] else _pixel_size(stream.read(length))
                stream.seek(after)
            elif head[4:] == b"tEXt":
                edges = _stated_size(stream.read(length)) or edges
                stream.seek(after)
            else:
                stream.seek(after)
    if color_type not in (_GREY, _PALETTE):
        raise ReadError(
            f"{path} holds color or transparency; a grey image was expected. "
            "Convert it first: in Fiji, Image > Type > 8-bit"
        )
    return _Header(height, width, np.dtype(np.uint16 if depth == 16 else np.uint8), color_type, edges)


def _stated_size(chunk: bytes) -> _Edges | None:
    """The text ``voxel_size_um`` that our writer leaves, (z, y, x)."""
    key, _, text = chunk.partition(b"\0")
    if key != b"voxel_size_um" or len(text.split()) != 3:
        return None
    dz, dy, dx = (to_meters(float(edge), "um") for edge in text.split())
    return dz, dy, dx


def _pixel_size(chunk: bytes) -> _Edges:
    """In-plane edges from whole pixels per metre, where they do not look like a printer's."""
    if len(chunk) != 9:
        return None, None, None
    per_x, per_y, unit = struct.unpack(">IIB", chunk)
    # Coarser than 100 µm (254 dpi) is a screen or a printer, not a scan.
    if (
        unit != 1
        or min(per_x, per_y) < 10_000
        or any(abs(per_x * 0.0254 / dpi - 1) < 0.005 for dpi in (300, 600, 1200))
    ):
        return None, None, None
    return None, to_meters(1 / per_y, "m"), to_meters(1 / per_x, "m")


def _decode(path: Path, expected: _Header) -> npt.NDArray[Any]:
    """(Y, X) values of one file."""
    try:
        with path.open("rb") as stream, PngImageFile(stream) as image:
            voxels = np.asarray(image)
    except (OSError, SyntaxError, ValueError, struct.error) as error:
        raise ReadError(f"{path} is damaged or truncated ({error})") from error
    if voxels.shape != (expected.height, expected.width):
        raise ReadError(f"{path} changed while it was open: shape {voxels.shape}")
    return voxels.astype(expected.dtype, copy=False)


READER = FormatReader("png", (".png",), is_png, read_png)
FOLDER_READER = FormatReader("png-folder", (), is_png_folder, read_png_folder)
