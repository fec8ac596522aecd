"""Which voxels cracks, voids and pores take from their particles, and how wide the cracks in them are."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from voltomo.synthesis.families import CRACK_PHASE
from voltomo.synthesis.flaw_distance import (
    Scratch,
    cavity_distance,
    is_in_pore,
    level_of,
    network_distance,
    scratch,
    slit_distance,
)
from voltomo.synthesis.flaw_records import Flaws
from voltomo.synthesis.lattice import Lattice, origin_and_step, starts_and_steps
from voltomo.synthesis.structure import Structure

__all__ = ["carve", "fill_widths"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_LARGEST = 65535
"""Of uint16: no width above 65 µm can be told."""


def carve(structure: Structure, lattice: Lattice, owner: npt.NDArray[np.uint32], phases: npt.NDArray[np.uint8]) -> None:
    """Give the crack phase to voxels whose centres lie in a crack, void or pore of their particle, in place."""
    flaws = Flaws.of(structure)
    if flaws.particles["is_flawed"].any():
        _carve(starts_and_steps(lattice), *origin_and_step(structure), flaws, owner, phases)


def fill_widths(
    structure: Structure, lattice: Lattice, owner: npt.NDArray[np.uint32], widths: npt.NDArray[np.uint16]
) -> None:
    """Write the width in nm of the widest crack that passes through each voxel, in place.

    A crack passes through a voxel if the centre is nearer to the middle of the crack than half the width plus half the
    extent of the voxel along the crack's normal there: for a plane, if voxel and crack meet.
    """
    flaws = Flaws.of(structure)
    if flaws.particles["is_flawed"].any():
        _fill_widths(starts_and_steps(lattice), *origin_and_step(structure), flaws, owner, widths)


@njit(cache=True, nogil=True)
def _carve(
    axes: Integers,
    origin: Floats,
    step: Floats,
    flaws: Flaws,
    owner: npt.NDArray[np.uint32],
    phases: npt.NDArray[np.uint8],
) -> None:
    o, room = np.empty(3), scratch()
    point = np.zeros(3)
    for z in range(owner.shape[0]):
        for y in range(owner.shape[1]):
            for x in range(owner.shape[2]):
                row = int(owner[z, y, x]) - 1
                if row < 0 or not flaws.particles[row].is_flawed:
                    continue
                o[0] = origin[0] + (axes[0, 0] + z * axes[0, 1]) * step[0] - flaws.particles[row].center[0]
                o[1] = origin[1] + (axes[1, 0] + y * axes[1, 1]) * step[1] - flaws.particles[row].center[1]
                o[2] = origin[2] + (axes[2, 0] + x * axes[2, 1]) * step[2] - flaws.particles[row].center[2]
                if _widest(flaws, row, o, point, room) > 0.0 or _is_in_void(flaws, row, o, room.normal):
                    phases[z, y, x] = CRACK_PHASE


@njit(cache=True, nogil=True)
def _fill_widths(
    axes: Integers,
    origin: Floats,
    step: Floats,
    flaws: Flaws,
    owner: npt.NDArray[np.uint32],
    widths: npt.NDArray[np.uint16],
) -> None:
    o, room = np.empty(3), scratch()
    for z in range(owner.shape[0]):
        for y in range(owner.shape[1]):
            for x in range(owner.shape[2]):
                row = int(owner[z, y, x]) - 1
                if row < 0 or not flaws.particles[row].is_flawed:
                    continue
                o[0] = origin[0] + (axes[0, 0] + z * axes[0, 1]) * step[0] - flaws.particles[row].center[0]
                o[1] = origin[1] + (axes[1, 0] + y * axes[1, 1]) * step[1] - flaws.particles[row].center[1]
                o[2] = origin[2] + (axes[2, 0] + x * axes[2, 1]) * step[2] - flaws.particles[row].center[2]
                widest = _widest(flaws, row, o, step, room)
                if widest > 0.0:
                    # A crack narrower than half a nanometre is one all the same.
                    widths[z, y, x] = min(max(1, int(widest * 1e9 + 0.5)), _LARGEST)


@njit(cache=True, nogil=True)
def _widest(flaws: Flaws, row: int, o: Floats, edges: Floats, room: Scratch) -> float:
    """Width of the widest crack that meets a box around a point, m; 0.0 where there is none."""
    particle = flaws.particles[row]
    level = level_of(flaws, row, o[0], o[1], o[2])
    half_diagonal = 0.5 * np.sqrt(edges[0] ** 2 + edges[1] ** 2 + edges[2] ** 2)
    widest = 0.0
    for s in range(particle.first_slit, particle.last_slit):
        half = 0.5 * flaws.slits[s].width
        distance = slit_distance(flaws, s, row, o, level, half + half_diagonal, room.normal)
        if distance < half + _half_extent(edges, room.normal):
            widest = max(widest, 2 * half)
    k = particle.network
    if k >= 0:
        half = 0.5 * flaws.networks[k].width
        distance = network_distance(flaws, k, row, o, level, half + half_diagonal, room)
        if distance < half + _half_extent(edges, room.normal):
            widest = max(widest, 2 * half)
    for v in range(particle.first_void, particle.last_void):
        if flaws.voids[v].is_core:
            distance = cavity_distance(flaws, v, row, o, half_diagonal, room.normal)
            if distance < _half_extent(edges, room.normal):
                widest = max(widest, 2 * flaws.voids[v].radius)
    return widest


@njit(cache=True, nogil=True)
def _half_extent(edges: Floats, normal: Floats) -> float:
    """Half the extent of a box along a unit vector."""
    return float(0.5 * (abs(normal[0]) * edges[0] + abs(normal[1]) * edges[1] + abs(normal[2]) * edges[2]))


@njit(cache=True, nogil=True)
def _is_in_void(flaws: Flaws, row: int, o: Floats, normal: Floats) -> bool:
    """Whether a point lies in a void that is no crack, or in a small pore."""
    particle = flaws.particles[row]
    for v in range(particle.first_void, particle.last_void):
        if not flaws.voids[v].is_core and cavity_distance(flaws, v, row, o, 0.0, normal) < 0:
            return True
    return particle.pore_pitch < np.inf and is_in_pore(flaws, row, o)
