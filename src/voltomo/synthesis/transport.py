"""Tortuosity factors of a structure, on its own voxels and on a grid twice as fine."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import Phase
from voltomo.blocks import Partial
from voltomo.metrics.definitions import define
from voltomo.metrics.sample import AXES, Sample
from voltomo.metrics.transport import tortuosity_factor
from voltomo.synthesis.properties import Property
from voltomo.synthesis.raster import rasterize
from voltomo.synthesis.structure import Structure

__all__ = ["reason_against_transport", "solve_transport", "transport_properties"]

_FACTOR = 2
_MOST_VOXELS = 2**27
"""Of the finer grid: 512³ takes minutes per axis and some gigabytes."""
_SLAB = 2**21
"""Voxels that are painted at once; painting holds about 20 bytes for each."""


def reason_against_transport(structure: Structure) -> str:
    """Why no tortuosity factor can be given; empty where it can."""
    if structure.shape[0] == 1:
        return "a section shows no transport"
    if structure.is_cylinder:
        return "a cylindrical field of view has no two faces between which something flows"
    if _FACTOR**3 * math.prod(structure.shape) > _MOST_VOXELS:
        return f"the grid twice as fine has more than {_MOST_VOXELS:.2g} voxels; ask for a smaller shape"
    return ""


def solve_transport(structure: Structure) -> Partial:
    """Tortuosity factors of the pore, and of the electrolyte, along z, y and x.

    Parameters
    ----------
    structure : a box, see `reason_against_transport`

    Returns
    -------
    Partial
        ``voxel`` and ``fine``, (P, 3) for the P phases that conduct; infinite where a phase does not join two faces,
        NaN where there is none of it.
    """
    found: Partial = {}
    for name, painted in (("voxel", structure), ("fine", structure.refined(_FACTOR))):
        phases = _paint_electrode(painted)
        z, y, x = phases.shape
        sample = Sample(structure.phases, (z, y, x), phases.size, painted.voxel_size, "z")
        factors = np.full((len(_conducting(structure)), 3), np.nan)
        for row, phase in enumerate(_conducting(structure)):
            if np.any(phases == phase.id):
                for axis in range(3):
                    factors[row, axis] = tortuosity_factor(phases, phase.id, axis=axis, sample=sample).value
        found[name] = factors
    return found


def transport_properties(structure: Structure, solved: Partial | None, *, reason: str) -> Iterator[Property]:
    """A row per conducting phase and axis; without a value, and with the reason, where nothing was solved."""
    for row, phase in enumerate(_conducting(structure)):
        for axis, along in enumerate(AXES):
            why, value, at_voxels = reason, None, None
            if solved is not None:
                at_voxels, value = (_finite(float(solved[grid][row, axis])) for grid in ("voxel", "fine"))
                why = "" if value is not None else f"no {phase.name} joins the two faces across {along}"
            yield Property(
                "tortuosity_factor",
                value,
                "1",
                phase.name,
                axis=along,
                voxel_value=at_voxels,
                resolution_bias=None if value is None or at_voxels is None else at_voxels - value,
                method=f"finite volumes on a grid {_FACTOR} times finer, between collector and free surface",
                definition=define("tortuosity_factor", direction="z, through-plane" if along == "z" else along),
                status="ok" if value is not None else "missing",
                reason=why,
            )


def _conducting(structure: Structure) -> tuple[Phase, ...]:
    return structure.phases.with_role("pore", "electrolyte")


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _paint_electrode(structure: Structure) -> npt.NDArray[np.uint8]:
    """Phases between collector and free surface, painted slab by slab."""
    rows = structure.electrode_rows()
    _, ny, nx = structure.shape
    phases = np.empty((rows.stop - rows.start, ny, nx), np.uint8)
    thickness = max(1, _SLAB // (ny * nx))
    for start in range(rows.start, rows.stop, thickness):
        stop = min(rows.stop, start + thickness)
        painted, _ = rasterize(structure, (slice(start, stop), slice(0, ny), slice(0, nx)))
        phases[start - rows.start : stop - rows.start] = painted
    return phases
