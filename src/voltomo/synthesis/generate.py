"""From the numbers that are asked for to a structure that has them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from voltomo.errors import InputError
from voltomo.synthesis.filling import background_of, count_inside, fill_space, sampling_lattice
from voltomo.synthesis.flaws import draw_slits, draw_voids
from voltomo.synthesis.placing import place_particles
from voltomo.synthesis.raster import paint
from voltomo.synthesis.request import StructureRequest, check_request
from voltomo.synthesis.structure import Layers, Particles, Slits, Structure, Voids

__all__ = ["make_structure"]

_MAX_OVERLAP = 0.02
"""Largest share of the particles' volume that may lie in two of them: above it contacts stop looking like contacts."""


def make_structure(request: StructureRequest, rng: np.random.Generator) -> Structure:
    """A structure with the fractions, sizes and flaws that were asked for.

    Returns
    -------
    Structure
        The same for the same request and state of `rng`.

    Raises
    ------
    InputError
        If the fractions add up to more than 1, D50 does not fit the window, the particles cannot be packed so densely
        (the message says how densely), or too few are large enough for the cracks.
    """
    check_request(request)
    particles = place_particles(request, rng)
    structure = _bare(request, particles, seed=int(rng.integers(2**31)))
    if len(particles):
        slits, voids = draw_slits(request, particles, rng), draw_voids(request, particles, rng)
        structure = _tune_sizes(request, replace(structure, slits=slits, voids=voids))
    return fill_space(request, structure)


def _bare(request: StructureRequest, particles: Particles, *, seed: int) -> Structure:
    """Particles in empty space."""
    low = -0.5 * request.voxel_size[0]
    high = low + float(request.extents[0])
    no_rules = Layers(*([np.empty(0)] * 10))
    return Structure(
        family=request.family,
        shape=request.shape,
        voxel_size=request.voxel_size,
        origin=(0.0, 0.0, 0.0),
        particles=particles,
        slits=Slits.none(),
        voids=Voids.none(),
        layers=no_rules,
        background=background_of(request),
        reach=0.3 * request.d50,
        texture_length=0.25 * request.d50 if request.d50 > 0 else 1.0,
        collector=low + request.collector if request.collector > 0 else -np.inf,
        free_surface=high - request.free_surface if request.free_surface > 0 else np.inf,
        seed=seed,
        is_cylinder=request.is_cylinder,
    )


def _tune_sizes(request: StructureRequest, structure: Structure) -> Structure:
    """The same structure, all particles scaled by one factor that gives them the requested fraction."""
    lattice = sampling_lattice(structure)
    inside, wanted = count_inside(structure, lattice), request.particle_fraction

    def scaled(factor: float) -> tuple[Structure, float, float]:
        changed = replace(
            structure, particles=replace(structure.particles, semi_axes=structure.particles.semi_axes * factor)
        )
        _, owner, hits = paint(changed, lattice, with_layers=False)
        covered = np.count_nonzero(owner)
        overlap = 0.0 if request.is_cylinder else 1 - covered / max(hits, 1)
        return changed, covered / inside, overlap

    low, high = 0.8, 1.25
    for _ in range(14):
        middle = 0.5 * (low + high)
        _, fraction, overlap = scaled(middle)
        if fraction < wanted and overlap <= _MAX_OVERLAP:
            low = middle
        else:
            high = middle
    found, fraction, _ = scaled(low)
    if abs(fraction - wanted) > 0.005:
        raise InputError(
            f"particles were asked to fill {wanted:.3f} of the electrode, {fraction:.3f} is what this spread of sizes "
            f"({request.spread:g}) reaches; ask for {wanted - fraction:.3f} more pore or binder, or a wider spread"
            if fraction < wanted
            else f"particles were asked to fill {wanted:.3f} of the electrode, but the few in this window fill "
            f"{fraction:.3f}; ask for a smaller D50, a larger shape or another seed"
        )
    return found
