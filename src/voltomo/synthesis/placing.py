"""Particles in and around a window: sizes, shapes, and places that hardly overlap."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt

from voltomo.synthesis.families import ACTIVE, SILICON
from voltomo.synthesis.packing import draw_diameters, draw_ellipsoids, pack
from voltomo.synthesis.request import StructureRequest
from voltomo.synthesis.structure import Particles

__all__ = ["place_particles"]

Floats = npt.NDArray[np.float64]

_SIZE_LIMITS = (0.35, 2.5)
"""Smallest and largest diameter, in D50: a powder is sieved."""
_SILICON_SIZE = 0.3
"""D50 of the silicon particles, in that of the graphite: they sit between the flakes."""
_MARGIN = 24
"""Voxels around the window in which particles are kept too, for a scanner that drifts."""


def place_particles(request: StructureRequest, rng: np.random.Generator) -> Particles:
    """Particles that fill the window to about the requested fraction, before their sizes are tuned."""
    if request.kind.d50 == 0:
        return Particles.none()
    extents = request.extents
    limits = (
        _SIZE_LIMITS[0] * request.d50,
        min(_SIZE_LIMITS[1] * request.d50, max(request.d50, 0.8 * min(extents[1:]))),
    )
    # A thin window is a section through a thicker packing; particles must not meet their own images.
    box = np.maximum(extents, 1.5 * limits[1])
    diameters, phase = _draw_sizes(request, float(np.prod(box)), limits, rng)
    semi_axes, rotation = draw_ellipsoids(diameters, elongation=request.elongation, rng=rng)
    # The window lies in the middle of the box; its first voxel centre is the origin.
    corner = 0.5 * (box - extents) + 0.5 * np.asarray(request.voxel_size)
    center = pack(semi_axes, rotation, box=box, rng=rng) - corner
    shifts = np.array(list(itertools.product((-1, 0, 1), repeat=3))) * box
    every = (center + shifts[:, None, :]).reshape(-1, 3)
    rows = np.tile(np.arange(len(center)), len(shifts))
    # A tenth for particles that still grow when sizes are tuned.
    radius = (1.1 + request.roughness) * semi_axes.max(axis=1)[rows, None] + _MARGIN * max(request.voxel_size)
    seen = np.all((every + radius > 0) & (every - radius < extents), axis=1)
    order = np.flatnonzero(seen)[np.lexsort(every[seen].T[::-1])]
    kept = rows[order]
    return Particles(every[order], semi_axes[kept], rotation[kept], phase[kept], request.roughness)


def _draw_sizes(
    request: StructureRequest, volume: float, limits: tuple[float, float], rng: np.random.Generator
) -> tuple[Floats, npt.NDArray[np.uint8]]:
    """Diameters in m and phase ids of particles that fill their share of a volume."""
    silicon = request.fractions.get(SILICON, 0.0)
    sets = []
    for phase, share, scale in (
        (ACTIVE, request.particle_fraction - silicon, 1.0),
        (SILICON, silicon, _SILICON_SIZE),
    ):
        if share > 0:
            low, high = (scale * limit for limit in limits)
            drawn = draw_diameters(
                share * volume, d50=scale * request.d50, spread=request.spread, limits=(low, high), rng=rng
            )
            sets.append((drawn, np.full(len(drawn), phase, np.uint8)))
    return np.concatenate([drawn for drawn, _ in sets]), np.concatenate([ids for _, ids in sets])
