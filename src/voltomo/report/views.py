"""What a picture reads from an array: one plane, or every n-th voxel; never the whole of it at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import OUTSIDE, ArrayLike
from voltomo.report.content import AXES, ReportContent

__all__ = ["Cut", "coarse_step", "read_coarse", "read_cut", "read_plane"]

MAX_PIXELS = 1600
"""Longest edge of a plane that is drawn; a screen shows no more, and pages stay small."""

_READ_BYTES = 32 * 2**20
_TILE = 256
"""Edge of a region of the coarse read: a multiple of the usual chunk, so that no chunk is decoded twice."""


def read_plane(array: ArrayLike, axis: int, index: int, *, step: int = 1) -> npt.NDArray[Any]:
    """Every `step`-th row and column of a plane normal to an axis.

    Parameters
    ----------
    array : (Z, Y, X) array-like
    axis : 0, 1 or 2
    index : position along `axis`
    step : 1 keeps every voxel

    Returns
    -------
    (rows, columns) array in the source dtype; rows are the earlier of the two remaining axes
    """
    rows, columns = (n for i, n in enumerate(array.shape) if i != axis)
    band = max(1, _READ_BYTES // (columns * np.dtype(array.dtype).itemsize) // step) * step
    plane = np.empty((-(-rows // step), -(-columns // step)), array.dtype)
    for start in range(0, rows, band):
        span = slice(start, min(start + band, rows))
        region = [span, slice(0, columns)]
        region.insert(axis, slice(index, index + 1))
        part = np.asarray(array[tuple(region)]).reshape(-1, columns)[::step, ::step]
        plane[start // step : start // step + len(part)] = part
    return plane


def coarse_step(shape: tuple[int, ...], limit: int) -> tuple[int, int, int]:
    """Steps per axis that bring every edge of `shape` to at most `limit`.

    Examples
    --------
    >>> coarse_step((64, 1024, 1000), 192)
    (1, 6, 6)
    """
    z, y, x = (max(1, -(-n // limit)) for n in shape)
    return z, y, x


def read_coarse(array: ArrayLike, step: tuple[int, int, int]) -> npt.NDArray[Any]:
    """Every `step`-th voxel of a (Z, Y, X) array-like, read in regions of bounded size."""
    shape = tuple(-(-n // s) for n, s in zip(array.shape, step, strict=True))
    coarse = np.empty(shape, array.dtype)
    edges = [max(s, _TILE // s * s) for s in step]
    for z in range(0, array.shape[0], edges[0]):
        for y in range(0, array.shape[1], edges[1]):
            for x in range(0, array.shape[2], edges[2]):
                corner = (z, y, x)
                region = tuple(slice(c, min(c + e, n)) for c, e, n in zip(corner, edges, array.shape, strict=True))
                part = np.asarray(array[region])[:: step[0], :: step[1], :: step[2]]
                place = tuple(slice(c // s, c // s + n) for c, s, n in zip(corner, step, part.shape, strict=True))
                coarse[place] = part
    return coarse


@dataclass(frozen=True)
class Cut:
    """One plane through everything a report holds.

    Parameters
    ----------
    axis, index, count : normal of the plane ("z", "y", "x"), its position and the number of planes
    rows, columns : the axes that run down and to the right
    spacing : (row, column) distance of the samples, in m or voxels
    grey, phases, particles, cracks : (rows, columns) arrays, or None
    inside : (rows, columns) bool, or None if all of it lies in the field of view
    """

    axis: str
    index: int
    count: int
    rows: str
    columns: str
    spacing: tuple[float, float]
    grey: npt.NDArray[Any] | None = None
    phases: npt.NDArray[Any] | None = None
    particles: npt.NDArray[Any] | None = None
    cracks: npt.NDArray[Any] | None = None
    inside: npt.NDArray[np.bool_] | None = None


def read_cut(content: ReportContent, axis: str) -> Cut:
    """The middle plane normal to an axis."""
    shape = content.shape
    assert shape is not None, "a cut needs an array"
    normal = AXES.index(axis)
    index = shape[normal] // 2
    rows, columns = (i for i in range(3) if i != normal)
    step = max(1, -(-max(shape[rows], shape[columns]) // MAX_PIXELS))
    planes = {name: read_plane(a, normal, index, step=step) for name, a in content.arrays().items()}
    inside = None
    if content.volume is not None and content.volume.mask is not None:
        inside = read_plane(content.volume.mask, normal, index, step=step) != 0
    elif "phases" in planes:
        inside = planes["phases"] != OUTSIDE
    if inside is not None and inside.all():
        inside = None
    spacing = content.spacing
    return Cut(
        axis=axis,
        index=index,
        count=shape[normal],
        rows=AXES[rows],
        columns=AXES[columns],
        spacing=(spacing[rows] * step, spacing[columns] * step),
        grey=planes.get("volume"),
        phases=planes.get("phases"),
        particles=planes.get("particles"),
        cracks=planes.get("cracks"),
        inside=inside,
    )
