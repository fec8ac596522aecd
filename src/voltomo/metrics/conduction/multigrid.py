"""One V-cycle as an approximate inverse: blocks of 2³ voxels stand for one unknown, level after level [1]_.

A block's potential is constant, so its equations are sums of those of its voxels, and nothing but conductances is kept.
Constant blocks are too stiff: corrections from below are enlarged by a factor (over-correction, [2]_). Sweeps run red,
black on the way down and black, red on the way up, so that the cycle is symmetric and conjugate gradients may use it.

References
----------
.. [1] Stüben, A review of algebraic multigrid, J. Comput. Appl. Math. 128 (2001), doi 10.1016/S0377-0427(00)00516-1.
.. [2] Braess, Towards algebraic multigrid for elliptic problems of second order, Computing 55 (1995),
   doi 10.1007/BF02238488.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from voltomo.metrics.conduction import coarse, fine, sweeps
from voltomo.metrics.conduction.team import Team

__all__ = ["Conductor", "Multigrid"]

_OVER_CORRECTION = 1.8
"""Braess's value, also the fastest here among 1.4 to 2.0 on pores of 20 voxels."""
_VISITS = 2
"""How often each coarse level is visited: the second visit costs an eighth of the level above."""
_COARSEST = 64
"""Cells of a level that a few sweeps solve."""
_LAST_SWEEPS = 8

Grid = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Conductor:
    """The voxels that conduct, for flow along z; see `voltomo.metrics.conduction.fine` for the arrays.

    Parameters
    ----------
    codes : (Z + 2, Y + 2, X + 2) uint8 with a rim of 0, or of the opposite sides across y and x where they are periodic
    starts : (Z + 2, Y + 2) int64
    size : elements of a vector, without the 0 at its end
    joints, walls : (3, K, K) and (2, K) float64 conductances, relative to one another
    is_periodic : the sides across y and x
    """

    codes: npt.NDArray[np.uint8]
    starts: npt.NDArray[np.int64]
    size: int
    joints: npt.NDArray[np.float64]
    walls: npt.NDArray[np.float64]
    is_periodic: bool

    @property
    def contrast(self) -> float:
        """Largest over smallest conductance between neighbors along one axis."""
        ratios = [float(axis.max() / axis[axis > 0].min()) for axis in self.joints if (axis > 0).any()]
        return max(ratios, default=1.0)

    @property
    def planes(self) -> int:
        """Planes of voxels across the flow."""
        return int(self.codes.shape[0]) - 2

    @classmethod
    def build(
        cls,
        voxels: npt.NDArray[np.uint8],
        joints: npt.NDArray[np.float64],
        walls: npt.NDArray[np.float64],
        team: Team,
        *,
        is_periodic: bool = False,
    ) -> Conductor:
        """Number the unknowns among voxels (Z, Y, X)."""
        codes = np.pad(voxels, 1)
        if is_periodic:
            coarse.copy_rim(codes)
        counts = np.zeros(codes.shape[:2], np.int64)
        team.run(fine.count_rows, codes.shape[0] - 2, codes, counts)
        ends = np.cumsum(counts.ravel() + 2 * is_periodic)
        starts = np.concatenate(([0], ends[:-1])).reshape(counts.shape) + is_periodic
        return cls(codes, starts, int(ends[-1]), joints, walls, is_periodic)


class _Level:
    """A dense grid of cells."""

    def __init__(self, along: Grid, walls: Grid, team: Team, *, is_periodic: bool) -> None:
        if is_periodic:
            for axis, cells in ((1, walls.shape[1] - 2), (2, walls.shape[2] - 2)):
                if cells == 1:
                    along[axis] = 0  # a cell that is its own neighbour
            coarse.copy_rim(along)
        self.along, self.walls = along, walls
        self.planes = walls.shape[0] - 2
        self.diagonal = walls.copy()
        team.run(coarse.sum_joints, self.planes, along, self.diagonal)
        self.b, self.v = np.zeros_like(walls), np.zeros_like(walls)

    @property
    def cells(self) -> int:
        return int(np.prod([n - 2 for n in self.walls.shape]))


def _half(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Shape with rim of the next coarser grid."""
    z, y, x = ((n - 2 + 1) // 2 + 2 for n in shape)
    return z, y, x


class Multigrid:
    """The levels below a conductor, and the cycle through them."""

    def __init__(self, conductor: Conductor, team: Team) -> None:
        self.conductor, self.team = conductor, team
        self._periodic = conductor.is_periodic
        self._joints = conductor.joints.astype(np.float32)
        self._walls = conductor.walls.astype(np.float32)
        along, walls = _empty(_half(conductor.codes.shape))
        team.run(sweeps.merge_joints, walls.shape[0] - 2, conductor.codes, self._joints, self._walls, along, walls)
        self.levels = [_Level(along, walls, team, is_periodic=self._periodic)]
        while self.levels[-1].cells > _COARSEST:
            above = self.levels[-1]
            along, walls = _empty(_half(above.walls.shape))
            team.run(coarse.merge_blocks, walls.shape[0] - 2, above.along, above.walls, along, walls)
            self.levels.append(_Level(along, walls, team, is_periodic=self._periodic))

    @property
    def operator(self) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64], Grid, Grid]:
        """What every loop over the voxels takes first."""
        return self.conductor.codes, self.conductor.starts, self._joints, self._walls

    def cycle(self, b: Grid, v: Grid) -> None:
        """``v ≈ A⁻¹ b`` over the unknowns."""
        planes, run = self.conductor.planes, self.team.run
        top = self.levels[0]
        run(sweeps.smooth_from_zero, planes, *self.operator, b, v)
        self._wrap(v)
        self._smooth(b, v, 1)
        run(sweeps.restrict, top.planes, *self.operator, b, v, self._periodic, top.b)
        self._solve(0)
        run(sweeps.correct, planes, *self.operator[:2], top.v, _OVER_CORRECTION, v)
        self._wrap(v)
        self._smooth(b, v, 1)
        self._smooth(b, v, 0)

    def _smooth(self, b: Grid, v: Grid, color: int) -> None:
        self.team.run(sweeps.smooth, self.conductor.planes, *self.operator, b, v, color)
        self._wrap(v)

    def _solve(self, depth: int) -> None:
        """Approximate solution of a coarse level, from zero."""
        level, run = self.levels[depth], self.team.run
        level.v[...] = 0
        if depth == len(self.levels) - 1:
            self._sweep(level, (0, 1) * _LAST_SWEEPS + (1, 0) * _LAST_SWEEPS)
            return
        below = self.levels[depth + 1]
        for _ in range(_VISITS):
            self._sweep(level, (0, 1))
            arrays = (level.along, level.diagonal, level.b, level.v)
            run(coarse.restrict_blocks, below.planes, *arrays, self._periodic, below.b)
            self._solve(depth + 1)
            run(coarse.correct_blocks, level.planes, level.diagonal, below.v, _OVER_CORRECTION, level.v)
            if self._periodic:
                coarse.copy_rim(level.v)
            self._sweep(level, (1, 0))

    def _sweep(self, level: _Level, colors: tuple[int, ...]) -> None:
        """Half a sweep for each colour given."""
        for color in colors:
            self.team.run(coarse.smooth_blocks, level.planes, level.along, level.diagonal, level.b, level.v, color)
            if self._periodic:
                coarse.copy_rim(level.v)

    def _wrap(self, v: Grid) -> None:
        if self._periodic:
            self.team.run(fine.wrap, self.conductor.planes, *self.operator[:2], v)


def _empty(shape: tuple[int, int, int]) -> tuple[Grid, Grid]:
    return np.zeros((3, *shape), np.float32), np.zeros(shape, np.float32)
