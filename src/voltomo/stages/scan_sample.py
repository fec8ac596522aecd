"""A few slices of a scan, to look at before all of it is read."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import ArrayLike, Volume
from voltomo.blocks import Region

__all__ = ["sample_box", "sample_slices"]

Array: TypeAlias = npt.NDArray[Any]
Triple: TypeAlias = tuple[int, int, int]

SLICES = 6
"""Spread over the volume; neighbours look alike."""
EDGE = 512
"""Of a piece of a slice: some particles, without reading all of a large slice."""


def sample_slices(volume: Volume, mask: ArrayLike | None) -> list[Array]:
    """Pieces of slices (C, Y, X) from all over a volume, as float32; nan outside the field of view.

    Parameters
    ----------
    volume : the grey volume
    mask : (Z, Y, X), 0 outside; or None
    """
    count = volume.shape[0]
    found = []
    for number, z in enumerate(sorted({int((i + 0.5) * count / SLICES) for i in range(SLICES)})):
        region = _best_place(volume.shape, mask, (1, EDGE, EDGE), z, number)
        piece = np.asarray(volume.data[(slice(None), *region)]).astype(np.float32)[:, 0]
        if mask is not None:
            piece[:, np.asarray(mask[region])[0] == 0] = np.nan
        found.append(piece)
    return found


def sample_box(volume: Volume, mask: ArrayLike | None, shape: Triple) -> Array:
    """A box (C, Z, Y, X) of at most a shape from the middle of a volume, in the source dtype."""
    region = _best_place(volume.shape, mask, shape, volume.shape[0] // 2, 0)
    return np.asarray(volume.data[(slice(None), *region)])


def _best_place(shape: Triple, mask: ArrayLike | None, size: Triple, z: int, number: int) -> Region:
    """Where around slice z a box is: of nine places in the plane, the next one, or the one that is most inside."""
    depth = min(size[0], shape[0])
    first = min(max(0, z - depth // 2), shape[0] - depth)
    places = [
        (slice(first, first + depth), _third(shape[1], size[1], i), _third(shape[2], size[2], k))
        for i in (1, 0, 2)
        for k in (1, 0, 2)
    ]
    if mask is None:
        return places[number % len(places)]
    across = slice(first + depth // 2, first + depth // 2 + 1)
    section = np.asarray(mask[(across, slice(0, shape[1]), slice(0, shape[2]))])[0]
    inside = [float(np.mean(section[y, x] != 0)) for _, y, x in places]
    return places[int(np.argmax(inside))]


def _third(length: int, size: int, place: int) -> slice:
    """The beginning, middle or end of an axis."""
    size = min(size, length)
    start = (length - size) * place // 2
    return slice(start, start + size)
