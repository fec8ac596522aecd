"""How the solid is distributed through the thickness of a structure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from voltomo.synthesis.filling import sampling_lattice
from voltomo.synthesis.raster import open_space
from voltomo.synthesis.structure import Structure

__all__ = ["Profile", "describe_packing", "measure_profile"]

_LAYERS = 16
"""Layers of a profile that is written down."""


@dataclass(frozen=True)
class Profile:
    """Fraction of particles, with their cracks, along z.

    Parameters
    ----------
    z : (K,) heights above the first voxel's centre, m
    fraction : (K,) of the field of view at that height
    slope : of a straight line through the fractions: its rise from the middle to the free surface, relative to the mean
    """

    z: npt.NDArray[np.float64]
    fraction: npt.NDArray[np.float64]
    slope: float


def measure_profile(structure: Structure) -> Profile:
    """Profile of the particles between collector and free surface, sampled on a lattice of voxels."""
    lattice = sampling_lattice(structure)
    space = open_space(replace(structure, reach=0.0), lattice)
    inside = np.count_nonzero(space.is_inside, axis=(1, 2))
    fraction = np.count_nonzero((space.owner > 0) & space.is_inside, axis=(1, 2)) / np.maximum(inside, 1)
    place = np.linspace(-1, 1, len(fraction))
    mean = float(fraction.mean())
    slope = float(np.sum(place * fraction) / np.sum(place**2) / mean) if len(fraction) > 1 and mean > 0 else 0.0
    return Profile(np.asarray(lattice[0]) * structure.voxel_size[0], fraction, slope)


def describe_packing(structure: Structure) -> dict[str, Any] | None:
    """JSON-able numbers of the particles as they were packed; None without particles. Lengths in m.

    How many were packed; the share of their volume that lies in two of them; the fraction of particles in layers from
    collector to free surface, and its slope as in `Profile`.
    """
    if len(structure.packing.diameter) == 0:
        return None
    profile = measure_profile(structure)
    layers = np.array_split(np.arange(len(profile.z)), min(_LAYERS, len(profile.z)))
    return {
        "particles": len(structure.packing.diameter),
        "overlap": structure.packing.overlap,
        "profile_z": [float(profile.z[layer].mean()) for layer in layers],
        "profile": [float(profile.fraction[layer].mean()) for layer in layers],
        "profile_slope": profile.slope,
    }
