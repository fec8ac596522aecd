"""Blocks of voxels as one unknown each: the same loops on a dense grid with a conductance per side, compiled.

`along` (3, Z + 2, Y + 2, X + 2) joins a cell to the next one along z, y, x; `diagonal` is the sum of all joints of a
cell, walls included, 0 where nothing conducts. Arrays carry a rim, of zeros, or of copies of the opposite side where
the sides across y and x are periodic. Loops go over planes ``first <= z < last``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

__all__ = ["copy_rim", "correct_blocks", "merge_blocks", "restrict_blocks", "smooth_blocks", "sum_joints"]

Grid = npt.NDArray[np.float32]


def copy_rim(v: npt.NDArray[Any]) -> None:
    """Copy the sides across y and x beyond the opposite ones; the last two axes are y and x."""
    v[..., 0, :], v[..., -1, :] = v[..., -2, :], v[..., 1, :]
    v[..., 0], v[..., -1] = v[..., -2], v[..., 1]


@njit(cache=True, nogil=True)
def sum_joints(first: int, last: int, along: Grid, diagonal: Grid) -> None:
    """Add the joints of each cell to the diagonal, which holds the walls."""
    _, _, ny, nx = along.shape
    for z in range(first, last):
        for y in range(1, ny - 1):
            for x in range(1, nx - 1):
                total = along[0, z, y, x] + along[0, z - 1, y, x] + along[1, z, y, x] + along[1, z, y - 1, x]
                diagonal[z, y, x] += total + along[2, z, y, x] + along[2, z, y, x - 1]


@njit(cache=True, nogil=True)
def smooth_blocks(first: int, last: int, along: Grid, diagonal: Grid, b: Grid, v: Grid, color: int) -> None:
    """Half a sweep of Gauss and Seidel, on the cells of one colour, in place."""
    _, _, ny, nx = along.shape
    for z in range(first, last):
        for y in range(1, ny - 1):
            for x in range(1 + ((z + y + color + 1) & 1), nx - 1, 2):
                if diagonal[z, y, x] > 0:
                    total = b[z, y, x] + along[0, z, y, x] * v[z + 1, y, x] + along[0, z - 1, y, x] * v[z - 1, y, x]
                    total += along[1, z, y, x] * v[z, y + 1, x] + along[1, z, y - 1, x] * v[z, y - 1, x]
                    total += along[2, z, y, x] * v[z, y, x + 1] + along[2, z, y, x - 1] * v[z, y, x - 1]
                    v[z, y, x] = total / diagonal[z, y, x]


@njit(cache=True, nogil=True)
def restrict_blocks(
    first: int, last: int, along: Grid, diagonal: Grid, b: Grid, v: Grid, is_periodic: bool, coarse: Grid
) -> None:
    """Sum of ``b − A v`` over blocks of 2³ cells, right after a sweep over the black ones.

    `first` and `last` count planes of blocks.
    """
    _, nz, ny, nx = along.shape
    for block in range(first, last):
        coarse[block] = 0
        for z in range(2 * block - 1, min(2 * block + 1, nz - 1)):
            for y in range(1, ny - 1):
                start, step = (1, 1) if is_periodic else (1 + ((z + y + 1) & 1), 2)
                for x in range(start, nx - 1, step):
                    total = b[z, y, x] - diagonal[z, y, x] * v[z, y, x]
                    total += along[0, z, y, x] * v[z + 1, y, x] + along[0, z - 1, y, x] * v[z - 1, y, x]
                    total += along[1, z, y, x] * v[z, y + 1, x] + along[1, z, y - 1, x] * v[z, y - 1, x]
                    total += along[2, z, y, x] * v[z, y, x + 1] + along[2, z, y, x - 1] * v[z, y, x - 1]
                    coarse[block, (y + 1) // 2, (x + 1) // 2] += total


@njit(cache=True, nogil=True)
def correct_blocks(first: int, last: int, diagonal: Grid, coarse: Grid, factor: float, v: Grid) -> None:
    """Add the coarse solution, times a factor, to every cell of its block."""
    _, ny, nx = v.shape
    scale = np.float32(factor)
    for z in range(first, last):
        for y in range(1, ny - 1):
            for x in range(1, nx - 1):
                if diagonal[z, y, x] > 0:
                    v[z, y, x] += scale * coarse[(z + 1) // 2, (y + 1) // 2, (x + 1) // 2]


@njit(cache=True, nogil=True)
def merge_blocks(first: int, last: int, fine: Grid, fine_walls: Grid, along: Grid, walls: Grid) -> None:
    """Conductances between blocks of 2³ cells and their shares of the walls."""
    _, nz, ny, nx = fine.shape
    for block in range(first, last):
        for z in range(2 * block - 1, min(2 * block + 1, nz - 1)):
            for y in range(1, ny - 1):
                j = (y + 1) // 2
                for x in range(1, nx - 1):
                    i = (x + 1) // 2
                    walls[block, j, i] += fine_walls[z, y, x]
                    if z == 2 * block:
                        along[0, block, j, i] += fine[0, z, y, x]
                    if y == 2 * j or y == ny - 2:  # beyond the last of an odd number lies the rim
                        along[1, block, j, i] += fine[1, z, y, x]
                    if x == 2 * i or x == nx - 2:
                        along[2, block, j, i] += fine[2, z, y, x]
