"""Curvature of a phase's surface: its integrals over the surface, and their mean, from counted windows.

The integral of the mean curvature follows from the Euler numbers of plane sections (a Crofton formula), that of the
Gaussian curvature from the Euler number in space (Gauss and Bonnet). Neither needs a smooth surface or its normals.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import Measurement, UncertaintyPart
from voltomo.metrics.lattice_planes import euler_table, lattice_planes, line_response, plane_table
from voltomo.metrics.results import measured, withheld
from voltomo.metrics.sample import Sample
from voltomo.metrics.surfaces import InterfaceCounts, crofton_density, even_normals
from voltomo.metrics.windows import WindowCounts
from voltomo.units import VoxelSize

__all__ = ["gaussian_curvature_integral", "mean_curvature_integral", "measure_curvature"]

Floats: TypeAlias = npt.NDArray[np.float64]

_SHARP = UncertaintyPart(
    "sharp edges",
    note="not estimated: right for smooth surfaces; where they meet in sharp edges, voxels add crumbs and necks at "
    "every resolution (overlapping balls: mean curvature 14 to 20 % low)",
)
_METHOD = "Crofton, 13 families of lattice planes"


def mean_curvature_integral(configurations: npt.ArrayLike, edges: VoxelSize) -> float:
    """Integral of (κ₁ + κ₂)/2 over the surface of a phase, in the unit of the edges; positive where it is convex.

    Parameters
    ----------
    configurations : (256,) windows, a row of `WindowCounts.phases`
    edges : (dz, dy, dx)

    Notes
    -----
    M = 2π Σ w d χ over 13 families of lattice planes: d is the distance of neighboring planes, χ the Euler number of
    all sections by planes of the family, w the share of all normals. 4πr for a ball, 2π²R for a torus, 0 for a plane.

    References
    ----------
    .. [1] J. Ohser, K. Schladitz, 3D Images of Materials Structures, Wiley-VCH (2009), doi 10.1002/9783527628308, ch. 3
       and 5.
    """
    planes = lattice_planes(edges)
    euler = _plane_table() @ np.asarray(configurations)
    return float(2 * math.pi * np.sum(planes.weights * planes.spacings * euler))


def gaussian_curvature_integral(configurations: npt.ArrayLike) -> tuple[float, float]:
    """Integral of κ₁κ₂ over the surface of a phase: 4π times its Euler number, by 6 and by 26 neighbors.

    Notes
    -----
    Gauss and Bonnet: 2π times the Euler number of the surface, which is twice that of the body. 4π for a ball, 0 for a
    torus. The Euler number is that of windows inside the field of view, so that the integral per volume is right for a
    region cut from a larger sample.
    """
    six, twenty_six = 4 * math.pi * (euler_table() @ np.asarray(configurations))
    return float(six), float(twenty_six)


def measure_curvature(windows: WindowCounts, counts: InterfaceCounts, sample: Sample) -> Iterator[Measurement]:
    """Integrals of the mean and the Gaussian curvature per volume, and the mean curvature; none in a section.

    Parameters
    ----------
    windows, counts : of the phases of the sample, in table order
    sample : region and units
    """
    if sample.dimension == 2 or not windows.inside[0]:
        return
    edges = sample.edges
    volume = int(windows.inside[0]) * math.prod(edges)
    response = line_response(lattice_planes(edges), even_normals(3)) - 1
    spread = float(np.sqrt(np.mean(response**2)))
    for i, phase in enumerate(sample.phases):
        density = mean_curvature_integral(windows.phases[i], edges) / volume
        note = "as for edges of one unknown orientation, "
        note += f"{100 * response.min():.1f} to {100 * response.max():+.1f} %; flat surfaces give 0"
        part = UncertaintyPart("discretization", spread * abs(density), note=note)
        words: dict[str, Any] = {"phase": phase.name, "method": _METHOD}
        yield measured(sample, "mean_curvature_integral", density, sample.unit(-2), parts=(part, _SHARP), **words)
        surface = crofton_density(counts.of(i), counts.inside, counts.directions) if counts.inside.all() else 0.0
        if surface:
            mean = density / surface
            part = UncertaintyPart("discretization", spread * abs(mean), note=note)
            yield measured(sample, "mean_curvature", mean, sample.unit(-1), parts=(part, _SHARP), **words)
        else:
            reason = f"{phase.name} has no surface inside the field of view"
            yield withheld(sample, "mean_curvature", sample.unit(-1), reason=reason, **words)
    for i, phase in enumerate(sample.phases):
        six, twenty_six = (value / volume for value in gaussian_curvature_integral(windows.phases[i]))
        part = UncertaintyPart(
            "discretization",
            max(abs(six - twenty_six), 4 * math.pi / volume) / 2,
            note="half the difference between 6 and 26 neighbors: whether voxels that share an edge or a corner meet; "
            "at least that of half a body",
        )
        value, method = (six + twenty_six) / 2, "Euler number, mean of 6 and 26 neighbors"
        words = {"phase": phase.name, "method": method, "parts": (part, _SHARP)}
        yield measured(sample, "gaussian_curvature_integral", value, sample.unit(-3), **words)


@cache
def _plane_table() -> Floats:
    return plane_table()
