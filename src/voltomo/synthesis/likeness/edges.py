"""Blur from the mean grey value against the distance from a surface."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import least_squares
from scipy.special import ndtr

__all__ = ["EdgeFit", "fit_edge"]

Floats = npt.NDArray[np.float64]

_NEAR, _FAR = -4.0, 8.0
"""Distances between which the profile is fitted, voxels: outside, the next particle is soon in the way."""
_FEWEST = 20
"""Voxels in a bin of the profile, for it to count."""


class EdgeFit(NamedTuple):
    """Standard deviation and place of an edge in voxels, and the grey values outside and inside."""

    sigma: float
    shift: float
    low: float
    high: float


def fit_edge(distance: Floats, count: Floats, mean: Floats) -> EdgeFit | None:
    """The integral of a Gaussian that fits an edge profile.

    Parameters
    ----------
    distance : (K,) signed distance from the surface, voxels; positive inside
    count : (K,) voxels in each bin
    mean : (K,) mean grey value of each bin

    Returns
    -------
    EdgeFit or None
        None where fewer than six bins hold `_FEWEST` voxels, or the fit did not converge to a positive width.
    """
    used = (distance >= _NEAR) & (distance <= _FAR) & (count >= _FEWEST)
    if used.sum() < 6:
        return None
    s, g, weight = distance[used], mean[used], np.sqrt(count[used] / count[used].max())
    scale = float(np.ptp(g))
    if scale == 0:
        return None

    def misfit(p: Floats) -> Floats:
        sigma, shift, low, high = p
        return np.asarray(weight * (low + (high - low) * ndtr((s - shift) / max(sigma, 1e-3)) - g) / scale)

    start = np.array([1.5, 0.0, g[0], g[-1]])
    found = least_squares(misfit, start, bounds=([0.05, -3, -np.inf, -np.inf], [8, 3, np.inf, np.inf]), x_scale="jac")
    if not found.success or found.x[0] > 7.9:
        return None
    return EdgeFit(*(float(v) for v in found.x))
