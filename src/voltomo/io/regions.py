"""Arrays that stay where they are and are read by region."""

from __future__ import annotations

import io
import operator
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from voltomo.blocks import Region
from voltomo.errors import ReadError

__all__ = ["ReadRegion", "RegionArray", "read_exactly", "read_flat"]

ReadRegion: TypeAlias = Callable[[int, Region], npt.NDArray[Any]]
"""``read(channel, (z, y, x)) -> (Z, Y, X) array`` in native byte order; the slices are explicit, with step 1."""


@dataclass(frozen=True)
class RegionArray:
    """(C, Z, Y, X) array; indexing with integers and slices reads that region and nothing else.

    Parameters
    ----------
    shape : (C, Z, Y, X)
    dtype : of the arrays that come out, in native byte order
    read_region : reads one channel; it must be safe to call from several threads
    chunks : (C, Z, Y, X) in which the file is cheapest to read, or None
    """

    shape: tuple[int, int, int, int]
    dtype: np.dtype[Any]
    read_region: ReadRegion
    chunks: tuple[int, int, int, int] | None = None

    @property
    def ndim(self) -> int:
        return 4

    @property
    def nbytes(self) -> int:
        return int(np.prod(self.shape, dtype=object)) * self.dtype.itemsize

    def __getitem__(self, key: Any, /) -> npt.NDArray[Any]:
        indices, inner = _expand(key, self.shape)
        out = self._read(indices)
        cropped: npt.NDArray[Any] = out[inner]
        return cropped

    def _read(self, indices: list[range]) -> npt.NDArray[Any]:
        """The voxels at rising indices along each axis."""
        if any(len(index) == 0 for index in indices):
            return np.empty([len(index) for index in indices], self.dtype)
        channels, planes, rows, columns = indices
        y, x = _cover(rows), _cover(columns)
        step = (slice(None), slice(None, None, rows.step), slice(None, None, columns.step))
        runs = [_cover(planes)] if planes.step == 1 else [slice(z, z + 1) for z in planes]
        parts = [[self.read_region(c, (z, y, x))[step] for z in runs] for c in channels]
        if len(runs) == 1 and len(channels) == 1:
            return parts[0][0][None]
        return np.stack([part[0] if len(part) == 1 else np.concatenate(part) for part in parts])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        return np.asarray(self[()], dtype=dtype)


def _expand(key: Any, shape: tuple[int, ...]) -> tuple[list[range], tuple[Any, ...]]:
    """One range of indices per axis, and the index that drops the axes given as integers."""
    keys = key if isinstance(key, tuple) else (key,)
    if sum(k is Ellipsis for k in keys) > 1 or len(keys) - (Ellipsis in keys) > len(shape):
        raise IndexError(f"too many indices for an array of shape {shape}: {key!r}")
    if Ellipsis in keys:
        at = keys.index(Ellipsis)
        keys = (*keys[:at], *[slice(None)] * (len(shape) - len(keys) + 1), *keys[at + 1 :])
    keys = (*keys, *[slice(None)] * (len(shape) - len(keys)))
    indices: list[range] = []
    inner: list[Any] = []
    for k, size in zip(keys, shape, strict=True):
        if isinstance(k, slice):
            chosen = range(size)[k]
            backward = chosen.step < 0
            indices.append(chosen[::-1] if backward else chosen)
            inner.append(slice(None, None, -1 if backward else 1))
        else:
            chosen_index = range(size)[operator.index(k)]
            indices.append(range(chosen_index, chosen_index + 1))
            inner.append(0)
    return indices, tuple(inner)


def _cover(indices: range) -> slice:
    return slice(indices[0], indices[-1] + 1)


def read_flat(
    path: Path, region: Region, *, offset: int, shape: tuple[int, int, int], dtype: np.dtype[Any]
) -> npt.NDArray[Any]:
    """Region of an uncompressed (Z, Y, X) array that lies in one piece in a file, in native byte order.

    Parameters
    ----------
    path : the file; opened for this call only, so that threads do not share a position
    region : slices along z, y, x with explicit start and stop
    offset : bytes before the first voxel
    shape : (Z, Y, X) of the whole array in the file, C order
    dtype : as in the file, byte order included

    Raises
    ------
    ReadError
        If the file ends early.
    """
    z, y, x = region
    _, height, width = shape
    out = np.empty((z.stop - z.start, y.stop - y.start, x.stop - x.start), dtype)
    with path.open("rb", buffering=0) as stream:
        if out.shape[1:] == (height, width):
            read_exactly(stream, offset + z.start * height * width * dtype.itemsize, out, path)
        else:
            rows = np.empty((out.shape[1], width), dtype)
            for k in range(out.shape[0]):
                read_exactly(stream, offset + ((z.start + k) * height + y.start) * width * dtype.itemsize, rows, path)
                out[k] = rows[:, x]
    return out.astype(dtype.newbyteorder("="), copy=False)


def read_exactly(stream: io.RawIOBase, offset: int, out: npt.NDArray[Any], path: Path) -> None:
    """Fill a contiguous array from a position in a file, or raise ReadError."""
    view = out.reshape(-1).view(np.uint8).data
    stream.seek(offset)
    filled = 0
    while filled < len(view):
        count = stream.readinto(view[filled:])
        if not count:
            raise ReadError(f"{path} ends early: expected {len(view)} bytes at byte {offset}, found {filled}")
        filled += count
