"""Ring artefacts: detector columns that are off, seen around the axis of rotation."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from voltomo.blocks import Region
from voltomo.synthesis.noise import white_noise

__all__ = ["Rings", "axis_distance", "ring_pattern"]

_LIMIT = 1.2815515655446004
"""|x| exceeds it for 20 % of a standard normal distribution: one detector column in five is off."""
_SCALE = math.sqrt(5 * 3 / 2)
"""√5 because one column in five is off; √(3/2) because columns are joined linearly, which keeps 2/3 of the variance."""


@dataclass(frozen=True)
class Rings:
    """Rings one voxel wide, constant along z.

    Parameters
    ----------
    std : standard deviation of the pattern in the image, grey
    axis : (y, x) of the axis of rotation, voxels; it may lie outside; None for the middle of the plane
    """

    std: float = 0.0
    axis: tuple[float, float] | None = None


def ring_pattern(region: Region, rings: Rings, *, shape: tuple[int, int, int], seed: int) -> npt.NDArray[np.float32]:
    """(1, Y, X) grey that the rings add over a region of a volume of `shape`; it adds to every slice alike."""
    radius = axis_distance(region, rings.axis, shape=shape)
    first, last = math.floor(radius.min()), math.ceil(radius.max()) + 1
    normal = white_noise((slice(0, 1), slice(0, 2), slice(first, last + 1)), seed=seed)[0]
    column = np.where(np.abs(normal[1]) > _LIMIT, normal[0] * _SCALE, 0.0)
    pattern = np.interp(radius, np.arange(first, last + 1), column)
    return np.asarray(rings.std * pattern, np.float32)[None]


def axis_distance(
    region: Region, axis: tuple[float, float] | None, *, shape: tuple[int, int, int]
) -> npt.NDArray[np.float64]:
    """(Y, X) distances of the voxels of a region from the axis of rotation, voxels."""
    center = axis if axis is not None else (0.5 * (shape[1] - 1), 0.5 * (shape[2] - 1))
    y = np.arange(region[1].start, region[1].stop) - center[0]
    x = np.arange(region[2].start, region[2].stop) - center[1]
    return np.asarray(np.hypot(y[:, None], x))
