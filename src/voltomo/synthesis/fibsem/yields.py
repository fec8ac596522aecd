"""How many electrons a material throws back: the contrast of a BSE image.

The backscatter coefficient of an element is Reuter's polynomial in its atomic number [1]_; that of a compound is the mean
over its elements, weighted by mass (Castaing's rule, [2]_).

References
----------
.. [1] Reuter, Proc. 6th Int. Congress on X-ray Optics and Microanalysis (1972), p. 121; measured at 20 kV. Reprinted in
   Goldstein et al., Scanning Electron Microscopy and X-Ray Microanalysis.
.. [2] Castaing, Electron probe microanalysis, Adv. Electronics Electron Phys. 13 (1960), p. 317. Howell, Davy and Boyde,
   Scanning 20 (1998), p. 35, found it the best of the usual averages for light materials.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from voltomo.synthesis.materials import Material

__all__ = ["RESIN", "backscatter_coefficient", "element_coefficient", "mass_fractions", "mean_atomic_number"]

RESIN = Material("epoxy resin", "C21H24O4", 1200.0)
"""What fills pores that were infiltrated: the diglycidyl ether of bisphenol A, cured without other elements."""

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
