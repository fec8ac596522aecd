"""Voxels of a synthetic electrode: phases and particle ids of any region.

Each voxel is decided at its centre from the shapes alone, in a fixed order and in coordinates of the whole volume, so
that every way of cutting the volume gives the same voxels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from voltomo.blocks import Region
from voltomo.synthesis.families import COLLECTOR, PORE
from voltomo.synthesis.painting import carve, measure_distances, score_rule
from voltomo.synthesis.structure import Structure

__all__ = ["Lattice", "find_owners", "outside_field_of_view", "paint", "rasterize", "score"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Lattice = tuple[range, range, range]
"""Global voxel indices along z, y and x; a step above 1 samples a volume coarsely."""

# Separate random fields from one seed; the loops shift it further for each particle.
_WAVE_FIELD, _SURFACE_FIELD, _RULE_FIELD, _ROUGH_FIELD = 1, 3, 1_000_003, 2_000_003


def rasterize(structure: Structure, region: Region) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint32]]:
    """Phases and particle ids of a region.

    Parameters
    ----------
    structure : the shapes
    region : slices of voxel indices with start and stop; they may reach beyond the window

    Returns
    -------
    phases : (Z, Y, X) uint8 ids of ``structure.phases``, 0 outside the field of view
    ids : (Z, Y, X) uint32; a particle includes its cracks and voids, 0 is no particle

    Notes
    -----
    Where particles overlap, a voxel belongs to the one in which it lies deepest. Distances to ellipsoids are of first
    order (exact for spheres).
    """
    phases, ids, _ = paint(structure, _every_voxel(region))
    return phases, ids


def find_owners(structure: Structure, region: Region) -> npt.NDArray[np.uint32]:
    """Particle ids alone, as `rasterize` gives them, for less work."""
    lattice = _every_voxel(region)
    owner = _nearest(structure, lattice, 0.0)[2]
    _cut(structure, lattice, owner, 0)
    return owner


def _every_voxel(region: Region) -> Lattice:
    z, y, x = (range(axis.start, axis.stop) for axis in region)
    return z, y, x


def paint(
    structure: Structure, lattice: Lattice, *, with_layers: bool = True
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint32], int]:
    """Phases, ids, and in how many particles the voxels lie, counted with multiplicity.

    Without layers, all space between the particles is background; this is the cheaper.
    """
    reach = structure.reach if with_layers else 0.0
    first, second, owner, hits = _nearest(structure, lattice, reach)
    phases = np.concatenate(([np.uint8(0)], structure.particles.phase)).astype(np.uint8)[owner]
    phases[owner == 0] = structure.background
    if with_layers:
        free = owner == 0
        for rule in range(len(structure.layers)):
            taken = _score(structure, lattice, rule, first, second, free) < structure.layers.threshold[rule]
            phases[taken] = structure.layers.phase[rule]
            free &= ~taken
    phases[(owner == 0) & _above(structure, lattice)[:, None, None]] = PORE
    slits, voids = structure.slits, structure.voids
    rows = np.arange(len(structure.particles) + 1)
    carve(
        _starts_and_steps(lattice),
        *_origin_and_step(structure),
        structure.particles.center,
        _inverse(structure),
        *(slits.normal, slits.direction, slits.low, slits.extent, slits.wave, slits.width),
        np.searchsorted(slits.particle, rows),
        structure.texture_length,
        structure.seed + _WAVE_FIELD,
        *(voids.center, voids.radius),
        np.searchsorted(voids.particle, rows),
        owner,
        phases,
    )
    _cut(structure, lattice, phases, COLLECTOR)
    _cut(structure, lattice, owner, 0)
    return phases, owner, hits


def score(structure: Structure, lattice: Lattice, rule: int) -> npt.NDArray[np.float32]:
    """Score of one rule of the layers, m; inf in particles, in what earlier rules take, and outside the electrode."""
    first, second, owner, _ = _nearest(structure, lattice, structure.reach)
    free = owner == 0
    free[_above(structure, lattice)] = False
    _cut(structure, lattice, free, 0)
    for earlier in range(rule):
        free &= _score(structure, lattice, earlier, first, second, free) >= structure.layers.threshold[earlier]
    return _score(structure, lattice, rule, first, second, free)


def outside_field_of_view(structure: Structure, lattice: Lattice) -> npt.NDArray[np.bool_]:
    """(Y, X) voxels outside the cylinder along z that is inscribed in the window."""
    (_, ny, nx), (_, dy, dx) = structure.shape, structure.voxel_size
    y = (np.asarray(lattice[1]) - 0.5 * (ny - 1)) * dy
    x = (np.asarray(lattice[2]) - 0.5 * (nx - 1)) * dx
    return np.asarray(np.hypot(y[:, None], x) > 0.5 * min(ny * dy, nx * dx))


def _above(structure: Structure, lattice: Lattice) -> npt.NDArray[np.bool_]:
    """(Z,) whether slices lie beyond the free surface."""
    z = structure.origin[0] + np.asarray(lattice[0]) * structure.voxel_size[0]
    return np.asarray(z > structure.free_surface)


def _cut(structure: Structure, lattice: Lattice, values: npt.NDArray[Any], collector: int) -> None:
    """Overwrite what lies in the collector, and outside the field of view with 0, in place."""
    z = structure.origin[0] + np.asarray(lattice[0]) * structure.voxel_size[0]
    values[z < structure.collector] = collector
    if structure.is_cylinder:
        values[:, outside_field_of_view(structure, lattice)] = 0


def _starts_and_steps(lattice: Lattice) -> Integers:
    """(3, 2): first index and step along z, y and x."""
    return np.array([(axis.start, axis.step) for axis in lattice], np.int64)


def _origin_and_step(structure: Structure) -> tuple[Floats, Floats]:
    return np.asarray(structure.origin, np.float64), np.asarray(structure.voxel_size, np.float64)


def _inverse(structure: Structure) -> Floats:
    """Rows are the axes divided by their lengths: |inverse · y| is 1 on the surface."""
    particles = structure.particles
    return np.ascontiguousarray(particles.rotation.transpose(0, 2, 1) / particles.semi_axes[:, :, None])


def _nearest(
    structure: Structure, lattice: Lattice, reach: float
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.uint32], int]:
    """Signed distances to the two nearest surfaces, cut at `reach`; the id of the particle around each voxel; hits."""
    origin, step = _origin_and_step(structure)
    particles = structure.particles
    # Index ranges are those of the whole volume, whatever the region.
    lows = np.ceil((particles.center - origin - particles.half_extent - reach) / step).astype(np.int64)
    highs = np.floor((particles.center - origin + particles.half_extent + reach) / step).astype(np.int64)
    near = np.ones(len(particles), bool)
    for axis in range(3):
        near &= (highs[:, axis] >= lattice[axis].start) & (lows[:, axis] < lattice[axis].stop)
    shape = (len(lattice[0]), len(lattice[1]), len(lattice[2]))
    first, second = np.full(shape, reach, np.float32), np.full(shape, reach, np.float32)
    owner = np.zeros(shape, np.uint32)
    rows = np.flatnonzero(near)
    hits = measure_distances(
        _starts_and_steps(lattice),
        origin,
        step,
        rows,
        lows[rows],
        highs[rows],
        particles.center,
        _inverse(structure),
        particles.semi_axes.min(axis=1, initial=np.inf),
        (particles.semi_axes.max(axis=1, initial=0) + 0.5 * particles.roughness * particles.diameter + reach) ** 2,
        0.5 * particles.diameter,
        particles.roughness,
        structure.seed + _SURFACE_FIELD,
        first,
        second,
        owner,
    )
    return first, second, owner, hits


def _score(
    structure: Structure,
    lattice: Lattice,
    rule: int,
    first: npt.NDArray[np.float32],
    second: npt.NDArray[np.float32],
    free: npt.NDArray[np.bool_],
) -> npt.NDArray[np.float32]:
    out = np.empty_like(first)
    layers = structure.layers
    score_rule(
        _starts_and_steps(lattice),
        *_origin_and_step(structure),
        np.array([layers.first[rule], layers.second[rule], layers.field[rule], layers.rough[rule]]),
        bool(layers.is_sheet[rule]),
        structure.seed + _RULE_FIELD + int(layers.field_seed[rule]),
        layers.field_length[rule],
        structure.seed + _ROUGH_FIELD + rule,
        float(layers.rough_length[rule]),
        first,
        second,
        free,
        out,
    )
    return out
