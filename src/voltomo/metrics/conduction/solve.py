"""Steady conduction between two faces of a box: conjugate gradients in single precision on a solution in double.

The power P that a potential dissipates is smallest for the true one [1]_, so P is an upper bound of the conductance,
and its excess is the square of the error in the energy norm. Conjugate gradients reduce just that excess, by a known
amount in each step (αᵏ rᵏ·zᵏ, [2]_); what is still missing is estimated from how fast those amounts fall.

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

import numpy as np
import numpy.typing as npt

from voltomo.errors import ConvergenceError
from voltomo.metrics.conduction import fine
from voltomo.metrics.conduction.multigrid import Conductor, Multigrid
from voltomo.metrics.conduction.team import Team

__all__ = ["Conduction", "solve_conduction"]

_MOST_ROUNDS = 400
"""Steps after which something is wrong: 10⁹ voxels need about 40."""
_DELAY = 3
"""Steps over which the rate of convergence is taken."""
_REFRESH = 1e-4
"""Fall of the residual after which it is computed again in double precision: float32 carries about 1e-6."""
_BALANCE = 1e-4
"""Largest relative difference between the fluxes through two planes."""


@dataclass(frozen=True)
class Conduction:
    """Steady flow for a potential difference of 1.

    Parameters
    ----------
    conductance : in the unit of the joints
    relative_error : estimate of how far the solution is above the true conductance, relative
    imbalance : largest difference between the fluxes through two planes, relative to their mean
    rounds : steps of conjugate gradients
    potential : (N,) float64 per unknown, with a 0 at the end
    """

    conductance: float
    relative_error: float
    imbalance: float
    rounds: int
    potential: npt.NDArray[np.float64]


def solve_conduction(
    conductor: Conductor,
    *,
    tolerance: float,
    team: Team,
    progress: Callable[[float], None] | None = None,
) -> Conduction:
    """Potential between 1 at the low face and 0 at the high face along z.

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
    grid = Multigrid(conductor, team)
    planes, n = conductor.planes, conductor.count + 1
    exact = (conductor.codes, conductor.starts, conductor.joints, conductor.walls)
    x = np.zeros(n)
    team.run(fine.linear_start, planes, conductor.codes, conductor.starts, x)
    r, z, p, q = (np.zeros(n, np.float32) for _ in range(4))
    sums = np.zeros(planes + 2)
    gains: list[float] = []
    rounds, checked = 0, 0
    while True:
        team.run(fine.residual, planes, *exact, x, r)
        grid.cycle(r, z)
        p[:] = z
        rho = start = _dot(r, z)
        if rho == 0.0:
            return _finish(conductor, team, x, rounds, 0.0)
        while rho > _REFRESH**2 * start or rho <= 0:
            team.run(fine.apply, planes, *grid.operator, p, q, sums)
            alpha = rho / float(sums.sum())
            if not math.isfinite(alpha) or alpha <= 0 or rounds >= _MOST_ROUNDS:
                raise ConvergenceError(
                    f"the transport solver did not converge in {rounds} steps (relative error {_tail(gains):.1e} of "
                    f"{tolerance:g}); no number is given. Please report this volume: it should not happen"
                )
            _add(x, p, alpha)
            _add(r, q, -alpha)
            gains.append(alpha * rho)
            rounds += 1
            if progress is not None and len(gains) > 1:
                progress(_tail(gains))
            grid.cycle(r, z)
            rho, before = _dot(r, z), rho
            p *= np.float32(rho / before)
            p += z
            if len(gains) > _DELAY and rounds > checked + 1:
                found = None
                # The conductance is near the last power; the exact one is computed only when it may be the end.
                missing = _tail(gains)
                scale = _power(conductor, team, x)[0] if rounds % 2 == 0 and missing >= 0 else None
                if scale is not None and missing <= 0.5 * tolerance * scale:
                    checked = rounds
                    found = _finish(conductor, team, x, rounds, missing / scale)
                    if found.imbalance <= _BALANCE:
                        return found


def _tail(gains: list[float]) -> float:
    """Energy still to be gained: the last gains continued as a geometric series, at their slowest recent rate."""
    if len(gains) <= _DELAY:
        return math.inf
    rate = max((gains[-1] / gains[-1 - _DELAY]) ** (1 / _DELAY), gains[-1] / gains[-2])
    return math.inf if rate >= 1 else gains[-1] * rate / (1 - rate)


def _power(conductor: Conductor, team: Team, x: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Power that a potential dissipates, and the imbalance of its fluxes."""
    planes = conductor.planes
    flux, energy = np.zeros(planes + 2), np.zeros(planes + 2)
    exact = (conductor.codes, conductor.starts, conductor.joints, conductor.walls)
    team.run(fine.measure_flux, planes, *exact, x, flux, energy)
    through = flux[: planes + 1]
    return float(energy.sum()), float(np.ptp(through) / through.mean())


def _finish(conductor: Conductor, team: Team, x: npt.NDArray[np.float64], rounds: int, error: float) -> Conduction:
    power, imbalance = _power(conductor, team, x)
    return Conduction(power, error, imbalance, rounds, x)


def _dot(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> float:
    """In double precision, piece by piece, so that no copy of a vector is made."""
    step = 1 << 20
    return float(sum(np.dot(a[i : i + step].astype(np.float64), b[i : i + step]) for i in range(0, len(a), step)))


def _add(target: npt.NDArray[np.float32] | npt.NDArray[np.float64], v: npt.NDArray[np.float32], scale: float) -> None:
    """``target += scale · v`` without a copy of a vector."""
    step = 1 << 20
    for i in range(0, len(v), step):
        target[i : i + step] += target.dtype.type(scale) * v[i : i + step]
