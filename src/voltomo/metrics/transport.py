"""Tortuosity factor: how much worse a phase conducts than its share of the volume would."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import Measurement, UncertaintyPart
from voltomo.errors import InputError, PhaseNotFoundError
from voltomo.metrics.conduction import Flow, solve_flow
from voltomo.metrics.results import measured
from voltomo.metrics.sample import AXES, Sample

__all__ = ["tortuosity_factor"]

_METHOD = "finite volumes, multigrid-preconditioned conjugate gradients"


def tortuosity_factor(
    phases: npt.NDArray[np.uint8],
    phase_id: int,
    *,
    axis: int,
    sample: Sample,
    tolerance: float = 1e-3,
    workers: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> Measurement:
    """τ = ε·D₀/D_eff of one phase along one axis.

    Parameters
    ----------
    phases : (Z, Y, X) uint8
    phase_id : the phase that conducts, with D₀; nothing else does
    axis : 0, 1 or 2
    sample : the region and its units; the whole box
    tolerance : of D_eff, relative; fluxes through all planes agree to 1e-4 besides
    workers : threads; all cores by default
    progress : told the estimated relative error after each step

    Returns
    -------
    Measurement, dimensionless
        Infinite, with status "warned", where the phase does not join the two faces. Otherwise the budget holds the part
        "solver"; discretisation, segmentation and representativity are listed as missing.

    Raises
    ------
    PhaseNotFoundError
        If no voxel carries `phase_id`.
    InputError
        If part of the box lies outside the field of view, or the volume is one voxel thick along the axis.
    ConvergenceError
        If the solver does not converge.

    Notes
    -----
    ε counts the whole phase; parts that touch neither or only one face count in ε and do not conduct. The two faces are
    at fixed potentials half a voxel outside the first and last centres, the other sides are closed.

    References
    ----------
    .. [1] Cooper, Bertei, Shearing, Brandon, TauFactor, SoftwareX 5 (2016), doi 10.1016/j.softx.2016.09.002.
    .. [2] Tjaden, Brett, Shearing, Tortuosity in electrochemical devices, Int. Mater. Rev. 63 (2018),
       doi 10.1080/09506608.2016.1249995, for the difference to the path tortuosity.
    """
    if not sample.fills_box:
        raise InputError(
            "part of the box lies outside the field of view, so its faces are no faces of the sample; crop the map to "
            "a box inside the field of view"
        )
    if not np.any(phases == phase_id):
        raise PhaseNotFoundError(
            f"no voxel carries the phase id {phase_id}; the map holds {np.unique(phases).tolist()}"
        )
    flow = solve_flow(
        phases, {phase_id: 1.0}, axis=axis, edges=sample.edges, tolerance=tolerance, workers=workers, progress=progress
    )
    name = next((phase.name for phase in sample.phases if phase.id == phase_id), str(phase_id))
    words = {"phase": name, "axis": AXES[axis], "method": _METHOD}
    if flow.conductivity == 0:
        reason = f"no part of {name} joins the two faces across {AXES[axis]}: nothing flows"
        return measured(sample, "tortuosity_factor", math.inf, "1", status="warned", reason=reason, **words)
    return measured(sample, "tortuosity_factor", flow.fraction / flow.conductivity, "1", parts=_parts(flow), **words)


def _parts(flow: Flow) -> tuple[UncertaintyPart, ...]:
    tau = flow.fraction / flow.conductivity
    return (
        UncertaintyPart(
            "solver",
            # An error δ of D_eff is one of δ in τ; that of the fluxes is what remains of rounding.
            tau * max(flow.relative_error, flow.imbalance**2),
            note=f"{flow.rounds} steps; estimated error of D_eff {flow.relative_error:.1e}, fluxes of all planes agree "
            f"to {flow.imbalance:.1e}",
        ),
        UncertaintyPart("discretization", note="not estimated: needs the map on a coarser or finer grid"),
    )
