"""Noise as a sum of Gaussians: a smooth spectrum over many orders of magnitude, fitted to a measured covariance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import nnls

from voltomo.synthesis.likeness.covariance import Covariance, fit_length
from voltomo.synthesis.likeness.sums import LONGEST_LAG

__all__ = ["NoiseModel", "fit_noise"]

Floats = npt.NDArray[np.float64]

_WIDTHS = (0.0, 0.4, 0.55, 0.75, 1.0, 1.4, 2.0, 2.8, 4.0, 5.6, 8.0)
"""Standard deviations of the Gaussians, voxels. 4 has nearly reached its plateau at lag 12; the wider ones make the
variogram rise steadily beyond it, as that of many scans does."""
_WIDEST_IN_VOLUME = 4.0
"""A kernel costs the cube of its width there, and a section's is as fast as a volume's is slow."""
_REACH = 3.0
"""Of a kernel, in widths of its widest Gaussian: what is beyond holds 1e-4 of its energy."""
_LEAST = 0.2
"""Share of the reference's variogram that a noise keeps at every lag: textures and edges add less than the rest."""


@dataclass(frozen=True)
class NoiseModel:
    """Independent noises, each white noise through a Gaussian, that add up.

    Parameters
    ----------
    widths : (K, 2) standard deviations of the Gaussians along y and x, voxels
    variances : (K,) of the noises
    length_z : standard deviation of the Gaussian along z, voxels; 0 for none
    """

    widths: Floats
    variances: Floats
    length_z: float

    @property
    def std(self) -> float:
        """Standard deviation of the sum."""
        return float(np.sqrt(self.variances.sum()))

    def kernel(self) -> Floats:
        """Kernel that gives white noise of variance 1 the correlation of the sum.

        Returns
        -------
        (KZ, KY, KX) float64, odd along each axis, KZ = 1 without correlation along z
            Sum of squares 1. It is symmetric; its Fourier transform is the root of the power spectrum.
        """
        widest = float(np.max(self.widths[self.variances > 1e-6 * self.variances.sum()], initial=0.0))
        reach = int(np.ceil(_REACH * widest)) + 1
        n = 4 * reach + 1
        fy, fx = np.fft.fftfreq(n)[:, None], np.fft.fftfreq(n)
        power = np.zeros((n, n))
        for (sy, sx), variance in zip(self.widths, self.variances, strict=True):
            if variance > 0:
                # White noise through a Gaussian has the covariance exp(−h² / 4σ²); the mean of its power is 1.
                gauss = np.exp(-((2 * np.pi * sy * fy) ** 2) - (2 * np.pi * sx * fx) ** 2)
                power += variance * gauss / gauss.mean()
        whole = np.fft.fftshift(np.fft.ifft2(np.sqrt(power)).real)
        plane = whole[reach : 3 * reach + 1, reach : 3 * reach + 1]
        deep = int(np.ceil(2.5 * self.length_z))
        along_z = np.exp(-0.5 * (np.arange(-deep, deep + 1) / self.length_z) ** 2) if deep else np.ones(1)
        kernel = along_z[:, None, None] * plane
        return np.asarray(kernel / np.sqrt(np.sum(kernel**2)))


def fit_noise(wanted: Covariance, reference: Covariance) -> NoiseModel:
    """The sum of Gaussians whose variogram is nearest to that of a covariance.

    Parameters
    ----------
    wanted : what the noise should have
    reference : of the scan; the misfit at each lag is relative to its variogram

    Notes
    -----
    Least squares with positive variances. Relative, so that the small variogram at short lags, which decides the finest
    detail, counts as much as the plateau.
    """
    is_section = not np.isfinite(reference.along("z")[1:]).any()
    one_axis = [width for width in _WIDTHS if is_section or width <= _WIDEST_IN_VOLUME]
    widths = np.array([(sy, sx) for sy in one_axis for sx in one_axis])
    y, x = np.mgrid[-LONGEST_LAG : LONGEST_LAG + 1, -LONGEST_LAG : LONGEST_LAG + 1]
    scale = reference.variance - reference.plane
    variogram = np.maximum(wanted.variance - wanted.plane, _LEAST * scale)
    used = (scale > 0) & np.isfinite(variogram) & ((y > 0) | ((y == 0) & (x > 0)))
    square = np.stack([y[used], x[used]], axis=1).astype(np.float64) ** 2
    exponent = square @ (1 / (4 * np.maximum(widths, 0.05) ** 2)).T
    model = (1 - np.exp(-exponent)) / scale[used][:, None]
    variances, _ = nnls(model, variogram[used] / scale[used])
    return NoiseModel(widths, np.asarray(variances), fit_length(reference.along("z")) or 0.0)
