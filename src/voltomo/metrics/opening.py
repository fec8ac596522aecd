"""How wide a phase is at every voxel: the largest ball that lies in the phase and covers the voxel.

The share of the phase that balls of a diameter or more cover is its continuous (opening) size distribution; a voxel
belongs to all sizes up to its local thickness, so that the two are the same [1]_ [2]_.

Balls are laid down from the largest to the smallest, each only where none has been: along x a voxel that is covered
points at the next one that is not (a disjoint-set forest), so that every voxel is written once. Before that, each ball
that lies wholly in the ball of a neighboring voxel is left out, by a table of how large that one must be; what stays is
close to the discrete medial axis [3]_. Nothing is rounded: the result is that of laying down all balls.

References
----------
.. [1] T. Hildebrand, P. Rüegsegger, A new method for the model-independent assessment of thickness in
   three-dimensional images, J. Microsc. 185 (1997) 67, doi 10.1046/j.1365-2818.1997.1340694.x.
.. [2] B. Münch, L. Holzer, Contradicting geometrical concepts in pore size analysis attained with electron microscopy
   and mercury intrusion, J. Am. Ceram. Soc. 91 (2008) 4059, doi 10.1111/j.1551-2916.2008.02736.x.
.. [3] E. Remy, E. Thiel, Exact medial axis with Euclidean distance, Image Vis. Comput. 23 (2005) 167,
   doi 10.1016/j.imavis.2004.06.007.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import edt
import numpy as np
import numpy.typing as npt
from numba import njit

from voltomo.machine import available_cores
from voltomo.morphology.distance import THREADS_PAY
from voltomo.morphology.grid import Grid

__all__ = ["BINS_PER_EDGE", "count_thickness", "covering_balls", "squared_radii"]

Squares: TypeAlias = npt.NDArray[np.float32]
Box: TypeAlias = tuple[slice, slice, slice]

BINS_PER_EDGE = 32
"""Classes of the local thickness per shortest voxel edge: far below what a digitised width is good for."""


_TILE = 32
"""Rows along z and y of a tile: with rows of 256 voxels, a megabyte."""


def squared_radii(labels: npt.NDArray[np.uint8], grid: Grid) -> Squares:
    """Squared radius of the largest ball around each voxel that lies in its phase.

    Parameters
    ----------
    labels : (Z, Y, X) uint8 array
        0 is outside the field of view. Neither it nor the border of the array ends a ball.
    grid : the voxel lattice

    Returns
    -------
    (Z, Y, X) float32 array, in squares of the shortest voxel edge
        Squared distance to the centre of the nearest voxel of another phase; infinite where there is none, 0 outside.
    """
    outside = labels == 0
    if not outside.any():
        return _squared_distances(labels, grid)
    found = np.zeros(labels.shape, np.float32)
    for phase_id in np.unique(labels[~outside]):
        own = labels == phase_id
        np.copyto(found, _squared_distances(own | outside, grid), where=own)
    return found


def _squared_distances(labels: npt.NDArray[Any], grid: Grid) -> Squares:
    unit = grid.smallest_edge
    lattice = tuple(grid.edges[axis] / unit for axis in grid.axes)
    flat = np.ascontiguousarray(labels[0] if grid.dimension == 2 else labels)
    threads = available_cores() if flat.size > THREADS_PAY else 1
    found: Squares = edt.edtsq(flat, anisotropy=lattice, black_border=False, parallel=threads)
    return found.reshape(labels.shape)


def covering_balls(squares: Squares, grid: Grid, *, within: Box | None = None) -> Squares:
    """Squared radius of the largest ball that covers each voxel.

    Parameters
    ----------
    squares : (Z, Y, X) float32, of `squared_radii`; finite
    grid : the voxel lattice
    within : slices, optional
        The part that is asked for; balls around all voxels of `squares` reach into it.

    Returns
    -------
    float32 array of the shape of `within`, in squares of the shortest voxel edge
        A ball of radius R covers the voxels whose centres are closer than R. 0 where `squares` is 0 and no ball comes.
    """
    z, y, x = squares.shape
    box = np.array([side.indices(n)[:2] for side, n in zip(within or (slice(None),) * 3, (z, y, x), strict=True)])
    edges = np.array(grid.edges) / grid.smallest_edge
    if grid.dimension == 2:
        edges[0] = 1.0
    needed = _containing_radii(float(squares.max(initial=0)), edges, grid.dimension)
    centers = _choose_centers(squares, needed, box, edges)
    order = np.argsort(-squares[tuple(centers.T)], kind="stable")
    return np.asarray(_lay_balls(squares, centers[order], box, edges))


def count_thickness(
    balls: Squares,
    labels: npt.NDArray[np.uint8],
    *,
    phase_ids: Sequence[int],
    widest: float,
    places: Sequence[npt.NDArray[np.int64]] | None = None,
    part_count: int = 1,
) -> npt.NDArray[np.int64]:
    """Voxels of each phase by the diameter of the ball that covers them.

    Parameters
    ----------
    balls : (Z, Y, X) float32, of `covering_balls`
    labels : (Z, Y, X) uint8 array
    phase_ids : K ids
    widest : largest radius that occurs, in shortest voxel edges
    places : along z, y, x; the part of the window that a voxel lies in is their sum; one part where None
    part_count : of the window

    Returns
    -------
    (P, K, M) int64 array
        Class m holds the diameters around m / `BINS_PER_EDGE` shortest voxel edges, centre to centre.
    """
    classes = math.ceil(2 * widest * BINS_PER_EDGE) + 2
    z, y, x = places or tuple(np.zeros(n, np.int64) for n in labels.shape)
    return np.asarray(_count(balls, labels, np.array(phase_ids, np.uint8), classes, z, y, x, part_count))


def _containing_radii(largest: float, edges: npt.NDArray[np.float64], dimension: int) -> npt.NDArray[np.float64]:
    """(2, 2, 2, M) squared radius from which on the ball of a neighbor contains a ball.

    The neighbor lies `|step|` (0 or 1 along each axis) away; ball m has a squared radius above m - 1 and up to m.
    """
    classes = math.ceil(largest) + 2
    reach = [int(math.sqrt(classes) / edge) + 1 for edge in edges]
    if dimension == 2:
        reach[0] = 0
    # All signs of a step are alike, so that the furthest voxel lies in the octant that points away from the neighbor.
    octant = np.meshgrid(*(np.arange(n + 1) * edge for n, edge in zip(reach, edges, strict=True)), indexing="ij")
    squared = sum(axis**2 for axis in octant).ravel()
    # Of the voxels inside a ball of squared radius m (strictly), the furthest from the neighbor.
    first = np.minimum(np.floor(squared).astype(np.int64) + 1, classes)
    table = np.empty((2, 2, 2, classes))
    for step in np.ndindex(2, 2, 2):
        away = sum((axis + s * edge) ** 2 for axis, s, edge in zip(octant, step, edges, strict=True)).ravel()
        furthest = np.zeros(classes + 1)
        np.maximum.at(furthest, first, away)
        table[step] = np.maximum(np.maximum.accumulate(furthest)[:classes], np.arange(classes))
    return table


@njit(cache=True, nogil=True)
def _choose_centers(squares, needed, box, edges):  # type: ignore[no-untyped-def]
    """(N, 3) voxels whose balls reach into the box and lie in no ball of a neighbor."""
    depth, height, width = squares.shape
    count = 0
    for write in range(2):
        if write:
            found = np.empty((count, 3), np.int32)
            count = 0
        for z in range(depth):
            for y in range(height):
                for x in range(width):
                    square = squares[z, y, x]
                    if square <= 0:
                        continue
                    dz = max(box[0, 0] - z, z - box[0, 1] + 1, 0) * edges[0]
                    dy = max(box[1, 0] - y, y - box[1, 1] + 1, 0) * edges[1]
                    dx = max(box[2, 0] - x, x - box[2, 1] + 1, 0) * edges[2]
                    if dz * dz + dy * dy + dx * dx >= square:
                        continue
                    if not _lies_in_neighbor(squares, needed, z, y, x):
                        if write:
                            found[count, 0], found[count, 1], found[count, 2] = z, y, x
                        count += 1
    return found


@njit(cache=True, nogil=True)
def _lies_in_neighbor(squares, needed, z, y, x):  # type: ignore[no-untyped-def]
    """Whether all voxels of the ball around a voxel are in the ball around one of its neighbors."""
    depth, height, width = squares.shape
    m = math.ceil(squares[z, y, x])
    for i in range(max(z - 1, 0), min(z + 2, depth)):
        for j in range(max(y - 1, 0), min(y + 2, height)):
            for k in range(max(x - 1, 0), min(x + 2, width)):
                if squares[i, j, k] > needed[abs(i - z), abs(j - y), abs(k - x), m] and (i != z or j != y or k != x):
                    return True
    return False


@njit(cache=True, nogil=True)
def _lay_balls(squares, centers, box, edges):  # type: ignore[no-untyped-def]
    """Lay balls down in the order given, tile by tile so that its rows stay in the cache; a voxel keeps the first."""
    depth, height, width = box[0, 1] - box[0, 0], box[1, 1] - box[1, 0], box[2, 1] - box[2, 0]
    painted = np.zeros((depth, height, width), np.float32)
    # The next voxel of the row that is not covered yet; `width` ends the row.
    following = np.empty((_TILE, _TILE, width + 1), np.int32)
    reaches = np.empty(len(centers), np.float32)
    for n in range(len(centers)):
        reaches[n] = math.sqrt(squares[centers[n, 0], centers[n, 1], centers[n, 2]])
    for z0 in range(0, depth, _TILE):
        z1 = min(z0 + _TILE, depth)
        for y0 in range(0, height, _TILE):
            y1 = min(y0 + _TILE, height)
            following[:] = np.arange(width + 1)
            for n in range(len(centers)):
                reach = int(reaches[n] / edges[0]) + 1
                cz, cy = centers[n, 0] - box[0, 0], centers[n, 1] - box[1, 0]
                low_z, high_z = max(cz - reach, z0), min(cz + reach + 1, z1)
                if low_z >= high_z:
                    continue
                reach = int(reaches[n] / edges[1]) + 1
                low_y, high_y = max(cy - reach, y0), min(cy + reach + 1, y1)
                if low_y >= high_y:
                    continue
                cx = centers[n, 2] - box[2, 0]
                square = squares[centers[n, 0], centers[n, 1], centers[n, 2]]
                for z in range(low_z, high_z):
                    for y in range(low_y, high_y):
                        left = square - ((z - cz) * edges[0]) ** 2 - ((y - cy) * edges[1]) ** 2
                        if left > 0:
                            _cover_row(painted[z, y], following[z - z0, y - y0], cx, left / edges[2] ** 2, square)
    return painted


@njit(cache=True, nogil=True)
def _cover_row(painted, following, center, left, square):  # type: ignore[no-untyped-def]
    """Cover what is free of a row within the root of `left` voxels of a centre, which may lie beyond the row."""
    width = len(painted)
    half = int(math.sqrt(left)) + 1
    while half > 0 and half * half >= left:
        half -= 1
    if center - half >= width:
        return
    last = min(center + half, width - 1)
    x = _next_free(following, max(center - half, 0))
    while x <= last:
        painted[x] = square
        following[x] = x + 1
        x = _next_free(following, x + 1)


@njit(cache=True, nogil=True)
def _next_free(row, x):  # type: ignore[no-untyped-def]
    """Follow the pointers of a row to the next voxel that is not covered, halving the way for the next time."""
    while row[x] != x:
        row[x] = row[row[x]]
        x = row[x]
    return x


@njit(cache=True, nogil=True)
def _count(balls, labels, phase_ids, classes, along_z, along_y, along_x, part_count):  # type: ignore[no-untyped-def]
    row_of = np.full(256, -1, np.int64)
    for k in range(len(phase_ids)):
        row_of[phase_ids[k]] = k
    counts = np.zeros((part_count, len(phase_ids), classes), np.int64)
    depth, height, width = labels.shape
    for z in range(depth):
        for y in range(height):
            for x in range(width):
                k = row_of[labels[z, y, x]]
                if k >= 0:
                    part = along_z[z] + along_y[y] + along_x[x]
                    counts[part, k, int(2 * BINS_PER_EDGE * math.sqrt(balls[z, y, x]) + 0.5)] += 1
    return counts
