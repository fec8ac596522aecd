"""Where voxels lie: what the compiled loops need to know of a lattice and of a structure."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from voltomo.blocks import Region
from voltomo.synthesis.structure import Structure

__all__ = ["Lattice", "every_voxel", "origin_and_step", "starts_and_steps"]

Floats = npt.NDArray[np.float64]
Lattice = tuple[range, range, range]
"""Global voxel indices along z, y and x; a step above 1 samples a volume coarsely."""


def every_voxel(region: Region) -> Lattice:
    """The lattice of all voxels of a region."""
    z, y, x = (range(axis.start, axis.stop) for axis in region)
    return z, y, x


def starts_and_steps(lattice: Lattice) -> npt.NDArray[np.int64]:
    """(3, 2): first index and step along z, y and x."""
    return np.array([(axis.start, axis.step) for axis in lattice], np.int64)


def origin_and_step(structure: Structure) -> tuple[Floats, Floats]:
    """Position of the voxel with index 0, and the voxel size, m."""
    return np.asarray(structure.origin, np.float64), np.asarray(structure.voxel_size, np.float64)
