"""Sums over the voxels of each particle from which its row of the table follows.

All sums are of integers, and extents are maxima, so that adding up blocks in any way gives the same table to the last
bit.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit

from voltomo.artifacts import CRACK, OUTSIDE
from voltomo.morphology.directions import crofton_directions
from voltomo.morphology.grid import Grid

__all__ = ["ShapeSums", "feret_directions", "merge_sums", "sum_shapes"]

ShapeSums = dict[str, npt.NDArray[np.generic]]
"""Rows of particles: `ids`, `voxels`, `void_voxels`, `first_moments` (N, 3), `second_moments` (N, 6: zz, yy, xx, zy,
zx, yx), `low` and `high` (N, 3), `edges` (N, 7), `crossings` (N, K), `reach` (N, 2F: along and against a direction)."""

_FERET_COUNT = {2: 36, 3: 128}
"""Directions of the Feret diameters: every 5° in a plane; in space none is farther than 11° from one of them, so that
the largest diameter is at most 1 - cos 11° = 2 % too small."""


def feret_directions(dimension: int) -> npt.NDArray[np.float64]:
    """(F, 3) unit vectors (z, y, x) that cover half of all directions evenly; the axes come first."""
    count = _FERET_COUNT[dimension]
    if dimension == 2:
        angles = np.arange(count) * math.pi / count
        return np.stack([np.zeros(count), np.sin(angles), np.cos(angles)], axis=1)
    # A Fibonacci spiral on the half sphere: Swinbank and Purser, Q. J. R. Meteorol. Soc. 132 (2006) 1769.
    i = np.arange(count - 3, dtype=np.float64)
    z = (i + 0.5) / (count - 3)
    angles = i * math.pi * (3 - math.sqrt(5))
    radius: npt.NDArray[np.float64] = np.sqrt(1 - z**2)
    return np.concatenate([np.eye(3), np.stack([z, radius * np.sin(angles), radius * np.cos(angles)], axis=1)])


def sum_shapes(
    labels: npt.NDArray[np.uint32],
    cracks: npt.NDArray[np.uint8],
    phases: npt.NDArray[np.uint8],
    inner: tuple[slice, slice, slice],
    *,
    origin: tuple[int, int, int],
    shape: tuple[int, int, int],
    grid: Grid,
) -> ShapeSums:
    """Sums over the voxels of `inner`, one row per particle found there.

    Parameters
    ----------
    labels : (Z, Y, X) uint32 array of particle ids, 0 is background
    cracks : (Z, Y, X) uint8 array, codes of a CrackMap
    phases : (Z, Y, X) uint8 array of phase ids, 0 outside the field of view
    inner : the voxels to sum over; their neighbours may lie outside
    origin : index of the arrays' first voxel in the volume
    shape : (Z, Y, X) of the volume
    grid : the voxel lattice
    """
    own = labels[inner]
    present = np.zeros(int(own.max(initial=0)) + 1, np.bool_)
    present[own.ravel()] = True
    present[0] = False
    ids = np.flatnonzero(present)
    rows = np.full(len(present), -1, np.int64)
    rows[ids] = np.arange(len(ids))
    offsets = crofton_directions(grid.edges, grid.dimension).offsets
    directions = feret_directions(grid.dimension) * grid.edges
    n = len(ids)
    integers = np.zeros((n, 11), np.int64)
    low = np.full((n, 3), np.iinfo(np.int32).max, np.int64)
    high = np.full((n, 3), -1, np.int64)
    edges = np.zeros((n, 7), np.bool_)
    crossings = np.zeros((n, len(offsets)), np.int64)
    reach = np.full((n, 2 * len(directions)), -np.inf)
    _sum_shapes(
        labels,
        cracks,
        phases,
        np.array([[side.start, side.stop] for side in inner]),
        np.array(origin),
        np.array(shape),
        rows,
        offsets,
        directions,
        integers,
        low,
        high,
        edges,
        crossings,
        reach,
    )
    return {
        "ids": ids.astype(np.uint32),
        "voxels": integers[:, 0],
        "void_voxels": integers[:, 1],
        "first_moments": integers[:, 2:5],
        "second_moments": integers[:, 5:],
        "low": low,
        "high": high,
        "edges": edges,
        "crossings": crossings,
        "reach": reach,
    }


def merge_sums(one: ShapeSums, two: ShapeSums) -> ShapeSums:
    """Sums over both: rows of a particle that is in both are united."""
    ids, rows = np.unique(np.concatenate([one["ids"], two["ids"]]), return_inverse=True)
    merged: ShapeSums = {"ids": ids}
    for name, first in one.items():
        if name == "ids":
            continue
        values = np.concatenate([first, two[name]])
        order = np.argsort(rows, kind="stable")
        starts = np.searchsorted(rows[order], np.arange(len(ids)))
        unite = {"low": np.minimum, "high": np.maximum, "reach": np.maximum, "edges": np.logical_or}.get(name, np.add)
        merged[name] = unite.reduceat(values[order], starts, axis=0) if len(ids) else values
    return merged


@njit(cache=True, nogil=True)
def _sum_shapes(
    labels: npt.NDArray[np.uint32],
    cracks: npt.NDArray[np.uint8],
    phases: npt.NDArray[np.uint8],
    inner: npt.NDArray[np.int64],
    origin: npt.NDArray[np.int64],
    shape: npt.NDArray[np.int64],
    rows: npt.NDArray[np.int64],
    offsets: npt.NDArray[np.int64],
    directions: npt.NDArray[np.float64],
    integers: npt.NDArray[np.int64],
    low: npt.NDArray[np.int64],
    high: npt.NDArray[np.int64],
    edges: npt.NDArray[np.bool_],
    crossings: npt.NDArray[np.int64],
    reach: npt.NDArray[np.float64],
) -> None:
    """Add every voxel of `inner` to its row."""
    nz, ny, nx = labels.shape
    faces = len(directions)
    for z in range(inner[0, 0], inner[0, 1]):
        for y in range(inner[1, 0], inner[1, 1]):
            for x in range(inner[2, 0], inner[2, 1]):
                label = labels[z, y, x]
                if label == 0:
                    continue
                r = rows[label]
                i, j, k = z + origin[0], y + origin[1], x + origin[2]
                integers[r, 0] += 1
                integers[r, 1] += cracks[z, y, x] == CRACK
                integers[r, 2] += i
                integers[r, 3] += j
                integers[r, 4] += k
                integers[r, 5] += i * i
                integers[r, 6] += j * j
                integers[r, 7] += k * k
                integers[r, 8] += i * j
                integers[r, 9] += i * k
                integers[r, 10] += j * k
                low[r, 0], low[r, 1], low[r, 2] = min(low[r, 0], i), min(low[r, 1], j), min(low[r, 2], k)
                high[r, 0], high[r, 1], high[r, 2] = max(high[r, 0], i), max(high[r, 1], j), max(high[r, 2], k)
                surface = False
                for d in range(len(offsets)):
                    for sign in (-1, 1):
                        w = z + sign * offsets[d, 0]
                        v = y + sign * offsets[d, 1]
                        u = x + sign * offsets[d, 2]
                        if w < 0 or w >= nz or v < 0 or v >= ny or u < 0 or u >= nx:
                            # Beyond the volume: a halo of one voxel covers every other neighbour.
                            surface = True
                        elif labels[w, v, u] != label:
                            surface = True
                            if phases[w, v, u] == OUTSIDE:
                                edges[r, 6] = True
                            else:
                                crossings[r, d] += 1
                if not surface:
                    continue
                edges[r, 0] |= i == 0
                edges[r, 1] |= j == 0
                edges[r, 2] |= k == 0
                edges[r, 3] |= i == shape[0] - 1
                edges[r, 4] |= j == shape[1] - 1
                edges[r, 5] |= k == shape[2] - 1
                for f in range(faces):
                    along = directions[f, 0] * i + directions[f, 1] * j + directions[f, 2] * k
                    reach[r, 2 * f] = max(reach[r, 2 * f], along)
                    reach[r, 2 * f + 1] = max(reach[r, 2 * f + 1], -along)
