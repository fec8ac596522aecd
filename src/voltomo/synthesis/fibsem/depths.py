"""What lies behind a face: deeper material that shows through its pores."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
from numba import njit

from voltomo.synthesis.raster import paint
from voltomo.synthesis.structure import Structure

__all__ = ["Depths", "FaceRegion", "View", "look_behind"]

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
FaceRegion = tuple[slice, slice]
"""Rows and columns of a face; they may lie beyond the window."""


@dataclass(frozen=True)
class View:
    """Where a face lies in the specimen.

    Parameters
    ----------
    z : of the face, m from the centre of the structure's first voxel
    row, column : face coordinates of the centre of the structure's first voxel: the drift
    """

    z: float
    row: float
    column: float


@dataclass
class Depths:
    """Phases behind the faces, painted plane by plane on the structure's own voxels and kept while they are needed.

    Parameters
    ----------
    structure : the shapes
    reach : how far behind a face is seen, m; 0 sees nothing
    slope : rows by which the line of sight sinks per plane
    attenuation : depth at which material has lost all but 1/e of its electrons, m
    """

    structure: Structure
    reach: float
    slope: float
    attenuation: float
    _planes: dict[int, Bytes] = field(default_factory=dict)
    _region: FaceRegion = (slice(0, 0), slice(0, 0))

    def cover(self, rows: slice, columns: slice) -> None:
        """Set the rows and columns of the structure that the next views look at, those they sink to aside."""
        sunk = math.ceil(abs(self.slope) * (self.reach / self.structure.voxel_size[0] + 1)) + 1
        self._region = (slice(rows.start - 1, rows.stop + sunk), slice(columns.start - 1, columns.stop + 1))
        self._planes.clear()

    def behind(self, view: View) -> tuple[Bytes, int, tuple[int, int]]:
        """(J, R, C) phases of the planes behind a face, the index of the first plane, and the first row and column."""
        dz = self.structure.voxel_size[0]
        first = math.floor(view.z / dz) + 1
        last = math.floor((view.z + self.reach) / dz)
        for known in [index for index in self._planes if index < first]:
            del self._planes[known]
        rows, columns = self._region
        for index in range(first, last + 1):
            if index not in self._planes:
                lattice = (range(index, index + 1), range(rows.start, rows.stop), range(columns.start, columns.stop))
                self._planes[index] = paint(replace(self.structure, is_cylinder=False), lattice)[0][0]
        planes = [self._planes[index] for index in range(first, last + 1)]
        shape = (0, rows.stop - rows.start, columns.stop - columns.start)
        return np.stack(planes) if planes else np.empty(shape, np.uint8), first, (rows.start, columns.start)


@njit(cache=True, nogil=True)
def look_behind(
    row: float,
    column: float,
    z: float,
    step: npt.NDArray[np.float64],
    mean: Floats,
    is_void: npt.NDArray[np.bool_],
    planes: Bytes,
    first_plane: int,
    corner: tuple[int, int],
    slope: float,
    attenuation: float,
) -> float:
    """Yield of the first material on the line of sight through a pore, attenuated by its depth; 0 if there is none."""
    j = int(np.floor(column + 0.5)) - corner[1]
    for n in range(len(planes)):
        depth = (first_plane + n) * step[0] - z
        i = int(np.floor(row + slope * depth / step[0] + 0.5)) - corner[0]
        phase = planes[n, i, j]
        if not is_void[phase]:
            return float(mean[phase] * np.exp(-depth / attenuation))
    return 0.0
