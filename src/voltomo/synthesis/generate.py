"""From the numbers that are asked for to an electrode that has them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from voltomo.errors import InputError
from voltomo.synthesis.electrode import ACTIVE, Electrode, Slits, Voids
from voltomo.synthesis.packing import draw_diameters, draw_ellipsoids, pack
from voltomo.synthesis.raster import Lattice, binder_score, outside_field_of_view, paint
from voltomo.units import VoxelSize, format_length

__all__ = ["ElectrodeRequest", "make_electrode"]

Floats = npt.NDArray[np.float64]

_SIZE_LIMITS = (0.35, 2.5)
"""Smallest and largest diameter, in D50: a cathode powder is sieved."""
_MAX_OVERLAP = 0.02
"""Largest share of the particles' volume that may lie in two of them: above it contacts stop looking like contacts."""
_SAMPLE_POINTS = 400_000
"""Voxels at which fractions are tuned; they give a fraction to about 0.002 with particles of ten samples across."""
_MAX_SLITS = 3


@dataclass(frozen=True)
class ElectrodeRequest:
    """What an electrode should be like.

    Parameters
    ----------
    shape : (Z, Y, X) voxels; Z = 1 is a section through a volume
    voxel_size : (dz, dy, dx) in m
    active : volume fraction of solid active material (without its cracks and voids)
    binder : volume fraction of binder
    d50 : volume-weighted median diameter of the particles, m
    spread : geometric standard deviation of the diameters
    elongation : largest ratio of the longest to the shortest axis of a particle
    roughness : how far surfaces move in and out, in radii
    cracked : share of the particles with slits
    crack_width : m
    hollow : share of the particles with a closed void
    void_diameter : m
    is_cylinder : whether the field of view is the cylinder along z inscribed in the window
    """

    shape: tuple[int, int, int]
    voxel_size: VoxelSize
    active: float
    binder: float
    d50: float
    spread: float
    elongation: float
    roughness: float
    cracked: float
    crack_width: float
    hollow: float
    void_diameter: float
    is_cylinder: bool = False


def make_electrode(request: ElectrodeRequest, rng: np.random.Generator) -> Electrode:
    """An electrode with the fractions, sizes and flaws that were asked for.

    Returns
    -------
    Electrode
        The same for the same request and state of `rng`.

    Raises
    ------
    InputError
        If the fractions add up to more than 1, D50 does not fit the window, the particles cannot be packed so densely
        (the message says how densely), or too few are large enough for the cracks.
    """
    _check(request)
    packed = _place_particles(request, rng)
    broken = replace(packed, slits=_draw_slits(request, packed, rng), voids=_draw_voids(request, packed, rng))
    sized = _tune_sizes(request, broken)
    return replace(sized, binder_threshold=_find_binder_threshold(request, sized))


def _check(request: ElectrodeRequest) -> None:
    if request.active + request.binder > 1:
        raise InputError(
            f"active {request.active:g} and binder {request.binder:g} add up to {request.active + request.binder:g}; "
            "together with the pore they are 1, so ask for less of one"
        )
    extents = _extents(request.shape, request.voxel_size)
    in_plane = min(extents[1:])
    if request.d50 > in_plane:
        raise InputError(
            f"a D50 of {format_length(request.d50)} does not fit the window, which is {format_length(in_plane)} wide; "
            "ask for a smaller D50 or a larger shape"
        )
    widest = max(request.voxel_size[1:])
    if request.d50 < 4 * widest:
        raise InputError(
            f"a D50 of {format_length(request.d50)} is less than 4 voxels of {format_length(widest)}; "
            "ask for a larger D50 or smaller voxels"
        )
    if request.cracked > 0 and request.crack_width < min(request.voxel_size):
        raise InputError(
            f"cracks {format_length(request.crack_width)} wide fall between voxels of "
            f"{format_length(min(request.voxel_size))}; ask for at least one voxel"
        )


def _extents(shape: tuple[int, int, int], voxel_size: VoxelSize) -> Floats:
    return np.asarray(np.multiply(shape, voxel_size), np.float64)


def _place_particles(request: ElectrodeRequest, rng: np.random.Generator) -> Electrode:
    """Intact particles in and around the window, at the packing's own density."""
    extents = _extents(request.shape, request.voxel_size)
    limits = (
        _SIZE_LIMITS[0] * request.d50,
        min(_SIZE_LIMITS[1] * request.d50, max(request.d50, 0.8 * min(extents[1:]))),
    )
    # A thin window is a section through a thicker packing; particles must not meet their own images.
    box = np.maximum(extents, 1.5 * limits[1])
    diameters = draw_diameters(
        request.active * float(np.prod(box)), d50=request.d50, spread=request.spread, limits=limits, rng=rng
    )
    semi_axes, rotations = draw_ellipsoids(diameters, elongation=request.elongation, rng=rng)
    # The window lies in the middle of the box; its first voxel centre is the origin.
    corner = 0.5 * (box - extents) + 0.5 * np.asarray(request.voxel_size)
    centers = pack(semi_axes, rotations, box=box, rng=rng) - corner
    shifts = np.array(list(itertools.product((-1, 0, 1), repeat=3))) * box
    every = (centers + shifts[:, None, :]).reshape(-1, 3)
    rows = np.tile(np.arange(len(centers)), len(shifts))
    # A margin of a tenth for particles that still grow when sizes are tuned.
    radius = (1.1 + request.roughness) * semi_axes.max(axis=1)[rows, None]
    seen = np.all((every + radius > 0) & (every - radius < extents), axis=1)
    order = np.flatnonzero(seen)[np.lexsort(every[seen].T[::-1])]
    none, nowhere = np.empty(0, np.int64), np.empty((0, 3))
    return Electrode(
        shape=request.shape,
        voxel_size=request.voxel_size,
        centers=every[order],
        semi_axes=semi_axes[rows[order]],
        rotations=rotations[rows[order]],
        roughness=request.roughness,
        slits=Slits(none, nowhere, nowhere, np.empty(0), np.empty(0), np.empty(0)),
        voids=Voids(none, nowhere, np.empty(0)),
        crack_width=request.crack_width,
        binder_reach=0.3 * request.d50,
        binder_roughness=0.15 * request.d50,
        binder_threshold=0.0,
        texture_length=0.25 * request.d50,
        seed=int(rng.integers(2**31)),
        is_cylinder=request.is_cylinder,
    )


def _choose(share: float, allowed: npt.NDArray[np.bool_], what: str, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Rows of a share of all particles, drawn among the allowed ones, rising."""
    wanted, possible = round(share * len(allowed)), np.flatnonzero(allowed)
    if wanted > len(possible):
        raise InputError(
            f"{what} in {share:.0%} of the particles were asked for, but only {len(possible) / len(allowed):.0%} are "
            "large enough (four times as wide); ask for fewer or smaller ones"
        )
    return np.sort(rng.choice(possible, wanted, replace=False))


def _draw_slits(request: ElectrodeRequest, electrode: Electrode, rng: np.random.Generator) -> Slits:
    """One to three slits per cracked particle that meet on an axis through its centre; a third open to the outside."""
    cracked = _choose(request.cracked, electrode.diameters >= 4 * request.crack_width, "cracks", rng)
    particle = np.repeat(cracked, rng.integers(1, _MAX_SLITS + 1, size=len(cracked)))
    is_single = np.bincount(particle, minlength=len(electrode))[particle] == 1
    axis = _unit(rng.normal(size=(len(electrode), 3)))[particle]
    normal = _unit(np.cross(axis, rng.normal(size=(len(particle), 3))))
    radius = 0.5 * electrode.diameters[particle]
    return Slits(
        particle=particle,
        normal=normal,
        direction=np.cross(normal, axis),
        low=np.where(is_single, -np.inf, -0.5 * request.crack_width),
        extent=np.where(rng.random(len(particle)) < 1 / 3, 1.5, rng.uniform(0.5, 0.85, len(particle))),
        wave=0.15 * radius,
    )


def _draw_voids(request: ElectrodeRequest, electrode: Electrode, rng: np.random.Generator) -> Voids:
    """One closed ball per hollow particle, off its centre by at most a third of its radius."""
    hollow = _choose(request.hollow, electrode.diameters >= 4 * request.void_diameter, "voids", rng)
    offset = _unit(rng.normal(size=(len(hollow), 3))) * rng.uniform(0, 1 / 3, size=(len(hollow), 1))
    center = electrode.centers[hollow] + offset * electrode.semi_axes[hollow].min(axis=1)[:, None]
    return Voids(hollow, center, np.full(len(hollow), 0.5 * request.void_diameter))


def _unit(vectors: Floats) -> Floats:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True))


def _lattice(electrode: Electrode) -> Lattice:
    """Every voxel of a small window, one in several along each axis of a large one."""
    step = max(1, round((np.prod(electrode.shape, dtype=float) / _SAMPLE_POINTS) ** (1 / 3)))
    z, y, x = (range(min(step // 2, n - 1), n, step) for n in electrode.shape)
    return z, y, x


def _tune_sizes(request: ElectrodeRequest, electrode: Electrode) -> Electrode:
    """The same electrode, all particles scaled by one factor that gives the window the requested active fraction."""
    lattice = _lattice(electrode)
    inside = _count_inside(electrode, lattice)

    def scaled(factor: float) -> tuple[Electrode, float, float]:
        changed = replace(electrode, semi_axes=electrode.semi_axes * factor)
        phases, owner, hits = paint(changed, lattice, with_binder=False)
        overlap = 0.0 if request.is_cylinder else 1 - np.count_nonzero(owner) / max(hits, 1)
        return changed, np.count_nonzero(phases == ACTIVE) / inside, overlap

    low, high = 0.8, 1.25
    for _ in range(14):
        middle = 0.5 * (low + high)
        _, fraction, overlap = scaled(middle)
        if fraction < request.active and overlap <= _MAX_OVERLAP:
            low = middle
        else:
            high = middle
    found, fraction, overlap = scaled(low)
    if abs(fraction - request.active) > 0.005:
        raise InputError(
            f"an active fraction of {request.active:g} was asked for, {fraction:.3f} is what particles of this spread "
            f"({request.spread:g}) and these cracks reach in this window; ask for {np.floor(100 * fraction) / 100:g} "
            "or less, or for a wider spread of sizes"
            if fraction < request.active
            else f"an active fraction of {request.active:g} was asked for, but the few particles in this window give "
            f"{fraction:.3f}; ask for a smaller D50, a larger shape or another seed"
        )
    return found


def _count_inside(electrode: Electrode, lattice: Lattice) -> int:
    """Voxels of the lattice within the field of view."""
    plane = len(lattice[1]) * len(lattice[2])
    if electrode.is_cylinder:
        plane -= int(np.count_nonzero(outside_field_of_view(electrode, lattice)))
    return len(lattice[0]) * plane


def _find_binder_threshold(request: ElectrodeRequest, electrode: Electrode) -> float:
    """The score below which the requested share of the window lies."""
    lattice = _lattice(electrode)
    score = binder_score(electrode, lattice)
    if electrode.is_cylinder:
        score[:, outside_field_of_view(electrode, lattice)] = np.inf
    free = np.sort(score[np.isfinite(score)])
    wanted = round(request.binder * _count_inside(electrode, lattice))
    if wanted > len(free):
        reached = len(free) / _count_inside(electrode, lattice)
        raise InputError(
            f"a binder fraction of {request.binder:g} was asked for, but only {reached:.3f} is left outside the "
            "particles (their cracks and voids stay empty); ask for less"
        )
    return float(free[wanted]) if wanted < len(free) else float("inf")
