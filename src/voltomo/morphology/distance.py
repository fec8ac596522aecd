"""Euclidean distances on anisotropic voxels, and closing by distances."""

from __future__ import annotations

import edt
import numpy as np
import numpy.typing as npt

from voltomo.morphology.grid import Grid

__all__ = ["close_gaps", "distance_inside"]


def distance_inside(mask: npt.NDArray[np.bool_ | np.uint32], grid: Grid) -> npt.NDArray[np.float32]:
    """Distance of each voxel of a mask to the nearest voxel outside it, centre to centre; 0 outside.

    The border of the array is not outside. Infinite where the mask fills the array.

    Parameters
    ----------
    mask : (Z, Y, X) bool or uint32 array
        Of an array of labels, each label is a mask, and all other labels are outside it.
    grid : the voxel lattice

    Returns
    -------
    (Z, Y, X) float32 array, in the unit of the voxel edges

    References
    ----------
    .. [1] T. Saito, J.-I. Toriwaki, New algorithms for Euclidean distance transformation, Pattern Recognition 27 (1994)
       1551, doi 10.1016/0031-3203(94)90133-3.
    """
    # Lengths in voxel edges: the squares of metres would leave the range of float32.
    unit = grid.smallest_edge
    anisotropy = tuple(edge / unit for edge in grid.edges)
    distance: npt.NDArray[np.float32] = edt.edt(np.ascontiguousarray(mask), anisotropy=anisotropy, black_border=False)
    distance *= np.float32(unit)
    return distance


def close_gaps(
    mask: npt.NDArray[np.bool_], radius: float, grid: Grid, *, unknown: npt.NDArray[np.bool_] | None = None
) -> npt.NDArray[np.bool_]:
    """Morphological closing by a ball: dilation and erosion by thresholds on distances.

    Parameters
    ----------
    mask : (Z, Y, X) bool array
    radius : in the unit of the voxel edges
    grid : the voxel lattice
    unknown : voxels about which nothing is known, such as those outside the field of view
        Like what lies beyond the border of the array, they wear nothing away.

    Returns
    -------
    (Z, Y, X) bool array
        The mask and the gaps that no ball of this radius fits into. A voxel depends on those within twice the radius.
    """
    reach = np.float32(radius * (1 + 1e-6))
    grown = distance_inside(~mask, grid) <= reach
    if unknown is not None:
        grown |= unknown
    closed = distance_inside(grown, grid) > reach
    closed |= mask
    return closed
