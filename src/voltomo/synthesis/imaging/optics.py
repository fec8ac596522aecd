"""How a point is imaged: blur, propagation fringes, and the halo with shade-off of Zernike phase contrast.

Blur and fringes are one filter. Of a homogeneous object, free-space propagation over a distance z turns the line
integrals B into ``(cos χ + δ/β·sin χ)·B`` with ``χ = π·λ·z·f²`` [1]_; reconstruction keeps such an isotropic filter, by
the Fourier slice theorem. With a Gaussian point spread of standard deviation σ, and L² = λ·z, the function
``exp(−2π²σ²f² + iπL²f²)`` is a Gaussian of the complex variance ``σ² − iL²/2π``: it separates into the axes, its real
part is the cosine and its imaginary part the sine.

References
----------
.. [1] Turner et al., X-ray phase imaging: demonstration of extended conditions with homogeneous objects, Opt. Express
   12 (2004) 2960-2965, doi 10.1364/OPEX.12.002960.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from voltomo.errors import InputError
from voltomo.synthesis.imaging.convolution import convolve_axes, convolve_axis, gaussian_kernel, gaussian_reach

__all__ = ["Optics", "image_through"]

Image = npt.NDArray[np.float32]

_LEAST_BLUR = 0.7
"""Below it a Gaussian still passes 9 % of the highest frequency, and fringes fall between the voxels."""
_HALO_REACH = 3.0
"""Standard deviations at which the wide Gaussian of the halo is cut; 0.3 % of it lie beyond."""
_ALONE = np.ones(1, np.float32)
"""Kernel of an axis along which nothing spreads."""


@dataclass(frozen=True)
class Optics:
    """A point spread. Lengths are in voxels; along an axis of one voxel nothing spreads.

    Parameters
    ----------
    blur : standard deviation of the Gaussian point spread; the modulation transfer is ``exp(−2π²·blur²·f²)``
    fringe_length : √(λ·z), wavelength times distance; 0 for no propagation
    fringes : δ/β of the object: 0 gives the faint fringes of pure absorption, 10 to 1000 are usual for X-rays
    halo : share of the surroundings' contrast that is taken away, 0 to 1: grey − halo·(local mean − background)
    halo_length : standard deviation of the Gaussian that makes the local mean
    background : grey far from everything, which the halo leaves as it is
    """

    blur: float = 0.0
    fringe_length: float = 0.0
    fringes: float = 0.0
    halo: float = 0.0
    halo_length: float = 12.0
    background: float = 0.0

    def __post_init__(self) -> None:
        if min(self.blur, self.fringe_length, self.halo_length) < 0 or not 0 <= self.halo <= 1:
            raise InputError(f"lengths are not negative and halo lies between 0 and 1, found {self}")
        if self.fringe_length > 0 and self.blur < _LEAST_BLUR:
            raise InputError(
                f"fringes need a blur of at least {_LEAST_BLUR} voxels, found {self.blur:g}: sharper ones fall "
                "between the voxels"
            )

    @property
    def reach(self) -> int:
        """Voxels around a place that its image depends on."""
        wide = math.ceil(_HALO_REACH * self.halo_length) if self.halo > 0 else 0
        return max(gaussian_reach(self._spread), wide)

    @property
    def _spread(self) -> float:
        """Standard deviation of the modulus of the complex Gaussian."""
        if self.fringe_length == 0:
            return self.blur
        return math.hypot(self.blur, self.fringe_length**2 / (2 * math.pi * self.blur))

    def _complex_kernel(self) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        variance = self.blur**2 - 1j * self.fringe_length**2 / (2 * math.pi)
        half = np.exp(-0.5 * np.arange(gaussian_reach(self._spread) + 1) ** 2 / variance)
        half /= half[0] + 2 * half[1:].sum()
        return half.real.astype(np.float32), half.imag.astype(np.float32)


def image_through(grey: Image, optics: Optics) -> Image:
    """Grey values as the optics show them.

    Parameters
    ----------
    grey : (Z, Y, X) float32; beyond it the edge voxels are repeated
    optics : Optics

    Returns
    -------
    (Z, Y, X) float32, a new array
    """
    if optics.fringe_length > 0:
        image = _propagate(grey, optics)
    else:
        kernel = gaussian_kernel(optics.blur)
        image = convolve_axes(grey, [kernel if n > 1 else _ALONE for n in grey.shape])
    if optics.halo > 0:
        wide = gaussian_kernel(optics.halo_length)[: math.ceil(_HALO_REACH * optics.halo_length) + 1]
        wide = np.asarray(wide / (wide[0] + 2 * wide[1:].sum()), np.float32)
        local = convolve_axes(grey, [wide if n > 1 else _ALONE for n in grey.shape])
        image -= np.float32(optics.halo) * (local - np.float32(optics.background))
    return image


def _propagate(grey: Image, optics: Optics) -> Image:
    """The complex Gaussian along each axis: real part plus δ/β times the imaginary part."""
    real, imaginary = optics._complex_kernel()
    even: Image = grey
    odd: Image | None = None
    for axis in (axis for axis, n in enumerate(grey.shape) if n > 1):
        next_even = convolve_axis(even, real, axis)
        next_odd = convolve_axis(even, imaginary, axis)
        if odd is not None:
            convolve_axis(odd, imaginary, axis, out=next_even, sign=-1.0)
            convolve_axis(odd, real, axis, out=next_odd)
        even, odd = next_even, next_odd
    if odd is None:
        return even.copy()
    even += np.float32(optics.fringes) * odd
    return even
