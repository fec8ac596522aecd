"""Reading a volume once from the first slice to the last, a few slices at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import ArrayLike, Volume
from voltomo.errors import InputError

__all__ = ["one_channel", "sweep_planes", "sweep_slabs"]

_SLAB_BYTES = 2**26
"""Held at once; a slab of whole chunks is read where it fits, so that no chunk is unpacked twice."""


def sweep_slabs(data: ArrayLike, *, slab_bytes: int | None = None) -> Iterator[tuple[int, npt.NDArray[Any]]]:
    """First slice and (C, n, Y, X) voxels of one slab after another.

    Parameters
    ----------
    data : (C, Z, Y, X) array-like
    slab_bytes : the largest slab, unless a single slice is larger; 64 MiB if None
    """
    channels, slices, height, width = (int(n) for n in data.shape)
    plane_bytes = channels * height * width * np.dtype(data.dtype).itemsize
    fits = max(1, (slab_bytes or _SLAB_BYTES) // plane_bytes)
    chunk = int((getattr(data, "chunks", None) or (1, 1))[1])
    while chunk > fits:
        chunk = -(-chunk // 2)  # each chunk is then unpacked about two, four ... times
    depth = fits // chunk * chunk
    for z in range(0, slices, depth):
        yield z, np.asarray(data[:, z : min(z + depth, slices)])


def sweep_planes(data: ArrayLike) -> Iterator[npt.NDArray[Any]]:
    """(C, Y, X) voxels of one slice after another."""
    for _, slab in sweep_slabs(data):
        for k in range(slab.shape[1]):
            yield np.ascontiguousarray(slab[:, k])


def one_channel(volume: Volume, format_name: str) -> None:
    """Refuse a volume of several channels for a format that holds one.

    Raises
    ------
    InputError
        If there are several.
    """
    if len(volume.channels) != 1:
        raise InputError(
            f"{format_name} holds one channel, {volume.name} has {len(volume.channels)}: {', '.join(volume.channels)}. "
            "Export them one at a time"
        )
