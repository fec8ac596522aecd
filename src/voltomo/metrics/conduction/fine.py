"""Finite volumes on the voxels that conduct: the loops, compiled.

One unknown per conducting voxel, numbered along x, then y, then z; `starts` (Z + 2, Y + 2) is the number of the first
unknown of each row. A loop walks along a row and along its four neighbours at once, so that no table of neighbours is
needed: the memory is one byte per voxel and the unknowns themselves. Codes (Z + 2, Y + 2, X + 2) carry a rim of zeros;
code 0 does not conduct. `joints` (3, K, K) is the conductance between two neighbours of given codes along z, y, x, and
`walls` (K,) that of half a voxel to a face across z. Vectors have one element more than there are unknowns, which is 0.

All loops go over planes ``first <= z < last``, so that threads can share them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

__all__ = [
    "apply",
    "correct",
    "count_rows",
    "linear_start",
    "measure_flux",
    "merge_joints",
    "residual",
    "restrict",
    "smooth",
    "smooth_from_zero",
]

Codes = npt.NDArray[np.uint8]
Starts = npt.NDArray[np.int64]
Vector = npt.NDArray[Any]
Table = npt.NDArray[np.float32]


@njit(cache=True, nogil=True)
def count_rows(first: int, last: int, codes: Codes, counts: Starts) -> None:
    """Unknowns in each row."""
    for z in range(first, last):
        for y in range(1, codes.shape[1] - 1):
            total = 0
            for x in range(1, codes.shape[2] - 1):
                total += codes[z, y, x] != 0
            counts[z, y] = total


@njit(cache=True, nogil=True)
def linear_start(first: int, last: int, codes: Codes, starts: Starts, v: Vector) -> None:
    """The potential of a uniform conductor: 1 at the low face, 0 at the high one."""
    planes = codes.shape[0] - 2
    for z in range(first, last):
        value = 1 - (z - 0.5) / planes
        for y in range(1, codes.shape[1] - 1):
            c = starts[z, y]
            for x in range(1, codes.shape[2] - 1):
                if codes[z, y, x]:
                    v[c] = value
                    c += 1


@njit(cache=True, nogil=True)
def apply(
    first: int,
    last: int,
    codes: Codes,
    starts: Starts,
    joints: Table,
    walls: Table,
    v: Vector,
    out: Vector,
    sums: npt.NDArray[np.float64],
) -> None:
    """``out = A v``, and the part of ``v · out`` of each plane."""
    nz, ny, nx = codes.shape
    for z in range(first, last):
        plane = 0.0
        wall = 1.0 * (z == 1) + 1.0 * (z == nz - 2)
        for y in range(1, ny - 1):
            c, u, d, n, s = starts[z, y], starts[z - 1, y], starts[z + 1, y], starts[z, y - 1], starts[z, y + 1]
            here, up, down, north, south = (
                codes[z, y],
                codes[z - 1, y],
                codes[z + 1, y],
                codes[z, y - 1],
                codes[z, y + 1],
            )
            row = 0.0
            for x in range(1, nx - 1):
                k = here[x]
                if k:
                    value = v[c]
                    total = np.float32(wall) * walls[k] * value
                    total += joints[0, k, up[x]] * (value - v[u]) + joints[0, k, down[x]] * (value - v[d])
                    total += joints[1, k, north[x]] * (value - v[n]) + joints[1, k, south[x]] * (value - v[s])
                    total += joints[2, k, here[x - 1]] * (value - v[c - 1]) + joints[2, k, here[x + 1]] * (
                        value - v[c + 1]
                    )
                    out[c] = total
                    row += total * value
                    c += 1
                u += up[x] != 0
                d += down[x] != 0
                n += north[x] != 0
                s += south[x] != 0
            plane += row
        sums[z] = plane


@njit(cache=True, nogil=True)
def residual(
    first: int,
    last: int,
    codes: Codes,
    starts: Starts,
    joints: npt.NDArray[np.float64],
    walls: npt.NDArray[np.float64],
    v: npt.NDArray[np.float64],
    out: Vector,
) -> None:
    """``out = b − A v`` in double precision; b is the potential 1 at the low face."""
    nz, ny, nx = codes.shape
    for z in range(first, last):
        for y in range(1, ny - 1):
            c, u, d, n, s = starts[z, y], starts[z - 1, y], starts[z + 1, y], starts[z, y - 1], starts[z, y + 1]
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
                    value = v[c]
                    total = joints[0, k, up[x]] * (v[u] - value) + joints[0, k, down[x]] * (v[d] - value)
                    total += joints[1, k, north[x]] * (v[n] - value) + joints[1, k, south[x]] * (v[s] - value)
                    total += joints[2, k, here[x - 1]] * (v[c - 1] - value)
                    total += joints[2, k, here[x + 1]] * (v[c + 1] - value)
                    if z == 1:
                        total += walls[k] * (1 - value)
                    if z == nz - 2:
                        total -= walls[k] * value
                    out[c] = total
                    c += 1
                u += up[x] != 0
                d += down[x] != 0
                n += north[x] != 0
                s += south[x] != 0


@njit(cache=True, nogil=True)
def measure_flux(
    first: int,
    last: int,
    codes: Codes,
    starts: Starts,
    joints: npt.NDArray[np.float64],
    walls: npt.NDArray[np.float64],
    v: npt.NDArray[np.float64],
    flux: npt.NDArray[np.float64],
    energy: npt.NDArray[np.float64],
) -> None:
    """Flux through the upper side of each plane (flux[0] through the low face), and the power dissipated in each.

    A face between two planes belongs to the lower one.
    """
    nz, ny, nx = codes.shape
    for z in range(first, last):
        through, inlet, power = 0.0, 0.0, 0.0
        for y in range(1, ny - 1):
            c, d, s = starts[z, y], starts[z + 1, y], starts[z, y + 1]
            here, down, south = codes[z, y], codes[z + 1, y], codes[z, y + 1]
            for x in range(1, nx - 1):
                k = here[x]
                if k:
                    value = v[c]
                    fall = value - v[d]
                    through += joints[0, k, down[x]] * fall
                    power += joints[0, k, down[x]] * fall * fall
                    fall = value - v[s]
                    power += joints[1, k, south[x]] * fall * fall
                    fall = value - v[c + 1]
                    power += joints[2, k, here[x + 1]] * fall * fall
                    if z == 1:
                        inlet += walls[k] * (1 - value)
                        power += walls[k] * (1 - value) * (1 - value)
                    if z == nz - 2:
                        through += walls[k] * value
                        power += walls[k] * value * value
                    c += 1
                d += down[x] != 0
                s += south[x] != 0
        flux[z] = through
        energy[z] = power
        if z == 1:
            flux[0] = inlet


@njit(cache=True, nogil=True)
def smooth_from_zero(
    first: int, last: int, codes: Codes, starts: Starts, joints: Table, walls: Table, b: Vector, v: Vector
) -> None:
    """First half sweep of Gauss and Seidel, on the red unknowns, from zero; black ones become zero."""
    nz, ny, nx = codes.shape
    for z in range(first, last):
        wall = np.float32(z == 1) + np.float32(z == nz - 2)
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
                        diagonal = wall * walls[k]
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
        wall = np.float32(z == 1) + np.float32(z == nz - 2)
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
                        v[c] = total / (wall * walls[k] + a0 + a1 + a2 + a3 + a4 + a5)
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
    coarse: npt.NDArray[np.float32],
) -> None:
    """Sum of ``b − A v`` over blocks of 2³ voxels; `first` and `last` count planes of blocks."""
    nz, ny, nx = codes.shape
    for block in range(first, last):
        coarse[block] = 0
        for z in range(2 * block - 1, min(2 * block + 1, nz - 1)):
            wall = np.float32(z == 1) + np.float32(z == nz - 2)
            for y in range(1, ny - 1):
                c, u, d, n, s = starts[z, y], starts[z - 1, y], starts[z + 1, y], starts[z, y - 1], starts[z, y + 1]
                here, up, down = codes[z, y], codes[z - 1, y], codes[z + 1, y]
                north, south = codes[z, y - 1], codes[z, y + 1]
                target = coarse[block, (y + 1) // 2]
                for x in range(1, nx - 1):
                    k = here[x]
                    if k:
                        value = v[c]
                        total = b[c] - wall * walls[k] * value
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
            wall = np.float32(z == 1) + np.float32(z == nz - 2)
            for y in range(1, ny - 1):
                j = (y + 1) // 2
                for x in range(1, nx - 1):
                    k = codes[z, y, x]
                    if k:
                        i = (x + 1) // 2
                        diagonal[block, j, i] += wall * walls[k]
                        if z == 2 * block:
                            along[0, block, j, i] += joints[0, k, codes[z + 1, y, x]]
                        if y == 2 * j:
                            along[1, block, j, i] += joints[1, k, codes[z, y + 1, x]]
                        if x == 2 * i:
                            along[2, block, j, i] += joints[2, k, codes[z, y, x + 1]]
