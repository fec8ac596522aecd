"""How the wave behind a sample becomes the intensity on a detector: free space, and a Zernike phase ring.

Both are linear in the wave, so each is a factor in Fourier space.

References
----------
.. [1] Paganin, Coherent X-Ray Optics, Oxford (2006), sections 1.4 and 4.4: Fresnel propagation, transport of intensity.
.. [2] Zernike, Phase contrast, a new method for the microscopic observation of transparent objects, Physica 9 (1942)
   686, doi 10.1016/S0031-8914(42)80035-X.
.. [3] Yin et al., Understanding the phase contrast optics to restore artifact-free microscopy images for segmentation,
   Med. Image Anal. 16 (2012) 1047, doi 10.1016/j.media.2011.12.006: the ring of finite width as a low-pass filter.
"""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import fft

from voltomo.synthesis.xray.attenuation import wavelength

__all__ = ["WaveOptics", "propagate", "transfer_function"]

_REACH_OF_HALO = 4.0
"""Widths of the halo after which it is below 0.04 %."""


@dataclass(frozen=True)
class WaveOptics:
    """What lies between sample and detector.

    Parameters
    ----------
    distance : of free space behind the sample, m
    ring_phase : by which a phase ring shifts light that the sample did not scatter, rad; None without a ring
    ring_transmission : amplitude that the ring lets through
    halo : standard deviation of the blur that decides, in the sample's plane, what counts as not scattered, m; a ring
        of finite width takes slow variations of the sample for unscattered light, which gives halos and shade-off
    """

    distance: float = 0.0
    ring_phase: float | None = None
    ring_transmission: float = 1.0
    halo: float = 1e-6

    @property
    def is_trivial(self) -> bool:
        """Whether the intensity is that right behind the sample."""
        return self.distance == 0 and self.ring_phase is None

    def reach(self, *, spacing: float, energy: float) -> float:
        """Distance in m over which a point spreads, for a wave sampled at a spacing in m.

        The finest fringe that the sampling carries has the frequency 1/(2·spacing), and leaves at the angle
        λ/(2·spacing).
        """
        fringes = wavelength(energy) * abs(self.distance) / (2 * spacing)
        return fringes + (0.0 if self.ring_phase is None else _REACH_OF_HALO * self.halo)


def transfer_function(
    shape: tuple[int, int], *, spacing: float, energy: float, optics: WaveOptics
) -> npt.NDArray[np.complex64]:
    """Factor on the Fourier transform of the wave.

    Parameters
    ----------
    shape : (V, U) of the wave
    spacing : of its samples, m
    energy : eV

    Returns
    -------
    (V, U) complex64
        In the order of `scipy.fft.fft2`. A wave of modulus 1 without a sample keeps that modulus: behind a ring, the
        intensity is divided by what the ring absorbs.
    """
    v, u = (fft.fftfreq(n, spacing) for n in shape)
    squares = v[:, None] ** 2 + u[None, :] ** 2
    factor = np.exp(-1j * math.pi * wavelength(energy) * optics.distance * squares)
    if optics.ring_phase is not None:
        ring = optics.ring_transmission * cmath.exp(1j * optics.ring_phase)
        unscattered = np.exp(-2 * (math.pi * optics.halo) ** 2 * squares)
        factor *= (1 + (ring - 1) * unscattered) / abs(ring)
    return np.asarray(factor, np.complex64)


def propagate(
    attenuation: npt.NDArray[np.float32], phase_shift: npt.NDArray[np.float32], factor: npt.NDArray[np.complex64]
) -> npt.NDArray[np.float32]:
    """Intensity of a plane wave of intensity 1 behind a sample and the optics.

    Parameters
    ----------
    attenuation : (V, U), line integral of μ
    phase_shift : (V, U), 2π/λ times the line integral of δ, rad; matter advances the wave's phase by it
    factor : of at least that shape; the rest is filled with empty beam

    Returns
    -------
    (V, U) float32 array
    """
    wave = np.ones(factor.shape, np.complex64)
    rows, columns = attenuation.shape
    wave[:rows, :columns] = np.exp(-0.5 * attenuation - 1j * phase_shift)
    wave = fft.ifft2(fft.fft2(wave, overwrite_x=True) * factor, overwrite_x=True)[:rows, :columns]
    return np.asarray(wave.real**2 + wave.imag**2, np.float32)
