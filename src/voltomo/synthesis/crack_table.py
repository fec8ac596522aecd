"""One row per crack: where it is, how it lies, and how large it is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from voltomo.synthesis.flaw_distance import (
    cavity_distance,
    level_of,
    network_distance,
    scratch,
    slit_distance,
)
from voltomo.synthesis.flaw_records import Flaws
from voltomo.synthesis.flaw_shapes import CRACK_TYPES
from voltomo.synthesis.raster import find_owners
from voltomo.synthesis.structure import Structure

__all__ = ["crack_table"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_POINTS = 3_000_000
"""Sample points of all cracked particles together; they take about a second."""
_FEWEST, _MOST = 16, 48
"""Sample points along each edge of the box around a particle."""
_SLAB = 2.0
"""Sample steps to either side of a crack over which its area is weighed: thin cracks fall between the points."""


def crack_table(
    structure: Structure, *, instance_ids: npt.NDArray[np.integer[Any]] | None = None
) -> dict[str, npt.NDArray[Any]]:
    """The cracks of a structure, whole, ordered by particle.

    Parameters
    ----------
    structure : Structure
    instance_ids : the particles to list, such as those seen in the window; all where they are not given

    Returns
    -------
    dict of (C,) arrays
        `instance_id` (uint32) of the particle; `type`, one of `CRACK_TYPES`; `width` in m, constant along the crack;
        `normal_z`, `normal_y`, `normal_x`, the mean normal of its plane, NaN for a network and a void; `is_open`,
        whether it reaches the space outside its particle; `area` in m², of the middle of the crack, of the wall of a
        void; `volume` in m³.

    Notes
    -----
    Normals, widths and `is_open` are exact. Areas and volumes are sampled on a grid of 16 to 48 points along each edge
    of the particle. Area: a point at the distance d from the middle of the crack counts with the weight
    (1 + cos(π·d/s)) / (2·s) up to s, two steps. Volume: by points where the crack is wider than two steps, with a soft
    edge at slits and voids; else the width times the area. A flat crack through a ball is right to 0.6 % with 40 points
    (so up to 47 particles) and to 3 % with 16. Where cracks of a particle cross, the volume they share is counted for
    each. A core void and the cracks that run from it are rows of their own. The width of a void is its mean diameter.
    """
    flaws = Flaws.of(structure)
    slits, networks, voids = structure.slits, structure.networks, structure.voids
    cores = np.flatnonzero(voids.is_core)
    nowhere = np.full((len(networks.particle) + len(cores), 3), np.nan)
    normal = np.concatenate([slits.normal, nowhere])
    kind = np.concatenate(
        [
            slits.kind,
            np.full(len(networks.particle), CRACK_TYPES.index("intergranular"), np.uint8),
            np.full(len(cores), CRACK_TYPES.index("core"), np.uint8),
        ]
    )
    area, volume = (np.zeros(len(kind)) for _ in range(2))
    particle = np.concatenate([slits.particle, networks.particle, voids.particle[cores]])
    rows = np.flatnonzero(structure.is_cracked)
    if instance_ids is not None:
        rows = rows[np.isin(rows + 1, instance_ids)]
    _measure(structure, flaws, rows, cores, area, volume)
    order = np.argsort(particle, kind="stable")
    order = order[np.isin(particle[order], rows)]
    return {
        "instance_id": (particle[order] + 1).astype(np.uint32),
        "type": np.asarray(CRACK_TYPES)[kind[order]],
        "width": np.concatenate([slits.width, networks.width, 2 * voids.radius[cores]])[order],
        "normal_z": normal[order, 0],
        "normal_y": normal[order, 1],
        "normal_x": normal[order, 2],
        "is_open": np.concatenate([slits.is_open, networks.is_open, voids.is_open[cores]])[order],
        "area": area[order],
        "volume": volume[order],
    }


def _measure(structure: Structure, flaws: Flaws, rows: Integers, cores: Integers, area: Floats, volume: Floats) -> None:
    """Fill in areas and volumes: slits first, then networks, then core voids, each in the order of the structure."""
    if len(rows) == 0:
        return
    count = int(np.clip((_POINTS / len(rows)) ** (1 / 3), _FEWEST, _MOST))
    first_network, first_core = len(structure.slits.particle), len(area) - len(cores)
    slot = np.full(len(structure.voids.particle), -1, np.int64)
    slot[cores] = first_core + np.arange(len(cores))
    half = structure.particles.half_extent
    for row in rows.tolist():
        step = 2 * half[row] / count
        origin = structure.particles.center[row] - half[row] + 0.5 * step
        # The particle alone in a window of its own, beside the neighbours that press into it.
        local = replace(
            structure,
            shape=(count, count, count),
            voxel_size=tuple(step.tolist()),
            origin=tuple(origin.tolist()),
            collector=-np.inf,
            free_surface=np.inf,
            is_cylinder=False,
        )
        everywhere = slice(0, count)
        owner = find_owners(local, (everywhere, everywhere, everywhere))
        _count(origin, step, flaws, row, owner == row + 1, first_network, slot, area, volume)


@njit(cache=True, nogil=True)
def _count(
    origin: Floats,
    step: Floats,
    flaws: Flaws,
    row: int,
    is_inside: npt.NDArray[np.bool_],
    first_network: int,
    slot: Integers,
    area: Floats,
    volume: Floats,
) -> None:
    """Add up the points of one particle in and around its cracks, then turn the sums into areas and volumes."""
    reach = _SLAB * max(step[0], step[1], step[2])
    point = step[0] * step[1] * step[2]
    o, room = np.empty(3), scratch()
    particle = flaws.particles[row]
    slits = range(particle.first_slit, particle.last_slit)
    voids = range(particle.first_void, particle.last_void)
    k = particle.network
    for z in range(is_inside.shape[0]):
        for y in range(is_inside.shape[1]):
            for x in range(is_inside.shape[2]):
                if not is_inside[z, y, x]:
                    continue
                o[0] = origin[0] + z * step[0] - flaws.particles[row].center[0]
                o[1] = origin[1] + y * step[1] - flaws.particles[row].center[1]
                o[2] = origin[2] + x * step[2] - flaws.particles[row].center[2]
                level = level_of(flaws, row, o[0], o[1], o[2])
                for s in slits:
                    half = 0.5 * flaws.slits[s].width
                    distance = slit_distance(flaws, s, row, o, level, half + reach, room.normal)
                    area[s] += point * _area_weight(distance, reach)
                    volume[s] += point * _volume_weight(distance - half, reach)
                if k >= 0:
                    half = 0.5 * flaws.networks[k].width
                    distance = network_distance(flaws, k, row, o, level, max(half, reach), room)
                    area[first_network + k] += point * _area_weight(distance, reach)
                    # Walls lie in all directions and meet: no soft edge, which would reach around their ends.
                    volume[first_network + k] += point if distance < half else 0.0
                for v in voids:
                    if slot[v] >= 0:
                        distance = cavity_distance(flaws, v, row, o, reach, room.normal)
                        area[slot[v]] += point * _area_weight(distance, reach)
                        volume[slot[v]] += point * _volume_weight(distance, reach)
    for s in slits:
        if flaws.slits[s].width < reach:
            volume[s] = flaws.slits[s].width * area[s]
    if k >= 0 and flaws.networks[k].width < reach:
        volume[first_network + k] = flaws.networks[k].width * area[first_network + k]


@njit(cache=True, nogil=True)
def _area_weight(distance: float, reach: float) -> float:
    """Weight of a point near a surface; 1 in all over a line across it, whatever the places of the points."""
    if abs(distance) >= reach:
        return 0.0
    return float((1 + np.cos(np.pi * distance / reach)) / (2 * reach))


@njit(cache=True, nogil=True)
def _volume_weight(outside: float, reach: float) -> float:
    """Weight of a point at a distance outside a body, negative inside: falls from 1 to 0 around the surface."""
    return min(max(0.5 - outside / reach, 0.0), 1.0)
