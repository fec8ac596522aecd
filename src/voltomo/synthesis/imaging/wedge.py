"""Streaks of a missing wedge: directions that no projection saw.

A projection at an angle fills one line through the origin of the Fourier plane of each slice. Without the projections
of a range of angles a double wedge stays empty: objects are drawn out along its middle, shadows lie across it, and
streaks leave edges at right angles to its rims.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import fft

from voltomo.errors import InputError

__all__ = ["Wedge", "remove_wedge"]


@dataclass(frozen=True)
class Wedge:
    """The frequencies of a slice that are missing.

    Parameters
    ----------
    width : opening angle of the double wedge, rad; below π
    direction : of its middle, rad, from the x axis towards the y axis; detail is lost along it
    """

    width: float = 0.0
    direction: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.width < math.pi:
            raise InputError(f"a missing wedge is at least 0 and below 180 degrees, found {math.degrees(self.width):g}")


def remove_wedge(slices: npt.NDArray[np.float32], wedge: Wedge, *, workers: int = 1) -> npt.NDArray[np.float32]:
    """Slices without the frequencies in the wedge.

    Parameters
    ----------
    slices : (Z, Y, X) float32; whole slices, their voxels as long along y as along x
    wedge : Wedge
    workers : threads of the Fourier transforms

    Returns
    -------
    (Z, Y, X) float32, a new array

    Notes
    -----
    A slice does not end where it began, and its Fourier transform would take the jump for detail. The jump is therefore
    carried by a smooth image (Moisan's decomposition [1]_), which keeps its frequencies; for a slice in uniform
    surroundings that image is 0. Mean and noise power outside the wedge stay.

    References
    ----------
    .. [1] L. Moisan, Periodic plus smooth image decomposition, J. Math. Imaging Vis. 39 (2011) 161-179,
       doi 10.1007/s10851-010-0227-1.
    """
    if wedge.width == 0:
        return slices.copy()
    ny, nx = slices.shape[1:]
    fy, fx = fft.fftfreq(ny)[:, None], fft.rfftfreq(nx)[None]
    turn = (np.arctan2(fy, fx) - wedge.direction + 0.5 * math.pi) % math.pi - 0.5 * math.pi
    missing = (np.abs(turn) < 0.5 * wedge.width) & ((fy != 0) | (fx != 0))
    spectrum = fft.rfft2(slices, workers=workers)
    smooth = _smooth_spectrum(slices, fy, fx, workers)
    spectrum[:, missing] = smooth[:, missing]
    return np.asarray(fft.irfft2(spectrum, (ny, nx), workers=workers, overwrite_x=True), np.float32)


def _smooth_spectrum(
    slices: npt.NDArray[np.float32],
    fy: npt.NDArray[np.float64],
    fx: npt.NDArray[np.float64],
    workers: int,
) -> npt.NDArray[np.complex64]:
    """(Z, Y, X // 2 + 1) spectrum of the smooth images that carry the jumps from edge to edge.

    Equations 11 and 12 of the article: the jumps lie on the edges alone, so that lines are transformed, not images.
    """
    # The jump along y stands at y = 0 and, negated, at y = Y − 1, whose factor is exp(2πi·fy).
    along_y = fft.rfft(slices[:, -1, :] - slices[:, 0, :], axis=1, workers=workers)[:, None, :]
    along_x = fft.fft(slices[:, :, -1] - slices[:, :, 0], axis=1, workers=workers)[:, :, None]
    jump = along_y * (1 - np.exp(2j * np.pi * fy)).astype(np.complex64)
    jump = jump + along_x * (1 - np.exp(2j * np.pi * fx)).astype(np.complex64)
    laplacian = 2 * np.cos(2 * np.pi * fy) + 2 * np.cos(2 * np.pi * fx) - 4
    laplacian[0, 0] = 1.0
    jump[:, 0, 0] = 0
    return np.asarray(jump / laplacian.astype(np.float32), np.complex64)
