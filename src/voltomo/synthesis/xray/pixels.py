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
    fine: npt.NDArray[np.float32], factor: int, first_row: float, first_column: int, out: npt.NDArray[np.float32]
) -> None:
    """Mean of a fine image over each pixel, rows at any position.

    The image is constant over each of its samples, so the mean is exact where a pixel's edge cuts through one.

    Parameters
    ----------
    fine : (V', U')
    factor : fine samples per pixel edge
    first_row : upper edge of the first row of pixels, in fine rows from the upper edge of the image
    first_column : first fine column of the first column of pixels
    out : (V, U)
    """
    area = 1.0 / (factor * factor)
    for v in range(out.shape[0]):
        top = first_row + v * factor
        bottom = top + factor
        first, last = int(np.floor(top)), int(np.ceil(bottom))
        for u in range(out.shape[1]):
            total = 0.0
            for row in range(first, last):
                share = min(bottom, row + 1.0) - max(top, float(row))
                line = 0.0
                for k in range(factor):
                    line += fine[row, first_column + u * factor + k]
                total += share * line
            out[v, u] = total * area
