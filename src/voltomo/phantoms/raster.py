"""Exact shapes on a voxel grid."""

from __future__ import annotations

import itertools
from typing import Protocol

import numpy as np
import numpy.typing as npt

from voltomo.errors import InputError
from voltomo.units import VoxelSize

__all__ = ["Solid", "rasterize", "voxel_centers"]

Floats = npt.NDArray[np.float64]


class Solid(Protocol):
    """Anything that knows which points lie inside."""

    def contains(self, z: Floats, y: Floats, x: Floats) -> npt.NDArray[np.bool_]:
        """Whether points lie inside."""
        ...


def voxel_centers(
    shape: tuple[int, int, int], *, voxel_size: VoxelSize = (1.0, 1.0, 1.0)
) -> tuple[Floats, Floats, Floats]:
    """Coordinates (Z, 1, 1), (1, Y, 1) and (1, 1, X) of voxel centres; the first is at 0.0."""
    z, y, x = (np.arange(n, dtype=np.float64) * edge for n, edge in zip(shape, voxel_size, strict=True))
    return z[:, None, None], y[None, :, None], x[None, None, :]


def rasterize(
    solid: Solid,
    shape: tuple[int, int, int],
    *,
    voxel_size: VoxelSize = (1.0, 1.0, 1.0),
    supersample: int = 1,
) -> npt.NDArray[np.float32]:
    """Share of each voxel that lies in a solid.

    Parameters
    ----------
    solid : such as `Ball`
    shape : (Z, Y, X) voxels
    voxel_size : (dz, dy, dx) in the unit of the solid
    supersample : points per axis and voxel; 1 asks only whether the voxel's centre lies inside

    Returns
    -------
    (Z, Y, X) float32 array
        0 or 1 for one point per voxel; ``> 0`` or ``>= 0.5`` makes it a mask.

    Notes
    -----
    The sum over voxels times the voxel volume tends to the volume of the solid. The error falls faster than the surface
    times the spacing of the points, as they lie on either side of it.
    """
    if supersample < 1:
        raise InputError(f"expected at least one point per voxel, found supersample={supersample}")
    shares = np.zeros(shape, np.float32)
    offsets = (np.arange(supersample) + 0.5) / supersample - 0.5
    centers = voxel_centers(shape, voxel_size=voxel_size)
    for shift in itertools.product(offsets, repeat=3):
        z, y, x = (p + s * edge for p, s, edge in zip(centers, shift, voxel_size, strict=True))
        shares += solid.contains(z, y, x)
    shares /= supersample**3
    return shares
