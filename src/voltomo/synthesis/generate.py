"""From the numbers that are asked for to a structure that has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from voltomo.errors import InputError
from voltomo.synthesis.deposits import place_discs
from voltomo.synthesis.families import ACTIVE
from voltomo.synthesis.filling import background_of, count_particles, fill_space, sampling_lattice
from voltomo.synthesis.flaw_shapes import Slits, Voids
from voltomo.synthesis.flaws import add_flaws
from voltomo.synthesis.placing import place_particles
from voltomo.synthesis.raster import open_space
from voltomo.synthesis.request import StructureRequest, check_request
from voltomo.synthesis.structure import Layers, Packing, Particles, Structure

__all__ = ["make_structure"]

_MAX_OVERLAP = 0.02
"""Largest share of the particles' volume that may lie in two of them: above it contacts stop looking like contacts."""
_ATTEMPTS = 8
"""Packings, each with a better guess of the volume to draw, until the sizes need little tuning."""
_SMALL_CHANGE = 0.01
"""Change of all diameters that tuning may make without a new packing: a third of what D50 may be off."""
_SCALES = (0.8, 1.25)
"""Limits of the factors that sizes are tuned by."""
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
    """Packed particles that fill their fractions, of sizes that were changed as little as possible for it."""
    excess, best, smallest = dict.fromkeys(request.particle_fractions, 1.0), empty, np.inf
    for attempt in range(_ATTEMPTS):
        particles, packing = place_particles(request, np.random.default_rng(seed), excess=excess)
        packed = replace(empty, particles=particles, packing=packing)
        scales = _find_scales(request, packed)
        change = abs(scales[ACTIVE] - 1)
        if change < smallest:
            best, smallest = _scaled(packed, scales), change
        if smallest <= _SMALL_CHANGE:
            break
        # Half steps after the first: in small windows full ones may go back and forth.
        power = 3 if attempt == 0 else 1.5
        excess = {phase: value * scales[phase] ** power for phase, value in excess.items()}
    return _checked(request, best, empty, seed)


def _scaled(structure: Structure, factors: Mapping[int, float]) -> Structure:
    """All particles of a phase larger by one factor."""
    particles, packing = structure.particles, structure.packing
    table = np.ones(256)
    for phase, factor in factors.items():
        table[phase] = factor
    return replace(
        structure,
        particles=replace(particles, semi_axes=particles.semi_axes * table[particles.phase][:, None]),
        packing=replace(packing, diameter=packing.diameter * table[packing.phase]),
    )


def _measure(structure: Structure) -> tuple[dict[int, float], float]:
    """Fraction of the electrode in particles of each phase; share of their volume in two of them; both as sampled."""
    space = open_space(replace(structure, reach=0.0), sampling_lattice(structure))
    inside = np.count_nonzero(space.is_inside)
    covered = np.count_nonzero(space.owner)
    counts = count_particles(structure, space)
    fractions = {int(phase): float(counts[phase] / inside) for phase in np.unique(structure.particles.phase)}
    return fractions, 1 - covered / max(space.hits, 1)


def _find_scales(request: StructureRequest, structure: Structure) -> dict[int, float]:
    """Factors of the sizes in each phase that give the particles their fractions, or come close within limits."""
    wanted = request.particle_fractions
    scales = dict.fromkeys(wanted, 1.0)
    for _ in range(12):
        fractions, overlap = _measure(_scaled(structure, scales))
        if all(abs(fractions.get(phase, 0.0) - share) < 0.0002 for phase, share in wanted.items()):
            break
        # The volume grows with the cube of the scale, less what overlaps more.
        power = 1 / (3 * (1 - min(3 * overlap, 0.5)))
        scales = {
            phase: float(np.clip(scales[phase] * (share / max(fractions.get(phase, 0.0), 1e-6)) ** power, *_SCALES))
            for phase, share in wanted.items()
        }
    return scales


def _checked(request: StructureRequest, structure: Structure, empty: Structure, seed: int) -> Structure:
    """The same structure, with its overlap on record, if it is as dense and as little overlapping as it must be."""
    fractions, overlap = _measure(structure)
    fraction, wanted = sum(fractions.values()), request.particle_fraction
    if overlap > _MAX_OVERLAP:
        reached = _densest(request, empty, seed)
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


def _densest(request: StructureRequest, empty: Structure, seed: int) -> float:
    """Fraction that particles fill when as many are packed as may be without too much overlap."""
    reached, low, high = 0.0, 0.4, 1.0
    for _ in range(7):
        middle = 0.5 * (low + high)
        excess = dict.fromkeys(request.particle_fractions, middle)
        particles, packing = place_particles(request, np.random.default_rng(seed), excess=excess)
        fractions, overlap = _measure(replace(empty, particles=particles, packing=packing))
        if overlap > _MAX_OVERLAP:
            high = middle
        else:
            low, reached = middle, max(reached, sum(fractions.values()))
    return reached
