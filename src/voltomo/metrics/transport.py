"""How well a phase conducts, diffuses or permits ions through: tortuosity factor and the numbers that say the same.

All follow from one steady solve per axis. The two faces across the axis are at fixed concentrations half a voxel
outside the first and last centres, the other sides are closed (or periodic); the phase has D₀, the rest nothing, unless
other phases are given conductivities too. The result holds for diffusion, electronic and ionic conduction alike.

References
----------
.. [1] Cooper, Bertei, Shearing and Brandon, TauFactor, SoftwareX 5 (2016), doi 10.1016/j.softx.2016.09.002.
.. [2] Landesfeind, Hattendorff, Ehrl, Wall and Gasteiger, J. Electrochem. Soc. 163 (2016), doi 10.1149/2.1141607jes,
   for the MacMullin number.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import Measurement, UncertaintyPart
from voltomo.errors import InputError, PhaseNotFoundError
from voltomo.metrics.conduction import Flow, Sides, add_coarser, solve_flow
from voltomo.metrics.results import measured, withheld
from voltomo.metrics.sample import AXES, Sample

__all__ = [
    "TRANSPORT",
    "check_faces",
    "measure_transport",
    "name_conductors",
    "tortuosity_factor",
    "withhold_transport",
]

TRANSPORT = ("tortuosity_factor", "effective_diffusivity_ratio", "macmullin_number", "bruggeman_exponent")
"""The numbers of one solve, in order."""

_METHOD = "finite volumes"
_SPREAD = 0.25
"""Standard deviation of the ratio of the true error to the fall on wider voxels, whose mean is 0.99: 16 bodies in
``benchmarks/bench_discretization.py``."""
_LARGEST_FALL = 0.35
"""On those bodies it was 0.02 to 0.32."""
_MIXTURE = (
    "binder and pore share one class; with the binder in it, the tortuosity factor is too low by a factor of 1.35 to "
    "1.81 (Usseglio-Viretta et al. 2018)"
)


def tortuosity_factor(
    phases: npt.NDArray[np.uint8],
    phase_id: int | Mapping[int, float],
    *,
    axis: int,
    sample: Sample,
    sides: Sides = "closed",
    tolerance: float = 1e-3,
) -> Measurement:
    """τ = ε·D₀/D_eff of one phase along one axis; of several, the mean of their D over the box / D_eff.

    Parameters
    ----------
    phases : (Z, Y, X) uint8
    phase_id : the phase that conducts, or the conductivity of each phase that does
    axis : 0, 1 or 2
    sample : the region and its units; the whole box
    sides : of the box along the flow: "closed" or "periodic"
    tolerance : of D_eff, relative; fluxes through all planes agree to 1e-4 besides

    Returns
    -------
    Measurement, dimensionless
        Infinite, with status "warned", where nothing joins the two faces.

    Raises
    ------
    PhaseNotFoundError
        If a phase that conducts has no voxel.
    InputError
        If part of the box lies outside the field of view, the volume is one voxel thick along the axis, or
        conductivities differ by more than 10⁴.
    ConvergenceError
        If the solver does not converge.

    Notes
    -----
    ε counts the whole phase; parts that touch neither or only one face count in ε and do not conduct.
    """
    conductivities = dict(phase_id) if isinstance(phase_id, Mapping) else {phase_id: 1.0}
    check_faces(phases, tuple(conductivities), sample)
    flow = solve_flow(phases, conductivities, axis=axis, edges=sample.edges, sides=sides, tolerance=tolerance)
    if len(conductivities) == 1:
        (single,) = conductivities
        flow = replace(flow, conductivity=flow.conductivity / conductivities[single], mean=flow.fraction)
        conductivities = {single: 1.0}
        box: dict[str, Any] = {"axis": axis, "edges": sample.edges, "sides": sides, "tolerance": tolerance}
        flow = add_coarser(flow, phases, single, **box)
    phase = name_conductors(sample, tuple(conductivities))
    return next(
        measure_transport(flow, sample, phase=phase, axis=AXES[axis], conductivities=conductivities, sides=sides)
    )


def check_faces(phases: npt.NDArray[np.uint8], ids: tuple[int, ...], sample: Sample) -> None:
    """What any transport through the box needs.

    Raises
    ------
    InputError, PhaseNotFoundError
        If part of the box lies outside the field of view; if a phase has no voxel.
    """
    if not sample.fills_box:
        raise InputError(f"{_NO_FACES}; crop the map to a box inside the field of view")
    for phase_id in ids:
        if not np.any(phases == phase_id):
            raise PhaseNotFoundError(
                f"no voxel carries the phase id {phase_id}; the map holds {np.unique(phases).tolist()}"
            )


def name_conductors(sample: Sample, ids: tuple[int, ...]) -> str:
    """Names of the phases that conduct; their ids where the table has none."""
    names = {phase.id: phase.name for phase in sample.phases}
    return "+".join(names.get(phase_id, str(phase_id)) for phase_id in ids)


_NO_FACES = "part of the box lies outside the field of view, so its faces are no faces of the sample"


def measure_transport(
    flow: Flow,
    sample: Sample,
    *,
    phase: str,
    axis: str,
    conductivities: Mapping[int, float] | None = None,
    sides: Sides = "closed",
) -> Iterator[Measurement]:
    """The numbers of `TRANSPORT` from one solve.

    Parameters
    ----------
    flow : along the axis
    sample : the region
    phase : name in the phase table; several joined by "+"
    axis : "z", "y" or "x"
    conductivities : of each phase id that conducts; D₀ is the largest of them; 1 for a single phase by default
    sides : of the box along the flow

    Yields
    ------
    Measurement, dimensionless
        The budget holds the parts "solver" and, where `flow` has what wider voxels conduct, "discretization", a bias
        that the number is not corrected for and that the interval reaches over. Others are listed as missing.
        Where nothing flows the tortuosity factor and the MacMullin number are infinite and "warned". There is no
        Bruggeman exponent of several phases.
    """
    given = conductivities or {0: 1.0}
    words: dict[str, Any] = {"phase": phase, "axis": axis, "method": _method(phase, given, sides)}
    best = max(given.values())
    ratio, mean = flow.conductivity / best, flow.mean / best
    if ratio == 0:
        blocked: dict[str, Any] = {
            "status": "warned",
            "reason": f"no part of {phase} joins the two faces across {axis}: nothing flows",
        }
        for name, value in zip(TRANSPORT, (math.inf, 0.0, math.inf), strict=False):
            yield measured(sample, name, value, "1", **words, **blocked)
        if len(given) == 1:
            yield withheld(sample, TRANSPORT[3], "1", reason=blocked["reason"], **words)
        return
    doubt: dict[str, Any] = {"status": "warned", "reason": _MIXTURE} if _is_mixture(sample, phase) else {}
    # Value, its change per relative excess of D_eff, and what it loses if D_eff rises by a share e.
    values: list[tuple[float, float, Callable[[float], float]]] = [
        (mean / ratio, mean / ratio, lambda e: mean / ratio * e / (1 + e)),
        (ratio, ratio, lambda e: -ratio * e),
        (1 / ratio, 1 / ratio, lambda e: e / (1 + e) / ratio),
    ]
    if len(given) == 1 and mean < 1:
        steep = math.log(mean)
        values.append((math.log(ratio) / steep, 1 / abs(steep), lambda e: -math.log1p(e) / steep))
    for name, (value, per_excess, loss) in zip(TRANSPORT, values, strict=False):
        parts = _solver(flow, per_excess), _discretization(flow, loss)
        yield measured(sample, name, value, "1", parts=parts, interval=_reach(value, parts), **words, **doubt)
    if len(given) == 1 and mean == 1:
        yield withheld(sample, TRANSPORT[3], "1", reason=f"{phase} fills the box: ln ε = 0", **words)


def _method(phase: str, conductivities: Mapping[int, float], sides: Sides) -> str:
    text = _METHOD if sides == "closed" else f"{_METHOD}, periodic sides"
    if len(conductivities) == 1:
        return text
    shares = zip(phase.split("+"), conductivities.values(), strict=False)
    return f"{text}; conductivities " + ", ".join(f"{name} {value:g}" for name, value in shares)


def withhold_transport(
    sample: Sample, *, phase: str, axis: str, reason: str, has_exponent: bool = True
) -> Iterator[Measurement]:
    """The rows of numbers that cannot be had."""
    for name in TRANSPORT if has_exponent else TRANSPORT[:3]:
        yield withheld(sample, name, "1", reason=reason, phase=phase, axis=axis, method=_METHOD)


def _is_mixture(sample: Sample, phase: str) -> bool:
    return any(row.name == phase for row in sample.phases.with_role("pore+binder"))


def _solver(flow: Flow, per_excess: float) -> UncertaintyPart:
    error = max(flow.relative_error, flow.imbalance**2)  # the power's error is the square of the flux's
    note = f"{flow.rounds} steps; D_eff is right to {error:.1e}, fluxes of all planes agree to {flow.imbalance:.1e}"
    return UncertaintyPart("solver", per_excess * error, note=note)


def _discretization(flow: Flow, loss: Callable[[float], float]) -> UncertaintyPart:
    """A bias: the true D_eff is higher by about the share by which it falls on wider voxels."""
    fall = 1 - flow.coarser / flow.conductivity
    if math.isnan(fall):
        return UncertaintyPart(
            "discretization", note="not estimated: for one phase, in 8 voxels or more along each axis"
        )
    if not 0 < fall < _LARGEST_FALL:
        return UncertaintyPart(
            "discretization",
            note=f"not estimated: on voxels twice as wide D_eff changes by {-fall:+.0%}; the phase is too thin for it",
        )
    note = f"D_eff falls by {fall:.1%} on voxels twice as wide, and is about as much too low on these"
    return UncertaintyPart("discretization", _SPREAD * abs(loss(fall)), bias=loss(fall), note=note)


def _reach(value: float, parts: tuple[UncertaintyPart, ...]) -> tuple[float, float]:
    """From the number without its bias to the number itself, and 2u beyond either (GUM, F.2.4.5)."""
    u = math.sqrt(sum(part.standard_uncertainty**2 for part in parts if part.standard_uncertainty is not None))
    without = value - sum(part.bias for part in parts if part.bias is not None)
    return min(value, without) - 2 * u, max(value, without) + 2 * u
