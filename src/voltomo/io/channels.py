"""Picking one channel of a volume without reading it."""

from __future__ import annotations

import operator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import ArrayLike, Volume
from voltomo.errors import InputError

__all__ = ["name_channels", "select_channel"]


@dataclass(frozen=True)
class _OneChannel:
    """(1, Z, Y, X) view of one channel of a (C, Z, Y, X) array-like."""

    source: ArrayLike
    index: int

    @property
    def shape(self) -> tuple[int, ...]:
        return (1, *self.source.shape[1:])

    @property
    def ndim(self) -> int:
        return 4

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(self.source.dtype)

    @property
    def chunks(self) -> tuple[int, ...] | None:
        chunks = getattr(self.source, "chunks", None)
        return None if chunks is None else (1, *chunks[1:])

    def __getitem__(self, key: Any, /) -> npt.NDArray[Any]:
        keys = key if isinstance(key, tuple) else (key,)
        if not keys or keys[0] is Ellipsis:
            keys = (slice(None), *keys)
        if isinstance(keys[0], slice):
            first: slice | int = slice(self.index, self.index + len(range(1)[keys[0]]))
        elif operator.index(keys[0]) in (0, -1):
            first = self.index
        else:
            raise IndexError(f"channel {keys[0]} of an array with one channel")
        return np.asarray(self.source[(first, *keys[1:])])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        return np.asarray(self[()], dtype=dtype)


def select_channel(volume: Volume, channel: int | str) -> Volume:
    """The volume with one of its channels.

    Raises
    ------
    InputError
        If there is no such name or index.
    """
    names = volume.channels
    if isinstance(channel, str) and channel in names:
        index = names.index(channel)
    elif isinstance(channel, int) and 0 <= channel < len(names):
        index = channel
    else:
        raise InputError(f"{volume.name} has no channel {channel!r}; its channels are {', '.join(names)} (from 0)")
    return replace(volume, data=_OneChannel(volume.data, index), channels=(names[index],))


def name_channels(count: int) -> tuple[str, ...]:
    """Names where a file gives none: "grey", or "channel 0", "channel 1"..."""
    return ("grey",) if count == 1 else tuple(f"channel {i}" for i in range(count))
