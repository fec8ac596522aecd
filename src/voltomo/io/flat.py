"""Arrays that lie uncompressed in one piece of a file, behind a header of another format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from voltomo.blocks import Region
from voltomo.errors import ReadError
from voltomo.io.regions import RegionArray, read_flat

__all__ = ["as_czyx", "check_dtype", "flat_array"]


def flat_array(
    path: Path,
    *,
    shape: tuple[int, int, int, int],
    dtype: np.dtype[Any],
    offset: int = 0,
    source: Path | None = None,
    locate: Callable[[], Path] | None = None,
) -> RegionArray:
    """(C, Z, Y, X) array in a file, C order, read by region.

    Parameters
    ----------
    path : the file that holds the voxels
    shape, dtype, offset : as in the file; the byte order of `dtype` counts
    source : the file to name in messages, where it is another one
    locate : gives the file at the first read, where it does not exist yet; its size is then not checked here

    Raises
    ------
    ReadError
        If the file is too short.
    """
    channels, *spatial = shape
    z, y, x = spatial
    per_channel = z * y * x * dtype.itemsize
    if locate is None and path.stat().st_size < offset + channels * per_channel:
        raise ReadError(
            f"{source or path} is truncated: {' × '.join(str(n) for n in shape)} voxels of {dtype} need "
            f"{offset + channels * per_channel} bytes, {path.name} has {path.stat().st_size}; copy or export it again"
        )

    def read(channel: int, region: Region) -> npt.NDArray[Any]:
        file = path if locate is None else locate()
        return read_flat(file, region, offset=offset + channel * per_channel, shape=(z, y, x), dtype=dtype)

    return RegionArray(shape, dtype.newbyteorder("="), read)


def check_dtype(dtype: np.dtype[Any], *, source: Path | str) -> np.dtype[Any]:
    """The dtype, with booleans as uint8; anything but integers and floats is refused.

    Raises
    ------
    ReadError
        For complex numbers, records, text and objects.
    """
    if dtype.kind == "b":
        return np.dtype(np.uint8)
    if dtype.kind not in "uif":
        raise ReadError(f"{source} holds values of type {dtype}; expected integers or floats")
    return dtype


def as_czyx(shape: tuple[int, ...], *, source: Path | str) -> tuple[int, int, int, int]:
    """(C, Z, Y, X) of an array whose axes have no names: (Y, X), (Z, Y, X) or (C, Z, Y, X).

    Raises
    ------
    ReadError
        If there are fewer or more axes, an axis is empty, or the last axis looks like color.
    """
    if len(shape) not in (2, 3, 4) or 0 in shape:
        raise ReadError(f"{source} holds an array of shape {shape}; expected (Y, X), (Z, Y, X) or (C, Z, Y, X)")
    if len(shape) > 2 and shape[-1] in (3, 4) and min(shape[-3:-1]) > 8:
        raise ReadError(
            f"{source} has shape {shape}: the last axis looks like color, a grey image was expected. "
            "Save one channel, or the mean of the colors"
        )
    c, z, y, x = (1,) * (4 - len(shape)) + tuple(int(n) for n in shape)
    return c, z, y, x
