"""The voxel lattice in physical lengths: anisotropic voxels, planes, balls and halos."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from voltomo.units import VoxelSize

__all__ = ["Grid"]


@dataclass(frozen=True)
class Grid:
    """Voxel edges and dimension of a volume or a plane.

    Parameters
    ----------
    edges : (dz, dy, dx) in m, or in voxels where the voxel size is unknown
    dimension : {2, 3}
        2 is a plane normal to z: lengths along z do not count.
    """

    edges: VoxelSize
    dimension: int = 3

    @classmethod
    def of(cls, shape: tuple[int, ...], voxel_size: VoxelSize | None) -> Grid:
        """The lattice of a (Z, Y, X) array; Z = 1 is a plane, an unknown voxel size gives voxels of edge 1."""
        return cls(voxel_size or (1.0, 1.0, 1.0), 2 if shape[0] == 1 else 3)

    @property
    def axes(self) -> tuple[int, ...]:
        """The axes that count: (0, 1, 2) or (1, 2)."""
        return (0, 1, 2) if self.dimension == 3 else (1, 2)

    @property
    def smallest_edge(self) -> float:
        """Shortest voxel edge along the axes that count."""
        return min(self.edges[axis] for axis in self.axes)

    @property
    def voxel_content(self) -> float:
        """Volume of a voxel, or area of a pixel."""
        return math.prod(self.edges[axis] for axis in self.axes)

    def content_of_ball(self, diameter: float) -> float:
        """Volume of a ball, or area of a disc."""
        return math.pi / 6 * diameter**3 if self.dimension == 3 else math.pi / 4 * diameter**2

    def diameter_of_ball(self, content: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Diameter of the ball of a volume, or of the disc of an area."""
        values = np.asarray(content, np.float64)
        return np.cbrt(6 / math.pi * values) if self.dimension == 3 else np.sqrt(4 / math.pi * values)

    def halo(self, reach: float) -> tuple[int, int, int]:
        """Voxels along each axis that cover a length, rounded up; 0 along z in a plane."""
        z, y, x = (math.ceil(reach / edge - 1e-9) if axis in self.axes else 0 for axis, edge in enumerate(self.edges))
        return z, y, x

    def ball(self, radius: float) -> npt.NDArray[np.int64]:
        """(K, 3) steps to the voxels whose centres are at most `radius` away, the voxel itself included.

        Examples
        --------
        >>> len(Grid((1.0, 1.0, 1.0)).ball(1.0))
        7
        """
        reach = self.halo(radius)
        steps = np.array(list(itertools.product(*(range(-n, n + 1) for n in reach))), np.int64)
        squared = ((steps * self.edges) ** 2).sum(axis=1)
        return np.asarray(steps[squared <= (radius * (1 + 1e-9)) ** 2])
