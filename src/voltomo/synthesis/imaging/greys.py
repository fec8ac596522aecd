"""Grey values of a structure before any instrument: a level per phase, texture, and partial volume."""

from __future__ import annotations

import math
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
from numba import njit

from voltomo.blocks import BlockPlan, Region
from voltomo.synthesis.grains import grain_values
from voltomo.synthesis.imaging.fields import smooth_field
from voltomo.synthesis.noise import white_noise
from voltomo.synthesis.raster import rasterize
from voltomo.synthesis.structure import Structure

__all__ = ["Greys", "Texture", "paint_greys", "show_phases"]

_TILE = 48
"""Edge of the tiles that are painted at once, in voxels of the scan: finer voxels take eight or more times the room."""

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


def paint_greys(
    structure: Structure, region: Region, greys: Greys, *, supersampling: int, workers: int = 1
) -> npt.NDArray[np.float32]:
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
    """
    whole = replace(structure, is_cylinder=False)
    fine = whole.refined(supersampling)
    out = np.empty(tuple(axis.stop - axis.start for axis in region), np.float32)

    def paint(place: Region) -> None:
        z, y, x = (slice(axis.start + t.start, axis.start + t.stop) for axis, t in zip(region, place, strict=True))
        fine_z, fine_y, fine_x = (slice(axis.start * supersampling, axis.stop * supersampling) for axis in (z, y, x))
        phases, owners = rasterize(fine, (fine_z, fine_y, fine_x))
        shown = show_phases(phases, owners, (z, y, x), greys, supersampling=supersampling)
        if greys.grain_spread > 0:
            solid = Greys(dict.fromkeys(greys.textures, 1.0))
            share = show_phases(phases, owners, (z, y, x), solid, supersampling=supersampling)
            shown += np.float32(greys.grain_spread * _PER_UNIFORM) * share * grain_values(whole, (z, y, x))
        out[place] = shown

    plan = BlockPlan((out.shape[0], out.shape[1], out.shape[2]), (_TILE, _TILE, _TILE))
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(paint, [block.write for block in plan]))
    return out


def show_phases(
    phases: npt.NDArray[np.uint8],
    owners: npt.NDArray[np.uint32],
    region: Region,
    greys: Greys,
    *,
    supersampling: int,
) -> npt.NDArray[np.float32]:
    """Mean grey over voxels of which `supersampling` finer ones along each axis are given.

    Parameters
    ----------
    phases : (Z·s, Y·s, X·s) uint8 phase ids
    owners : (Z·s, Y·s, X·s) uint32 particle ids, 0 where there is none
    region : slices of voxel indices of the result
    greys : what the phases look like
    supersampling : s

    Returns
    -------
    (Z, Y, X) float32 array
    """
    levels = np.zeros(256, np.float32)
    for i, level in greys.levels.items():
        levels[i] = level
    row = np.full(256, -1, np.int64)
    # Phases of the same texture share its field, which costs the most.
    kinds = list(dict.fromkeys(greys.textures.values()))
    for i, texture in greys.textures.items():
        row[i] = kinds.index(texture)
    shape = tuple(axis.stop - axis.start for axis in region)
    fields = np.zeros((len(kinds), *shape), np.float32)
    for k, texture in enumerate(kinds):
        if texture.std > 0:
            fields[k] = np.float32(texture.std) * _grain(region, texture.length, greys.seed + 2 * k)
    ids = range(int(owners.max()) + 1 if greys.particle_spread > 0 else 1)
    offsets = np.float32(greys.particle_spread) * white_noise(
        (slice(0, 1), slice(0, 1), slice(ids.start, ids.stop)), seed=greys.seed + _PARTICLE_FIELD
    ).reshape(-1)
    out = np.empty(shape, np.float32)
    _show(phases, owners, supersampling, levels, row, fields, offsets, out)
    return out


def _grain(region: Region, length: float, seed: int) -> npt.NDArray[np.float32]:
    """Two fields of unlike lengths, whose lattices do not show together; standard deviation 1."""
    short = _SECOND_LENGTH * length
    field = smooth_field(region, lengths=(length, length, length), seed=seed)
    field += smooth_field(region, lengths=(short, short, short), seed=seed + 1)
    field *= np.float32(np.sqrt(0.5))
    return field


@njit(cache=True, nogil=True)
def _show(
    phases: npt.NDArray[np.uint8],
    owners: npt.NDArray[np.uint32],
    s: int,
    levels: npt.NDArray[np.float32],
    row: npt.NDArray[np.int64],
    fields: npt.NDArray[np.float32],
    offsets: npt.NDArray[np.float32],
    out: npt.NDArray[np.float32],
) -> None:
    scale = np.float32(1.0 / s**3)
    for z in range(out.shape[0]):
        for y in range(out.shape[1]):
            for x in range(out.shape[2]):
                total = np.float32(0)
                for i in range(z * s, z * s + s):
                    for j in range(y * s, y * s + s):
                        for k in range(x * s, x * s + s):
                            phase = phases[i, j, k]
                            total += levels[phase]
                            if row[phase] >= 0:
                                total += fields[row[phase], z, y, x]
                                if 0 < owners[i, j, k] < len(offsets):
                                    total += offsets[owners[i, j, k]]
                out[z, y, x] = scale * total
