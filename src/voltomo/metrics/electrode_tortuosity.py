"""The electrode tortuosity factor: what ions meet that enter at one face and charge all walls of the pores.

The tortuosity factor asks for a flow from face to face, and pores that end inside do not count. In an electrode
they do: ions go into every pore that the separator reaches. Measured with a blocking electrolyte, the impedance at low
frequency gives R_ion = τ_e·L/(ε·κ·A) [1]_; here it follows from one steady solve (`voltomo.metrics.conduction`).

References
----------
.. [1] Nguyen, Demortière, Fleutot, Delobel, Delacourt and Cooper, npj Comput. Mater. 6, 123 (2020),
   doi 10.1038/s41524-020-00386-4.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import Measurement, UncertaintyPart
from voltomo.metrics.conduction import Charging, End, Sides, solve_electrode
from voltomo.metrics.results import measured, withheld
from voltomo.metrics.sample import AXES, Sample
from voltomo.metrics.transport import check_faces, name_conductors

__all__ = ["electrode_tortuosity_factor", "measure_electrode", "withhold_electrode"]

_NAME = "electrode_tortuosity_factor"
_METHOD = "finite volumes, evenly charged walls"


def electrode_tortuosity_factor(
    phases: npt.NDArray[np.uint8],
    phase_id: int,
    *,
    axis: int,
    open_end: End,
    sample: Sample,
    sides: Sides = "closed",
    tolerance: float = 1e-3,
) -> Measurement:
    """τ_e = ε·R_ion·κ·A/L of one phase, open at one end of an axis.

    Parameters
    ----------
    phases : (Z, Y, X) uint8
    phase_id : the phase that conducts ions
    axis : 0, 1 or 2
    open_end : "low" or "high": the face towards the separator; the opposite one, the collector, is blocked
    sample : the region and its units; the whole box
    sides : of the box along the axis: "closed" or "periodic"
    tolerance : of R_ion, relative

    Returns
    -------
    Measurement, dimensionless
        Infinite, with status "warned", where the phase does not touch the open face.

    Raises
    ------
    PhaseNotFoundError, InputError, ConvergenceError
        As `voltomo.metrics.transport.tortuosity_factor`.

    Notes
    -----
    ε counts the whole phase. Pores that the open face does not reach take no charge.
    """
    check_faces(phases, (phase_id,), sample)
    found = solve_electrode(
        phases, phase_id, axis=axis, open_end=open_end, edges=sample.edges, sides=sides, tolerance=tolerance
    )
    return measure_electrode(
        found, sample, phase=name_conductors(sample, (phase_id,)), axis=AXES[axis], open_end=open_end
    )


def measure_electrode(found: Charging, sample: Sample, *, phase: str, axis: str, open_end: End) -> Measurement:
    """The number of one solve; its budget holds the part "solver"."""
    words = _words(phase, axis, open_end)
    value = found.fraction * found.resistance
    if math.isinf(value):
        reason = f"{phase} does not touch the {open_end} face across {axis}: no ion enters"
        return measured(sample, _NAME, value, "1", status="warned", reason=reason, **words)
    error = max(found.relative_error, found.imbalance**2)
    note = f"{found.rounds} steps; R_ion is right to {error:.1e}, fluxes of all planes to {found.imbalance:.1e}"
    parts = (
        UncertaintyPart("solver", value * error, note=note),
        UncertaintyPart("discretization", note="not estimated: needs the map on a coarser or finer grid"),
    )
    return measured(sample, _NAME, value, "1", parts=parts, **words)


def withhold_electrode(sample: Sample, *, phase: str, axis: str, open_end: End, reason: str) -> Measurement:
    """The row of a number that cannot be had."""
    return withheld(sample, _NAME, "1", reason=reason, **_words(phase, axis, open_end))


def _words(phase: str, axis: str, open_end: End) -> dict[str, Any]:
    return {"phase": phase, "axis": axis, "statistic": f"open at the {open_end} face", "method": _METHOD}
