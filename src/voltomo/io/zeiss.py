"""Zeiss/Xradia reader: ``.txm`` volumes, ``.xrm`` images and ``.txrm`` projections, through olefile.

Each image is a stream of an OLE2 file, 100 to a storage: ``ImageData1/Image1`` ... ``ImageData2/Image101``.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import olefile

from voltomo.artifacts import Volume
from voltomo.blocks import Region
from voltomo.errors import ReadError
from voltomo.io.calibration import to_meters
from voltomo.io.regions import RegionArray
from voltomo.io.registry import FormatReader, ReadOptions

__all__ = ["READER", "is_zeiss", "read_zeiss"]

_TYPES = {3: "u1", 5: "u2", 10: "f4"}
"""Values of ImageInfo/DataType seen in files."""
_PER_STORAGE = 100
_SIGNATURE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_SUFFIXES = (".txm", ".xrm", ".txrm")


def is_zeiss(path: Path) -> bool:
    """Whether a file is an OLE2 file with a Zeiss ending; other programs write OLE2 too."""
    if not path.is_file() or not path.name.lower().endswith(_SUFFIXES):
        return False
    with path.open("rb") as stream:
        return stream.read(len(_SIGNATURE)) == _SIGNATURE


def read_zeiss(path: Path, options: ReadOptions) -> Volume:
    """Open the images as slices; the pixel size, in µm in the file, holds along all axes.

    Raises
    ------
    ReadError
        If a stream is missing or shorter than width, height and type say.
    """
    with _open(path) as file:
        width = _number(file, "ImageInfo/ImageWidth", "<i", path)
        height = _number(file, "ImageInfo/ImageHeight", "<i", path)
        count = _number(file, "ImageInfo/NoOfImages", "<i", path)
        kind = _number(file, "ImageInfo/DataType", "<i", path)
        if kind not in _TYPES or min(width, height, count) < 1:
            raise ReadError(f"{path}: {count} images {height}×{width} of data type {kind}; expected types {_TYPES}")
        dtype = np.dtype(_TYPES[kind]).newbyteorder("<")
        nbytes = width * height * dtype.itemsize
        for number in range(1, count + 1):
            name = _stream_name(number)
            if not file.exists(name) or file.get_size(name) < nbytes:
                found = file.get_size(name) if file.exists(name) else 0
                raise ReadError(
                    f"{path}: image {number} of {count} needs {nbytes} bytes, found {found}; is it truncated?"
                )
        has_pixel = file.exists("ImageInfo/PixelSize")
        pixel = to_meters(_number(file, "ImageInfo/PixelSize", "<f", path), "um") if has_pixel else None
        has_angles = file.exists("ImageInfo/Angles")

    def read(channel: int, region: Region) -> npt.NDArray[Any]:
        z, y, x = region
        out = np.empty((z.stop - z.start, y.stop - y.start, x.stop - x.start), dtype.newbyteorder("="))
        with _open(path) as file:  # opened per call, so that threads do not share a position
            for k in range(z.start, z.stop):
                with file.openstream(_stream_name(k + 1)) as stream:
                    raw = stream.read(nbytes)
                if len(raw) < nbytes:
                    raise ReadError(f"{path} is truncated in image {k + 1}")
                out[k - z.start] = np.frombuffer(raw, dtype).reshape(height, width)[y, x]
        return out

    is_projections = path.suffix.lower() == ".txrm" or (has_angles and path.suffix.lower() != ".txm" and count > 1)
    notices = ("these are projections, not slices; reconstruct them first",) if is_projections else ()
    voxel_size = None if pixel is None else (pixel, pixel, pixel)
    data = RegionArray((1, count, height, width), dtype.newbyteorder("="), read, chunks=(1, 1, height, width))
    return Volume(data, voxel_size, metadata={"notices": notices, "is_projections": is_projections})


def _open(path: Path) -> Any:
    try:
        return olefile.OleFileIO(path, raise_defects=olefile.DEFECT_INCORRECT)
    except (OSError, ValueError, IndexError, struct.error) as error:
        raise ReadError(f"{path} cannot be opened as OLE2 ({error}); is it truncated?") from error


def _number(file: Any, name: str, form: str, path: Path) -> Any:
    if not file.exists(name):
        raise ReadError(f"{path} has no {name}; expected a Zeiss file")
    with file.openstream(name) as stream:
        raw = stream.read(struct.calcsize(form))
    try:
        (value,) = struct.unpack(form, raw)
    except struct.error as error:
        raise ReadError(f"{path}: {name} holds {len(raw)} bytes, expected {struct.calcsize(form)}") from error
    return value


def _stream_name(number: int) -> str:
    return f"ImageData{(number - 1) // _PER_STORAGE + 1}/Image{number}"


READER = FormatReader("zeiss", _SUFFIXES, is_zeiss, read_zeiss)
