"""From electrons that come back to grey levels: foreshortening, probe size, shot noise, bandwidth, brightness."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit
from scipy import ndimage

from voltomo.synthesis.noise import place_hash, uniform

__all__ = ["Display", "blur_lines", "blur_probe", "blur_reach", "count_electrons", "foreshorten", "rows_under"]

Floats = npt.NDArray[np.float32]

_TRUNCATE = 4.0
"""Standard deviations at which Gaussian filters end."""
_SHOT_FIELD = 41
_MANY = 60.0
"""Electrons from which a rounded normal number stands for a Poisson number; its skewness is then 0.13."""
_FULL_SCALE = {"uint8": 255.0, "uint16": 65535.0}


def rows_under(rows: slice, factor: float) -> slice:
    """Rows of the face that lie under rows of the image; `factor` rows of the image show one of the face.

    Both begin at the same upper edge: row j of the face reaches from j to j + 1, row i of the image from i/factor to
    (i + 1)/factor.
    """
    return slice(math.floor(rows.start / factor), math.ceil(rows.stop / factor))


def foreshorten(face: Floats, rows: slice, factor: float) -> Floats:
    """Rows of the image as means over the rows of the face under them, weighted by overlap.

    Parameters
    ----------
    face : (R, C) float32, over `rows_under(rows, factor)`
    rows : of the image
    factor : rows of the image per row of the face; sin(tilt), or 1 for a face seen head-on or stretched back
    """
    if factor == 1:
        return face
    out = np.empty((rows.stop - rows.start, face.shape[1]), np.float32)
    _mean_rows(face, rows_under(rows, factor).start, rows.start, factor, out)
    return out


@njit(cache=True, nogil=True)
def _mean_rows(face: Floats, first: int, row0: int, factor: float, out: Floats) -> None:
    for r in range(out.shape[0]):
        low, high = (row0 + r) / factor, (row0 + r + 1) / factor
        out[r] = 0.0
        for j in range(int(np.floor(low)), int(np.ceil(high))):
            weight = (min(high, j + 1.0) - max(low, float(j))) * factor
            for c in range(out.shape[1]):
                out[r, c] += weight * face[j - first, c]


def blur_reach(sigma: float) -> int:
    """Pixels around a region that a blur depends on."""
    return int(_TRUNCATE * sigma + 0.5) if sigma > 0 else 0


def blur_probe(signal: Floats, sigma: float) -> Floats:
    """Blur by the width of the beam and of the volume that electrons come from, the same along both axes."""
    if sigma == 0:
        return signal
    return np.asarray(ndimage.gaussian_filter(signal, sigma, mode="nearest", truncate=_TRUNCATE))


def blur_lines(signal: Floats, sigma: float) -> Floats:
    """Blur along the fast axis by the detector's bandwidth. Symmetric: the delay is taken as corrected."""
    if sigma == 0:
        return signal
    return np.asarray(ndimage.gaussian_filter1d(signal, sigma, axis=1, mode="nearest", truncate=_TRUNCATE))


def count_electrons(
    expected: Floats, *, electrons: float, slice_index: int, place: tuple[int, int], seed: int
) -> Floats:
    """Yield per pixel as the detector counts it: a Poisson number over the mean per unit of yield.

    Parameters
    ----------
    expected : (R, C) float32, yield; below 0 counts as 0
    electrons : of the beam per pixel, times the share of those coming back that the detector catches
    slice_index : number of the slice
    place : row and column of the image of the first pixel; the noise belongs to pixel and slice
    seed : int

    Returns
    -------
    (R, C) float32 of mean `expected` and variance ``expected / electrons``
    """
    out = np.empty_like(expected)
    _poisson(expected, electrons, slice_index, place[0], place[1], seed + _SHOT_FIELD, out)
    return out


@njit(cache=True, nogil=True)
def _poisson(expected: Floats, electrons: float, index: int, row0: int, column0: int, seed: int, out: Floats) -> None:
    for r in range(out.shape[0]):
        for c in range(out.shape[1]):
            mean = max(0.0, expected[r, c] * electrons)
            first = uniform(place_hash(seed, index, row0 + r, column0 + c))
            if mean > _MANY:
                second = uniform(place_hash(seed + 1, index, row0 + r, column0 + c))
                normal = np.sqrt(-2 * np.log(1 - first)) * np.cos(2 * np.pi * second)
                count = max(0.0, np.rint(mean + np.sqrt(mean) * normal))
            else:
                # Inversion: the smallest number whose cumulative probability exceeds the uniform number.
                count, term = 0.0, np.exp(-mean)
                total = term
                while total <= first and count < 400:
                    count += 1
                    term *= mean / count
                    total += term
            out[r, c] = count / electrons


@dataclass(frozen=True)
class Display:
    """Grey levels of a run: ``brightness + contrast · yield / largest``, 1 being the largest integer.

    Parameters
    ----------
    brightness, contrast : grey without electrons, and what the largest yield adds
    largest : yield of the brightest phase
    dtype : "uint8" or "uint16"
    """

    brightness: float
    contrast: float
    largest: float
    dtype: str

    def grey(self, yields: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Grey of an image without drift of brightness; between 0 and 1, beyond that clipped when stored."""
        return np.asarray(self.brightness + self.contrast * np.asarray(yields, np.float64) / self.largest)

    def levels(self, yields: npt.ArrayLike, *, gain: float = 1.0, offset: float = 0.0) -> npt.NDArray[np.generic]:
        """Integers as they are stored, of ``gain · grey + offset``."""
        shown = np.clip(gain * self.grey(yields) + offset, 0, 1)
        return np.asarray(np.rint(shown * _FULL_SCALE[self.dtype]), self.dtype)
