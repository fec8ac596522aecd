"""How well a phase conducts, diffuses or permits ions through: tortuosity factor and the numbers that say the same.

All follow from one steady solve per axis. The two faces across the axis are at fixed concentrations half a voxel
outside the first and last centres, the other sides are closed; the phase has D₀, the rest nothing. The result holds for
diffusion, electronic and ionic conduction alike.

References
----------
.. [1] Cooper, Bertei, Shearing and Brandon, TauFactor, SoftwareX 5 (2016), doi 10.1016/j.softx.2016.09.002.
.. [2] Landesfeind, Hattendorff, Ehrl, Wall and Gasteiger, J. Electrochem. Soc. 163 (2016), doi 10.1149/2.1141607jes,
   for the MacMullin number.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import Measurement, UncertaintyPart
from voltomo.errors import InputError, PhaseNotFoundError
from voltomo.metrics.conduction import Flow, solve_flow
from voltomo.metrics.results import measured, withheld
from voltomo.metrics.sample import AXES, Sample

__all__ = ["TRANSPORT", "measure_transport", "tortuosity_factor", "withhold_transport"]

TRANSPORT = ("tortuosity_factor", "effective_diffusivity_ratio", "macmullin_number", "bruggeman_exponent")
"""The numbers of one solve, in order."""

_METHOD = "finite volumes"
_MIXTURE = (
    "binder and pore share one class; with the binder in it, the tortuosity factor is too low by a factor of 1.35 to "
    "1.81 (Usseglio-Viretta et al. 2018)"
)


def tortuosity_factor(
    phases: npt.NDArray[np.uint8], phase_id: int, *, axis: int, sample: Sample, tolerance: float = 1e-3
) -> Measurement:
    """τ = ε·D₀/D_eff of one phase along one axis.

    Parameters
    ----------
    phases : (Z, Y, X) uint8
    phase_id : the phase that conducts, with D₀; nothing else does
    axis : 0, 1 or 2
    sample : the region and its units; the whole box
    tolerance : of D_eff, relative; fluxes through all planes agree to 1e-4 besides

    Returns
    -------
    Measurement, dimensionless
        Infinite, with status "warned", where the phase does not join the two faces.

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
    ε counts the whole phase; parts that touch neither or only one face count in ε and do not conduct.
    """
    if not sample.fills_box:
        raise InputError(f"{_NO_FACES}; crop the map to a box inside the field of view")
    if not np.any(phases == phase_id):
        raise PhaseNotFoundError(
            f"no voxel carries the phase id {phase_id}; the map holds {np.unique(phases).tolist()}"
        )
    flow = solve_flow(phases, {phase_id: 1.0}, axis=axis, edges=sample.edges, tolerance=tolerance)
    name = next((phase.name for phase in sample.phases if phase.id == phase_id), str(phase_id))
    return next(measure_transport(flow, sample, phase=name, axis=AXES[axis]))


_NO_FACES = "part of the box lies outside the field of view, so its faces are no faces of the sample"


def measure_transport(flow: Flow, sample: Sample, *, phase: str, axis: str) -> Iterator[Measurement]:
    """The numbers of `TRANSPORT` from one solve.

    Parameters
    ----------
    flow : of the phase with a conductivity of 1, along the axis
    sample : the region
    phase : name in the phase table
    axis : "z", "y" or "x"

    Yields
    ------
    Measurement, dimensionless
        The budget holds the part "solver"; discretisation, segmentation and representativity are listed as missing.
        Where nothing flows the tortuosity factor and the MacMullin number are infinite and "warned".
    """
    words: dict[str, Any] = {"phase": phase, "axis": axis, "method": _METHOD}
    ratio, fraction = flow.conductivity, flow.fraction
    if ratio == 0:
        blocked: dict[str, Any] = {
            "status": "warned",
            "reason": f"no part of {phase} joins the two faces across {axis}: nothing flows",
        }
        for name, value in zip(TRANSPORT, (math.inf, 0.0, math.inf), strict=False):
            yield measured(sample, name, value, "1", **words, **blocked)
        yield withheld(sample, TRANSPORT[3], "1", reason=blocked["reason"], **words)
        return
    doubt: dict[str, Any] = {"status": "warned", "reason": _MIXTURE} if _is_mixture(sample, phase) else {}
    # An error δ of D_eff is one of δ in τ and N_M, and of δ/|ln ε| in α.
    values = [(fraction / ratio, fraction / ratio), (ratio, ratio), (1 / ratio, 1 / ratio)]
    if fraction < 1:
        values.append((math.log(ratio) / math.log(fraction), 1 / abs(math.log(fraction))))
    for name, (value, per_error) in zip(TRANSPORT, values, strict=False):
        yield measured(sample, name, value, "1", parts=_parts(flow, per_error), **words, **doubt)
    if fraction == 1:
        yield withheld(sample, TRANSPORT[3], "1", reason=f"{phase} fills the box: ln ε = 0", **words)


def withhold_transport(sample: Sample, *, phase: str, axis: str, reason: str) -> Iterator[Measurement]:
    """The rows of numbers that cannot be had."""
    for name in TRANSPORT:
        yield withheld(sample, name, "1", reason=reason, phase=phase, axis=axis, method=_METHOD)


def _is_mixture(sample: Sample, phase: str) -> bool:
    return any(row.name == phase for row in sample.phases.with_role("pore+binder"))


def _parts(flow: Flow, per_error: float) -> tuple[UncertaintyPart, ...]:
    error = max(flow.relative_error, flow.imbalance**2)  # the power's error is the square of the flux's
    note = f"{flow.rounds} steps; D_eff is right to {error:.1e}, fluxes of all planes agree to {flow.imbalance:.1e}"
    return (
        UncertaintyPart("solver", per_error * error, note=note),
        UncertaintyPart("discretization", note="not estimated: needs the map on a coarser or finer grid"),
    )
