"""The 13 families of lattice planes: sections through a map, from which curvature and line lengths are found.

What a plane section shows of a body (its Euler number, the points in which three phases meet), averaged over all
orientations of the plane, is the body's mean curvature and its length of triple lines. A voxel lattice offers the
planes of Miller indices {100}, {110} and {111}; each family stands for the normals closest to its own. In a window of
2 × 2 × 2 voxels the planes show 6 squares (each shared by two windows), 6 rectangles and 8 triangles.
"""

from __future__ import annotations

import itertools
from functools import cache, lru_cache
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from voltomo.morphology.directions import crofton_directions
from voltomo.units import VoxelSize

__all__ = ["QUARTERS", "TRIANGLES", "LatticePlanes", "euler_table", "lattice_planes", "line_response", "plane_table"]

Floats: TypeAlias = npt.NDArray[np.float64]
Integers: TypeAlias = npt.NDArray[np.int64]

_INDICES: Integers = crofton_directions(None, 3).offsets
CORNERS: Integers = np.array(list(itertools.product((0, 1), repeat=3)), np.int64)
"""(dz, dy, dx) of bit ``4·dz + 2·dy + dx``."""


class LatticePlanes(NamedTuple):
    """Families of parallel planes through voxel centres.

    Parameters
    ----------
    indices : (13, 3) int64, Miller indices along z, y, x
    spacings : (13,) distance between neighboring planes of a family, in the unit of the voxel size
    weights : (13,) share of all normals that are closest to the family's; sums to 1
    normals : (13, 3) unit vectors
    """

    indices: Integers
    spacings: Floats
    weights: Floats
    normals: Floats


@lru_cache(maxsize=8)
def lattice_planes(edges: VoxelSize) -> LatticePlanes:
    """Planes of a lattice of voxels with edges (dz, dy, dx).

    Notes
    -----
    The normals are the directions of the reciprocal lattice, whose vectors have the inverse spacings as lengths.
    """
    dz, dy, dx = edges
    reciprocal = crofton_directions((1 / dz, 1 / dy, 1 / dx), 3)
    normals = reciprocal.offsets / np.array(edges) / reciprocal.lengths[:, None]
    return LatticePlanes(reciprocal.offsets, 1 / reciprocal.lengths, reciprocal.weights, normals)


def line_response(planes: LatticePlanes, directions: Floats) -> Floats:
    """What sections by lattice planes give of straight lines / what sections by all planes would.

    Parameters
    ----------
    planes : families
    directions : (N, 3) unit vectors along z, y, x

    Notes
    -----
    A line along u passes through planes of normal n at a rate ``|n·u|`` / spacing, whatever its position.
    """
    response: Floats = 2 * np.abs(directions @ planes.normals.T) @ planes.weights
    return response


def _polygons(index: Integers) -> list[tuple[list[int], float]]:
    """Corners of the cells that a family's planes show in a window, in order around them, and their share."""
    height = CORNERS @ index
    cells = []
    for level in range(int(height.min()), int(height.max()) + 1):
        corners = [int(c) for c in np.flatnonzero(height == level)]
        if len(corners) == 4:  # two corners across from each other add up to the same as the other two
            corners[2], corners[3] = corners[3], corners[2]
        if len(corners) > 2:
            cells.append((corners, 0.5 if np.abs(index).sum() == 1 else 1.0))
    return cells


def _triangles() -> tuple[Integers, Integers]:
    """Triangles of all cells, (T, 4) with the family first, and the quarters that each counts for.

    A cell of four corners is cut along either diagonal, and each cut counts one half.
    """
    triangles, quarters = [], []
    for family, index in enumerate(_INDICES):
        for corners, share in _polygons(index):
            cuts = ((0, 1, 2), (0, 2, 3), (0, 1, 3), (1, 2, 3)) if len(corners) == 4 else ((0, 1, 2),)
            for cut in cuts:
                triangles.append((family, *(corners[k] for k in cut)))
                quarters.append(round(4 * share * (0.5 if len(corners) == 4 else 1)))
    return np.array(triangles, np.int64), np.array(quarters, np.int64)


TRIANGLES, QUARTERS = _triangles()


@cache
def plane_table() -> Floats:
    """(13, 256) Euler number per window that the sections of a configuration add, family by family.

    Notes
    -----
    Corners count with the share of the cell in all cells around them, edges with one half. In squares and rectangles it
    is not decided whether diagonal neighbors meet: the mean of both answers is taken (of 4 and 8 neighbors). A phase
    and its complement then have opposite Euler numbers.
    """
    table = np.zeros((13, 256))
    for family, index in enumerate(_INDICES):
        for corners, share in _polygons(index):
            n = len(corners)
            around = 4 if n == 4 else 6
            for code in range(256):
                bits = [(code >> c) & 1 for c in corners]
                own = _flat_euler(bits, around)
                table[family, code] += share * (own if n == 3 else (own - _flat_euler([1 - b for b in bits], 4)) / 2)
    return table


def _flat_euler(bits: list[int], around: int) -> float:
    """Corners - edges + face of a cell in the plane, those shared with other cells in part."""
    edges = sum(a & b for a, b in itertools.pairwise([*bits, bits[0]]))
    return sum(bits) / around - edges / 2 + all(bits)


@cache
def euler_table() -> Floats:
    """(2, 256) Euler number per window in space, by 6 neighbors and by 26.

    Corners of a window count with 1/8, edges with 1/4, faces with 1/2. The Euler number by 26 neighbors is that of the
    complement by 6.
    """
    by_face = np.zeros(256)
    for code in range(256):
        body = np.array([(code >> c) & 1 for c in range(8)], bool).reshape(2, 2, 2)
        edges = sum(int(np.logical_and.reduce(body, axis=a).sum()) for a in range(3))
        faces = sum(int(np.logical_and.reduce(body, axis=pair).sum()) for pair in itertools.combinations(range(3), 2))
        by_face[code] = body.sum() / 8 - edges / 4 + faces / 2 - body.all()
    return np.stack([by_face, by_face[::-1]])
