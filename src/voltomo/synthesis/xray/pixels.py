"""From a fine image to the pixels of a detector: exponentials, and areas."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

__all__ = ["add_transmission", "average_into_pixels"]


@njit(cache=True, nogil=True)
def add_transmission(attenuation: npt.NDArray[np.float32], weight: float, out: npt.NDArray[np.float32]) -> None:
    """Add ``weight · exp(−attenuation)`` to `out`, both (V, U)."""
    share = np.float32(weight)
    for v in range(out.shape[0]):
        for u in range(out.shape[1]):
            out[v, u] += share * np.exp(-attenuation[v, u])


@njit(cache=True, nogil=True)
def average_into_pixels(
    fine: npt.NDArray[np.float32],
    factor: int,
    origin: tuple[int, int],
    first: tuple[int, int],
    shift: float,
    out: npt.NDArray[np.float32],
) -> None:
    """Mean of a fine image over each pixel, at any height.

    The image is constant over each of its samples, so the mean is exact where a pixel's edge cuts through one.
    Positions are those in the whole detector, so that a part of it is rounded like the whole.

    Parameters
    ----------
    fine : (V', U')
    factor : fine samples per pixel edge
    origin : fine row and column at which `fine` begins
    first : row and column of the first pixel
    shift : rows by which the fine image lies too low on the detector
    out : (V, U)
    """
    area = 1.0 / (factor * factor)
    for v in range(out.shape[0]):
        top = (first[0] + v - shift) * factor
        bottom = top + factor
        for u in range(out.shape[1]):
            total = 0.0
            for row in range(int(np.floor(top)), int(np.ceil(bottom))):
                share = min(bottom, row + 1.0) - max(top, float(row))
                line = 0.0
                for k in range(factor):
                    line += fine[row - origin[0], (first[1] + u) * factor + k - origin[1]]
                total += share * line
            out[v, u] = total * area
