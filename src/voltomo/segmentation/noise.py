"""The noise of an image, from the image itself; found from a histogram, so that blocks give what the whole gives."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from voltomo.segmentation.histogram import BinRule, count_values

__all__ = ["count_residuals", "noise_from_residuals", "residual_rule"]

Array: TypeAlias = npt.NDArray[Any]

RESIDUAL_BINS = 65536
"""Fine enough for noise of a thousandth of the range of grey values."""
NORMAL_MEDIAN = 0.6744897501960817
"""Median of |x| for a standard normal x."""


def residual_rule(low: float, high: float) -> BinRule:
    """Bins for the residuals of an image with grey values from `low` to `high`."""
    return BinRule(0.0, float(high - low), RESIDUAL_BINS, False)


def count_residuals(
    values: Array, inside: Array, rule: BinRule, *, inner: tuple[slice, slice, slice], ends: tuple[float, float]
) -> npt.NDArray[np.int64]:
    """Histogram of what is left of a block where planes and edges along y and x are taken out.

    The residual is the second difference along y of the second difference along x, scaled so that white noise keeps its
    standard deviation. It needs a halo of one voxel along y and x, and is left out where a neighbour is missing or
    outside, and where the grey value is at one of its `ends`: saturated voxels have no noise.
    """
    z, y, x = values.shape
    if y < 3 or x < 3:
        return np.zeros(rule.count, np.int64)
    grey = np.asarray(values, np.float64)
    along_x = grey[:, :, :-2] - 2 * grey[:, :, 1:-1] + grey[:, :, 2:]
    residual = np.zeros((z, y, x))
    residual[:, 1:-1, 1:-1] = np.abs(along_x[:, :-2] - 2 * along_x[:, 1:-1] + along_x[:, 2:]) / 6.0
    usable = np.zeros((z, y, x), np.uint8)
    window = inside[:, :, :-2] & inside[:, :, 1:-1] & inside[:, :, 2:]
    usable[:, 1:-1, 1:-1] = window[:, :-2] & window[:, 1:-1] & window[:, 2:]
    usable[(grey == ends[0]) | (grey == ends[1])] = 0
    return count_values(residual[inner], usable[inner], rule)


def noise_from_residuals(counts: npt.NDArray[np.int64], rule: BinRule) -> float:
    """Standard deviation of white noise from the median of the residuals; 0 if there are none.

    Noise that is correlated between neighbours, as after most reconstruction filters, is underestimated.

    References
    ----------
    .. [1] J. Immerkær, Fast noise variance estimation, Comput. Vis. Image Underst. 64 (1996) 300-302,
       doi:10.1006/cviu.1996.0060 (the residual; the median keeps edges out of it).
    """
    total = int(counts.sum())
    if total == 0:
        return 0.0
    cumulative = np.cumsum(counts)
    i = int(np.searchsorted(cumulative, total / 2))
    if i == 0:
        return 0.0
    part = (total / 2 - cumulative[i - 1]) / counts[i]
    return float((i + part) * (rule.high - rule.low) / rule.count / NORMAL_MEDIAN)
