"""Multigrid on the voxels that conduct: sweeps, and the way to blocks of 2³ voxels and back, compiled.

Arrays as in `voltomo.metrics.conduction.fine`, in single precision.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from voltomo.metrics.conduction.fine import Codes, Starts, Table, Vector, plane_walls

__all__ = ["correct", "merge_joints", "restrict", "smooth", "smooth_from_zero"]


@njit(cache=True, nogil=True)
def smooth_from_zero(
    first: int, last: int, codes: Codes, starts: Starts, joints: Table, walls: Table, b: Vector, v: Vector
) -> None:
    """First half sweep of Gauss and Seidel, on the red unknowns, from zero; black ones become zero."""
    nz, ny, nx = codes.shape
    for z in range(first, last):
        wall = plane_walls(z, nz, walls)
        for y in range(1, ny - 1):
            c = starts[z, y]
            here, up, down, north, south = (
                codes[z, y],
                codes[z - 1, y],
                codes[z + 1, y],
                codes[z, y - 1],
                codes[z, y + 1],
            )
            for x in range(1, nx - 1):
                k = here[x]
                if k:
                    if (z + y + x) & 1:
                        v[c] = 0
                    else:
                        diagonal = wall[k]
                        diagonal += joints[0, k, up[x]] + joints[0, k, down[x]] + joints[1, k, north[x]]
                        diagonal += joints[1, k, south[x]] + joints[2, k, here[x - 1]] + joints[2, k, here[x + 1]]
                        v[c] = b[c] / diagonal
                    c += 1


@njit(cache=True, nogil=True)
def smooth(
    first: int, last: int, codes: Codes, starts: Starts, joints: Table, walls: Table, b: Vector, v: Vector, color: int
) -> None:
    """Half a sweep of Gauss and Seidel, on the unknowns of one colour, in place."""
    nz, ny, nx = codes.shape
    for z in range(first, last):
        wall = plane_walls(z, nz, walls)
        for y in range(1, ny - 1):
            c, u, d, n, s = starts[z, y], starts[z - 1, y], starts[z + 1, y], starts[z, y - 1], starts[z, y + 1]
            here, up, down, north, south = (
                codes[z, y],
                codes[z - 1, y],
                codes[z + 1, y],
                codes[z, y - 1],
                codes[z, y + 1],
            )
            parity = (z + y + color) & 1
            for x in range(1, nx - 1):
                k = here[x]
                if k:
                    if (x & 1) == parity:
                        a0, a1 = joints[0, k, up[x]], joints[0, k, down[x]]
                        a2, a3 = joints[1, k, north[x]], joints[1, k, south[x]]
                        a4, a5 = joints[2, k, here[x - 1]], joints[2, k, here[x + 1]]
                        total = b[c] + a0 * v[u] + a1 * v[d] + a2 * v[n] + a3 * v[s] + a4 * v[c - 1] + a5 * v[c + 1]
                        v[c] = total / (wall[k] + a0 + a1 + a2 + a3 + a4 + a5)
                    c += 1
                u += up[x] != 0
                d += down[x] != 0
                n += north[x] != 0
                s += south[x] != 0


@njit(cache=True, nogil=True)
def restrict(
    first: int,
    last: int,
    codes: Codes,
    starts: Starts,
    joints: Table,
    walls: Table,
    b: Vector,
    v: Vector,
    is_periodic: bool,
    coarse: npt.NDArray[np.float32],
) -> None:
    """Sum of ``b − A v`` over blocks of 2³ voxels; `first` and `last` count planes of blocks.

    Right after a sweep over the black unknowns nothing is left on them, so that half of the work is spared. (Where an
    odd number of voxels is periodic, black ones have black neighbours, and something is.)
    """
    nz, ny, nx = codes.shape
    for block in range(first, last):
        coarse[block] = 0
        for z in range(2 * block - 1, min(2 * block + 1, nz - 1)):
            wall = plane_walls(z, nz, walls)
            for y in range(1, ny - 1):
                c, u, d, n, s = starts[z, y], starts[z - 1, y], starts[z + 1, y], starts[z, y - 1], starts[z, y + 1]
                here, up, down = codes[z, y], codes[z - 1, y], codes[z + 1, y]
                north, south = codes[z, y - 1], codes[z, y + 1]
                target = coarse[block, (y + 1) // 2]
                for x in range(1, nx - 1):
                    k = here[x]
                    if k:
                        if is_periodic or (z + y + x) & 1 == 0:
                            value = v[c]
                            total = b[c] - wall[k] * value
                            total -= joints[0, k, up[x]] * (value - v[u]) + joints[0, k, down[x]] * (value - v[d])
                            total -= joints[1, k, north[x]] * (value - v[n]) + joints[1, k, south[x]] * (value - v[s])
                            total -= joints[2, k, here[x - 1]] * (value - v[c - 1])
                            total -= joints[2, k, here[x + 1]] * (value - v[c + 1])
                            target[(x + 1) // 2] += total
                        c += 1
                    u += up[x] != 0
                    d += down[x] != 0
                    n += north[x] != 0
                    s += south[x] != 0


@njit(cache=True, nogil=True)
def correct(
    first: int, last: int, codes: Codes, starts: Starts, coarse: npt.NDArray[np.float32], factor: float, v: Vector
) -> None:
    """Add the coarse solution, times a factor, to every voxel of its block."""
    scale = np.float32(factor)
    for z in range(first, last):
        for y in range(1, codes.shape[1] - 1):
            c = starts[z, y]
            here, source = codes[z, y], coarse[(z + 1) // 2, (y + 1) // 2]
            for x in range(1, codes.shape[2] - 1):
                if here[x]:
                    v[c] += scale * source[(x + 1) // 2]
                    c += 1


@njit(cache=True, nogil=True)
def merge_joints(
    first: int,
    last: int,
    codes: Codes,
    joints: Table,
    walls: Table,
    along: npt.NDArray[np.float32],
    diagonal: npt.NDArray[np.float32],
) -> None:
    """Conductances between blocks of 2³ voxels: `along` (3, ...) to the next block, `diagonal` to the walls."""
    nz, ny, nx = codes.shape
    for block in range(first, last):
        for z in range(2 * block - 1, min(2 * block + 1, nz - 1)):
            wall = plane_walls(z, nz, walls)
            for y in range(1, ny - 1):
                j = (y + 1) // 2
                for x in range(1, nx - 1):
                    k = codes[z, y, x]
                    if k:
                        i = (x + 1) // 2
                        diagonal[block, j, i] += wall[k]
                        if z == 2 * block:
                            along[0, block, j, i] += joints[0, k, codes[z + 1, y, x]]
                        if y == 2 * j or y == ny - 2:  # towards the last of an odd number lies the rim
                            along[1, block, j, i] += joints[1, k, codes[z, y + 1, x]]
                        if x == 2 * i or x == nx - 2:
                            along[2, block, j, i] += joints[2, k, codes[z, y, x + 1]]
