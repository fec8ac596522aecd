"""Particles in and around a window: sizes, shapes, and places that hardly overlap."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from voltomo.synthesis.families import ACTIVE, SILICON
from voltomo.synthesis.packing import pack
from voltomo.synthesis.request import StructureRequest
from voltomo.synthesis.sizes import draw_diameters, draw_ellipsoids
from voltomo.synthesis.structure import Packing, Particles

__all__ = ["SILICON_SIZE", "place_particles"]

Floats = npt.NDArray[np.float64]

_SIZE_LIMITS = (0.35, 2.5)
"""Smallest and largest diameter, in D50: a powder is sieved."""
SILICON_SIZE = 0.2
"""D50 of the silicon particles, in that of the graphite: they sit between the flakes."""
_MARGIN = 24
"""Voxels around the window in which particles are kept too, for a scanner that drifts."""
_GRADIENT = 0.12
"""Excess of solid at the free surface, and lack at the collector, of a fully calendered electrode, in its mean."""
_PRESSES, _SMALL_SLOPE = 5, 0.003
_STRONGEST = 0.4
"""Largest gradient of one pressing; those of several add up."""
_THIN = 5
"""Thickness of a window, in D50, below which its solid has no slope to speak of."""
_TURNED = 0.6
"""Share of what alignment lacks to 1 that full calendering makes up for."""
_SURFACE_DEPTH = 0.4
"""Depth of the roughness of a free surface that was not calendered, in D50."""


@dataclass(frozen=True)
class _Room:
    """The box that is packed: `low` corner and `edges`, m; with walls across z, or periodic."""

    low: Floats
    edges: Floats
    has_walls: bool


def place_particles(
    request: StructureRequest, rng: np.random.Generator, *, excess: Mapping[int, float]
) -> tuple[Particles, Packing]:
    """Particles that fill about `excess` times the requested fraction of the electrode, by phase.

    Every particle that shows in the window or close to it is there, with its periodic images, and what was packed.
    """
    widest = _size_limits(request)[1]
    room = _room(request, widest)
    diameters, phase = _draw_sizes(
        request, {phase: value * float(np.prod(room.edges)) for phase, value in excess.items()}
    )
    semi_axes, rotation = _draw_shapes(request, diameters, phase, rng)
    shapes = Particles(np.zeros_like(semi_axes), semi_axes, rotation, phase, request.roughness)
    walls = _walls(request, room, shapes, rng) if room.has_walls else None
    center = pack(semi_axes, rotation, box=room.edges, rng=rng, walls=walls)
    if walls is not None and request.calendering > 0:
        center = _press(request, center, shapes, room, walls, rng)
    packed = replace(shapes, center=center + room.low)
    return _around_window(request, packed, room)


def _size_limits(request: StructureRequest) -> tuple[float, float]:
    """Smallest and largest diameter, m. The largest must fit the window, and the electrode between its faces."""
    width = 0.8 * min(request.extents[1:])
    if request.collector > 0 or request.free_surface > 0:
        width = min(width, 0.8 * (request.extents[0] - request.collector - request.free_surface))
    return _SIZE_LIMITS[0] * request.d50, min(_SIZE_LIMITS[1] * request.d50, max(1.15 * request.d50, width))


def _room(request: StructureRequest, widest: float) -> _Room:
    """The window where that is possible: a thin one is a section through a thicker packing."""
    extents = request.extents
    # Particles must not meet their own images.
    edges = np.maximum(extents, 1.5 * widest)
    low = -0.5 * np.asarray(request.voxel_size) - 0.5 * (edges - extents)
    has_walls = request.collector > 0 or request.free_surface > 0 or request.calendering > 0
    if has_walls:
        # A face that the window does not show lies far enough beyond it to order nothing inside.
        floor = request.collector if request.collector > 0 else -1.5 * widest
        ceiling = extents[0] - request.free_surface if request.free_surface > 0 else extents[0] + 1.5 * widest
        low[0] = floor - 0.5 * request.voxel_size[0]
        edges[0] = ceiling - floor
    return _Room(low, edges, has_walls)


def _draw_sizes(request: StructureRequest, volumes: Mapping[int, float]) -> tuple[Floats, npt.NDArray[np.uint8]]:
    """Diameters in m and phase ids of particles that fill their shares of volumes, by phase."""
    low, high = _size_limits(request)
    sets = []
    for phase, share in request.particle_fractions.items():
        scale = SILICON_SIZE if phase == SILICON else 1.0
        drawn = draw_diameters(
            share * volumes[phase], d50=scale * request.d50, spread=request.spread, limits=(scale * low, scale * high)
        )
        sets.append((drawn, np.full(len(drawn), phase, np.uint8)))
    return np.concatenate([drawn for drawn, _ in sets]), np.concatenate([ids for _, ids in sets])


def _draw_shapes(
    request: StructureRequest, diameters: Floats, phase: npt.NDArray[np.uint8], rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Semi-axes and rotations; only the active particles are flat."""
    alignment = request.alignment + _TURNED * request.calendering * (1 - request.alignment)
    semi_axes, rotation = draw_ellipsoids(
        diameters, elongation=request.elongation, rng=rng, flatness=request.flatness, alignment=alignment
    )
    is_round = phase != ACTIVE
    semi_axes[is_round], rotation[is_round] = draw_ellipsoids(diameters[is_round], elongation=1.3, rng=rng)
    return semi_axes, rotation


def _walls(
    request: StructureRequest, room: _Room, shapes: Particles, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Lowest and highest z of each particle's centre; none dips into the collector, all end somewhere near the top."""
    half = shapes.half_extent[:, 0]
    depth = _SURFACE_DEPTH * (1 - request.calendering) * request.d50 * rng.random(len(half))
    ceiling = room.edges[0] - half - depth
    middle = 0.5 * (half + ceiling)
    return np.minimum(half, middle), np.maximum(ceiling, middle)


def _press(
    request: StructureRequest,
    center: Floats,
    shapes: Particles,
    room: _Room,
    walls: tuple[Floats, Floats],
    rng: np.random.Generator,
) -> Floats:
    """Centres moved along z until the solid in the electrode that the window shows rises by the gradient."""
    low = max(0.0, -0.5 * request.voxel_size[0] - room.low[0] + request.collector)
    high = min(room.edges[0], low + request.extents[0] - request.collector - request.free_surface)
    if high - low < _THIN * request.d50:
        # A section or a slab shows no gradient; the electrode around it has one.
        low, high = 0.0, float(room.edges[0])
    for _ in range(_PRESSES):
        missing = _GRADIENT * request.calendering - _slope(center[:, 0], shapes.diameter, low, high)
        if abs(missing) < _SMALL_SLOPE:
            break
        gradient = float(np.clip(missing * room.edges[0] / (high - low), -_STRONGEST, _STRONGEST))
        center[:, 0] = np.clip(room.edges[0] * _pressed(center[:, 0] / room.edges[0], gradient), *walls)
        # What was pressed together slides aside.
        center = pack(shapes.semi_axes, shapes.rotation, box=room.edges, rng=rng, walls=walls, start=center)
    return center


def _slope(height: Floats, diameter: Floats, low: float, high: float) -> float:
    """Slope of the area that balls cover, from low to high, relative to its mean and half of the way."""
    place = np.linspace(-1, 1, 65)
    area = np.zeros(len(place))
    for slice_, z in enumerate(0.5 * (low + high) + 0.5 * (high - low) * place):
        area[slice_] = np.sum(np.clip(0.25 * diameter**2 - (z - height) ** 2, 0, None))
    return float(np.sum(place * area) / np.sum(place**2) / np.mean(area))


def _pressed(height: Floats, gradient: float) -> Floats:
    """Relative heights moved so that an even density becomes one that rises by ±gradient from bottom to top."""
    # The density 1 + g·(2t − 1) integrates to (1 − g)·t + g·t², which must be the old height.
    even = 1 - gradient
    return np.asarray((np.sqrt(even**2 + 4 * gradient * height) - even) / (2 * gradient))


def _around_window(request: StructureRequest, packed: Particles, room: _Room) -> tuple[Particles, Packing]:
    """Particles and images that may show in the window, by z, y and x, and which packed particle each of them is."""
    copies = (0,) if room.has_walls else (-1, 0, 1)
    shifts = np.array(list(itertools.product(copies, (-1, 0, 1), (-1, 0, 1)))) * room.edges
    every = (packed.center + shifts[:, None, :]).reshape(-1, 3)
    rows = np.tile(np.arange(len(packed)), len(shifts))
    # A tenth for particles that still grow when sizes are tuned.
    margin = _MARGIN * np.asarray(request.voxel_size)
    radius = (1.1 * packed.half_extent)[rows] + margin
    seen = np.all((every + radius > 0) & (every - radius < request.extents), axis=1)
    order = np.flatnonzero(seen)[np.lexsort(every[seen].T[::-1])]
    kept = rows[order]
    particles = Particles(
        every[order], packed.semi_axes[kept], packed.rotation[kept], packed.phase[kept], request.roughness
    )
    return particles, Packing(packed.diameter, packed.phase, 0.0, kept)
