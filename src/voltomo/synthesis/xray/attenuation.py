"""What X-rays meet in a material: attenuation and refraction from composition, density and photon energy.

Energies are in eV. The numbers come from the tables that `xraydb` carries with it.

References
----------
.. [1] Elam, Ravel and Sieber, A new atomic database for X-ray spectroscopic calculations, Radiat. Phys. Chem. 63 (2002)
   121, doi 10.1016/S0969-806X(01)00227-4: cross sections.
.. [2] Chantler, Detailed tabulation of atomic form factors, J. Phys. Chem. Ref. Data 29 (2000) 597,
   doi 10.1063/1.1321055: refraction.
.. [3] Kramers, On the theory of X-ray absorption and of the continuous X-ray spectrum, Phil. Mag. 46 (1923) 836,
   doi 10.1080/14786442308565244.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from voltomo.errors import InputError
from voltomo.synthesis.materials import ALUMINIUM, Material

__all__ = ["OpticalConstants", "Spectrum", "optical_constants", "tube_spectrum", "wavelength"]

Floats = npt.NDArray[np.float64]

ENERGY_LIMITS = (1e3, 1e5)
"""eV; below, light elements absorb within a micrometre, above, electrodes are transparent."""
_PLANCK_TIMES_LIGHT = 1.23984198e-6
"""eV·m, from the exact SI values of h, c and e."""


@dataclass(frozen=True)
class OpticalConstants:
    """Refractive index 1 − δ + iβ of a material, with its attenuation coefficient.

    Parameters
    ----------
    mu : linear attenuation coefficient, scattering included, 1/m
    delta : refractive index decrement, dimensionless
    """

    mu: float
    delta: float


@dataclass(frozen=True)
class Spectrum:
    """Photons by energy.

    Parameters
    ----------
    energies : (E,) eV
    weights : (E,) share of the photons that the detector counts without a sample; they add up to 1
    """

    energies: tuple[float, ...]
    weights: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Mean energy, eV."""
        return math.fsum(e * w for e, w in zip(self.energies, self.weights, strict=True))


def wavelength(energy: float) -> float:
    """Wavelength in m of photons of an energy in eV.

    Examples
    --------
    >>> round(wavelength(8000) * 1e10, 4)
    1.5498
    """
    return _PLANCK_TIMES_LIGHT / energy


def optical_constants(material: Material, energy: float) -> OpticalConstants:
    """Attenuation and refraction of a material at an energy in eV.

    Pores that no voxel resolves lower the density. Empty space (no formula) has neither.

    Raises
    ------
    InputError
        If the energy is not between 1 and 100 keV.

    Examples
    --------
    Aluminium at 8 keV: 50.3 cm²/g (NIST) times 2.7 g/cm³.

    >>> from voltomo.synthesis.materials import ALUMINIUM
    >>> round(optical_constants(ALUMINIUM, 8000).mu / 100 / 2.7)
    50
    """
    import xraydb  # a second, for its database

    low, high = ENERGY_LIMITS
    if not low <= energy <= high:
        raise InputError(f"expected an energy between {low / 1e3:g} and {high / 1e3:g} keV, found {energy / 1e3:g} keV")
    if material.formula is None or material.bulk_density == 0:
        return OpticalConstants(0.0, 0.0)
    density = material.bulk_density * 1e-3  # g/cm³
    mu = float(xraydb.material_mu(material.formula, energy, density=density)) * 100  # from 1/cm
    delta, _, _ = xraydb.xray_delta_beta(material.formula, density, energy)
    return OpticalConstants(mu, float(delta))


def tube_spectrum(voltage: float, *, filter_thickness: float, count: int = 10) -> Spectrum:
    """Bremsstrahlung of an X-ray tube behind an aluminium filter, in a few energies.

    Parameters
    ----------
    voltage : highest photon energy, eV
    filter_thickness : of aluminium, m
    count : energies between a fifth of the highest and the highest

    Notes
    -----
    Kramers' law: photons per energy are proportional to (E₀ − E) / E. Characteristic lines are left out, and the
    detector counts photons of any energy alike.
    """
    edges = np.linspace(max(0.2 * voltage, ENERGY_LIMITS[0]), voltage, count + 1)
    energies = 0.5 * (edges[1:] + edges[:-1])
    passed = [math.exp(-optical_constants(ALUMINIUM, float(e)).mu * filter_thickness) for e in energies]
    photons = (voltage - energies) / energies * np.array(passed)
    if photons.sum() < 1e-6:
        raise InputError(f"an aluminium filter of {filter_thickness * 1e3:g} mm stops all photons of this tube")
    weights = photons / photons.sum()
    return Spectrum(tuple(energies.tolist()), tuple(weights.tolist()))
