"""Voxels of a synthetic electrode: phases and particle ids of any region.

Each voxel is decided at its centre from the shapes alone, in a fixed order and in coordinates of the whole volume, so
that every way of cutting the volume gives the same voxels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from voltomo.blocks import Region
from voltomo.synthesis.carving import carve
from voltomo.synthesis.families import COLLECTOR, PORE
from voltomo.synthesis.lattice import Lattice, every_voxel, origin_and_step, starts_and_steps
from voltomo.synthesis.painting import measure_distances, score_rule
from voltomo.synthesis.structure import Structure

__all__ = [
    "RULE_FIELD",
    "Lattice",
    "Space",
    "find_owners",
    "open_space",
    "outside_field_of_view",
    "paint",
    "rasterize",
    "score",
]

# Separate random fields from one seed; the loops shift it further for each particle.
_SURFACE_FIELD, RULE_FIELD, _ROUGH_FIELD = 3, 1_000_003, 2_000_003


@dataclass(frozen=True)
class Space:
    """What lies between the particles, on a lattice.

    Parameters
    ----------
    first, second : (Z, Y, X) signed distances to the two nearest surfaces, up to the reach, m
    owner : (Z, Y, X) id of the particle around each place
    is_free : (Z, Y, X) bool; in the electrode and in no particle and not taken by a rule
    is_inside : (Z, Y, X) bool; between collector and free surface, and in the field of view
    hits : in how many particles the places lie, counted with multiplicity
    """

    first: npt.NDArray[np.float32]
    second: npt.NDArray[np.float32]
    owner: npt.NDArray[np.uint32]
    is_free: npt.NDArray[np.bool_]
    is_inside: npt.NDArray[np.bool_]
    hits: int


def rasterize(
    structure: Structure, region: Region, *, where: npt.NDArray[np.bool_] | None = None
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint32]]:
    """Phases and particle ids of a region.

    Parameters
    ----------
    structure : the shapes
    region : slices of voxel indices with start and stop; they may reach beyond the window
    where : (Z, Y, X) voxels that are wanted, for less work; what the others hold means nothing

    Returns
    -------
    phases : (Z, Y, X) uint8 ids of ``structure.phases``, 0 outside the field of view
    ids : (Z, Y, X) uint32; a particle includes its cracks and voids, 0 is no particle

    Notes
    -----
    Where particles overlap, a voxel belongs to the one in which it lies deepest. Distances to ellipsoids are of first
    order (exact for spheres).
    """
    phases, ids, _ = paint(structure, every_voxel(region), where=where)
    return phases, ids


def find_owners(structure: Structure, region: Region) -> npt.NDArray[np.uint32]:
    """Particle ids alone, as `rasterize` gives them, for less work."""
    lattice = every_voxel(region)
    owner = _nearest(structure, lattice, 0.0)[2]
    _cut(structure, lattice, owner, 0)
    return owner


def paint(
    structure: Structure,
    lattice: Lattice,
    *,
    with_layers: bool = True,
    where: npt.NDArray[np.bool_] | None = None,
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint32], int]:
    """Phases, ids, and in how many particles the voxels lie, counted with multiplicity.

    Without layers, all space between the particles is background; this is the cheaper.
    """
    reach = structure.reach if with_layers else 0.0
    first, second, owner, hits = _nearest(structure, lattice, reach, where)
    phases = np.concatenate(([np.uint8(0)], structure.particles.phase)).astype(np.uint8)[owner]
    phases[owner == 0] = structure.background
    if with_layers:
        free = owner == 0 if where is None else (owner == 0) & where
        for rule in range(len(structure.layers)):
            limit = float(structure.layers.threshold[rule])
            taken = _score(structure, lattice, rule, first, second, free, limit) < limit
            phases[taken] = structure.layers.phase[rule]
            free &= ~taken
    phases[(owner == 0) & _above(structure, lattice)[:, None, None]] = PORE
    carve(structure, lattice, owner, phases)
    _cut(structure, lattice, phases, COLLECTOR)
    _cut(structure, lattice, owner, 0)
    return phases, owner, hits


def open_space(structure: Structure, lattice: Lattice) -> Space:
    """The space of the electrode that no particle takes, on a lattice."""
    first, second, owner, hits = _nearest(structure, lattice, structure.reach)
    inside = np.ones(owner.shape, bool)
    inside[_above(structure, lattice)] = False
    _cut(structure, lattice, inside, 0)
    return Space(first, second, owner, (owner == 0) & inside, inside, hits)


def score(structure: Structure, lattice: Lattice, rule: int, space: Space) -> npt.NDArray[np.float32]:
    """Score of one rule of the layers, m; inf where the space is not free."""
    return _score(structure, lattice, rule, space.first, space.second, space.is_free, np.inf)


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


def _nearest(
    structure: Structure, lattice: Lattice, reach: float, where: npt.NDArray[np.bool_] | None = None
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.uint32], int]:
    """Signed distances to the two nearest surfaces, cut at `reach`; the id of the particle around each voxel; hits."""
    origin, step = origin_and_step(structure)
    particles = structure.particles
    # Index ranges are those of the whole volume, whatever the region.
    lows = np.ceil((particles.center - origin - particles.half_extent - reach) / step).astype(np.int64)
    highs = np.floor((particles.center - origin + particles.half_extent + reach) / step).astype(np.int64)
    near = np.ones(len(particles), bool)
    for axis in range(3):
        near &= (highs[:, axis] >= lattice[axis].start) & (lows[:, axis] < lattice[axis].stop)
    shape = (len(lattice[0]), len(lattice[1]), len(lattice[2]))
    first, second = np.full(shape, reach, np.float32), np.full(shape, reach, np.float32)
    if where is not None:
        first[~where] = -np.inf
    owner = np.zeros(shape, np.uint32)
    rows = np.flatnonzero(near)
    hits = measure_distances(
        starts_and_steps(lattice),
        origin,
        step,
        rows,
        lows[rows],
        highs[rows],
        particles.center,
        particles.inverse,
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
    limit: float,
) -> npt.NDArray[np.float32]:
    out = np.empty_like(first)
    layers = structure.layers
    score_rule(
        starts_and_steps(lattice),
        *origin_and_step(structure),
        np.array([layers.first[rule], layers.second[rule], layers.field[rule], layers.rough[rule]]),
        int(layers.form[rule]),
        structure.seed + RULE_FIELD + int(layers.field_seed[rule]),
        layers.field_length[rule],
        structure.seed + _ROUGH_FIELD + rule,
        float(layers.rough_length[rule]),
        limit,
        first,
        second,
        free,
        out,
    )
    return out
