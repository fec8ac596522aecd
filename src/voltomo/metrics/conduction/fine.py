"""Finite volumes on the voxels that conduct: the loops, compiled.

One unknown per conducting voxel, numbered along x, then y, then z; `starts` (Z + 2, Y + 2) is the number of the first
unknown of each row. A loop walks along a row and along its four neighbours at once, so that no table of neighbours is
needed: the memory is one byte per voxel and the unknowns themselves. Codes (Z + 2, Y + 2, X + 2) carry a rim of zeros;
code 0 does not conduct. `joints` (3, K, K) is the conductance between two neighbours of given codes along z, y, x, and
`walls` (2, K) that of half a voxel to the low and to the high face across z, 0 where a face is closed. Vectors have one
element more than there are unknowns, which is 0.

Where the sides across y and x are periodic, the rim holds the codes of the opposite side, and each row has one more
element at either end. They hold copies of the opposite ends, which `wrap` renews; right-hand sides are 0 there.

All loops go over planes ``first <= z < last``, so that threads can share them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

__all__ = [
    "apply",
    "charge",
    "count_rows",
    "linear_start",
    "measure_flux",
    "plane_walls",
    "residual",
    "shift_planes",
    "sum_joints",
    "wrap",
]

Codes = npt.NDArray[np.uint8]
Starts = npt.NDArray[np.int64]
Vector = npt.NDArray[Any]
Table = npt.NDArray[np.float32]


@njit(cache=True, nogil=True)
def plane_walls(z: int, nz: int, walls: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Conductance of each code from a plane to the faces of the box."""
    here: npt.NDArray[Any] = np.zeros_like(walls[0])
    if z == 1:
        here += walls[0]
    if z == nz - 2:
        here += walls[1]
    return here


@njit(cache=True, nogil=True)
def count_rows(first: int, last: int, codes: Codes, counts: Starts) -> None:
    """Unknowns in each row."""
    for z in range(first, last):
        for y in range(codes.shape[1]):
            total = 0
            for x in range(1, codes.shape[2] - 1):
                total += codes[z, y, x] != 0
            counts[z, y] = total


@njit(cache=True, nogil=True)
def wrap(first: int, last: int, codes: Codes, starts: Starts, v: Vector) -> None:
    """Copy the ends of periodic rows, and the first and last row of each plane, beyond the opposite ends."""
    _, ny, nx = codes.shape
    for z in range(first, last):
        for y in range(1, ny - 1):
            begin, end = starts[z, y], starts[z, y + 1] - 2
            if codes[z, y, 0]:
                v[begin - 1] = v[end - 1]
            if codes[z, y, nx - 1]:
                v[end] = v[begin]
        for rim, row in ((0, ny - 2), (ny - 1, 1)):
            begin, source = starts[z, rim], starts[z, row]
            for i in range(starts[z, row + 1] - 2 - source):
                v[begin + i] = v[source + i]


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
            row = 0.0
            for x in range(1, nx - 1):
                k = here[x]
                if k:
                    value = v[c]
                    total = wall[k] * value
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
    potential: float,
    v: npt.NDArray[np.float64],
    out: Vector,
) -> None:
    """``out = b − A v`` in double precision; b is the potential at the low face, that at the high face is 0."""
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
            for x in range(1, nx - 1):
                k = here[x]
                if k:
                    value = v[c]
                    total = joints[0, k, up[x]] * (v[u] - value) + joints[0, k, down[x]] * (v[d] - value)
                    total += joints[1, k, north[x]] * (v[n] - value) + joints[1, k, south[x]] * (v[s] - value)
                    total += joints[2, k, here[x - 1]] * (v[c - 1] - value)
                    total += joints[2, k, here[x + 1]] * (v[c + 1] - value)
                    total -= wall[k] * value
                    if z == 1:
                        total += walls[0, k] * potential
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
    potential: float,
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
                        inlet += walls[0, k] * (potential - value)
                        power += walls[0, k] * (potential - value) * (potential - value)
                    if z == nz - 2:
                        through += walls[1, k] * value
                        power += walls[1, k] * value * value
                    c += 1
                d += down[x] != 0
                s += south[x] != 0
        flux[z] = through
        energy[z] = power
        if z == 1:
            flux[0] = inlet


@njit(cache=True, nogil=True)
def sum_joints(
    first: int,
    last: int,
    codes: Codes,
    joints: npt.NDArray[np.float64],
    walls: npt.NDArray[np.float64],
    sums: npt.NDArray[np.float64],
) -> None:
    """Conductance from each plane to the next one and to the high face (``sums[0]`` from the low face)."""
    nz, ny, nx = codes.shape
    for z in range(first, last):
        onward, inlet = 0.0, 0.0
        for y in range(1, ny - 1):
            for x in range(1, nx - 1):
                k = codes[z, y, x]
                onward += joints[0, k, codes[z + 1, y, x]]
                if z == 1:
                    inlet += walls[0, k]
                if z == nz - 2:
                    onward += walls[1, k]
        sums[z] = onward
        if z == 1:
            sums[0] = inlet


@njit(cache=True, nogil=True)
def shift_planes(first: int, last: int, starts: Starts, shifts: npt.NDArray[np.float64], v: Vector) -> None:
    """Add a number to all of each plane."""
    for z in range(first, last):
        for c in range(starts[z, 0], starts[z + 1, 0]):
            v[c] += shifts[z]


@njit(cache=True, nogil=True)
def charge(
    first: int,
    last: int,
    codes: Codes,
    starts: Starts,
    areas: npt.NDArray[np.float64],
    is_periodic: bool,
    v: npt.NDArray[np.float64],
    out: Vector,
    totals: npt.NDArray[np.float64],
    works: npt.NDArray[np.float64],
    faces: npt.NDArray[np.int64],
) -> None:
    """Add the area of each voxel's faces towards what does not conduct to `out`.

    The sides of the box are no such faces, unless they are periodic. Per plane: the area, its sum times the potential,
    and the number of faces.
    """
    nz, ny, nx = codes.shape
    for z in range(first, last):
        total, work, count = 0.0, 0.0, 0
        for y in range(1, ny - 1):
            c = starts[z, y]
            for x in range(1, nx - 1):
                if codes[z, y, x]:
                    across = (z > 1 and codes[z - 1, y, x] == 0) + (z < nz - 2 and codes[z + 1, y, x] == 0)
                    beside = (is_periodic or y > 1) and codes[z, y - 1, x] == 0
                    beside += (is_periodic or y < ny - 2) and codes[z, y + 1, x] == 0
                    along = (is_periodic or x > 1) and codes[z, y, x - 1] == 0
                    along += (is_periodic or x < nx - 2) and codes[z, y, x + 1] == 0
                    area = areas[0] * across + areas[1] * beside + areas[2] * along
                    out[c] += area
                    total += area
                    work += area * v[c]
                    count += across + beside + along
                    c += 1
        totals[z], works[z], faces[z] = total, work, count
