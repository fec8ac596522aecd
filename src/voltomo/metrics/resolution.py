"""What a number would be if the image were sharper: a trend over images that are made coarser.

The grey volume is averaged over boxes of 2, 3, 4 voxels and segmented again by the same method. The number against
the width of an edge in each image is a trend, which is followed back to an edge of no width.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from voltomo.artifacts import UncertaintyPart

__all__ = ["Trend", "average_boxes", "edge_width", "extrapolate", "resolution_part", "spread_after_coarsening"]

Floats: TypeAlias = npt.NDArray[np.float64]

_RISE = 2 * float(ndtri(0.9))
"""Distance over which an edge blurred by a Gaussian rises from 10 to 90 %, in its standard deviations: 2.563."""


@dataclass(frozen=True)
class Trend:
    """A number followed back to perfect resolution.

    Parameters
    ----------
    limit : the number there
    standard_error : of the limit: scatter about the trend, and how far two laws of it lie apart
    """

    limit: float
    standard_error: float


def edge_width(sigma: float) -> float:
    """Distance over which the grey value of an edge rises from 10 to 90 %, for a Gaussian blur `sigma` in any unit.

    Examples
    --------
    >>> round(edge_width(1.0), 3)
    2.563
    """
    return _RISE * sigma


def spread_after_coarsening(sigma: float, factor: int) -> float:
    """Standard deviation of an edge in an image averaged over boxes, in voxels of the fine image.

    Notes
    -----
    The variances of blurs add; that of a box of f voxels is f²/12, and 1/12 of it is in the fine image already.
    """
    return math.sqrt(sigma**2 + (factor**2 - 1) / 12)


def average_boxes(grey: npt.NDArray[Any], factors: tuple[int, int, int]) -> npt.NDArray[np.float32]:
    """Mean over boxes; what does not fill a box at the end of an axis is left out.

    Parameters
    ----------
    grey : (Z, Y, X) array
    factors : edges of a box along z, y, x, in voxels

    Returns
    -------
    (Z // fz, Y // fy, X // fx) float32 array
    """
    z, y, x = (n // f for n, f in zip(grey.shape, factors, strict=True))
    fz, fy, fx = factors
    cut = grey[: z * fz, : y * fy, : x * fx].reshape(z, fz, y, fy, x, fx)
    return np.asarray(cut.mean(axis=(1, 3, 5), dtype=np.float64), np.float32)


def extrapolate(widths: Sequence[float], values: Sequence[float]) -> Trend:
    """Follow a number back to an edge of no width.

    Parameters
    ----------
    widths : of edges, at least three different ones, in one unit
    values : of the number at each width

    Returns
    -------
    Trend
        The mean of two straight lines, in the width (details lost at a sharp resolution) and in its square (smooth
        boundaries, which a blur moves by an amount that grows with its variance).

    Notes
    -----
    The standard error is the root of the squares of the larger one of both fits, and of half of the difference between
    their limits.
    """
    x, y = np.asarray(widths, np.float64), np.asarray(values, np.float64)
    fits = [_intercept(x, y), _intercept(x**2, y)]
    (one, first), (two, second) = fits
    return Trend((one + two) / 2, math.hypot(max(first, second), (one - two) / 2))


def _intercept(x: Floats, y: Floats) -> tuple[float, float]:
    """Intercept of a straight line by least squares, and its standard error."""
    mean = x.mean()
    spread = float(np.sum((x - mean) ** 2))
    slope = float(np.sum((x - mean) * y)) / spread
    residual = y - y.mean() - slope * (x - mean)
    variance = float(np.sum(residual**2)) / (len(x) - 2)
    return float(y.mean() - slope * mean), math.sqrt(variance * (1 / len(x) + mean**2 / spread))


_FARTHEST = 1.0
"""Relative distance of the limit beyond which a trend is not believed: details then end within the coarse voxels, where
no straight line describes how they go."""


def resolution_part(value: float, trend: Trend, note: str) -> UncertaintyPart:
    """The resolution part of a budget; missing where the coarse numbers point too far away to be followed.

    Its bias is the value less the limit of the trend; it is not taken off, and counts in the standard uncertainty.
    """
    bias = value - trend.limit
    spread = math.hypot(trend.standard_error, bias)
    if spread > _FARTHEST * abs(value):
        told = f"its limit would be {trend.limit:.3g}, the number is {value:.3g}: details are too few voxels wide"
        return UncertaintyPart("resolution", note=f"not estimated: {note}, but the trend is not clear ({told})")
    return UncertaintyPart("resolution", spread, bias, note)
