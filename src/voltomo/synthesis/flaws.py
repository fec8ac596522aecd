"""Which particles are flawed, and how: cracks, closed voids and small pores, drawn at random."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from voltomo.errors import InputError
from voltomo.synthesis.crack_kinds import CrackPlan, draw_cracks
from voltomo.synthesis.families import ACTIVE
from voltomo.synthesis.flaw_distance import PORE_SHARE, SMALLEST_PORE
from voltomo.synthesis.flaw_shapes import CRACK_TYPES, Pores, Voids
from voltomo.synthesis.request import StructureRequest
from voltomo.synthesis.structure import Particles, Structure
from voltomo.units import format_length

__all__ = ["MIXED", "MIXED_SHARES", "add_flaws", "check_flaws"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

MIXED = "mixed"
MIXED_SHARES = {"intergranular": 0.35, "meridional": 0.15, "radial": 0.2, "core": 0.2, "fragmented": 0.1}
"""How often each type is drawn in a mixture, in a particle that can have it."""
_WIDEST = 0.25
"""Of a crack, in the diameter of its particle."""
_SMALLEST_GRAIN = 2.0
"""Of a particle with a network, in widths of the crack: narrower grains would vanish between the walls."""
_FEWEST_GRAINS = 3
"""Across the diameter of a particle with a network."""
_WIDEST_VOID = 0.5
"""Diameter of a void, in that of its particle."""
_LEAST_CLOSED = 0.3
"""Level below which the skin around a closed flaw leaves no room for it."""
_INWARD = 2 / 3
"""How far roughness moves a surface in at most, in its amplitude: it fades out over twice the amplitude."""


def check_flaws(request: StructureRequest) -> None:
    """Refuse flaws that no particle of the requested size can have.

    Raises
    ------
    InputError
        If cracks are wider than a quarter, or voids wider than half of D50, small pores too dense, or the type unknown
        or impossible without grains.
    """
    if request.crack_type not in (MIXED, *CRACK_TYPES):
        raise InputError(
            f"there is no crack type {request.crack_type!r}; choose one of {', '.join((MIXED, *CRACK_TYPES))}"
        )
    if request.cracked > 0 and request.crack_width > _WIDEST * request.d50:
        raise InputError(
            f"cracks {format_length(request.crack_width)} wide do not fit particles with a D50 of "
            f"{format_length(request.d50)}; ask for at most a quarter of it, {format_length(_WIDEST * request.d50)}"
        )
    if request.cracked > 0 and request.crack_type == "intergranular":
        _check_grains(request)
    if request.hollow > 0 and request.void_diameter > _WIDEST_VOID * request.d50:
        raise InputError(
            f"voids of {format_length(request.void_diameter)} do not fit particles with a D50 of "
            f"{format_length(request.d50)}; ask for at most half of it, {format_length(_WIDEST_VOID * request.d50)}"
        )
    if request.pores > _DENSEST_PORES:
        raise InputError(
            f"small pores were asked to fill {request.pores:g} of the particles, but scattered ones that keep apart "
            f"fill at most {_DENSEST_PORES:.2f}; ask for that or less"
        )


def _check_grains(request: StructureRequest) -> None:
    if request.grain_size <= 0:
        raise InputError(
            f"cracks between grains were asked for, but {request.family} particles have no grains; "
            "give a grain size or choose another type of crack"
        )
    if request.grain_size < _SMALLEST_GRAIN * request.crack_width:
        raise InputError(
            f"cracks {format_length(request.crack_width)} wide leave nothing of grains of "
            f"{format_length(request.grain_size)}; ask for cracks up to "
            f"{format_length(request.grain_size / _SMALLEST_GRAIN)}, or for larger grains"
        )


def add_flaws(request: StructureRequest, structure: Structure, rng: np.random.Generator) -> Structure:
    """The same structure with the cracks, voids and small pores that were asked for.

    Exactly the stated shares of the particles, rounded to whole particles, are cracked and hollow. Those with a closed
    void are drawn among those without cracks as long as there are any.

    Raises
    ------
    InputError
        If fewer particles than asked for are large enough; the message names the share that is.
    """
    check_flaws(request)
    particles = structure.particles
    closed = _closed_level(particles, max(request.voxel_size))
    cracked, kind = _choose_cracked(request, particles, rng)
    plan = CrackPlan(
        particles=particles,
        closed=np.where(closed < _LEAST_CLOSED, -np.inf, closed),
        width=request.crack_width,
        spread=request.crack_spread,
        widest=_WIDEST,
        open_share=request.open_cracks,
        texture_length=structure.texture_length,
        grain_size=request.grain_size,
    )
    slits, networks, cores = draw_cracks(plan, cracked, kind, rng)
    hollow = _draw_voids(request, particles, closed, cracked, rng)
    order = np.argsort(np.concatenate([cores.particle, hollow.particle]), kind="stable")
    voids = Voids(
        *(
            np.concatenate([getattr(cores, name), getattr(hollow, name)])[order]
            for name in ("particle", "center", "radius", "lump", "is_core", "is_open")
        )
    )
    pores = _spread_pores(request, particles, closed)
    return replace(structure, slits=slits, networks=networks, voids=voids, pores=pores, grain_size=request.grain_size)


def _closed_level(particles: Particles, skin: float) -> Floats:
    """(N,) level below which a point keeps at least `skin` away from the rough surface."""
    depth = _INWARD * particles.roughness * 0.5 * particles.diameter + skin
    return np.asarray(1 - depth / particles.semi_axes.min(axis=1, initial=np.inf))


def _choose_cracked(
    request: StructureRequest, particles: Particles, rng: np.random.Generator
) -> tuple[Integers, npt.NDArray[np.uint8]]:
    """Rows of the cracked particles, rising, and their types."""
    is_wide_enough = (particles.phase == ACTIVE) & (particles.diameter * _WIDEST >= request.crack_width)
    has_grains = (
        (request.grain_size >= _SMALLEST_GRAIN * request.crack_width)
        & (request.grain_size > 0)
        & (particles.diameter >= _FEWEST_GRAINS * request.grain_size)
    )
    only = request.crack_type
    reason = f"{1 / _WIDEST:g} times as wide as a crack"
    allowed = is_wide_enough
    if only == "intergranular":
        reason += f", and {_FEWEST_GRAINS} grains of {format_length(request.grain_size)}"
        allowed = allowed & has_grains
    cracked = _choose(request.cracked, particles, allowed, "cracks", reason, rng)
    if only != MIXED:
        return cracked, np.full(len(cracked), CRACK_TYPES.index(only), np.uint8)
    chances = np.tile([MIXED_SHARES[name] for name in CRACK_TYPES], (len(cracked), 1))
    chances[~has_grains[cracked], CRACK_TYPES.index("intergranular")] = 0
    cumulative = np.cumsum(chances, axis=1)
    drawn = rng.random((len(cracked), 1)) * cumulative[:, -1:]
    return cracked, np.sum(drawn >= cumulative, axis=1).astype(np.uint8)


def _draw_voids(
    request: StructureRequest, particles: Particles, closed: Floats, cracked: Integers, rng: np.random.Generator
) -> Voids:
    """One closed ball per hollow particle, off its centre by at most a third of the smallest semi-axis."""
    radius = 0.5 * request.void_diameter
    thinnest = particles.semi_axes.min(axis=1, initial=np.inf)
    room = np.minimum(thinnest / 3, closed * thinnest - radius)
    allowed = (particles.phase == ACTIVE) & (radius <= _WIDEST_VOID * thinnest) & (room >= 0)
    reason = f"{1 / _WIDEST_VOID:g} times as wide as a void"
    hollow = _choose(request.hollow, particles, allowed, "voids", reason, rng, avoid=cracked)
    toward = rng.normal(size=(len(hollow), 3))
    toward /= np.linalg.norm(toward, axis=1, keepdims=True)
    center = particles.center[hollow] + toward * (rng.random(len(hollow)) * room[hollow])[:, None]
    no = np.zeros(len(hollow), bool)
    return Voids(hollow, center, np.full(len(hollow), radius), np.zeros(len(hollow)), no, no)


def _choose(
    share: float,
    particles: Particles,
    allowed: Bools,
    what: str,
    reason: str,
    rng: np.random.Generator,
    *,
    avoid: Integers | None = None,
) -> Integers:
    """Rows of a share of the active particles, drawn among the allowed ones, rising; those to avoid only if need be."""
    count = np.count_nonzero(particles.phase == ACTIVE)
    wanted, possible = round(share * count), np.flatnonzero(allowed)
    if wanted > len(possible):
        raise InputError(
            f"{what} in {share:.0%} of the particles were asked for, but only {len(possible) / count:.0%} are "
            f"large enough ({reason}); ask for fewer or smaller ones"
        )
    last = np.empty(0, np.int64) if avoid is None else avoid
    order = rng.permutation(possible)
    order = np.concatenate([order[~np.isin(order, last)], order[np.isin(order, last)]])
    return np.sort(order[:wanted])


_MEAN_PORE = (1 - SMALLEST_PORE**4) / (4 * (1 - SMALLEST_PORE)) * 4 / 3 * np.pi
"""Mean volume of small pores, in cubes of the largest radius; radii are uniform from the smallest to the largest."""
_CLOSEST_PORES = 2.2
"""Pitch of the lattice of small pores, in the largest radius: each keeps within its cell."""
_DENSEST_PORES = float(PORE_SHARE * _MEAN_PORE / _CLOSEST_PORES**3)


def _spread_pores(request: StructureRequest, particles: Particles, closed: Floats) -> Pores:
    """Small pores that fill the requested share of every particle, on average over lattices."""
    if request.pores <= 0:
        return Pores.none()
    radius = 0.5 * request.pore_diameter
    limit = closed - radius / particles.semi_axes.min(axis=1, initial=np.inf)
    cube = PORE_SHARE * _MEAN_PORE * radius**3 * np.clip(limit, 0, None) ** 3 / request.pores
    pitch = np.cbrt(cube)
    # Where the skin leaves too little room for all of them, the pores stand as close as they can.
    pitch = np.where(limit > 0, np.maximum(pitch, _CLOSEST_PORES * radius), np.inf)
    if not np.isfinite(pitch).any():
        raise InputError(
            f"pores of {format_length(request.pore_diameter)} fit no particle with a D50 of "
            f"{format_length(request.d50)}; ask for smaller ones"
        )
    return Pores(radius, pitch, np.asarray(limit))
