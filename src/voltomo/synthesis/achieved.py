"""What was asked for beside what was made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from voltomo.blocks import Partial
from voltomo.synthesis.families import ACTIVE
from voltomo.synthesis.request import StructureRequest
from voltomo.synthesis.sizes import volume_weighted_median
from voltomo.synthesis.structure import Structure
from voltomo.units import format_length

__all__ = ["Comparison", "compare_with_request", "crack_widths", "packed_diameters"]

Floats = npt.NDArray[np.float64]

_FRACTION_TOLERANCE = 0.01
_SIZE_TOLERANCE = 0.03
_FEWEST_PARTICLES = 50
"""With fewer, one particle more or less moves D50 by more than the tolerance."""


@dataclass(frozen=True)
class Comparison:
    """One number that was asked for, and what it became.

    Parameters
    ----------
    name : such as "pore fraction"
    requested, achieved, difference : in `unit`; achieved is None where nothing was made that has the number
    tolerance : how large the difference may be, in `unit`; None where nothing is promised
    is_met : whether the difference is within the tolerance; None where nothing is promised
    note : what must be known to read the row
    """

    name: str
    requested: float
    achieved: float | None
    unit: str
    difference: float | None = None
    tolerance: float | None = None
    is_met: bool | None = None
    note: str = ""

    @property
    def warning(self) -> str:
        """A sentence where the request was not met; empty where it was or nothing was promised."""
        if self.is_met is None or self.is_met or self.achieved is None:
            return self.note
        asked, got = (_text(value, self.unit) for value in (self.requested, self.achieved))
        return f"the {self.name} is {got}, {asked} was asked for"


def compare_with_request(structure: Structure, request: StructureRequest, counts: Partial) -> tuple[Comparison, ...]:
    """Requested against achieved.

    Parameters
    ----------
    structure, request : what was made, and what was asked for
    counts : from `voltomo.synthesis.truth.count_voxels`

    Notes
    -----
    Fractions are of the electrode, between collector and free surface and inside the field of view; cracks and voids
    count to the phase of their particle. Sizes are those of the particles that were packed, each once, cut by the
    window or not, without their roughness.
    """
    electrode = np.asarray(counts["electrode"], np.int64)
    inside = max(1, int(electrode[1:].sum()))
    wanted = dict(request.fractions) | {request.kind.rest: 1 - sum(request.fractions.values())}
    rows = [
        _compare(
            f"{structure.phases.by_id(i).name} fraction", share, electrode[i] / inside, tolerance=_FRACTION_TOLERANCE
        )
        for i, share in sorted(wanted.items())
    ]
    if request.d50 > 0:
        rows += [*_compare_sizes(structure, request), *_compare_cracks(structure, request)]
    return tuple(rows)


def packed_diameters(structure: Structure, phase_id: int) -> Floats:
    """(M,) diameters of the balls of equal volume, m, of the particles of a phase that were packed, each once.

    Those of the particles themselves where the structure was not packed but put together by hand.
    """
    of = structure.packing if len(structure.packing.diameter) else structure.particles
    return np.asarray(of.diameter[of.phase == phase_id])


def crack_widths(structure: Structure) -> Floats:
    """(C,) widths of the slits and networks, m; those of core voids are diameters and not among them."""
    return np.concatenate([structure.slits.width, structure.networks.width])


def _compare_sizes(structure: Structure, request: StructureRequest) -> Iterator[Comparison]:
    diameters = packed_diameters(structure, ACTIVE)
    if len(diameters) == 0:
        return
    volumes = diameters**3
    d50 = volume_weighted_median(diameters, volumes)
    if len(diameters) < _FEWEST_PARTICLES:
        note = f"{len(diameters)} particles were packed, and D50 is promised for at least {_FEWEST_PARTICLES} only"
        yield _compare("D50", request.d50, d50, "m", note=note)
    else:
        yield _compare("D50", request.d50, d50, "m", tolerance=_SIZE_TOLERANCE * request.d50)
    logs = np.log(diameters)
    scatter = np.average((logs - np.average(logs, weights=volumes)) ** 2, weights=volumes)
    yield _compare("spread of the diameters", request.spread, float(np.exp(np.sqrt(scatter))))


def _compare_cracks(structure: Structure, request: StructureRequest) -> Iterator[Comparison]:
    is_active = structure.particles.phase == ACTIVE
    count = np.count_nonzero(is_active)
    if count == 0:
        return
    # A share of a few particles is met to half a particle; only active particles have flaws.
    cracked = np.count_nonzero(structure.is_cracked[is_active]) / count
    yield _compare("cracked share", request.cracked, cracked, tolerance=0.5 / count + 1e-9)
    hollow = len(np.unique(structure.voids.particle[~structure.voids.is_core])) / count
    yield _compare("hollow share", request.hollow, hollow, tolerance=0.5 / count + 1e-9)
    widths = crack_widths(structure)
    if len(widths):
        yield _compare("median crack width", request.crack_width, float(np.median(widths)), "m")


def _compare(
    name: str, requested: float, achieved: float, unit: str = "1", *, tolerance: float | None = None, note: str = ""
) -> Comparison:
    asked, got = float(requested), float(achieved)
    is_met = None if tolerance is None else bool(abs(got - asked) <= tolerance)
    return Comparison(name, asked, got, unit, got - asked, tolerance, is_met, note)


def _text(value: float, unit: str) -> str:
    return format_length(value) if unit == "m" else f"{value:.3g}"
