"""Active surface that takes no part: no electrons reach it, or no ions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import Measurement, PhaseTable, Role
from voltomo.metrics.results import measured, withheld
from voltomo.metrics.sample import Sample
from voltomo.metrics.surfaces import crofton_density
from voltomo.morphology.directions import CroftonDirections

__all__ = ["ATTACHED", "CLOSED", "ISLAND", "OPEN", "OTHER", "SurfaceClasses", "measure_detached"]

ATTACHED, ISLAND, OPEN, CLOSED, OTHER = 1, 2, 3, 4, 5
"""Codes of voxels: active material that electrons reach or not, void or electrolyte that ions reach or not, others."""

_ELECTRONS: tuple[Role, ...] = ("active", "binder", "carbon", "collector")
_IONS: tuple[Role, ...] = ("pore", "pore+binder", "crack", "electrolyte")
_METHOD = "Crofton, 13 directions; paths by 6 neighbors to a face of the box"


@dataclass(frozen=True)
class SurfaceClasses:
    """Phase ids by what they carry.

    Parameters
    ----------
    active : active material
    electrons : active material, binder, carbon and collector
    ions : void (filled with electrolyte in the cell), unresolved void with binder, and solid electrolyte
    """

    active: tuple[int, ...]
    electrons: tuple[int, ...]
    ions: tuple[int, ...]

    @classmethod
    def of(cls, phases: PhaseTable) -> SurfaceClasses:
        """From the roles of a table."""

        def having(roles: tuple[Role, ...]) -> tuple[int, ...]:
            return tuple(phase.id for phase in phases if phase.role in roles)

        return cls(having(("active",)), having(_ELECTRONS), having(_IONS))


def measure_detached(
    pairs: npt.NDArray[np.int64], directions: CroftonDirections, sample: Sample
) -> Iterator[Measurement]:
    """Share of the active surface without a path for electrons, without one for ions, and without one of the two.

    Parameters
    ----------
    pairs : (D, 5, 5) neighboring voxels by the codes ATTACHED, ISLAND, OPEN, CLOSED, OTHER in this order
    directions, sample : of the map
    """
    crossings = pairs + pairs.transpose(0, 2, 1)
    inside = pairs.sum(axis=(1, 2))

    def density(rows: tuple[int, ...], others: tuple[int, ...]) -> float:
        counts = sum(crossings[:, a - 1, b - 1] for a in rows for b in others)
        return crofton_density(counts, inside, directions)

    beyond = (OPEN, CLOSED, OTHER)
    whole = density((ATTACHED, ISLAND), beyond)
    phase = "+".join(phase.name for phase in sample.phases.with_role("active"))
    shares = {
        "no path for electrons": density((ISLAND,), beyond),
        "no path for ions": density((ATTACHED, ISLAND), (CLOSED,)),
        "no path for one or both": density((ISLAND,), beyond) + density((ATTACHED,), (CLOSED,)),
    }
    for statistic, part in shares.items():
        words: dict[str, Any] = {"phase": phase, "statistic": statistic, "method": _METHOD}
        if whole:
            yield measured(sample, "detached_surface_fraction", part / whole, "1", **words)
        else:
            reason = f"{phase} has no surface inside the field of view"
            yield withheld(sample, "detached_surface_fraction", "1", reason=reason, **words)
