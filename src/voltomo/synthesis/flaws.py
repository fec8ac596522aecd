"""Cracks and voids inside particles."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from voltomo.errors import InputError
from voltomo.synthesis.request import StructureRequest
from voltomo.synthesis.structure import Particles, Slits, Voids

__all__ = ["draw_slits", "draw_voids"]

_MAX_SLITS = 3


def draw_slits(request: StructureRequest, particles: Particles, rng: np.random.Generator) -> Slits:
    """One to three slits per cracked particle that meet on an axis through its centre; a third open to the outside."""
    cracked = _choose(request.cracked, particles.diameter >= 4 * request.crack_width, "cracks", rng)
    particle = np.repeat(cracked, rng.integers(1, _MAX_SLITS + 1, size=len(cracked)))
    is_single = np.bincount(particle, minlength=len(particles))[particle] == 1
    axis = _unit(rng.normal(size=(len(particles), 3)))[particle]
    normal = _unit(np.cross(axis, rng.normal(size=(len(particle), 3))))
    return Slits(
        particle=particle,
        normal=normal,
        direction=np.cross(normal, axis),
        low=np.where(is_single, -np.inf, -0.5 * request.crack_width),
        extent=np.where(rng.random(len(particle)) < 1 / 3, 1.5, rng.uniform(0.5, 0.85, len(particle))),
        wave=0.15 * 0.5 * particles.diameter[particle],
        width=np.full(len(particle), request.crack_width),
    )


def draw_voids(request: StructureRequest, particles: Particles, rng: np.random.Generator) -> Voids:
    """One closed ball per hollow particle, off its centre by at most a third of its radius."""
    hollow = _choose(request.hollow, particles.diameter >= 4 * request.void_diameter, "voids", rng)
    offset = _unit(rng.normal(size=(len(hollow), 3))) * rng.uniform(0, 1 / 3, size=(len(hollow), 1))
    center = particles.center[hollow] + offset * particles.semi_axes[hollow].min(axis=1, initial=np.inf)[:, None]
    return Voids(hollow, center, np.full(len(hollow), 0.5 * request.void_diameter))


def _choose(share: float, allowed: npt.NDArray[np.bool_], what: str, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Rows of a share of all particles, drawn among the allowed ones, rising."""
    wanted, possible = round(share * len(allowed)), np.flatnonzero(allowed)
    if wanted > len(possible):
        raise InputError(
            f"{what} in {share:.0%} of the particles were asked for, but only {len(possible) / len(allowed):.0%} are "
            "large enough (four times as wide); ask for fewer or smaller ones"
        )
    return np.sort(rng.choice(possible, wanted, replace=False))


def _unit(vectors: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True))
