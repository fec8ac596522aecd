"""Grey levels that follow from what the phases consist of."""

from __future__ import annotations

import re
from collections.abc import Mapping

from voltomo.errors import InputError
from voltomo.synthesis.materials import Material

__all__ = ["usual_levels"]

_LEVEL_PORE, _LEVEL_BRIGHTEST, _LEVEL_CEILING = 0.22, 0.70, 0.95
_COMPRESSION = 0.3
"""Power of the attenuation that becomes grey: light phases stay apart, as in a phase-contrast or Zernike scan. It puts
the carbon binder of an NMC cathode at 0.32, between the greys of the labelled nano-CT slices that we compare with."""
# Atomic number and mass of the elements in battery electrodes, IUPAC 2021.
_ELEMENTS = {
    symbol: (int(number), float(mass))
    for symbol, number, mass in re.findall(
        r"([A-Z][a-z]?) (\d+) ([\d.]+)",
        "H 1 1.008, Li 3 6.94, B 5 10.81, C 6 12.011, N 7 14.007, O 8 15.999, F 9 18.998, Na 11 22.990, Mg 12 24.305, "
        "Al 13 26.982, Si 14 28.085, P 15 30.974, S 16 32.06, Cl 17 35.45, Ti 22 47.867, V 23 50.942, Cr 24 51.996, "
        "Mn 25 54.938, Fe 26 55.845, Co 27 58.933, Ni 28 58.693, Cu 29 63.546, Zn 30 65.38, Ge 32 72.630, "
        "Br 35 79.904, Zr 40 91.224, Nb 41 92.906, Sn 50 118.71, La 57 138.91, Ta 73 180.95",
    )
}
_PART = re.compile(r"([A-Z][a-z]?)(\d*\.?\d*)")


def usual_levels(materials: Mapping[int, Material], *, exempt: frozenset[int] = frozenset()) -> dict[int, float]:
    """Grey of each phase from what it consists of: 0.22 for empty space, 0.70 for the phase that attenuates most.

    Parameters
    ----------
    materials : by phase id
    exempt : ids that do not count for the brightest, such as a collector; they may be brighter, up to 0.95

    Returns
    -------
    dict
        Greys, rounded to 0.01. Between the ends they follow the power 0.3 of the attenuation far from absorption edges,
        ``bulk density · Σ mass fraction · Z³`` [1]_. This gives the order of the phases, not the contrast of a stated
        instrument; for that, scan by X-rays.

    References
    ----------
    .. [1] J. Als-Nielsen and D. McMorrow, Elements of Modern X-ray Physics, 2nd ed. (2011), section 1.3: the
       photoelectric cross-section grows as Z⁴ per atom, that is as Z³ per mass.
    """
    strength = {i: material.bulk_density * _cubed_charge(material.formula) for i, material in materials.items()}
    brightest = max((value for i, value in strength.items() if i not in exempt), default=0.0) or 1.0
    span = _LEVEL_BRIGHTEST - _LEVEL_PORE
    return {
        i: round(min(_LEVEL_PORE + span * (value / brightest) ** _COMPRESSION, _LEVEL_CEILING), 2)
        for i, value in strength.items()
    }


def _cubed_charge(formula: str | None) -> float:
    """Mean Z³ of the atoms, by mass."""
    if formula is None:
        return 0.0
    parts = _PART.findall(formula)
    unknown = [symbol for symbol, _ in parts if symbol not in _ELEMENTS]
    if unknown or "".join(symbol + count for symbol, count in parts) != formula:
        raise InputError(f"no grey follows from the formula {formula!r}; give the level of its phase")
    masses = [_ELEMENTS[symbol][1] * float(count or 1) for symbol, count in parts]
    return sum(m * _ELEMENTS[symbol][0] ** 3 for m, (symbol, _) in zip(masses, parts, strict=True)) / sum(masses)
