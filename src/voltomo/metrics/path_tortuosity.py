"""What the shape of the ways through a phase says: path tortuosity and constrictivity.

Neither is a tortuosity factor. They are lengths and widths, read off the geometry without solving for a flow; empirical
formulas join them to D_eff.

References
----------
.. [1] Holzer et al., J. Mater. Sci. 48, 2934 (2013), doi 10.1007/s10853-012-6968-z, for the constrictivity.
.. [2] Stenzel, Pecho, Holzer, Neumann and Schmidt, Predicting effective conductivities based on geometric
   microstructure characteristics, AIChE J. 62, 1834 (2016), doi 10.1002/aic.15160, for the mean geodesic tortuosity.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import Measurement, UncertaintyPart
from voltomo.metrics.bottlenecks import median_entry_radius, median_radius
from voltomo.metrics.paths import find_distances
from voltomo.metrics.results import measured, withheld
from voltomo.metrics.sample import Sample
from voltomo.morphology.distance import distance_inside
from voltomo.morphology.grid import Grid

__all__ = ["PATHS", "Paths", "measure_paths", "solve_paths", "withhold_paths"]

PATHS = ("path_tortuosity", "constrictivity")
"""The numbers of one axis, in order."""

_METHODS = {"path_tortuosity": "fast marching and 26 neighbors", "constrictivity": "balls that fit, balls that enter"}


@dataclass(frozen=True)
class Paths:
    """The ways through a phase along one axis.

    Parameters
    ----------
    tortuosity : mean shortest way from the low face to the voxels of the high face / thickness; infinite without a way
    spread : standard deviation of that ratio among the voxels of the high face
    reached : share of the phase's voxels on the high face to which a way leads
    wide, narrow : r_max and r_min in the unit of the edges
    """

    tortuosity: float
    spread: float
    reached: float
    wide: float
    narrow: float


def solve_paths(
    phases: npt.NDArray[np.uint8], phase_id: int, *, axis: int, edges: tuple[float, float, float] = (1.0, 1.0, 1.0)
) -> Paths:
    """Lengths and widths of the ways along an axis, from the low face.

    Parameters
    ----------
    phases : (Z, Y, X) uint8
    phase_id : the phase whose ways are asked for
    axis : 0, 1 or 2
    edges : (dz, dy, dx) of a voxel

    Notes
    -----
    Ways run between faces half a voxel outside the first and last centres, over voxels that share faces. Outside of the
    box is taken as more of the same phase where balls are fitted. Holds about 20 bytes per voxel.
    """
    order = (axis, *(a for a in range(3) if a != axis))
    d0, d1, d2 = (edges[a] for a in order)
    inside = np.ascontiguousarray(np.transpose(phases == phase_id, order))
    last = find_distances(inside, (d0, d1, d2))[-1][inside[-1]]
    found = last[np.isfinite(last)].astype(np.float64)
    ratios = (found + 0.5 * d0) / (len(inside) * d0)
    grid = Grid((d0, d1, d2))
    distances = distance_inside(inside, grid)
    return Paths(
        tortuosity=float(ratios.mean()) if len(ratios) else math.inf,
        spread=float(ratios.std()) if len(ratios) else 0.0,
        reached=len(found) / max(1, len(last)),
        wide=median_radius(distances, grid),
        narrow=median_entry_radius(distances, grid),
    )


def measure_paths(paths: Paths, sample: Sample, *, phase: str, axis: str) -> Iterator[Measurement]:
    """The numbers of `PATHS` along one axis; their uncertainty was not estimated."""
    if math.isinf(paths.tortuosity):
        yield from withhold_paths(sample, phase=phase, axis=axis, reason=f"no way through {phase} leads along {axis}")
        return
    note = f"ways differ by {paths.spread:.2g} (standard deviation over the high face)"
    parts = (UncertaintyPart("discretization", note=f"not estimated; {note}"),)
    words: dict[str, Any] = {"phase": phase, "axis": axis}
    yield measured(sample, PATHS[0], paths.tortuosity, "1", parts=parts, method=_METHODS[PATHS[0]], **words)
    words["method"] = _METHODS[PATHS[1]]
    if not math.isfinite(paths.wide):
        yield withheld(sample, PATHS[1], "1", reason=f"{phase} fills the box: it has no walls", **words)
    elif paths.wide == 0:
        yield withheld(sample, PATHS[1], "1", reason=f"{phase} is too thin for a ball of a voxel", **words)
    else:
        yield measured(sample, PATHS[1], (paths.narrow / paths.wide) ** 2, "1", **words)


def withhold_paths(sample: Sample, *, phase: str, axis: str, reason: str) -> Iterator[Measurement]:
    """The rows of numbers that cannot be had."""
    for name in PATHS:
        yield withheld(sample, name, "1", reason=reason, phase=phase, axis=axis, method=_METHODS[name])
