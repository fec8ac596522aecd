"""Discs of discharge product on the carbon of a lithium-air cathode."""

from __future__ import annotations

from dataclasses import replace
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
from numba import njit

from voltomo.synthesis.families import CARBON, PRODUCT
from voltomo.synthesis.filling import count_particles, sampling_lattice
from voltomo.synthesis.noise import smooth_field
from voltomo.synthesis.raster import RULE_FIELD, open_space
from voltomo.synthesis.request import StructureRequest
from voltomo.synthesis.rules import Rule, rules_of
from voltomo.synthesis.sizes import draw_diameters, draw_ellipsoids
from voltomo.synthesis.structure import Packing, Particles, Structure

__all__ = ["place_discs"]

Floats = npt.NDArray[np.float64]

_DISC_SHARE = 0.6
"""Share of the product that is discs; the rest is a film. Toroids and films occur side by side at middling currents:
Adams et al., Energy Environ. Sci. 6 (2013) 1772, doi 10.1039/c3ee40697k."""
_DISC_DIAMETER = 1.3
"""D50 of the discs' equivalent balls, in lengths of the carbon's aggregates."""
_DISC_FLATNESS = 2.5
_SPREAD = 1.3
_ON_SURFACE = 0.08
"""Largest distance of a disc's centre from the carbon's surface, in standard deviations of the field that makes it."""
_ROUGHNESS = 0.08
_ATTEMPTS = 5
_SMALL_ERROR = 0.05
"""Of the discs' fraction: the film makes up for it."""
_MOST_DISCS = 0.5


def place_discs(request: StructureRequest, structure: Structure, rng: np.random.Generator) -> Structure:
    """The same structure with discs of product at the surface that the carbon is going to have."""
    wanted = _DISC_SHARE * request.fraction(PRODUCT)
    seed, share, best, smallest = int(rng.integers(2**31)), wanted, structure, np.inf
    for _ in range(_ATTEMPTS):
        tried = _with_discs(request, structure, share, np.random.default_rng(seed))
        found = _disc_fraction(tried)
        if abs(found - wanted) < smallest:
            best, smallest = tried, abs(found - wanted)
        if found == 0 or smallest < _SMALL_ERROR * wanted:
            break
        share = min(share * wanted / found, _MOST_DISCS)  # discs overlap
    return best


def _with_discs(request: StructureRequest, structure: Structure, share: float, rng: np.random.Generator) -> Structure:
    """Discs whose volumes add up to a share of space."""
    diameter = _DISC_DIAMETER * request.feature
    low = np.asarray(structure.origin) - 0.5 * np.asarray(request.voxel_size) - diameter
    high = low + request.extents + 2 * diameter
    low[0], high[0] = max(low[0], structure.collector), min(high[0], structure.free_surface)
    volume = share * float(np.prod(high - low))
    if volume < np.pi / 6 * diameter**3:
        return structure
    sizes = rng.permutation(
        draw_diameters(volume, d50=diameter, spread=_SPREAD, limits=(0.5 * diameter, 1.8 * diameter))
    )
    carbon = next(rule for rule in rules_of(request) if rule.phase == CARBON)
    level = request.fraction(CARBON) / (1 - share)
    center = _places_on_surface(carbon, structure.seed, level, low, high, len(sizes), rng)
    semi_axes, rotation = draw_ellipsoids(sizes, elongation=1.2, flatness=_DISC_FLATNESS, rng=rng)
    order = np.lexsort(center.T[::-1])
    phase = np.full(len(sizes), PRODUCT, np.uint8)
    particles = Particles(center[order], semi_axes[order], rotation[order], phase, _ROUGHNESS)
    packing = Packing(particles.diameter, phase, 0.0, np.arange(len(sizes)))
    return replace(structure, particles=particles, packing=packing)


def _disc_fraction(structure: Structure) -> float:
    """Fraction of the electrode in discs, as sampled."""
    space = open_space(replace(structure, reach=0.0), sampling_lattice(structure))
    return float(count_particles(structure, space)[PRODUCT] / np.count_nonzero(space.is_inside))


def _places_on_surface(
    rule: Rule, seed: int, fraction: float, low: Floats, high: Floats, count: int, rng: np.random.Generator
) -> Floats:
    """(count, 3) random places where the field of a rule is close to the level below which `fraction` of space lies."""
    level = NormalDist().inv_cdf(fraction)
    found = np.empty((0, 3))
    while len(found) < count:
        tried = low + (high - low) * rng.random((32 * count + 256, 3))
        near = np.abs(_field_at(tried / np.asarray(rule.field_length), seed + RULE_FIELD + rule.field_seed) - level)
        found = np.concatenate((found, tried[near < _ON_SURFACE]))
    return found[:count]


@njit(cache=True, nogil=True)
def _field_at(places: Floats, seed: int) -> Floats:
    """`smooth_field` at (N, 3) places in units of its correlation lengths."""
    values = np.empty(len(places))
    for i in range(len(places)):
        values[i] = smooth_field(seed, places[i, 0], places[i, 1], places[i, 2])
    return values
