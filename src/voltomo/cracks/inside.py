"""Voids and cracks inside particles, voxel by voxel."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import CRACK, NOT_PARTICLE, SOLID
from voltomo.morphology.distance import distance_inside
from voltomo.morphology.grid import Grid

__all__ = ["interior", "mark_cracks"]


def interior(particles: npt.NDArray[np.uint32], *, depth: float, grid: Grid) -> npt.NDArray[np.bool_]:
    """Voxels of particles that are farther than `depth` from everything outside their own particle.

    Parameters
    ----------
    particles : (Z, Y, X) uint32 array, 0 is background
    depth : in the unit of the voxel edges
    grid : the voxel lattice
    """
    inside: npt.NDArray[np.bool_] = distance_inside(particles, grid) > depth
    return inside


def mark_cracks(
    particles: npt.NDArray[np.uint32],
    phases: npt.NDArray[np.uint8],
    grey: npt.NDArray[Any] | None = None,
    *,
    active: int,
    cut: float | None = None,
    depth: float = 0.0,
    grid: Grid,
) -> npt.NDArray[np.uint8]:
    """Codes of a CrackMap.

    Parameters
    ----------
    particles : (Z, Y, X) uint32 array, 0 is background
    phases : (Z, Y, X) uint8 array of phase ids
    grey : (Z, Y, X) array, or None
    active : id of the active phase; every other phase inside a particle is void
    cut : active voxels darker than this are void too, where they lie deeper than `depth`
    depth : in the unit of the voxel edges; near the surface a voxel is dark because it is partly outside
    grid : the voxel lattice

    Returns
    -------
    (Z, Y, X) uint8 array of 0 (no particle), 1 (solid) and 2 (crack or void)
    """
    inside = particles > 0
    cracks = np.where(inside, np.uint8(SOLID), np.uint8(NOT_PARTICLE))
    cracks[inside & (phases != active)] = CRACK
    if grey is not None and cut is not None:
        cracks[(grey < cut) & interior(particles, depth=depth, grid=grid)] = CRACK
    return cracks
