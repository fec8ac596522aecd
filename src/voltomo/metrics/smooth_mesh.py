"""Area of a mesh through a smoothed map: what programs report that smooth a phase before they lay a mesh.

The phase's indicator is smoothed with a Gaussian of 3 × 3 × 3 voxels (σ of one voxel), and marching cubes interpolate
the level one half. Bodies thinner than three voxels shrink or vanish, so that the area is no better than that of the
plain mesh; it is here to compare.
"""

from __future__ import annotations

import itertools
import math
from functools import cache
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import scipy.ndimage as ndi
from numba import njit
from skimage.measure import marching_cubes

from voltomo.metrics.lattice_planes import CORNERS
from voltomo.units import VoxelSize

__all__ = ["HALO", "UNITS_PER_FACE", "smooth_mesh_area"]

Bytes: TypeAlias = npt.NDArray[np.uint8]
Floats: TypeAlias = npt.NDArray[np.float64]
Integers: TypeAlias = npt.NDArray[np.int64]

HALO = 2  # one voxel for the windows, one more for the Gaussian
UNITS_PER_FACE = 1 << 24
"""Areas are whole numbers of this part of a voxel's largest face: sums are then the same in any order of the blocks."""

# exp(-k²/2) at k = -1, 0, 1, as in TauFactor's marching cubes with smoothing (Kench et al., J. Open Source Softw. 8,
# 5358 (2023), doi 10.21105/joss.05358).
_WEIGHTS = np.exp([-0.5, 0.0, -0.5]) / np.exp([-0.5, 0.0, -0.5]).sum()


def smooth_mesh_area(
    labels: Bytes, phase_id: int, *, edges: VoxelSize, starts: tuple[slice, slice, slice] | None = None
) -> int:
    """Area of the smoothed mesh around a phase, in parts of ``max(edges)²`` of which `UNITS_PER_FACE` make one.

    Parameters
    ----------
    labels : (Z, Y, X) uint8 array; windows that hold id 0 are not counted
    phase_id : of the phase
    edges : (dz, dy, dx)
    starts : slices along z, y, x, optional
        Where the first voxel of a window lies; a block gives its inner region and reads `HALO` voxels around it.

    Examples
    --------
    >>> flat = np.ones((4, 4, 4), np.uint8)
    >>> flat[2:] = 2
    >>> smooth_mesh_area(flat, 2, edges=(1, 1, 1)) / UNITS_PER_FACE
    9.0
    """
    within = np.zeros((3, 2), np.int64)
    for axis, n in enumerate(labels.shape):
        first, last, _ = (slice(None) if starts is None else starts[axis]).indices(n)
        within[axis] = first, min(last, n - 1)
    field = (labels == phase_id).astype(np.float32)
    for axis in range(3):
        field = ndi.correlate1d(field, _WEIGHTS, axis=axis, mode="nearest", output=np.float32)
    scaled = np.array(edges, np.float64) / max(edges)
    return int(_area(np.ascontiguousarray(labels), field, within, scaled, *_triangles()))


@cache
def _triangles() -> tuple[Integers, Integers]:
    """(12, 2) corners of the edges of a window, and (256, 6, 3) edges of the triangles of a configuration, -1 beyond.

    The classical table of Lorensen and Cline (1987), read off scikit-image's meshes of single windows.
    """
    ends = [(a, b) for a, b in itertools.combinations(range(8), 2) if np.abs(CORNERS[a] - CORNERS[b]).sum() == 1]
    middles = {tuple((CORNERS[a] + CORNERS[b]).tolist()): e for e, (a, b) in enumerate(ends)}
    table = np.full((256, 6, 3), -1, np.int64)
    for code in range(1, 255):
        body = np.array([(code >> c) & 1 for c in range(8)], np.float32).reshape(2, 2, 2)
        points, triangles, _, _ = marching_cubes(body, 0.5, method="lorensen")  # type: ignore[no-untyped-call]
        found = [[middles[tuple(np.rint(2 * points[p]).astype(int).tolist())] for p in trio] for trio in triangles]
        table[code, : len(found)] = found
    return np.array(ends, np.int64), table


@njit(cache=True, nogil=True)
def _area(
    labels: Bytes, field: npt.NDArray[np.float32], within: Integers, edges: Floats, ends: Integers, table: Integers
) -> int:
    """Sum over windows, each rounded to a whole number."""
    total = 0
    values, points = np.zeros(8), np.zeros((12, 3))
    for z in range(within[0, 0], within[0, 1]):
        for y in range(within[1, 0], within[1, 1]):
            for x in range(within[2, 0], within[2, 1]):
                code, inside = 0, True
                for c in range(8):
                    i, j, k = z + (c >> 2), y + ((c >> 1) & 1), x + (c & 1)
                    values[c] = field[i, j, k]
                    inside &= labels[i, j, k] != 0
                    if values[c] > 0.5:
                        code |= 1 << c
                if inside and 0 < code < 255:
                    total += round(_area_of_window(code, values, points, edges, ends, table) * (1 << 24))
    return total


@njit(cache=True, nogil=True)
def _area_of_window(code: int, values: Floats, points: Floats, edges: Floats, ends: Integers, table: Integers) -> float:
    """Triangles between the points at which edges of the window meet the level; `points` is scratch."""
    for e in range(12):
        a, b = ends[e, 0], ends[e, 1]
        if ((code >> a) & 1) == ((code >> b) & 1):
            continue
        share = (0.5 - values[a]) / (values[b] - values[a])
        for axis in range(3):
            low, high = (a >> (2 - axis)) & 1, (b >> (2 - axis)) & 1
            points[e, axis] = (low + share * (high - low)) * edges[axis]
    area = 0.0
    for t in range(6):
        if table[code, t, 0] < 0:
            break
        p, q, r = points[table[code, t, 0]], points[table[code, t, 1]], points[table[code, t, 2]]
        u0, u1, u2 = q[0] - p[0], q[1] - p[1], q[2] - p[2]
        v0, v1, v2 = r[0] - p[0], r[1] - p[1], r[2] - p[2]
        area += math.sqrt((u1 * v2 - u2 * v1) ** 2 + (u2 * v0 - u0 * v2) ** 2 + (u0 * v1 - u1 * v0) ** 2) / 2
    return area
