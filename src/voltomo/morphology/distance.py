"""Euclidean distances on anisotropic voxels, and closing by distances."""

from __future__ import annotations

import edt
import numpy as np
import numpy.typing as npt

from voltomo.machine import available_cores
from voltomo.morphology.grid import Grid

__all__ = ["close_gaps", "distance_inside"]

THREADS_PAY = 1_000_000
"""Voxels from which on starting threads takes less than they save."""


def distance_inside(
    mask: npt.NDArray[np.bool_ | np.uint32], grid: Grid, *, ends_at_border: bool = False
) -> npt.NDArray[np.float32]:
    """Distance of each voxel of a mask to the nearest voxel outside it, centre to centre; 0 outside.

    Parameters
    ----------
    mask : (Z, Y, X) bool or uint32 array
        Of an array of labels, each label is a mask, and all other labels are outside it.
    grid : the voxel lattice
    ends_at_border : whether the voxels just beyond the border of the array are outside; along z not in a plane

    Returns
    -------
    (Z, Y, X) float32 array, in the unit of the voxel edges
        Infinite where nothing is outside.

    References
    ----------
    .. [1] T. Saito, J.-I. Toriwaki, New algorithms for Euclidean distance transformation, Pattern Recognition 27 (1994)
       1551, doi 10.1016/0031-3203(94)90133-3.
    """
    # Lengths in voxel edges: the squares of metres would leave the range of float32.
    unit = grid.smallest_edge
    anisotropy = tuple(grid.edges[axis] / unit for axis in grid.axes)
    plane_or_volume = np.ascontiguousarray(mask[0] if grid.dimension == 2 else mask)
    threads = available_cores() if plane_or_volume.size > THREADS_PAY else 1
    distance: npt.NDArray[np.float32] = edt.edt(
        plane_or_volume, anisotropy=anisotropy, black_border=ends_at_border, parallel=threads
    )
    distance *= np.float32(unit)
    return distance.reshape(mask.shape)


def close_gaps(mask: npt.NDArray[np.bool_], radius: float, grid: Grid) -> npt.NDArray[np.bool_]:
    """Morphological closing by a ball: dilation and erosion by thresholds on distances.

    Parameters
    ----------
    mask : (Z, Y, X) bool array
    radius : in the unit of the voxel edges
    grid : the voxel lattice

    Returns
    -------
    (Z, Y, X) bool array
        The mask and the gaps that no ball of this radius fits into. A voxel depends on those within twice the radius.
        Nearer to the border of the array than the radius nothing is closed: what lies beyond may be open.
    """
    reach = np.float32(radius * (1 + 1e-6))
    grown = distance_inside(~mask, grid) <= reach
    closed = distance_inside(grown, grid, ends_at_border=True) > reach
    closed |= mask
    return closed
