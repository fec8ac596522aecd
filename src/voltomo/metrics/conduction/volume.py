"""Conduction through a volume of phases with known conductivities, along any axis."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from voltomo.errors import InputError
from voltomo.metrics.conduction.multigrid import Conductor
from voltomo.metrics.conduction.percolation import keep_percolating
from voltomo.metrics.conduction.solve import solve_conduction
from voltomo.metrics.conduction.team import Team

__all__ = [
    "Flow",
    "Sides",
    "check_problem",
    "conductances",
    "encode_phases",
    "flow_order",
    "memory_needed",
    "solve_flow",
]

Sides: TypeAlias = Literal["closed", "periodic"]
"""What happens at the sides of the box along the flow."""

_MOST_CONTRAST = 1e4
"""Ratio of conductivities up to which convergence was tested."""


@dataclass(frozen=True)
class Flow:
    """Effective conductivity of a box along one axis.

    Parameters
    ----------
    conductivity : in the unit of the phases' conductivities; 0 if nothing joins the two faces
    fraction : share of the box that conducts, isolated parts included
    mean : of the conductivity over the box, isolated parts included: what straight channels would conduct
    shares : of the conducting voxels in parts that touch both faces, one, none (6 neighbours)
    relative_error : estimate of how much the conductivity is too high because the solver stopped early
    imbalance : largest difference between the fluxes through two planes, relative
    rounds : steps of the solver
    coarser : conductivity on voxels twice as wide; not a number where that was not computed
    """

    conductivity: float
    fraction: float
    mean: float
    shares: tuple[float, float, float]
    relative_error: float = 0.0
    imbalance: float = 0.0
    rounds: int = 0
    coarser: float = math.nan


def memory_needed(voxels: int, fraction: float) -> int:
    """Bytes that `solve_flow` holds at its peak beyond the phases.

    Before the unknowns exist, three bytes per voxel for codes and four for the labels of their parts. Then 24 bytes
    per unknown (the potential in double, four vectors in single precision) and about 4 bytes per voxel for the coarse
    levels (28 bytes for each block of 8, and a seventh of that below).
    """
    return int(voxels * max(7.0, 2.0 + 4.0 + 24.0 * fraction))


def solve_flow(
    phases: npt.NDArray[np.uint8],
    conductivities: Mapping[int, float],
    *,
    axis: int,
    edges: tuple[float, float, float] = (1.0, 1.0, 1.0),
    sides: Sides = "closed",
    tolerance: float = 1e-3,
    workers: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> Flow:
    """Effective conductivity along an axis.

    Parameters
    ----------
    phases : (Z, Y, X) uint8
    conductivities : of each phase id that conducts, positive
    axis : 0, 1 or 2
    edges : (dz, dy, dx) of a voxel
    sides : the other sides of the box are closed, or each continues at the opposite one
    tolerance : of the conductivity, relative; fluxes through all planes agree to 1e-4 besides
    workers : threads; all cores by default
    progress : told the estimated relative error after each step

    Raises
    ------
    InputError
        If no conductivity is positive, they differ by more than 10⁴, or the volume is one voxel thick along the axis.
    ConvergenceError
        If the solver does not converge; no number is returned then.

    Notes
    -----
    Finite volumes, one per voxel: two neighbours are joined by the harmonic mean of their conductivities, and the faces
    of the box, at potential 1 and 0, lie half a voxel from the first centres.
    """
    check_problem(phases, conductivities, axis, sides)
    conducting = {int(i): float(s) for i, s in conductivities.items() if s > 0}
    order, is_periodic = flow_order(axis), sides == "periodic"
    codes, counts = encode_phases(np.transpose(phases, order), sorted(conducting))
    kept, shares = keep_percolating(codes, is_periodic=is_periodic)
    values = np.array([0.0, *(conducting[i] for i in sorted(conducting))])
    fraction, mean = float(counts[1:].sum() / phases.size), float(counts @ values / phases.size)
    if shares[0] == 0:
        return Flow(0.0, fraction, mean, shares)
    del codes
    scale = values.max()  # single precision likes numbers around one
    joints, walls = conductances(values / scale, edges, order)
    with Team(workers) as team:
        conductor = Conductor.build(kept, joints, walls, team, is_periodic=is_periodic)
        del kept
        found = solve_conduction(conductor, tolerance=tolerance, team=team, progress=progress)
    planes, rows, columns = (phases.shape[a] for a in order)
    conductivity = float(scale * found.value * planes / (rows * columns))
    return Flow(conductivity, fraction, mean, shares, found.relative_error, found.imbalance, found.rounds)


def flow_order(axis: int) -> tuple[int, int, int]:
    """The axes, that of the flow first."""
    first, second = (a for a in range(3) if a != axis)
    return axis, first, second


def encode_phases(
    phases: npt.NDArray[np.uint8], ids: Sequence[int]
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Codes 1, 2 … for the conducting ids, 0 for the rest, and how many voxels have each."""
    table = np.zeros(256, np.uint8)
    table[list(ids)] = np.arange(1, len(ids) + 1)
    codes = np.empty(phases.shape, np.uint8)
    counts = np.zeros(len(ids) + 1, np.int64)
    for z, plane in enumerate(phases):
        codes[z] = table[plane]
        counts += np.bincount(codes[z].ravel(), minlength=len(counts))
    return codes, counts


def conductances(
    values: npt.NDArray[np.float64], edges: tuple[float, float, float], order: tuple[int, int, int]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Joints (3, K, K) and walls (2, K), in units of the conductance of a unit voxel along the flow."""
    along, *across = (edges[a] for a in order)
    total = values[:, None] + values
    harmonic = np.divide(2 * values[:, None] * values, total, out=np.zeros_like(total), where=total > 0)
    harmonic[0] = harmonic[:, 0] = 0
    joints = np.array([harmonic, *((along / d) ** 2 * harmonic for d in across)])
    return joints, np.array([2 * values, 2 * values])


def check_problem(phases: npt.NDArray[np.uint8], given: Mapping[int, float], axis: int, sides: str) -> None:
    """Refuse what no transport problem can be solved on, with an InputError."""
    if phases.ndim != 3 or phases.dtype != np.uint8:
        raise InputError(f"expected phases as a (Z, Y, X) uint8 array, found {phases.ndim} axes of {phases.dtype}")
    if axis not in (0, 1, 2):
        raise InputError(f"expected axis 0, 1 or 2, found {axis!r}")
    if sides not in get_args(Sides):
        raise InputError(f"expected sides as closed or periodic, found {sides!r}")
    conducting = [value for value in given.values() if value > 0]
    if not conducting or not all(np.isfinite(value) and value >= 0 for value in given.values()):
        raise InputError(
            f"expected finite conductivities, 0 or more, one of them positive; found {sorted(given.values())}"
        )
    contrast = max(conducting) / min(conducting)
    if contrast > _MOST_CONTRAST:
        raise InputError(
            f"the conductivities differ by a factor of {contrast:.3g}; up to {_MOST_CONTRAST:g} is supported: give 0 "
            "to the phase that conducts least"
        )
    if phases.shape[axis] < 2:
        raise InputError(f"the volume is one voxel thick along axis {axis}; transport needs at least two")
