"""Reader of NumPy's .npy files."""

from __future__ import annotations

import tokenize
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy_format

from voltomo.artifacts import Volume
from voltomo.blocks import Region
from voltomo.errors import ReadError
from voltomo.io.channels import name_channels
from voltomo.io.flat import as_czyx, check_dtype, flat_array
from voltomo.io.regions import RegionArray
from voltomo.io.registry import FormatReader, ReadOptions

__all__ = ["READER", "is_npy", "read_npy"]

_SIGNATURE = b"\x93NUMPY"


def is_npy(path: Path) -> bool:
    """Whether a file begins like .npy."""
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        return stream.read(len(_SIGNATURE)) == _SIGNATURE


def read_npy(path: Path, options: ReadOptions) -> Volume:
    """Open an array (Y, X), (Z, Y, X) or (C, Z, Y, X).

    Raises
    ------
    ReadError
        If the header is damaged, the file is truncated, or the array holds objects (pickles are never loaded).
    """
    with path.open("rb") as stream:
        try:
            version = npy_format.read_magic(stream)
            read_header = {(1, 0): npy_format.read_array_header_1_0, (2, 0): npy_format.read_array_header_2_0}[version]
            shape, is_fortran, dtype = read_header(stream)
        except (ValueError, KeyError, SyntaxError, tokenize.TokenError) as error:
            raise ReadError(f"{path}: its .npy header cannot be read ({error}); is it truncated?") from error
        offset = stream.tell()
    dtype = check_dtype(dtype, source=path)
    czyx = as_czyx(shape, source=path)
    if not is_fortran:
        data = flat_array(path, shape=czyx, dtype=dtype, offset=offset)
    elif czyx[0] == 1:
        data = _transposed(flat_array(path, shape=(1, czyx[3], czyx[2], czyx[1]), dtype=dtype, offset=offset))
    else:
        raise ReadError(f"{path} is in Fortran order with {czyx[0]} channels; save it with numpy.ascontiguousarray")
    return Volume(data, channels=name_channels(czyx[0]))


def _transposed(stored: RegionArray) -> RegionArray:
    """(1, Z, Y, X) view of an array that lies in the file as (1, X, Y, Z)."""

    def read(channel: int, region: Region) -> npt.NDArray[Any]:
        z, y, x = region
        return np.ascontiguousarray(stored.read_region(channel, (x, y, z)).transpose())

    _, x, y, z = stored.shape
    return RegionArray((1, z, y, x), stored.dtype, read)


READER = FormatReader("npy", (".npy",), is_npy, read_npy)
