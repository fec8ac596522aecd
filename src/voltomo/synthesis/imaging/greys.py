"""Grey values of a structure before any instrument: a level per phase, texture, and partial volume."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
from numba import njit

from voltomo.blocks import BlockPlan, Region
from voltomo.synthesis.crack_widths import crack_widths
from voltomo.synthesis.grains import grain_values
from voltomo.synthesis.imaging.fields import smooth_field
from voltomo.synthesis.noise import white_noise
from voltomo.synthesis.raster import rasterize
from voltomo.synthesis.structure import Structure

__all__ = ["Greys", "Texture", "paint_greys", "show_phases"]

Image = npt.NDArray[np.float32]

_TILE = 64
"""Edge of the tiles that are painted at once, in voxels: painting takes some fifty bytes for each."""
_WIDE_PORES = 2.0
"""Radius of the largest small pores, in voxels, from which on the smallest, half as large, show at some centre."""
_SECOND_LENGTH = 0.618
"""Of the finer field of a texture, in lengths of the coarser one: their lattices never coincide."""
_PER_UNIFORM = math.sqrt(3)
"""A number uniform in [−1, 1] has the standard deviation 1/√3."""
_PARTICLE_FIELD = 100
"""Added to the seed, beyond the fields of the textures."""


@dataclass(frozen=True)
class Texture:
    """Grey that varies within a phase: smooth, tied to places, the same at every supersampling.

    Parameters
    ----------
    std : standard deviation, grey
    length : correlation length, voxels
    """

    std: float
    length: float


@dataclass(frozen=True)
class Greys:
    """What each phase looks like.

    Parameters
    ----------
    levels : grey by phase id; 0 for the others
    textures : by phase id
    particle_spread : standard deviation of the grey between particles, in their phases with a texture alone: not in
        their cracks
    grain_spread : the same between the grains of a particle
    seed : of the textures and of the particles' greys
    """

    levels: Mapping[int, float]
    textures: Mapping[int, Texture] = field(default_factory=dict)
    particle_spread: float = 0.0
    grain_spread: float = 0.0
    seed: int = 0


def paint_greys(structure: Structure, region: Region, greys: Greys, *, supersampling: int, workers: int = 1) -> Image:
    """Mean grey over the volume of each voxel.

    Parameters
    ----------
    structure : the shapes
    region : slices of voxel indices
    greys : what the phases look like
    supersampling : points along each edge of a voxel at which its phase is found; surfaces and thin cracks come out as
        their share of the voxel, exactly but for the finer grid
    workers : threads that paint tiles

    Returns
    -------
    (Z, Y, X) float32 array; also outside the field of view, where the sample goes on and the point spread sees it

    Notes
    -----
    Only voxels that may hold more than one phase are supersampled: those with another phase behind one of their faces,
    those that a crack passes, and particles with small pores. A plane through a voxel is never missed by this; specks
    and threads thinner than a voxel are, where no centre of a voxel lies in them.
    """
    whole = replace(structure, is_cylinder=False)
    out = np.empty(tuple(axis.stop - axis.start for axis in region), np.float32)

    def paint(place: Region) -> None:
        z, y, x = (slice(axis.start + t.start, axis.start + t.stop) for axis, t in zip(region, place, strict=True))
        out[place] = _paint_tile(whole, (z, y, x), greys, supersampling)

    plan = BlockPlan((out.shape[0], out.shape[1], out.shape[2]), (_TILE, _TILE, _TILE))
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(paint, [block.write for block in plan]))
    return out


def _paint_tile(structure: Structure, region: Region, greys: Greys, supersampling: int) -> Image:
    z, y, x = (slice(axis.start - 1, axis.stop + 1) for axis in region)
    phases, owners = rasterize(structure, (z, y, x))
    inner = (slice(1, -1),) * 3
    grains = None if greys.grain_spread == 0 else grain_values(structure, region, owners[inner])
    palette = _Palette.of(greys, region, int(owners.max()), grains)
    out = np.zeros(palette.shape, np.float32)
    if supersampling == 1:
        palette.add(phases[inner], owners[inner], np.ones(out.shape, bool), 1.0, out)
        return out
    mixed = _may_be_mixed(structure, (z, y, x), phases, owners)
    palette.add(phases[inner], owners[inner], ~mixed, 1.0, out)
    places = (np.arange(supersampling) + 0.5) / supersampling - 0.5
    for point in itertools.product(places, repeat=3):
        dz, dy, dx = (
            first + part * edge for first, part, edge in zip(structure.origin, point, structure.voxel_size, strict=True)
        )
        there = rasterize(replace(structure, origin=(dz, dy, dx)), region, where=mixed)
        palette.add(*there, mixed, 1 / supersampling**3, out)
    return out


def _may_be_mixed(
    structure: Structure, region: Region, phases: npt.NDArray[np.uint8], owners: npt.NDArray[np.uint32]
) -> npt.NDArray[np.bool_]:
    """Whether voxels may hold more than one phase; one voxel less at each side than what is given."""
    middle = phases[1:-1, 1:-1, 1:-1]
    mixed = np.zeros(middle.shape, bool)
    for axis in range(3):
        for shift in (slice(0, -2), slice(2, None)):
            mixed |= middle != phases[tuple(shift if i == axis else slice(1, -1) for i in range(3))]
    if len(structure.slits.particle) or len(structure.networks.particle):
        mixed |= (crack_widths(structure, region, owners) > 0)[1:-1, 1:-1, 1:-1]
    if len(structure.pores.pitch) and structure.pores.radius < _WIDE_PORES * max(structure.voxel_size):
        is_porous = np.concatenate([[False], np.isfinite(structure.pores.pitch)])
        mixed |= is_porous[owners[1:-1, 1:-1, 1:-1]]
    return mixed


def show_phases(
    phases: npt.NDArray[np.uint8],
    owners: npt.NDArray[np.uint32],
    region: Region,
    greys: Greys,
    *,
    grains: Image | None = None,
) -> Image:
    """Grey of voxels that hold one phase each.

    Parameters
    ----------
    phases : (Z, Y, X) uint8 phase ids
    owners : (Z, Y, X) uint32 particle ids, 0 where there is none
    region : slices of voxel indices
    greys : what the phases look like
    grains : (Z, Y, X) numbers of the grains, as `voltomo.synthesis.grains.grain_values` gives them

    Returns
    -------
    (Z, Y, X) float32 array
    """
    palette = _Palette.of(greys, region, int(owners.max()), grains)
    out = np.zeros(palette.shape, np.float32)
    palette.add(phases, owners, np.ones(palette.shape, bool), 1.0, out)
    return out


@dataclass(frozen=True)
class _Palette:
    """Greys worked out for the voxels of a region.

    `levels` and `row` by phase id; `fields` (K, Z, Y, X) textures, to which `row` points, −1 for none; `grains` and
    `particles` add to phases with a texture, the first by place, the second by particle id.
    """

    levels: npt.NDArray[np.float32]
    row: npt.NDArray[np.int64]
    fields: Image
    grains: Image
    particles: npt.NDArray[np.float32]

    @classmethod
    def of(cls, greys: Greys, region: Region, largest_id: int, grains: Image | None) -> _Palette:
        levels, row = np.zeros(256, np.float32), np.full(256, -1, np.int64)
        for i, level in greys.levels.items():
            levels[i] = level
        # Phases of the same texture share its field, which costs the most.
        kinds = list(dict.fromkeys(greys.textures.values()))
        for i, texture in greys.textures.items():
            row[i] = kinds.index(texture)
        shape = tuple(axis.stop - axis.start for axis in region)
        fields = np.zeros((len(kinds), *shape), np.float32)
        for k, texture in enumerate(kinds):
            if texture.std > 0:
                fields[k] = np.float32(texture.std) * _grain(region, texture.length, greys.seed + 2 * k)
        particles = np.zeros(largest_id + 1, np.float32)
        if greys.particle_spread > 0:
            ids = (slice(0, 1), slice(0, 1), slice(0, largest_id + 1))
            particles += np.float32(greys.particle_spread) * white_noise(ids, seed=greys.seed + _PARTICLE_FIELD)[0, 0]
        scale = np.float32(greys.grain_spread * _PER_UNIFORM)
        return cls(levels, row, fields, np.zeros(shape, np.float32) if grains is None else scale * grains, particles)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.grains.shape

    def add(
        self,
        phases: npt.NDArray[np.uint8],
        owners: npt.NDArray[np.uint32],
        where: npt.NDArray[np.bool_],
        weight: float,
        total: Image,
    ) -> None:
        """Add the greys of the phases, times a weight, to some voxels."""
        _add_greys(
            np.ascontiguousarray(phases),
            np.ascontiguousarray(owners),
            where,
            weight,
            self.levels,
            self.row,
            self.fields,
            self.grains,
            self.particles,
            total,
        )


def _grain(region: Region, length: float, seed: int) -> Image:
    """Two fields of unlike lengths, whose lattices do not show together; standard deviation 1."""
    short = _SECOND_LENGTH * length
    field = smooth_field(region, lengths=(length, length, length), seed=seed)
    field += smooth_field(region, lengths=(short, short, short), seed=seed + 1)
    field *= np.float32(np.sqrt(0.5))
    return field


@njit(cache=True, nogil=True)
def _add_greys(
    phases: npt.NDArray[np.uint8],
    owners: npt.NDArray[np.uint32],
    where: npt.NDArray[np.bool_],
    weight: float,
    levels: npt.NDArray[np.float32],
    row: npt.NDArray[np.int64],
    fields: Image,
    grains: Image,
    particles: npt.NDArray[np.float32],
    total: Image,
) -> None:
    for z in range(total.shape[0]):
        for y in range(total.shape[1]):
            for x in range(total.shape[2]):
                if not where[z, y, x]:
                    continue
                phase = phases[z, y, x]
                grey = levels[phase]
                if row[phase] >= 0:
                    grey += fields[row[phase], z, y, x]
                    owner = owners[z, y, x]
                    if owner > 0:
                        grey += grains[z, y, x]
                        # A particle that no centre of a voxel lies in has the grey of its phase.
                        if owner < len(particles):
                            grey += particles[owner]
                total[z, y, x] += np.float32(weight) * grey
