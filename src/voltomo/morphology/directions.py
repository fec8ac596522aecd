"""The lattice directions along which surfaces are probed, and how much of all directions each one stands for.

Crofton's formula averages the number of surface crossings over all directions of space. A voxel lattice offers 13
directions between a voxel and its 26 neighbours (4 between a pixel and its 8 neighbours); each stands for the part of
the sphere (circle) that is closer to it than to any other. With anisotropic voxels the directions turn, and the
weights with them.
"""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.spatial import SphericalVoronoi

from voltomo.units import VoxelSize

__all__ = ["CroftonDirections", "crofton_directions"]


class CroftonDirections(NamedTuple):
    """Half of the neighbour directions; the opposite half is the same lines.

    Parameters
    ----------
    offsets : (K, 3) int64, steps along z, y, x; K = 13 in a volume, 4 in a plane (dz = 0)
    lengths : (K,) float64, distance between the two voxel centres, in the unit of the voxel size
    weights : (K,) float64, share of all directions; sums to 1
    """

    offsets: npt.NDArray[np.int64]
    lengths: npt.NDArray[np.float64]
    weights: npt.NDArray[np.float64]


def crofton_directions(voxel_size: VoxelSize | None, dimension: int) -> CroftonDirections:
    """Directions, lengths and weights of Crofton's formula on a voxel lattice.

    Parameters
    ----------
    voxel_size : (dz, dy, dx) in m; None stands for voxels of edge 1
    dimension : {2, 3}
        2 uses the y-x plane alone.

    Returns
    -------
    CroftonDirections

    Notes
    -----
    Crossings are the pairs of voxels ``(p, p + offset)`` that lie on different sides. The interface area is
    ``2 Σ weights × crossings × voxel volume / lengths``, the boundary length in a plane
    ``π/2 Σ weights × crossings × pixel area / lengths``.

    References
    ----------
    .. [1] J. Ohser, F. Mücklich, Statistical Analysis of Microstructures in Materials Science, Wiley (2000), ch. 4:
       weights of the cubic lattice.
    .. [2] G. Lehmann, D. Legland, Efficient N-dimensional surface estimation using Crofton formula and run-length
       encoding, Insight Journal (2012), doi 10.54294/wdu86d: anisotropic voxels.

    Examples
    --------
    >>> crofton_directions(None, 2).weights
    array([0.25, 0.25, 0.25, 0.25])
    """
    edges = np.asarray(voxel_size or (1.0, 1.0, 1.0), dtype=np.float64)
    steps = itertools.product((-1, 0, 1), repeat=3)
    # A step and its opposite are one line: keep the one whose first step that is not zero is positive.
    forward = [step for step in steps if step > (0, 0, 0) and (dimension == 3 or step[0] == 0)]
    offsets = np.array(sorted(forward, key=lambda step: (np.abs(step).sum(), tuple(-np.abs(step)))), dtype=np.int64)
    vectors = offsets * edges
    lengths = np.linalg.norm(vectors, axis=1)
    units = vectors / lengths[:, None]
    weights = _sphere_shares(units) if dimension == 3 else _circle_shares(units)
    return CroftonDirections(offsets, lengths, weights)


def _sphere_shares(units: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Share of the sphere closest to each of the lines `units` (K, 3)."""
    cells = SphericalVoronoi(np.concatenate([units, -units]))
    cells.sort_vertices_of_regions()
    areas = np.asarray(cells.calculate_areas())
    shares = areas[: len(units)] + areas[len(units) :]
    return np.asarray(shares / shares.sum())


def _circle_shares(units: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Share of the half circle closest to each of the lines `units` (K, 3) in the y-x plane."""
    angles = np.mod(np.arctan2(units[:, 1], units[:, 2]), math.pi)
    order = np.argsort(angles)
    ordered = angles[order]
    gaps = np.diff(ordered, append=ordered[0] + math.pi)
    shares = np.empty(len(units))
    shares[order] = (gaps + np.roll(gaps, 1)) / (2 * math.pi)
    return shares
