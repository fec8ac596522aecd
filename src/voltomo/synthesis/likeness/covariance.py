"""From squared differences of pairs to noise and texture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from voltomo.synthesis.likeness.sums import LONGEST_LAG, lags

__all__ = ["Covariance", "fit_length", "half_width", "spectrum"]

Floats = npt.NDArray[np.float64]

_FEWEST_PAIRS = 2000
"""At a lag; the relative error of a variance from 2000 independent pairs is 3 %."""
_PLATEAU = 0.75
"""Share of the longest lag from which on the variogram is taken as flat."""


@dataclass(frozen=True)
class Covariance:
    """Covariance of the grey values inside a phase, of fluctuations shorter than the longest lag.

    Parameters
    ----------
    plane : (2 R + 1, 2 R + 1) by (y, x) lag, lag 0 in the middle; NaN where there are too few pairs
    along_z : (R + 1,) by lag; NaN beyond 0 in a section
    lags : (K,) lags along y and x together, from 0, those beyond R included
    variogram : (K,) half the mean squared difference there; NaN where there are too few pairs
    """

    plane: Floats
    along_z: Floats
    lags: Floats
    variogram: Floats

    @classmethod
    def of_pairs(cls, count: Floats, squares: Floats) -> Covariance | None:
        """From counts and sums of squared differences by lag; None where too few pairs are far apart.

        Notes
        -----
        Half the mean squared difference is the variogram γ(h). What it reaches at long lags, minus γ(h), is the
        covariance of fluctuations that are shorter than these lags; slower ones, such as drift, drop out [1]_.

        References
        ----------
        .. [1] G. Matheron, Principles of geostatistics, Econ. Geol. 58 (1963) 1246, doi 10.2113/gsecongeo.58.8.1246.
        """
        steps = lags()
        with np.errstate(divide="ignore", invalid="ignore"):
            half = np.where(count >= _FEWEST_PAIRS, 0.5 * squares / count, np.nan)
        is_plane = (steps[:, 0] == 0) & (np.abs(steps[:, 1:]).max(axis=1) <= LONGEST_LAG)
        far = is_plane & (np.hypot(steps[:, 1], steps[:, 2]) >= _PLATEAU * LONGEST_LAG) & np.isfinite(half)
        if far.sum() < 10:
            return None
        plateau = float(np.average(half[far], weights=count[far]))
        plane = np.full((2 * LONGEST_LAG + 1,) * 2, np.nan)
        for (_, y, x), value in zip(steps[is_plane], half[is_plane], strict=True):
            plane[LONGEST_LAG + y, LONGEST_LAG + x] = plane[LONGEST_LAG - y, LONGEST_LAG - x] = plateau - value
        along_z = np.concatenate([[plateau], plateau - half[steps[:, 0] > 0]])
        on_axis = (steps[:, 0] == 0) & (steps[:, 1:].min(axis=1) == 0) & (steps[:, 1:].max(axis=1) >= 0)
        distance = steps[on_axis].max(axis=1)
        every = np.unique(distance)
        mean = np.array([half[on_axis][distance == h].mean() for h in every])
        return cls(plane, along_z, every.astype(np.float64), mean)

    @property
    def variance(self) -> float:
        """At lag 0."""
        return float(self.plane[LONGEST_LAG, LONGEST_LAG])

    def along(self, axis: str) -> Floats:
        """(R + 1,) covariance by lag along z, y or x."""
        if axis == "z":
            return self.along_z
        return self.plane[LONGEST_LAG:, LONGEST_LAG] if axis == "y" else self.plane[LONGEST_LAG, LONGEST_LAG:]

    def plus(self, one: Covariance, two: Covariance) -> Covariance:
        """The covariance changed by the difference between two others."""
        return Covariance(
            self.plane + one.plane - two.plane,
            self.along_z + one.along_z - two.along_z,
            self.lags,
            self.variogram + one.variogram - two.variogram,
        )

    def texture(self, variance: float, noise: Covariance) -> Floats:
        """(K,) covariance by lag of what a phase varies beyond the noise.

        Parameters
        ----------
        variance : of all grey values inside the phase
        noise : covariance of the noise
        """
        short = noise.lags <= LONGEST_LAG
        seen = np.where(short, noise.variance - noise.variogram, 0.0)
        return np.asarray(variance - self.variogram - seen)


def fit_length(curve: Floats) -> float | None:
    """Standard deviation of the Gaussian that gives white noise the correlation seen at the first four lags.

    Parameters
    ----------
    curve : (R + 1,) covariance by lag

    Returns
    -------
    float or None
        In voxels; 0 for white noise; None where a lag is missing.

    Notes
    -----
    White noise through a Gaussian of standard deviation l has the correlation exp(−h² / 4 l²) at lag h.
    """
    ratio = curve[1:5] / curve[0] if curve[0] > 0 else curve[1:5] * np.nan
    if not np.isfinite(ratio).all():
        return None
    lengths = np.linspace(0.05, 8, 800)
    h = np.arange(1, 5)
    misfit = ((np.exp(-(h**2) / (4 * lengths[:, None] ** 2)) - ratio) ** 2).sum(axis=1)
    best = float(lengths[int(np.argmin(misfit))])
    return 0.0 if best < 0.3 else best  # below 0.3 voxel the correlation at lag 1 is under 0.06 %


def half_width(lags: Floats, curve: Floats) -> float | None:
    """Lag at which a covariance has fallen to half of that at lag 0; None where it does not, or is not positive.

    Parameters
    ----------
    lags : (K,) voxels, rising from 0
    curve : (K,) covariance; NaN where it is not known
    """
    known = np.isfinite(curve)
    lags, curve = lags[known], curve[known]
    if not len(curve) or lags[0] != 0 or not curve[0] > 0:
        return None
    below = np.flatnonzero(curve < 0.5 * curve[0])
    if not len(below):
        return None
    k = int(below[0])
    part = (curve[k - 1] - 0.5 * curve[0]) / (curve[k - 1] - curve[k])
    return float(lags[k - 1] + part * (lags[k] - lags[k - 1]))


def spectrum(covariance: Covariance) -> tuple[Floats, Floats]:
    """Radial power spectrum of fluctuations in the plane.

    Returns
    -------
    frequency : (K,) cycles per voxel
    power : (K,) mean power at it, grey² voxel²
    """
    power = _power(covariance)
    f = np.fft.fftfreq(len(power))
    radius = np.hypot(f[:, None], f)
    bins = np.rint(radius * len(power)).astype(np.intp).ravel()
    count = np.bincount(bins)
    keep = np.arange(len(count)) <= len(power) // 2
    mean = np.bincount(bins, weights=power.ravel()) / np.maximum(count, 1)
    return (np.arange(len(count)) / len(power))[keep], mean[keep]


def _power(covariance: Covariance) -> Floats:
    """Power by frequency: Fourier transform of the covariance, faded out towards its longest lag; never negative."""
    n = len(covariance.plane)
    h = np.abs(np.arange(n) - n // 2) / (n // 2 + 1)
    radius = np.minimum(np.hypot(h[:, None], h), 1)
    fade = np.cos(0.5 * np.pi * np.maximum(2 * radius - 1, 0)) ** 2  # 1 up to half of the longest lag
    plane = np.nan_to_num(covariance.plane) * fade
    return np.asarray(np.maximum(np.fft.fft2(np.fft.ifftshift(plane)).real, 0))
