"""Lines along which three phases meet: their length per volume, from the points in which planes cut them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import Measurement, UncertaintyPart
from voltomo.metrics.lattice_planes import LatticePlanes, lattice_planes, line_response
from voltomo.metrics.results import measured
from voltomo.metrics.sample import Sample
from voltomo.metrics.surfaces import even_normals
from voltomo.metrics.windows import WindowCounts
from voltomo.units import VoxelSize

__all__ = ["edge_length", "edge_response", "measure_triple_lines", "triple_line_length"]

Floats: TypeAlias = npt.NDArray[np.float64]

_ALONG_AXES = 3  # the first three families of lattice planes
# A line of direction u is digitised as |u_z| + |u_y| + |u_x| times its length of voxel edges: 3/2 over all directions.
_EDGES_PER_LENGTH = 3 / 2

_WEDGES = UncertaintyPart(
    "contact angle",
    note="not estimated: lines read too long where a phase ends in a sharp wedge, by 1 % at 120°, 8 % at 60°, "
    "90 % at 20°",
)


def triple_line_length(quarters: npt.ArrayLike, edges: VoxelSize) -> float:
    """Length of the lines along which three phases meet, in the unit of the edges.

    Parameters
    ----------
    quarters : (13,) a row of `WindowCounts.triples`
    edges : (dz, dy, dx)

    Notes
    -----
    L = 2 Σ w d P over 13 families of lattice planes: P is the number of points in which three phases meet on the
    planes of a family, d their distance, w the share of all normals. A line is crossed by planes of all orientations at
    half its length per volume, L_V = 2 P_A.

    References
    ----------
    .. [1] E. E. Underwood, Quantitative Stereology, Addison-Wesley (1970), eq. 2.9.
    """
    planes = lattice_planes(edges)
    return float(2 * np.sum(planes.weights * planes.spacings * np.asarray(quarters)) / 4)


def edge_length(quarters: npt.ArrayLike, edges: VoxelSize) -> float:
    """Length of the voxel edges at which three phases meet, in the unit of the edges, not corrected.

    Parameters
    ----------
    quarters : (13,) a row of `WindowCounts.triples`
    edges : (dz, dy, dx)
    """
    return float(np.asarray(quarters)[:_ALONG_AXES] @ _axis_spacings(edges)) / 4


def edge_response(directions: Floats) -> Floats:
    """Length by edges × 2/3 / length of straight lines along (N, 3) unit vectors."""
    response: Floats = np.abs(directions).sum(axis=1) / _EDGES_PER_LENGTH
    return response


def measure_triple_lines(windows: WindowCounts, sample: Sample) -> Iterator[Measurement]:
    """Length of the lines of each three phases per volume, by plane sections and by voxel edges; none in a section."""
    if sample.dimension == 2 or not windows.inside[0]:
        return
    edges = sample.edges
    volume = int(windows.inside[0]) * math.prod(edges)
    # The lowest response of lines is along an axis, a cusp that evenly spread directions miss by a little.
    directions = np.concatenate([even_normals(3), np.eye(3)])
    by_planes, by_edges = line_response(lattice_planes(edges), directions), edge_response(directions)
    unit = sample.unit(-2)
    for quarters, (one, two, three) in zip(windows.triples, itertools.combinations(sample.phases, 3), strict=True):
        words: dict[str, Any] = {"phase": one.name, "phase_2": f"{two.name}+{three.name}"}
        name, value = "triple_phase_boundary_length", triple_line_length(quarters, edges) / volume
        parts = (_spread(value, by_planes), _WEDGES)
        yield measured(sample, name, value, unit, parts=parts, method="13 families of lattice planes", **words)
        value = edge_length(quarters, edges) / _EDGES_PER_LENGTH / volume
        parts = (_spread(value, by_edges), _WEDGES)
        yield measured(sample, name, value, unit, parts=parts, variant="edges", method="voxel edges × 2/3", **words)


def _spread(value: float, response: Floats) -> UncertaintyPart:
    """How much the length of a straight line depends on its direction."""
    deviation = response - 1
    return UncertaintyPart(
        "discretization",
        float(np.sqrt(np.mean(deviation**2))) * value,
        note=f"as for straight lines of one unknown direction, {100 * deviation.min():.1f} to "
        f"{100 * deviation.max():+.1f} %; lines of all directions average to 0",
    )


def _axis_spacings(edges: VoxelSize) -> Floats:
    """Distances of the planes of the first three families: the edge across each."""
    planes: LatticePlanes = lattice_planes(edges)
    return planes.spacings[:_ALONG_AXES]
