"""The resistance that ions meet on their way from one face of a pore space to all of its walls.

At a low frequency the impedance of a porous electrode with blocking walls is 1/(iωC) + R₀: each part of the wall takes
charge in proportion to its capacity, and R₀ is the resistance to that distribution of currents. A straight pore has
R₀ = R_ion/3, with R_ion = L/(κA) the resistance of its whole length (de Levie [1]_): hence R_ion = 3 R₀ for any pore
space [2]_. No frequency is needed: R₀ is the work of a unit current that comes in over the walls, evenly, and leaves
through the open face.

References
----------
.. [1] de Levie, On porous electrodes in electrolyte solutions, Electrochim. Acta 8, 751 (1963),
   doi 10.1016/0013-4686(63)80042-0.
.. [2] Nguyen, Demortière, Fleutot, Delobel, Delacourt and Cooper, npj Comput. Mater. 6, 123 (2020),
   doi 10.1038/s41524-020-00386-4.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from voltomo.errors import InputError
from voltomo.metrics.conduction.multigrid import Conductor
from voltomo.metrics.conduction.percolation import keep_reached
from voltomo.metrics.conduction.solve import Solution, solve_charging
from voltomo.metrics.conduction.team import Team
from voltomo.metrics.conduction.volume import Sides, check_problem, conductances, encode_phases, flow_order

__all__ = ["Charging", "End", "solve_electrode"]

End: TypeAlias = Literal["low", "high"]
"""The face through which ions enter: the first or the last plane along the axis."""

_PER_LENGTH = 3.0
"""R_ion/R₀ of a straight pore (de Levie)."""


@dataclass(frozen=True)
class Charging:
    """Resistance of a pore space along one axis, from one end.

    Parameters
    ----------
    resistance : R_ion·κ·A/L, κ being the conductivity of the phase; infinite if the phase does not touch the open face
    fraction : share of the box that conducts, parts that the open face does not reach included
    reached : share of the conducting voxels that it reaches (6 neighbours)
    relative_error : estimate of how much the resistance is too low because the solver stopped early
    imbalance : largest deviation of the flux through a plane from the charge beyond it, relative
    rounds : steps of the solver
    """

    resistance: float
    fraction: float
    reached: float
    relative_error: float = 0.0
    imbalance: float = 0.0
    rounds: int = 0


def solve_electrode(
    phases: npt.NDArray[np.uint8],
    phase_id: int,
    *,
    axis: int,
    open_end: End,
    edges: tuple[float, float, float] = (1.0, 1.0, 1.0),
    sides: Sides = "closed",
    tolerance: float = 1e-3,
    workers: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> Charging:
    """Charge the walls of a phase through one face of the box; the opposite face is blocked.

    Parameters
    ----------
    phases : (Z, Y, X) uint8
    phase_id : what conducts; its walls are its voxel faces with everything else
    axis : 0, 1 or 2
    open_end : the face that ions enter through
    edges, sides, tolerance, workers, progress : as in `voltomo.metrics.conduction.solve_flow`, of the resistance

    Raises
    ------
    InputError
        If the volume is one voxel thick along the axis.
    ConvergenceError
        If the solver does not converge; no number is returned then.

    Notes
    -----
    The blocked face and the sides of the box are no walls and take no charge. Charge leaves through the faces of
    voxels, half a voxel from their centres. A phase without walls fills the box: evenly spread walls, however
    few, give it R_ion = L/(κA) in the limit.
    """
    check_problem(phases, {phase_id: 1.0}, axis, sides)
    if open_end not in ("low", "high"):
        raise InputError(f"expected the open end as low or high, found {open_end!r}")
    order, is_periodic = flow_order(axis), sides == "periodic"
    turned = np.transpose(phases, order)
    codes, counts = encode_phases(turned if open_end == "low" else turned[::-1], (phase_id,))
    fraction = float(counts[1] / phases.size)
    kept, reached = keep_reached(codes, is_periodic=is_periodic)
    if reached == 0:
        return Charging(np.inf, fraction, reached)
    del codes
    joints, walls = conductances(np.array([0.0, 1.0]), edges, order)
    walls[1] = 0
    along, *across = (edges[a] for a in order)
    with Team(workers) as team:
        conductor = Conductor.build(kept, joints, walls, team, is_periodic=is_periodic)
        del kept
        areas = (1.0, along / across[0], along / across[1])
        found = solve_charging(conductor, areas, tolerance=tolerance, team=team, progress=progress)
    planes, rows, columns = turned.shape
    found = found or Solution(planes / (rows * columns * _PER_LENGTH), 0.0, 0.0, 0)
    resistance = _PER_LENGTH * found.value * rows * columns / planes
    return Charging(resistance, fraction, reached, found.relative_error, found.imbalance, found.rounds)
