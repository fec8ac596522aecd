"""How many electrons a material throws back: the contrast of a BSE image.

The backscatter coefficient of an element is Reuter's polynomial in its atomic number [1]_; that of a compound is the
mean over its elements, weighted by mass (Castaing's rule, [2]_).

References
----------
.. [1] Reuter, Proc. 6th Int. Congress on X-ray Optics and Microanalysis (1972), p. 121; measured at 20 kV. Reprinted in
   Goldstein et al., Scanning Electron Microscopy and X-Ray Microanalysis.
.. [2] Castaing, Electron probe microanalysis, Adv. Electronics Electron Phys. 13 (1960), p. 317. Howell, Davy and
   Boyde, Scanning 20 (1998), p. 35, found it the best of the usual averages for light materials.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from voltomo.synthesis.families import CRACK_PHASE, PORE
from voltomo.synthesis.materials import Material

__all__ = [
    "RESIN",
    "PhaseYields",
    "backscatter_coefficient",
    "element_coefficient",
    "find_yields",
    "mass_fractions",
    "mean_atomic_number",
]

Floats = npt.NDArray[np.float32]

RESIN = Material("epoxy resin", "C21H24O4", 1200.0)
"""What fills pores that were infiltrated: the diglycidyl ether of bisphenol A."""

_REUTER = (8.3e-7, -1.86e-4, 0.016, -0.0254)
"""Coefficients of Z³, Z², Z and 1."""


def element_coefficient(atomic_number: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Backscatter coefficient of elements by atomic number: electrons thrown back per electron of the beam.

    Notes
    -----
    The polynomial falls below 0 for hydrogen, where it is taken as 0. Below 5 kV light elements throw back more and
    heavy ones fewer than at 20 kV; the order of the phases here stays.

    Examples
    --------
    >>> element_coefficient([6, 28]).round(3).tolist()
    [0.064, 0.295]
    """
    return np.clip(np.polyval(_REUTER, np.asarray(atomic_number, float)), 0, None)


def mass_fractions(formula: str) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Atomic numbers of the elements in a formula, and their shares of its mass."""
    import xraydb  # loads a data base, which other scans do without

    counts = xraydb.chemparse(formula)
    numbers = np.array([xraydb.atomic_number(element) for element in counts], float)
    masses = np.array([count * xraydb.atomic_mass(element) for element, count in counts.items()], float)
    return numbers, masses / masses.sum()


def mean_atomic_number(material: Material) -> float:
    """Atomic number averaged by mass; 0 for empty space.

    Examples
    --------
    >>> from voltomo.synthesis import materials
    >>> round(mean_atomic_number(materials.GRAPHITE), 3)
    6.0
    """
    if material.formula is None:
        return 0.0
    numbers, shares = mass_fractions(material.formula)
    return float(shares @ numbers)


def backscatter_coefficient(material: Material) -> float:
    """Backscatter coefficient of the dense material, without its unresolved pores; 0 for empty space."""
    if material.formula is None:
        return 0.0
    numbers, shares = mass_fractions(material.formula)
    return float(shares @ element_coefficient(numbers))


@dataclass(frozen=True)
class PhaseYields:
    """Electrons thrown back per electron of the beam, by phase id.

    Parameters
    ----------
    dense : (256,) of the material without its unresolved pores
    porosity : (256,) share of unresolved pores
    filling : of what fills open pores: 0 for vacuum
    is_void : (256,) whether a phase is pore or crack
    """

    dense: Floats
    porosity: Floats
    filling: float
    is_void: npt.NDArray[np.bool_]

    @property
    def mean(self) -> Floats:
        """(256,) with the unresolved pores."""
        return np.asarray(self.dense * (1 - self.porosity) + self.filling * self.porosity, np.float32)


def find_yields(materials: Mapping[int, Material], *, is_infiltrated: bool) -> PhaseYields:
    """Yields of the phases of a family.

    Parameters
    ----------
    materials : by phase id; empty space counts as pore
    is_infiltrated : whether resin fills the pores, resolved and unresolved ones
    """
    dense, porosity = np.zeros(256, np.float32), np.zeros(256, np.float32)
    filling = backscatter_coefficient(RESIN) if is_infiltrated else 0.0
    is_void = np.zeros(256, bool)
    is_void[[0, PORE, CRACK_PHASE]] = True
    for phase_id, material in materials.items():
        is_void[phase_id] |= material.formula is None
        dense[phase_id] = backscatter_coefficient(material)
        porosity[phase_id] = material.porosity
    dense[is_void] = filling
    return PhaseYields(dense, porosity, filling, is_void)
