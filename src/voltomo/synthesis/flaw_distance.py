"""How far a point lies from the cracks, voids and pores of its particle, compiled.

Points are offsets `o` from the particle's centre in (z, y, x), m. Where a shape does not reach, the distance is inf.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from voltomo.synthesis.flaw_records import Flaws
from voltomo.synthesis.grain_walls import (
    GRAIN_FIELD,
    PER_PARTICLE,
    cell_of_seed,
    gather_seeds,
    nearest_cell,
    nearest_seed,
    wall,
)
from voltomo.synthesis.noise import lattice_noise, place_hash, uniform

__all__ = [
    "PORE_SHARE",
    "SMALLEST_PORE",
    "Scratch",
    "cavity_distance",
    "is_in_pore",
    "level_of",
    "network_distance",
    "scratch",
    "slit_distance",
]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_WAVE_FIELD, _GROUP_FIELD, _CAVITY_FIELD, _PORE_FIELD = 1, 2, 8, 9
"""Shifts of the seed; groups of grains take 2 and 4, roughness of surfaces 3, grains 5 and 6, small pores 9 to 14."""
_FADE = 0.25
"""Levels over which the share of open walls of a network falls to 0."""
_MOST_OPEN = 0.7
"""Largest share of open facets between groups of grains: some hold together what a network leaves of a particle."""
_STEEPEST = 3 * 3**0.5
"""Largest slope of `lattice_noise`: 3 along each axis, from −1 to 1 along a smooth step."""
_LUMPS = 1.6
"""Of the wall of a cavity: correlation lengths of the noise per radius."""
PORE_SHARE = 0.5
"""Of the cells of the lattice of small pores that hold one."""
SMALLEST_PORE = 0.5
"""Radius of the smallest pore, in that of the largest."""
_DIFFERENCE = 1e-4
"""Step of the numerical slope of the waviness, in its correlation lengths."""


class Scratch(NamedTuple):
    """Room for the grains around a point, kept from voxel to voxel."""

    seeds: Floats
    cell: Integers
    point: Floats
    here: Integers
    there: Integers
    normal: Floats


@njit(cache=True, nogil=True)
def scratch() -> Scratch:
    """Empty room."""
    cell = np.full(4, np.iinfo(np.int64).min)
    return Scratch(np.empty((27, 3)), cell, np.empty(3), np.empty(3, np.int64), np.empty(3, np.int64), np.empty(3))


@njit(cache=True, nogil=True)
def level_of(flaws: Flaws, row: int, z: float, y: float, x: float) -> float:
    """0 at the centre of the particle, 1 on its surface without the roughness."""
    a = flaws.particles[row].inverse
    square = 0.0
    for k in range(3):
        square += (a[k, 0] * z + a[k, 1] * y + a[k, 2] * x) ** 2
    return float(np.sqrt(square))


@njit(cache=True, nogil=True)
def slit_distance(flaws: Flaws, s: int, row: int, o: Floats, level: float, near: float, normal: Floats) -> float:
    """Distance to the middle of a slit, to first order in its waviness; its normal there, in place.

    Distances above `near` may be given as inf.
    """
    slit = flaws.slits[s]
    n, d = slit.normal, slit.direction
    if level >= slit.extent or level <= slit.inner:
        return np.inf
    if d[0] * o[0] + d[1] * o[1] + d[2] * o[2] <= slit.low:
        return np.inf
    height = n[0] * o[0] + n[1] * o[1] + n[2] * o[2]
    across, wave, length = height - slit.offset, slit.wave, flaws.texture_length
    for k in range(3):
        normal[k] = n[k]
    if wave == 0.0:
        return float(abs(across))
    if abs(across) > wave + near * np.sqrt(1 + (_STEEPEST * wave / length) ** 2):
        return np.inf
    # The wave is a function f of the foot of the point on the plane; the surface is steeper than the plane by 1/cos of
    # the angle between them, and the distance shorter.
    fz, fy, fx = (o[0] - height * n[0]) / length, (o[1] - height * n[1]) / length, (o[2] - height * n[2]) / length
    sz, sy, sx = n[1] * d[2] - n[2] * d[1], n[2] * d[0] - n[0] * d[2], n[0] * d[1] - n[1] * d[0]
    seed, e = flaws.seed + _WAVE_FIELD + PER_PARTICLE * row, _DIFFERENCE
    here = lattice_noise(seed, fz, fy, fx)
    first = (lattice_noise(seed, fz + e * d[0], fy + e * d[1], fx + e * d[2]) - here) * wave / (e * length)
    second = (lattice_noise(seed, fz + e * sz, fy + e * sy, fx + e * sx) - here) * wave / (e * length)
    steepness = np.sqrt(1 + first * first + second * second)
    normal[0] = (n[0] - first * d[0] - second * sz) / steepness
    normal[1] = (n[1] - first * d[1] - second * sy) / steepness
    normal[2] = (n[2] - first * d[2] - second * sx) / steepness
    return float(abs(across - wave * here) / steepness)


@njit(cache=True, nogil=True)
def network_distance(flaws: Flaws, k: int, row: int, o: Floats, level: float, near: float, room: Scratch) -> float:
    """Distance to the nearest grain wall if it is open; its normal in ``room.normal``. Above `near` it may be inf."""
    if level >= flaws.networks[k].extent:
        return np.inf
    turn, size = flaws.particles[row].turn, flaws.grain_size
    for i in range(3):
        room.point[i] = (turn[i, 0] * o[0] + turn[i, 1] * o[1] + turn[i, 2] * o[2]) / size
    seed = flaws.seed + GRAIN_FIELD + PER_PARTICLE * row
    gather_seeds(seed, row, room.point, room.cell, room.seeds)
    grain = nearest_seed(room.point, room.seeds)
    behind, distance = wall(room.point, grain, room.seeds)
    if distance * size > near:
        return np.inf
    mz = my = mx = 0.0
    apart = 0.0
    for i in range(3):
        room.normal[i] = 0.0
        apart += (room.seeds[behind, i] - room.seeds[grain, i]) ** 2
    for i in range(3):
        middle = 0.5 * size * (room.seeds[behind, i] + room.seeds[grain, i])
        mz += turn[i, 0] * middle
        my += turn[i, 1] * middle
        mx += turn[i, 2] * middle
        component = (room.seeds[behind, i] - room.seeds[grain, i]) / np.sqrt(apart)
        for j in range(3):
            room.normal[j] += turn[i, j] * component
    cell_of_seed(grain, room.cell, room.here)
    cell_of_seed(behind, room.cell, room.there)
    if not _is_wall_open(flaws, k, row, room, mz, my, mx):
        return np.inf
    return float(distance * size)


@njit(cache=True, nogil=True)
def _is_wall_open(flaws: Flaws, k: int, row: int, room: Scratch, mz: float, my: float, mx: float) -> bool:
    """Whether the wall between ``room.here`` and ``room.there`` is open; (mz, my, mx) is midway between the grains."""
    network = flaws.networks[k]
    seed = flaws.seed + PER_PARTICLE * row
    ratio = flaws.grain_size / network.group if network.group > 0 else 0.0
    here = _group(seed, room.here, ratio)
    there = _group(seed, room.there, ratio)
    if here == there:
        return False
    d = network.direction
    along, far = d[0] * mz + d[1] * my + d[2] * mx, np.sqrt(mz * mz + my * my + mx * mx)
    if along > network.cone * far:
        return True
    level = level_of(flaws, row, mz, my, mx)
    chance = max((network.reach - level) / _FADE, (level - network.start) / _FADE)
    # The sum does not depend on the order, and is as random as its parts.
    return bool(uniform(here + there) < min(chance, _MOST_OPEN))


@njit(cache=True, nogil=True)
def _group(seed: int, grain: Integers, ratio: float) -> np.uint64:
    """Random bits of the group of the grain in a cell; `ratio` is the size of grains in that of groups, or 0."""
    z, y, x = grain[0], grain[1], grain[2]
    if ratio > 0.0:
        z, y, x = nearest_cell(seed + _GROUP_FIELD, ratio * (z + 0.5), ratio * (y + 0.5), ratio * (x + 0.5))
    return place_hash(seed + _GROUP_FIELD + 2, z, y, x)


@njit(cache=True, nogil=True)
def cavity_distance(flaws: Flaws, v: int, row: int, o: Floats, near: float, normal: Floats) -> float:
    """Distance from the wall of a void along its radius, negative inside; the direction of the radius, in place."""
    void, center = flaws.voids[v], flaws.particles[row].center
    square = 0.0
    for k in range(3):
        normal[k] = o[k] + center[k] - void.center[k]
        square += normal[k] ** 2
    radius, lump = void.radius, void.lump
    away = np.sqrt(square)
    if away > radius * (1 + lump) + near:
        return np.inf
    if away == 0.0:
        return float(-radius)
    for k in range(3):
        normal[k] /= away
    if lump > 0.0:
        seed = flaws.seed + _CAVITY_FIELD + PER_PARTICLE * row
        radius *= 1 + lump * lattice_noise(seed, _LUMPS * normal[0], _LUMPS * normal[1], _LUMPS * normal[2])
    return float(away - radius)


@njit(cache=True, nogil=True)
def is_in_pore(flaws: Flaws, row: int, o: Floats) -> bool:
    """Whether a point lies in one of the small pores, each of which keeps within its cell of the lattice."""
    particle = flaws.particles[row]
    turn, pitch = particle.turn, particle.pore_pitch
    seed = flaws.seed + _PORE_FIELD + PER_PARTICLE * row
    pz = (turn[0, 0] * o[0] + turn[0, 1] * o[1] + turn[0, 2] * o[2]) / pitch
    py = (turn[1, 0] * o[0] + turn[1, 1] * o[1] + turn[1, 2] * o[2]) / pitch
    px = (turn[2, 0] * o[0] + turn[2, 1] * o[1] + turn[2, 2] * o[2]) / pitch
    # Layers and rows of cells are shifted at random, so that few planes pass between pores.
    iz = int(np.floor(pz))
    shift_y = uniform(place_hash(seed + 5, iz, 0, 0))
    iy = int(np.floor(py + shift_y))
    shift_x = uniform(place_hash(seed + 5, iz, iy, 1))
    ix = int(np.floor(px + shift_x))
    if uniform(place_hash(seed, iz, iy, ix)) >= PORE_SHARE:
        return False
    largest = flaws.pore_radius / pitch
    radius = largest * (SMALLEST_PORE + (1 - SMALLEST_PORE) * uniform(place_hash(seed + 1, iz, iy, ix)))
    cz = iz + 0.5 + (1 - 2 * largest) * (uniform(place_hash(seed + 2, iz, iy, ix)) - 0.5)
    cy = iy + 0.5 + (1 - 2 * largest) * (uniform(place_hash(seed + 3, iz, iy, ix)) - 0.5) - shift_y
    cx = ix + 0.5 + (1 - 2 * largest) * (uniform(place_hash(seed + 4, iz, iy, ix)) - 0.5) - shift_x
    if (pz - cz) ** 2 + (py - cy) ** 2 + (px - cx) ** 2 >= radius * radius:
        return False
    vz = (turn[0, 0] * cz + turn[1, 0] * cy + turn[2, 0] * cx) * pitch
    vy = (turn[0, 1] * cz + turn[1, 1] * cy + turn[2, 1] * cx) * pitch
    vx = (turn[0, 2] * cz + turn[1, 2] * cy + turn[2, 2] * cx) * pitch
    return bool(level_of(flaws, row, vz, vy, vx) < particle.pore_limit)
