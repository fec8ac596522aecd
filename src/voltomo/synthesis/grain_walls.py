"""The grains of which a secondary particle consists: Voronoi cells of one random point per cell of a cubic lattice.

The lattice lies in the particle's own frame, and its edge is the size of the grains, which so turn and move with the
particle. Coordinates here are in units of that edge.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from voltomo.synthesis.noise import place_hash

__all__ = ["GRAIN_FIELD", "PER_PARTICLE", "cell_of_seed", "gather_seeds", "nearest_cell", "nearest_seed", "wall"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

GRAIN_FIELD, PER_PARTICLE = 5, 16
"""Shifts of a structure's seed for its grains, and from one particle to the next."""
_JITTER = 0.9
"""Edge of the cube in the middle of a cell in which its point lies: no two points come closer than 0.1."""
_COORDINATE_BITS = np.uint64(21)
_COORDINATE_MASK = np.uint64((1 << 21) - 1)
_COORDINATE_SCALE = 2.0**-21


@njit(cache=True, nogil=True)
def gather_seeds(seed: int, row: int, point: Floats, cell: Integers, seeds: Floats) -> None:
    """Points of the 27 cells around the one that holds `point`, in place; nothing to do if `cell` says they are there.

    `seeds` is (27, 3); `cell` (4,) is the particle's row and the cell's index, kept from call to call.
    """
    z0, y0, x0 = int(np.floor(point[0])), int(np.floor(point[1])), int(np.floor(point[2]))
    if cell[0] == row and cell[1] == z0 and cell[2] == y0 and cell[3] == x0:
        return
    cell[0], cell[1], cell[2], cell[3] = row, z0, y0, x0
    n = 0
    for i in range(z0 - 1, z0 + 2):
        for j in range(y0 - 1, y0 + 2):
            for k in range(x0 - 1, x0 + 2):
                seeds[n, 0], seeds[n, 1], seeds[n, 2] = _seed_of(seed, i, j, k)
                n += 1


@njit(cache=True, nogil=True)
def _seed_of(seed: int, i: int, j: int, k: int) -> tuple[float, float, float]:
    """The point of a cell."""
    bits = place_hash(seed, i, j, k)
    first, scale = 0.5 - 0.5 * _JITTER, _JITTER * _COORDINATE_SCALE
    z = i + first + scale * float(bits & _COORDINATE_MASK)
    y = j + first + scale * float((bits >> _COORDINATE_BITS) & _COORDINATE_MASK)
    x = k + first + scale * float((bits >> (_COORDINATE_BITS * np.uint64(2))) & _COORDINATE_MASK)
    return z, y, x


@njit(cache=True, nogil=True)
def nearest_cell(seed: int, z: float, y: float, x: float) -> tuple[int, int, int]:
    """The cell whose point is the nearest to a place."""
    z0, y0, x0 = int(np.floor(z)), int(np.floor(y)), int(np.floor(x))
    best, found = np.inf, (z0, y0, x0)
    for i in range(z0 - 1, z0 + 2):
        for j in range(y0 - 1, y0 + 2):
            for k in range(x0 - 1, x0 + 2):
                pz, py, px = _seed_of(seed, i, j, k)
                square = (z - pz) ** 2 + (y - py) ** 2 + (x - px) ** 2
                if square < best:
                    best, found = square, (i, j, k)
    return found


@njit(cache=True, nogil=True)
def cell_of_seed(n: int, cell: Integers, place: Integers) -> None:
    """Lattice index of the n-th of the 27 points, in place."""
    place[0] = cell[1] + n // 9 - 1
    place[1] = cell[2] + n // 3 % 3 - 1
    place[2] = cell[3] + n % 3 - 1


@njit(cache=True, nogil=True)
def nearest_seed(point: Floats, seeds: Floats) -> int:
    """Which of the points is the nearest: the grain that holds `point`."""
    found, best = 0, np.inf
    for n in range(len(seeds)):
        dz, dy, dx = point[0] - seeds[n, 0], point[1] - seeds[n, 1], point[2] - seeds[n, 2]
        square = dz * dz + dy * dy + dx * dx
        if square < best:
            found, best = n, square
    return found


@njit(cache=True, nogil=True)
def wall(point: Floats, grain: int, seeds: Floats) -> tuple[int, float]:
    """The grain behind the nearest wall, and the distance to that wall.

    A wall lies in the plane midway between the points a and c of two grains; from a place y in the grain of a it is
    (|y − c|² − |y − a|²) / (2·|c − a|) away. The nearest of all such planes is the nearest wall, as a grain is convex.
    """
    behind, best = grain, np.inf
    own = 0.0
    for k in range(3):
        own += (point[k] - seeds[grain, k]) ** 2
    for n in range(len(seeds)):
        if n == grain:
            continue
        square, apart = 0.0, 0.0
        for k in range(3):
            square += (point[k] - seeds[n, k]) ** 2
            apart += (seeds[n, k] - seeds[grain, k]) ** 2
        distance = 0.5 * (square - own) / np.sqrt(apart)
        if distance < best:
            behind, best = n, distance
    return behind, best
