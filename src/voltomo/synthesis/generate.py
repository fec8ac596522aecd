"""From the numbers that are asked for to a structure that has them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from voltomo.errors import InputError
from voltomo.synthesis.deposits import place_discs
from voltomo.synthesis.filling import background_of, fill_space, sampling_lattice
from voltomo.synthesis.flaw_shapes import Slits, Voids
from voltomo.synthesis.flaws import add_flaws
from voltomo.synthesis.placing import place_particles
from voltomo.synthesis.raster import open_space
from voltomo.synthesis.request import StructureRequest, check_request
from voltomo.synthesis.structure import Layers, Packing, Particles, Structure

__all__ = ["make_structure"]

_MAX_OVERLAP = 0.02
"""Largest share of the particles' volume that may lie in two of them: above it contacts stop looking like contacts."""
_ATTEMPTS = 4
"""Packings, each with a better guess of the volume to draw, until the sizes need little tuning."""
_SMALL_CHANGE = 0.01
"""Change of all diameters that tuning may make without a new packing: a third of what D50 may be off."""
_MAX_CHANGE = 0.2
_FRACTION_TOLERANCE = 0.005


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
    seed, packing_seed = (int(value) for value in rng.integers(2**31, size=2))
    structure = _bare(request, Particles.none(), Packing.none(), seed=seed)
    if request.d50 > 0:
        structure = _pack_to_fraction(request, structure, packing_seed)
        structure = add_flaws(request, structure, rng)
    if request.family == "li-air":
        structure = place_discs(request, structure, rng)
    return fill_space(request, structure)


def _bare(request: StructureRequest, particles: Particles, packing: Packing, *, seed: int) -> Structure:
    """Particles in empty space."""
    low = -0.5 * request.voxel_size[0]
    high = low + float(request.extents[0])
    length = request.d50 if request.d50 > 0 else request.feature
    return Structure(
        family=request.family,
        shape=request.shape,
        voxel_size=request.voxel_size,
        origin=(0.0, 0.0, 0.0),
        particles=particles,
        slits=Slits.none(),
        voids=Voids.none(),
        layers=Layers.none(),
        background=background_of(request),
        reach=0.3 * length,
        texture_length=0.25 * length,
        collector=low + request.collector if request.collector > 0 else -np.inf,
        free_surface=high - request.free_surface if request.free_surface > 0 else np.inf,
        seed=seed,
        is_cylinder=request.is_cylinder,
        packing=packing,
    )


def _pack_to_fraction(request: StructureRequest, empty: Structure, seed: int) -> Structure:
    """Packed particles that fill their fraction, of sizes that were changed as little as possible for it."""
    excess, best, smallest = 1.0, empty, np.inf
    for _ in range(_ATTEMPTS):
        particles, packing = place_particles(request, np.random.default_rng(seed), excess=excess)
        packed = replace(empty, particles=particles, packing=packing)
        scale = _find_scale(request, packed)
        if abs(scale - 1) < smallest:
            best, smallest = _scaled(packed, scale), abs(scale - 1)
        if smallest <= _SMALL_CHANGE:
            break
        excess *= scale**3
    return _checked(request, best)


def _scaled(structure: Structure, factor: float) -> Structure:
    """All particles larger by one factor."""
    particles, packing = structure.particles, structure.packing
    return replace(
        structure,
        particles=replace(particles, semi_axes=particles.semi_axes * factor),
        packing=replace(packing, diameter=packing.diameter * factor),
    )


def _measure(structure: Structure) -> tuple[float, float]:
    """Fraction of the electrode in particles, and share of their volume that lies in two of them, as sampled."""
    space = open_space(replace(structure, reach=0.0), sampling_lattice(structure))
    inside = np.count_nonzero(space.is_inside)
    covered = np.count_nonzero(space.owner)
    filled = np.count_nonzero(space.owner[space.is_inside])
    return filled / inside, 1 - covered / max(space.hits, 1)


def _find_scale(request: StructureRequest, structure: Structure) -> float:
    """Factor of all sizes that gives the particles their fraction, or the one closest to it within limits."""
    wanted, low, high = request.particle_fraction, 1 - _MAX_CHANGE, 1 + _MAX_CHANGE
    scale = 1.0
    for _ in range(12):
        fraction, overlap = _measure(_scaled(structure, scale))
        if abs(fraction - wanted) < 0.0002:
            break
        if fraction < wanted:
            low = scale
        else:
            high = scale
        # The volume grows with the cube of the scale, less what overlaps more.
        guess = scale * (wanted / max(fraction, 1e-6)) ** (1 / (3 * (1 - 3 * overlap)))
        scale = guess if low < guess < high else 0.5 * (low + high)
    return scale


def _checked(request: StructureRequest, structure: Structure) -> Structure:
    """The same structure, with its overlap on record, if it is as dense and as little overlapping as it must be."""
    fraction, overlap = _measure(structure)
    wanted = request.particle_fraction
    if overlap > _MAX_OVERLAP:
        reached = _densest(structure)
        raise InputError(
            f"particles were asked to fill {wanted:.3f} of the electrode, {reached:.3f} is what this spread of sizes "
            f"({request.spread:g}) reaches; ask for {wanted - reached:.3f} more pore or binder, or a wider spread"
        )
    if abs(fraction - wanted) > _FRACTION_TOLERANCE:
        raise InputError(
            f"particles were asked to fill {wanted:.3f} of the electrode, but the few in this window fill "
            f"{fraction:.3f}; ask for a smaller D50, a larger shape or another seed"
        )
    return replace(structure, packing=replace(structure.packing, overlap=overlap))


def _densest(structure: Structure) -> float:
    """Fraction that the particles of a packing fill when they are shrunk until they overlap no more than they may."""
    low, high = 0.7, 1.0
    for _ in range(8):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if _measure(_scaled(structure, middle))[1] > _MAX_OVERLAP else (middle, high)
    return _measure(_scaled(structure, low))[0]
