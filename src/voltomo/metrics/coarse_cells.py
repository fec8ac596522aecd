"""A map as sums over cells of several voxels: coarse enough for a Fourier transform, with nothing lost in the sums."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from numba import njit

from voltomo.artifacts import ThroughPlane
from voltomo.metrics.correlation import Correlation, correlate
from voltomo.metrics.sample import AXES

__all__ = ["CellSums", "cell_factors", "count_phase_cells", "covariance_of"]

Sums: TypeAlias = npt.NDArray[np.int32]
Floats: TypeAlias = npt.NDArray[np.float64]
Shape: TypeAlias = tuple[int, int, int]

_MOST_CELLS = 2**20
"""About 100³: the transforms of it take a second and 150 MB."""


@dataclass(frozen=True)
class CellSums:
    """Voxels of K phases per cell.

    Parameters
    ----------
    phases : (K, Z', Y', X') int32
    factors : voxels per cell along z, y, x; cells at the high faces may hold fewer
    """

    phases: Sums
    factors: Shape

    @property
    def region(self) -> Sums:
        """(Z', Y', X') voxels inside the field of view."""
        total: Sums = self.phases.sum(axis=0, dtype=np.int32)
        return total


def cell_factors(shape: Shape, edges: tuple[float, float, float], *, most: int = _MOST_CELLS) -> Shape:
    """Voxels per cell along each axis, so that there are at most so many cells, as cubic as can be.

    Examples
    --------
    >>> cell_factors((100, 100, 100), (1.0, 1.0, 1.0)), cell_factors((200, 400, 400), (2.0, 1.0, 1.0))
    ((1, 1, 1), (2, 4, 4))
    """
    factors = [1, 1, 1]
    while math.prod(-(-n // f) for n, f in zip(shape, factors, strict=True)) > most:
        lengths = [f * e if n > f else math.inf for n, f, e in zip(shape, factors, edges, strict=True)]
        shortest = min(lengths)
        factors = [f + (length == shortest) for f, length in zip(factors, lengths, strict=True)]
    return factors[0], factors[1], factors[2]


def count_phase_cells(
    labels: npt.NDArray[np.uint8], *, phase_ids: Sequence[int], factors: Shape, origin: Shape = (0, 0, 0)
) -> Sums:
    """(K, Z', Y', X') voxels of each phase in the cells that a block touches.

    Parameters
    ----------
    labels : (Z, Y, X) uint8 array
        The block.
    phase_ids : K ids
    factors : voxels per cell
    origin : index of the block's first voxel in the window; its first cell is ``origin // factors``

    Examples
    --------
    >>> count_phase_cells(np.array([[[1, 1, 2, 0, 1]]], np.uint8), phase_ids=(1, 2), factors=(1, 1, 2))[:, 0, 0]
    array([[2, 0, 1],
           [0, 1, 0]], dtype=int32)
    """
    row_of = np.full(256, -1, np.int64)
    row_of[list(phase_ids)] = np.arange(len(phase_ids))
    shape = [(o + n - 1) // f - o // f + 1 for o, n, f in zip(origin, labels.shape, factors, strict=True)]
    sums = np.zeros((len(phase_ids), *shape), np.int32)
    shifts = np.array([o % f for o, f in zip(origin, factors, strict=True)], np.int64)
    _count(labels, row_of, np.array(factors, np.int64), shifts, sums)
    return sums


@njit(cache=True, nogil=True)
def _count(
    labels: npt.NDArray[np.uint8],
    row_of: npt.NDArray[np.int64],
    factors: npt.NDArray[np.int64],
    shifts: npt.NDArray[np.int64],
    sums: Sums,
) -> None:
    depth, height, width = labels.shape
    for z in range(depth):
        for y in range(height):
            i, j = (z + shifts[0]) // factors[0], (y + shifts[1]) // factors[1]
            for x in range(width):
                row = row_of[labels[z, y, x]]
                if row >= 0:
                    sums[row, i, j, (x + shifts[2]) // factors[2]] += 1


def covariance_of(
    cells: CellSums, row: int, *, edges: tuple[float, float, float], trend: ThroughPlane = "unknown"
) -> Correlation | None:
    """Covariance of one phase, up to half of the shortest side of the window.

    Parameters
    ----------
    cells : of the window
    row : of the phase
    edges : (dz, dy, dx) of a voxel
    trend : axis along which a straight trend of the fraction is removed; "unknown" for none

    Returns
    -------
    Correlation or None
        None where the phase fills the region or is absent.
    """
    chosen, region = cells.phases[row].astype(np.float64), cells.region.astype(np.float64)
    fraction = _expected(chosen, region, trend)
    variance = float(np.sum(fraction * (1 - fraction) * region) / region.sum())
    residual = chosen - region * fraction
    if variance <= 0 or not residual.any():
        return None
    sides = [edge * f for edge, f in zip(edges, cells.factors, strict=True)]
    lengths = [n * side for n, side in zip(region.shape, sides, strict=True)]
    half = min(length for length, n in zip(lengths, region.shape, strict=True) if n > 1 or region.size == 1) / 2
    z, y, x = (min(int(half / side), n - 1) for n, side in zip(region.shape, sides, strict=True))
    values, overlaps = correlate(residual, region, reach=(z, y, x))
    is_section = region.shape[0] == 1
    measure = float(region.sum()) * edges[1] * edges[2] * (1.0 if is_section else edges[0])
    removed = 1 if trend == "unknown" else 2
    return Correlation(values, overlaps, (sides[0], sides[1], sides[2]), variance, measure, removed)


def _expected(chosen: Floats, region: Floats, trend: ThroughPlane) -> Floats:
    """Fraction that a cell would have: the mean, or a straight line along one axis, within 0 and 1."""
    mean = chosen.sum() / region.sum()
    if trend == "unknown" or chosen.shape[AXES.index(trend)] < 3:
        return np.full((1, 1, 1), mean)
    axis = AXES.index(trend)
    others = tuple(other for other in range(3) if other != axis)
    weights, found = region.sum(axis=others), chosen.sum(axis=others)
    position = np.arange(len(weights)) - np.average(np.arange(len(weights)), weights=weights)
    slope = float(np.sum(position * found) / np.sum(weights * position**2))
    line = np.clip(mean + slope * position, 0.0, 1.0)
    return np.asarray(line).reshape([-1 if other == axis else 1 for other in range(3)])
