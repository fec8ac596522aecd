"""Steady conduction through a box: conjugate gradients in single precision on a solution in double.

Two problems share the loop. *Flow*: the two faces are at potentials 1 and 0; the power that a potential dissipates is
smallest for the true one [1]_, so it is an upper bound of the conductance. *Charging*: one face is at potential 0, the
other is closed, and charge comes in evenly over all walls; the work of the charge less half of the power is
largest for the true potential, so it bounds the resistance from below. In both the error is the square of that in
the energy norm. Conjugate gradients reduce just this, by a known amount in each step (αᵏ rᵏ·zᵏ, [2]_); what is still
missing is estimated from how fast those amounts fall.

References
----------
.. [1] Thomson's and Dirichlet's principles; Doyle and Snell, Random walks and electric networks, MAA (1984), 1.3.5.
.. [2] Strakoš and Tichý, On error estimation in the conjugate gradient method and why it works in finite precision
   computations, ETNA 13 (2002).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
from scipy.linalg import solveh_banded

from voltomo.errors import ConvergenceError
from voltomo.metrics.conduction import fine, vectors
from voltomo.metrics.conduction.multigrid import Conductor, Multigrid
from voltomo.metrics.conduction.team import Team

__all__ = ["Solution", "solve_charging", "solve_conduction"]

_MOST_ROUNDS = 400
"""Steps after which something is wrong: 10⁹ voxels need about 40."""
_DELAY = 3
"""Steps over which the rate of convergence is taken."""
_REFRESH = 1e-4
"""Fall of the residual after which it is computed again in double precision: float32 carries about 1e-6."""
_CAUTION = 10.0
"""Estimates of the error are taken times this. They were 1 to 7 times too small on random pores of 2 to 40 voxels."""
_GREAT_CAUTION = 1000.0
"""The same above `_HIGH_CONTRAST`, where a grain in an almost insulating matrix may float by more than the residual
shows: of 400 random maps at a contrast of 10⁴, errors were up to 60 times the plain estimate. One to two steps more."""
_HIGH_CONTRAST = 100.0
_EXACT = 1e-12
"""Energy of the error / value at which a potential is as exact as single precision makes its corrections: a few voxels
are solved by the first balance of planes, and steps from there on lead nowhere."""
_BALANCE = 1e-4
"""Largest relative deviation of the current through a plane from what it must be."""

Double = npt.NDArray[np.float64]
Single = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Solution:
    """What a solve found.

    Parameters
    ----------
    value : conductance of a flow in the unit of the joints; resistance of charging in its inverse
    relative_error : estimate of how far the conductance is too high, or the resistance too low
    imbalance : largest deviation of the flux through a plane from what it must be, relative
    rounds : steps of conjugate gradients
    """

    value: float
    relative_error: float
    imbalance: float
    rounds: int


class _Problem(Protocol):
    """What distinguishes the two problems: the equations' right-hand side, and what is asked of the potential."""

    @property
    def sign(self) -> int:
        """Whether the value rises or falls on the way to the true one."""
        ...

    def residual(self, x: Double, out: Single) -> None: ...

    def measure(self, x: Double, scratch: Single) -> tuple[float, Double, float]:
        """The value, the net current into each plane (0 where all is right), and the current through the box."""
        ...


@dataclass(frozen=True)
class _Flow:
    """The low face at potential 1, the high one at 0."""

    conductor: Conductor
    team: Team
    sign: int = -1

    def residual(self, x: Double, out: Single) -> None:
        _residual(self.conductor, self.team, 1.0, x, out)

    def measure(self, x: Double, scratch: Single) -> tuple[float, Double, float]:
        """The value is the power."""
        flux, power = _flux(self.conductor, self.team, 1.0, x)
        return power, -np.diff(flux), float(flux.mean())


@dataclass(frozen=True)
class _Charging:
    """The low face at potential 0; a current of 1 comes in over the walls, evenly."""

    conductor: Conductor
    areas: Double
    team: Team
    sign: int = 1

    def residual(self, x: Double, out: Single) -> None:
        _residual(self.conductor, self.team, 0.0, x, out)
        self._charge(x, out)

    def measure(self, x: Double, scratch: Single) -> tuple[float, Double, float]:
        """The value is twice the work of the charge less the power."""
        totals, works, _ = self._charge(x, scratch)
        flux, power = _flux(self.conductor, self.team, 0.0, x)
        return 2 * float(works.sum()) - power, totals[1:-1] - np.diff(flux), float(totals.sum())

    def wall(self, x: Double) -> tuple[float, int]:
        """Area of the walls, and the number of voxel faces in them."""
        totals, _, faces = self._charge(x, np.zeros(len(x), np.float32))
        return float(totals.sum()), int(faces.sum())

    def _charge(self, x: Double, out: Single) -> tuple[Double, Double, npt.NDArray[np.int64]]:
        planes = self.conductor.planes
        totals, works, faces = np.zeros(planes + 2), np.zeros(planes + 2), np.zeros(planes + 2, np.int64)
        arrays = (self.conductor.codes, self.conductor.starts, self.areas, self.conductor.is_periodic)
        self.team.run(fine.charge, planes, *arrays, x, out, totals, works, faces)
        return totals, works, faces


def solve_conduction(
    conductor: Conductor,
    *,
    tolerance: float,
    team: Team,
    progress: Callable[[float], None] | None = None,
) -> Solution:
    """Conductance between the low and the high face along z.

    Parameters
    ----------
    conductor : every unknown is connected to both faces
    tolerance : of the conductance, relative
    team : threads
    progress : told the estimated relative error after each step

    Raises
    ------
    ConvergenceError
        If it does not converge; no number is returned then.
    """
    x = np.zeros(conductor.size + 1)
    team.run(fine.linear_start, conductor.planes, conductor.codes, conductor.starts, x)
    if conductor.is_periodic:
        team.run(fine.wrap, conductor.planes, conductor.codes, conductor.starts, x)
    return _descend(_Flow(conductor, team), x, tolerance, Multigrid(conductor, team), progress)


def solve_charging(
    conductor: Conductor,
    areas: tuple[float, float, float],
    *,
    tolerance: float,
    team: Team,
    progress: Callable[[float], None] | None = None,
) -> Solution | None:
    """Resistance Σ qᵢ φᵢ between evenly charged walls and the low face along z; None where there is no wall.

    Parameters
    ----------
    conductor : every unknown is connected to the low face; the high one is closed
    areas : of a voxel's faces across z, y and x
    tolerance, team, progress : as in `solve_conduction`, of the resistance

    Raises
    ------
    ConvergenceError
        If it does not converge; no number is returned then.
    """
    x = np.zeros(conductor.size + 1)
    area, faces = _Charging(conductor, np.array(areas), team).wall(x)
    if faces == 0:
        return None
    problem = _Charging(conductor, np.array(areas) / area, team)
    found = _descend(problem, x, tolerance, Multigrid(conductor, team), progress)
    # From the centre of a voxel to its wall: half of its length for each face.
    last = 0.5 * faces / area**2
    return Solution(found.value + last, found.relative_error, found.imbalance, found.rounds)


def _descend(
    problem: _Problem,
    x: Double,
    tolerance: float,
    grid: Multigrid,
    progress: Callable[[float], None] | None,
) -> Solution:
    """Improve the potential until the value that is asked for is right."""
    conductor, team = grid.conductor, grid.team
    planes, pieces = conductor.planes, -(-len(x) // vectors.PIECE)
    r, z, p, q = (np.zeros(len(x), np.float32) for _ in range(4))
    sums, parts = np.zeros(planes + 2), np.zeros(pieces + 1)
    caution = _CAUTION if conductor.contrast <= _HIGH_CONTRAST else _GREAT_CAUTION
    enough = tolerance / caution
    value, imbalance = _balance(problem, conductor, team, x, q)
    gains: list[float] = []
    rounds, may_end = 0, False

    def product() -> float:
        team.run(vectors.dot, pieces, r, z, parts)
        return float(parts.sum())

    while True:
        problem.residual(x, r)
        grid.cycle(r, z)
        rho = start = product()
        # The cycle is nearly the inverse: r·z is nearly the error's energy.
        is_small = may_end and rho <= enough * value
        if rho == 0.0 or ((is_small or abs(rho) <= _EXACT * value) and imbalance <= _BALANCE):
            return Solution(value, caution * abs(rho) / value, imbalance, rounds)
        p[:] = z
        may_end = False
        while not may_end and rho != 0.0 and (rho > _REFRESH**2 * start or rho < 0):
            team.run(fine.apply, planes, *grid.operator, p, q, sums)
            alpha = rho / float(sums.sum())
            if not math.isfinite(alpha) or alpha <= 0 or rounds >= _MOST_ROUNDS:
                raise ConvergenceError(
                    f"the transport solver did not converge in {rounds} steps (relative error {_tail(gains, value):.1e}"
                    f" of {tolerance:g}); no number is given. Please report this volume: it should not happen"
                )
            team.run(vectors.advance, pieces, x, r, p, q, alpha)
            gains.append(alpha * rho)
            value += problem.sign * gains[-1]
            rounds += 1
            missing = _tail(gains, value)
            if progress is not None and math.isfinite(missing):
                progress(caution * missing)
            may_end = missing <= enough
            if not may_end:
                grid.cycle(r, z)
                rho, before = product(), rho
                team.run(vectors.turn, pieces, p, z, rho / before)
        value, imbalance = _balance(problem, conductor, team, x, q)


def _balance(problem: _Problem, conductor: Conductor, team: Team, x: Double, scratch: Single) -> tuple[float, float]:
    """Shift whole planes so that the current through all of them is right; the value, and what is still unbalanced.

    Of all shifts these also bring the value nearest to the true one.
    """
    planes = conductor.planes
    joints = np.zeros(planes + 2)
    team.run(fine.sum_joints, planes, conductor.codes, conductor.joints, conductor.walls, joints)
    value, into, current = problem.measure(x, scratch)
    onward = joints[1 : planes + 1]
    bands = np.stack([-joints[:planes], joints[:planes] + onward])
    bands[1][bands[1] == 0] = 1.0  # planes beyond the reach of the open face
    shifts = np.zeros(planes + 2)
    shifts[1:-1] = solveh_banded(bands, into)
    if np.any(shifts):
        team.run(fine.shift_planes, planes, conductor.starts, shifts, x)
    left = into + np.diff(joints[: planes + 1] * np.diff(shifts[: planes + 2]))
    imbalance = float(np.abs(np.cumsum(left[::-1])).max() / current) if current else math.inf
    return value + problem.sign * float(shifts[1:-1] @ into), imbalance


def _tail(gains: list[float], value: float) -> float:
    """Relative error that is left: the last gains continued as a geometric series, at their slowest recent rate."""
    if len(gains) <= _DELAY or value <= 0:
        return math.inf
    rate = max((gains[-1] / gains[-1 - _DELAY]) ** (1 / _DELAY), gains[-1] / gains[-2])
    return math.inf if rate >= 1 else gains[-1] * rate / (1 - rate) / value


def _residual(conductor: Conductor, team: Team, potential: float, x: Double, out: Single) -> None:
    exact = (conductor.codes, conductor.starts, conductor.joints, conductor.walls)
    team.run(fine.residual, conductor.planes, *exact, potential, x, out)


def _flux(conductor: Conductor, team: Team, potential: float, x: Double) -> tuple[Double, float]:
    """Flux through the low face and the upper side of each plane, and the power dissipated."""
    flux, energy = np.zeros(conductor.planes + 2), np.zeros(conductor.planes + 2)
    exact = (conductor.codes, conductor.starts, conductor.joints, conductor.walls)
    team.run(fine.measure_flux, conductor.planes, *exact, potential, x, flux, energy)
    return flux[: conductor.planes + 1], float(energy.sum())
