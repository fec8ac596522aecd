"""Surfaces and interfaces: Crofton's formula and voxel faces, from counted neighbors.

Both start from the same integers, the pairs of neighboring voxels of different phases (`voltomo.metrics.neighbors`).
Only pairs with both ends inside the field of view count: the faces of the box and the rim of a mask are no interfaces.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import Measurement, UncertaintyPart
from voltomo.metrics.results import measured, withheld
from voltomo.metrics.sample import Sample
from voltomo.morphology.directions import CroftonDirections
from voltomo.units import VoxelSize

__all__ = [
    "InterfaceCounts",
    "crofton_area",
    "crofton_density",
    "even_normals",
    "face_density",
    "flat_response",
    "measure_surfaces",
]

Counts: TypeAlias = npt.NDArray[np.int64]
Floats: TypeAlias = npt.NDArray[np.float64]

# A surface element is crossed by lines of all directions |cos| times its area on average: 1/2 in space, 2/π in a plane.
_CROFTON_FACTOR = {3: 2.0, 2: math.pi / 2}
# Underwood, Quantitative Stereology (1970), eq. 2.10: S_V = (4/π) L_A where surfaces have no preferred direction.
_SURFACE_PER_BOUNDARY = 4 / math.pi


@dataclass(frozen=True)
class InterfaceCounts:
    """Co-occurrence of K phases along D directions, and what the directions mean.

    Parameters
    ----------
    pairs : (D, K, K) int64, from `voltomo.metrics.neighbors.count_neighbors`
    directions : offsets, lengths and weights
    """

    pairs: Counts
    directions: CroftonDirections

    def between(self, i: int, j: int) -> Counts:
        """(D,) crossings between phases of rows i and j."""
        crossings: Counts = self.pairs[:, i, j] + self.pairs[:, j, i]
        return crossings

    def of(self, i: int) -> Counts:
        """(D,) crossings between the phase of row i and all others."""
        crossings: Counts = self.pairs[:, i].sum(axis=1) + self.pairs[:, :, i].sum(axis=1) - 2 * self.pairs[:, i, i]
        return crossings

    @property
    def inside(self) -> Counts:
        """(D,) pairs with both ends inside the field of view."""
        inside: Counts = self.pairs.sum(axis=(1, 2))
        return inside


def crofton_density(crossings: npt.ArrayLike, inside: npt.ArrayLike, directions: CroftonDirections) -> float:
    """Interface per measure of the region: area per volume (13 directions), or length per area (4).

    Parameters
    ----------
    crossings : (D,) pairs of voxels on different sides
    inside : (D,) pairs with both ends in the region
    directions : lengths in the unit that the result inverts

    Returns
    -------
    float
        ``2 Σ w·crossings / (inside·length)``; π/2 instead of 2 in a plane.

    Notes
    -----
    Each direction is divided by the length of test line that lies inside the region along *that* direction. A diagonal
    pair fits into the box less often than a face pair; dividing all by the volume would lose about one voxel layer in
    N. For a region cut from a larger sample this makes the estimate free of edge bias; for one object alone inside
    the box use `crofton_area`.
    """
    per_line = np.asarray(crossings) / (np.asarray(inside) * directions.lengths)
    return float(_factor(directions) * np.sum(directions.weights * per_line))


def crofton_area(crossings: npt.ArrayLike, directions: CroftonDirections, *, voxel_size: VoxelSize | None) -> float:
    """Area of the interfaces seen (length in a plane), in m² (m) or voxel faces.

    Right for objects wholly inside the box; see `crofton_density` for a region cut from a larger sample.
    """
    dz, dy, dx = voxel_size or (1.0, 1.0, 1.0)
    cell = dz * dy * dx if _dimension(directions) == 3 else dy * dx
    per_line = np.asarray(crossings) / directions.lengths
    return float(_factor(directions) * cell * np.sum(directions.weights * per_line))


def face_density(crossings: npt.ArrayLike, directions: CroftonDirections, *, voxels: int) -> float:
    """Area of the voxel faces between two sides per volume of the region; pixel edges per area in a plane.

    No correction at the edge of the region, so that the number is the plain count of faces.
    """
    along_axes = np.abs(directions.offsets).sum(axis=1) == 1
    return float(np.sum(np.asarray(crossings)[along_axes] / directions.lengths[along_axes]) / voxels)


def flat_response(directions: CroftonDirections, normals: Floats) -> Floats:
    """Crofton area / true area of flat surfaces (length of straight boundaries in a plane).

    Parameters
    ----------
    directions : D lattice directions
    normals : (N, 3) unit vectors along z, y, x

    Returns
    -------
    (N,) array

    Notes
    -----
    A plane with normal n is crossed by the lattice lines along u at a rate |n·u| whatever its position, so that the
    response is ``2 Σ w |n·u|`` exactly. Its mean over all normals is 1.
    """
    response: Floats = _factor(directions) * np.abs(normals @ _units(directions).T) @ directions.weights
    return response


def even_normals(dimension: int, count: int = 4000) -> Floats:
    """Unit vectors spread evenly over half of all orientations of space (Fibonacci points), or of the y-x plane."""
    k = np.arange(count) + 0.5
    if dimension == 2:
        return np.stack([np.zeros(count), np.sin(k * math.pi / count), np.cos(k * math.pi / count)], axis=1)
    height, around = 1 - k / count, k * math.pi * (3 - math.sqrt(5))  # equal areas, turned by the golden angle
    radius = np.sqrt(1 - height**2)
    return np.stack([height, radius * np.sin(around), radius * np.cos(around)], axis=1)


def _units(directions: CroftonDirections) -> Floats:
    """(D, 3) unit vectors of the directions in space."""
    edges = np.ones(3)
    along_axes = np.abs(directions.offsets).sum(axis=1) == 1
    edges[np.abs(directions.offsets[along_axes]).argmax(axis=1)] = directions.lengths[along_axes]
    units: Floats = directions.offsets * edges / directions.lengths[:, None]
    return units


def _dimension(directions: CroftonDirections) -> int:
    return 3 if len(directions.lengths) == 13 else 2


def _factor(directions: CroftonDirections) -> float:
    return _CROFTON_FACTOR[_dimension(directions)]


def measure_surfaces(counts: InterfaceCounts, sample: Sample, *, voxels: npt.ArrayLike) -> tuple[Measurement, ...]:
    """Specific surface area of each phase, interface area of each two, coverage of active material by binder.

    Parameters
    ----------
    counts : of the phases of the sample, in table order; lengths of its directions in ``sample.unit()``
    sample : region and units
    voxels : (K,) voxels of each phase
    """
    if not counts.inside.all():
        reason = "the field of view is one voxel thick along an axis, so that no surface can be counted along it"
        name = "specific_surface_area" if sample.dimension == 3 else "boundary_length"
        return tuple(
            withheld(sample, name, sample.unit(-1), reason=reason, phase=phase.name) for phase in sample.phases
        )
    survey = _Survey(counts, sample)
    per_phase = np.asarray(voxels) / sample.voxels
    numbers: list[Measurement] = []
    for i, phase in enumerate(sample.phases):
        numbers += survey.of_phase(phase.name, counts.of(i), float(per_phase[i]))
    for i, phase, j, other in sample.pairs():
        numbers += survey.per_region(survey.pair_name, counts.between(i, j), phase=phase.name, phase_2=other.name)
    numbers += survey.coverage()
    return tuple(numbers)


class _Survey:
    """Turns crossings into measurements, in the words of 3D or of the plane."""

    def __init__(self, counts: InterfaceCounts, sample: Sample) -> None:
        self.counts, self.sample, self.unit = counts, sample, sample.unit(-1)
        solid = sample.dimension == 3
        self.crofton = "Crofton, 13 directions" if solid else "Crofton, 4 directions"
        self.faces = "voxel faces" if solid else "pixel edges"
        self.phase_name = "specific_surface_area" if solid else "boundary_length"
        self.pair_name = "interface_area" if solid else "interface_length"
        # The lowest response is on a lattice axis, a cusp that evenly spread normals miss by a little.
        normals = np.concatenate([even_normals(sample.dimension), np.eye(3)[3 - sample.dimension :]])
        self.deviation = flat_response(counts.directions, normals) - 1

    def of_phase(self, phase: str, crossings: Counts, fraction: float) -> Iterator[Measurement]:
        """Per measure of the region, then per volume of the phase; a section infers the surface from the boundary."""
        yield from self.per_region(self.phase_name, crossings, phase=phase)
        surface = self._density(crossings)
        words: dict[str, Any] = {"phase": phase, "method": self.crofton}
        if self.sample.dimension == 2:
            surface *= _SURFACE_PER_BOUNDARY
            words |= {"method": f"{self.crofton}; (4/π)·L_A, assuming isotropy", "status": "warned"}
            words["reason"] = "one section shows no depth: holds only if surfaces have no preferred direction"
            yield self._by_crofton("specific_surface_area", surface, **words)
        name = "specific_surface_area_per_phase_volume"
        if fraction:
            yield self._by_crofton(name, surface / fraction, **words)
        else:
            yield withheld(
                self.sample, name, self.unit, reason=f"no voxel is {phase}", phase=phase, method=self.crofton
            )

    def per_region(self, name: str, crossings: Counts, **words: Any) -> Iterator[Measurement]:
        """By Crofton's formula, then by faces."""
        yield self._by_crofton(name, self._density(crossings), method=self.crofton, **words)
        value = face_density(crossings, self.counts.directions, voxels=self.sample.voxels)
        part = self._face_bias(value)
        yield measured(self.sample, name, value, self.unit, variant="faces", method=self.faces, parts=(part,), **words)

    def coverage(self) -> Iterator[Measurement]:
        """Share of the active surface that binder covers, where both phases exist."""
        rows = {phase.name: i for i, phase in enumerate(self.sample.phases)}
        binders = [phase.name for phase in self.sample.phases.with_role("binder")]
        for active in self.sample.phases.with_role("active") if binders else ():
            whole = self._density(self.counts.of(rows[active.name]))
            covered = sum(self._density(self.counts.between(rows[active.name], rows[name])) for name in binders)
            words: dict[str, Any] = {"phase": active.name, "phase_2": "+".join(binders), "method": self.crofton}
            if whole:
                yield measured(self.sample, "binder_coverage", covered / whole, "1", **words)
            else:
                reason = f"{active.name} has no surface inside the field of view"
                yield withheld(self.sample, "binder_coverage", "1", reason=reason, **words)

    def _density(self, crossings: Counts) -> float:
        return crofton_density(crossings, self.counts.inside, self.counts.directions)

    def _by_crofton(self, name: str, value: float, **words: Any) -> Measurement:
        deviation = self.deviation
        part = UncertaintyPart(
            "discretization",
            standard_uncertainty=float(np.sqrt(np.mean(deviation**2))) * value,
            note="as for flat surfaces of one unknown orientation, "
            f"{100 * deviation.min():.1f} to {100 * deviation.max():+.1f} %; surfaces of all orientations average to 0",
        )
        return measured(self.sample, name, value, self.unit, parts=(part,), **words)

    def _face_bias(self, value: float) -> UncertaintyPart:
        isotropic, name, worst = (1.5, "3/2", "√3") if self.sample.dimension == 3 else (4 / math.pi, "4/π", "√2")
        return UncertaintyPart(
            "discretization",
            bias=value * (1 - 1 / isotropic),
            note=f"too large by {name} for smooth isotropic surfaces, 1 along the axes, {worst} at worst; smaller "
            "voxels do not help",
        )
