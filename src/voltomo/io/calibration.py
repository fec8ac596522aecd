"""Turning what a file says about its voxels into a voxel size in metres, or into a sentence why not."""

from __future__ import annotations

import math
from collections.abc import Sequence

from voltomo.errors import UnitError
from voltomo.units import VoxelSize, parse_length

__all__ = ["describe_axes", "to_meters", "voxel_size_from"]

# Atoms are 0.1 nm and a pouch cell is 0.1 m: outside this range a unit was mistaken.
_PLAUSIBLE = (1e-11, 1e-2)


def to_meters(value: float | None, unit: str | None) -> float | None:
    """A positive finite length in metres; None if the value or the unit does not give one.

    Examples
    --------
    >>> to_meters(64, "nm")
    6.4e-08
    >>> to_meters(1, "pixel") is None
    True
    """
    if value is None or not unit or not math.isfinite(value) or value <= 0:
        return None
    try:
        meters = parse_length(f"{value!r} {unit.strip()}")
    except UnitError:
        return None
    return meters if _PLAUSIBLE[0] <= meters <= _PLAUSIBLE[1] else None


def voxel_size_from(
    edges: Sequence[float | None], *, slices: int, source: str
) -> tuple[VoxelSize | None, tuple[str, ...]]:
    """Voxel size from what a file states along z, y and x, and notices about what is missing.

    Parameters
    ----------
    edges : (dz, dy, dx) in m, None where the file does not say
    slices : Z; a single slice needs no dz and takes dx in its place
    source : where the numbers come from, for the notice
    """
    dz, dy, dx = edges
    if dy is None or dx is None:
        return None, ()
    if dz is None and slices > 1:
        return None, (
            f"{source} gives {dy * 1e9:.6g} × {dx * 1e9:.6g} nm in the plane but no distance between slices; "
            'state the voxel size, such as "200,64,64 nm"',
        )
    return (dx if dz is None else dz, dy, dx), ()


def describe_axes(names: Sequence[str], sizes: Sequence[int]) -> str:
    """Axes and sizes as text, such as ``t=3, z=20, y=64, x=64``."""
    return ", ".join(f"{name.lower()}={size}" for name, size in zip(names, sizes, strict=True))
