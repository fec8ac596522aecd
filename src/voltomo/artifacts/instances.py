"""Particles and what is broken inside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from voltomo.artifacts.volume import ArrayLike
from voltomo.errors import InputError
from voltomo.units import VoxelSize

__all__ = ["CRACK", "LENGTH_POWERS", "NOT_PARTICLE", "SOLID", "CrackMap", "InstanceMap", "ParticleTable"]

ParticleTable: TypeAlias = Mapping[str, npt.NDArray[Any]]
"""Columns of equal length, one row per particle; `instance_id` first, rising. Units are in the reference docs."""

LENGTH_POWERS: Mapping[str, int] = {
    "centroid_z": 1,
    "centroid_y": 1,
    "centroid_x": 1,
    "envelope_volume": 3,
    "solid_volume": 3,
    "envelope_area": 2,
    "solid_area": 2,
    "perimeter": 1,
    "equivalent_diameter": 1,
    "surface_area": 2,
    "contact_area": 2,
    "feret_max": 1,
    "feret_min": 1,
    # Of the shapes of a synthetic electrode:
    "z": 1,
    "y": 1,
    "x": 1,
    "a": 1,
    "b": 1,
    "c": 1,
    "diameter": 1,
    "width": 1,
    "area": 2,
    "volume": 3,
}
"""Columns of a table of particles or cracks that carry a length, and its power; the others are counts, indices, ratios
and flags."""

NOT_PARTICLE, SOLID, CRACK = 0, 1, 2
"""The codes of a CrackMap."""


@dataclass(frozen=True)
class InstanceMap:
    """Particle ids of every voxel; 0 is background. A particle includes its cracks and closed voids.

    Parameters
    ----------
    data : (Z, Y, X) or (Y, X) uint32 array-like
    table : one row per particle
    voxel_size : (dz, dy, dx) in m, or None
    """

    data: ArrayLike
    table: ParticleTable = field(default_factory=dict)
    voxel_size: VoxelSize | None = None

    def __post_init__(self) -> None:
        if np.dtype(self.data.dtype) != np.uint32:
            raise InputError(f"an InstanceMap holds uint32 ids, found {self.data.dtype}")

    def __len__(self) -> int:
        return len(self.table["instance_id"]) if self.table else 0


@dataclass(frozen=True)
class CrackMap:
    """Inside particles: 1 solid, 2 crack or void; 0 elsewhere.

    Parameters
    ----------
    data : (Z, Y, X) or (Y, X) uint8 array-like
    threshold : the grey level below which a voxel inside a particle counts as void; None if only phases decided
    voxel_size : (dz, dy, dx) in m, or None
    """

    data: ArrayLike
    threshold: float | None = None
    voxel_size: VoxelSize | None = None
