"""How the solid is distributed through the thickness of a structure."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from voltomo.synthesis.filling import sampling_lattice
from voltomo.synthesis.raster import open_space
from voltomo.synthesis.structure import Structure

__all__ = ["Profile", "measure_profile"]


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
