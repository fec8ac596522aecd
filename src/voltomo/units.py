"""Units: SI inside, display units at the edges.

Lengths are metres, angles radians, memory bytes. Text such as ``"64 nm"`` exists in readers, command lines, recipes and
reports only, and passes through this module on its way in and out.
"""

from __future__ import annotations

import math
import re
from typing import TypeAlias

from voltomo.errors import UnitError

__all__ = [
    "VoxelSize",
    "format_bytes",
    "format_length",
    "format_voxel_size",
    "parse_areal_mass",
    "parse_bytes",
    "parse_density",
    "parse_energy",
    "parse_length",
    "parse_voxel_size",
]

VoxelSize: TypeAlias = tuple[float, float, float]
"""Voxel edge lengths ``(dz, dy, dx)`` in metres."""

_METERS = {
    "pm": 1e-12,
    "a": 1e-10,
    "å": 1e-10,
    "angstrom": 1e-10,
    "nm": 1e-9,
    "nanometer": 1e-9,
    "nanometre": 1e-9,
    "um": 1e-6,
    "µm": 1e-6,  # micro sign
    "μm": 1e-6,  # greek mu
    "micron": 1e-6,
    "microns": 1e-6,
    "micrometer": 1e-6,
    "micrometre": 1e-6,
    "mm": 1e-3,
    "millimeter": 1e-3,
    "millimetre": 1e-3,
    "cm": 1e-2,
    "m": 1.0,
    "meter": 1.0,
    "metre": 1.0,
}
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
# Atoms are 0.1 nm and a pouch cell is 0.1 m: outside this range a unit was mistaken.
_PLAUSIBLE_VOXEL = (1e-11, 1e-2)


def parse_length(text: str) -> float:
    """Length in metres from text such as ``"64 nm"`` or ``"0.2 um"``.

    Raises
    ------
    UnitError
        If the unit is missing or unknown, or the value is not finite.

    Examples
    --------
    >>> parse_length("64 nm")
    6.4e-08
    """
    match = re.fullmatch(rf"\s*({_NUMBER})\s*([^\s\d]*)\s*", str(text))
    if match is None:
        raise UnitError(f'expected a length such as "64 nm", found {text!r}')
    value, unit = float(match[1]), match[2].lower()
    if not unit:
        raise UnitError(f'{text!r} has no unit; write for example "{text} nm" or "{text} um"')
    if unit not in _METERS:
        raise UnitError(f"unknown length unit {match[2]!r} in {text!r}; use nm, um, mm or m")
    meters = float(f"{value * _METERS[unit]:.15g}")  # 64 * 1e-9 prints as 6.4e-08, not 6.400000000000001e-08
    if not math.isfinite(meters):
        raise UnitError(f"{text!r} is not a finite length")
    return meters


def parse_voxel_size(text: str) -> VoxelSize | None:
    """Voxel size ``(dz, dy, dx)`` in metres; ``"none"`` gives None.

    Parameters
    ----------
    text : str
        ``"64 nm"`` (cubic), ``"200,64,64 nm"`` (z, y, x) or ``"z=0.2 um, y=x=64 nm"``.

    Raises
    ------
    UnitError
        If it is not of these forms, not positive, or outside 0.01 nm to 10 mm.

    Examples
    --------
    >>> parse_voxel_size("200,64,64 nm")
    (2e-07, 6.4e-08, 6.4e-08)
    >>> parse_voxel_size("z=0.2 um, y=x=64 nm")
    (2e-07, 6.4e-08, 6.4e-08)
    """
    text = str(text).strip()
    if text.lower() == "none":
        return None
    if "=" in text:
        size = _parse_named_axes(text)
    else:
        parts = [part.strip() for part in text.split(",")]
        if len(parts) not in (1, 3):
            raise UnitError(f'expected one voxel size or three in z, y, x order such as "200,64,64 nm", found {text!r}')
        unit = re.sub(rf"^\s*{_NUMBER}\s*", "", parts[-1])
        lengths = [parse_length(p if re.search(r"[^\d.\s+eE-]", p) else f"{p} {unit}") for p in parts]
        size = (lengths[0],) * 3 if len(lengths) == 1 else (lengths[0], lengths[1], lengths[2])
    low, high = _PLAUSIBLE_VOXEL
    for edge in size:
        if edge <= 0:
            raise UnitError(f"a voxel size must be positive, found {text!r}")
        if not low <= edge <= high:
            raise UnitError(f"a voxel of {edge:g} m is outside 0.01 nm to 10 mm; is the unit in {text!r} right?")
    return size


def _parse_named_axes(text: str) -> VoxelSize:
    """``"z=0.2 um, y=x=64 nm"`` → (dz, dy, dx)."""
    found: dict[str, float] = {}
    for part in text.split(","):
        *names, value = (piece.strip() for piece in part.split("="))
        for name in names:
            if name not in ("z", "y", "x") or name in found:
                raise UnitError(f'expected each of z, y and x once, such as "z=0.2 um, y=x=64 nm", found {text!r}')
            found[name] = parse_length(value)
    if len(found) != 3:
        raise UnitError(f'expected each of z, y and x once, such as "z=0.2 um, y=x=64 nm", found {text!r}')
    return found["z"], found["y"], found["x"]


def format_length(meters: float, *, digits: int = 4) -> str:
    """Length with the unit that keeps the number between 1 and 1000.

    Examples
    --------
    >>> format_length(6.4e-08)
    '64 nm'
    >>> format_length(1.25e-05)
    '12.5 µm'
    """
    for unit, scale in (("nm", 1e-9), ("µm", 1e-6), ("mm", 1e-3)):
        if abs(meters) < 999.5 * scale:
            return f"{meters / scale:.{digits}g} {unit}"
    return f"{meters:.{digits}g} m"


def format_voxel_size(voxel_size: VoxelSize | None) -> str:
    """Voxel size as ``parse_voxel_size`` reads it back; "none" where it is unknown.

    Examples
    --------
    >>> format_voxel_size((2e-07, 6.4e-08, 6.4e-08))
    '200,64,64 nm'
    """
    if voxel_size is None:
        return "none"
    edges = [f"{edge * 1e9:.10g}" for edge in voxel_size]
    return f"{edges[0]} nm" if len(set(edges)) == 1 else f"{','.join(edges)} nm"


_BYTES = {"b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
_BYTES |= {"kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}


def parse_bytes(text: str | int) -> int:
    """Number of bytes from text such as ``"4GB"`` (decimal) or ``"4GiB"`` (binary).

    Examples
    --------
    >>> parse_bytes("4GB")
    4000000000
    """
    match = re.fullmatch(rf"\s*({_NUMBER})\s*([A-Za-z]*)\s*", str(text))
    if match is None or (match[2] or "b").lower() not in _BYTES:
        raise UnitError(f'expected an amount of memory such as "4GB", found {text!r}')
    count = float(match[1]) * _BYTES[(match[2] or "b").lower()]
    if not math.isfinite(count) or count <= 0:
        raise UnitError(f"an amount of memory must be positive, found {text!r}")
    return int(count)


def format_bytes(count: float) -> str:
    """Bytes in decimal units, three digits.

    Examples
    --------
    >>> format_bytes(3_200_000_000)
    '3.2 GB'
    """
    for unit, scale in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= scale:
            return f"{count / scale:.3g} {unit}"
    return f"{count:.0f} B"


_DENSITY = {"g/cm3": 1e3, "g/cm^3": 1e3, "g/cm³": 1e3, "kg/m3": 1.0, "kg/m^3": 1.0, "kg/m³": 1.0}


def parse_density(text: str) -> float:
    """Mass density in kg/m³ from text such as ``"4.7 g/cm3"``.

    Examples
    --------
    >>> parse_density("4.7 g/cm3")
    4700.0
    """
    match = re.fullmatch(rf"\s*({_NUMBER})\s*(\S+)\s*", str(text))
    if match is None or match[2] not in _DENSITY:
        raise UnitError(f'expected a density such as "4.7 g/cm3", found {text!r}')
    density = float(match[1]) * _DENSITY[match[2]]
    if not (math.isfinite(density) and density > 0):
        raise UnitError(f"a density must be positive, found {text!r}")
    return density


_AREAL_MASS = {"mg/cm2": 1e-2, "mg/cm^2": 1e-2, "mg/cm²": 1e-2, "g/m2": 1e-3, "g/m^2": 1e-3, "g/m²": 1e-3}
_AREAL_MASS |= {"kg/m2": 1.0, "kg/m^2": 1.0, "kg/m²": 1.0}


def parse_areal_mass(text: str) -> float:
    """Mass per area in kg/m² from text such as ``"20 mg/cm2"``.

    Examples
    --------
    >>> parse_areal_mass("20 mg/cm2")
    0.2
    """
    match = re.fullmatch(rf"\s*({_NUMBER})\s*(\S+)\s*", str(text))
    if match is None or match[2] not in _AREAL_MASS:
        raise UnitError(f'expected a mass per area such as "20 mg/cm2", found {text!r}')
    mass = float(f"{float(match[1]) * _AREAL_MASS[match[2]]:.15g}")
    if not (math.isfinite(mass) and mass > 0):
        raise UnitError(f"a mass per area must be positive, found {text!r}")
    return mass


_ELECTRONVOLTS = {"ev": 1.0, "kev": 1e3, "mev": 1e6, "v": 1.0, "kv": 1e3}


def parse_energy(text: str) -> float:
    """Energy in electronvolts from text such as ``"8 keV"``; also that of an electron behind ``"30 kV"``.

    Examples
    --------
    >>> parse_energy("8.5 keV")
    8500.0
    """
    match = re.fullmatch(rf"\s*({_NUMBER})\s*([A-Za-z]+)\s*", str(text))
    if match is None or match[2].lower() not in _ELECTRONVOLTS:
        raise UnitError(f'expected an energy such as "8 keV", found {text!r}')
    energy = float(f"{float(match[1]) * _ELECTRONVOLTS[match[2].lower()]:.15g}")
    if not (math.isfinite(energy) and energy > 0):
        raise UnitError(f"an energy must be positive, found {text!r}")
    return energy
