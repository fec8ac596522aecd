"""Slow changes of brightness, cupping, and the scale of the grey values."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from voltomo.blocks import Region
from voltomo.synthesis.imaging.fields import smooth_field
from voltomo.synthesis.imaging.rings import axis_distance

__all__ = ["MIDDLE_GREY", "Brightness", "change_brightness"]

MIDDLE_GREY = 0.5
"""Grey that a gain leaves as it is."""


@dataclass(frozen=True)
class Brightness:
    """What a scanner does to grey values as a whole.

    Parameters
    ----------
    drift : standard deviation of the slow change, grey
    drift_lengths : over which it changes along z, y and x, voxels; inf for not at all along an axis
    cupping : share of its grey that the axis of rotation loses: grey·(1 − cupping·(1 − r²/radius²))
    radius : distance from the axis that loses nothing, voxels; None for half the shorter edge of the plane
    axis : (y, x) of the axis of rotation, voxels; None for the middle of the plane
    gain : contrast around the grey 0.5; negative gains invert
    offset : grey that is added
    """

    drift: float = 0.0
    drift_lengths: tuple[float, float, float] = (64.0, 64.0, 64.0)
    cupping: float = 0.0
    radius: float | None = None
    axis: tuple[float, float] | None = None
    gain: float = 1.0
    offset: float = 0.0


def change_brightness(
    grey: npt.NDArray[np.float32],
    region: Region,
    brightness: Brightness,
    *,
    shape: tuple[int, int, int],
    seed: int,
) -> None:
    """Apply cupping, drift, gain and offset, in this order, in place.

    Parameters
    ----------
    grey : (Z, Y, X) float32 over `region`
    region : slices of global voxel indices
    brightness : Brightness
    shape : (Z, Y, X) of the whole volume
    seed : of the drift
    """
    if brightness.cupping != 0:
        radius = brightness.radius if brightness.radius is not None else 0.5 * min(shape[1:])
        distance = axis_distance(region, brightness.axis, shape=shape)
        grey *= (1 - brightness.cupping * (1 - (distance / radius) ** 2)).astype(np.float32)
    if brightness.drift != 0:
        lengths = brightness.drift_lengths
        z, y, x = (math.inf if n == 1 else length for n, length in zip(shape, lengths, strict=True))
        grey += np.float32(brightness.drift) * smooth_field(region, lengths=(z, y, x), seed=seed)
    if brightness.gain != 1 or brightness.offset != 0:
        shift = MIDDLE_GREY * (1 - brightness.gain) + brightness.offset
        grey *= np.float32(brightness.gain)
        grey += np.float32(shift)
