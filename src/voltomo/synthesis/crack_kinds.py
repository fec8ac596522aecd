"""How the cracks of each type lie in their particle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from voltomo.synthesis.flaw_shapes import CRACK_TYPES, Networks, Slits, Voids
from voltomo.synthesis.structure import Particles

__all__ = ["CrackPlan", "draw_cracks"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Shapes = TypeVar("Shapes", Slits, Networks, Voids)

_THROUGH = 2.0
"""Level beyond every surface, for cracks that reach the outside."""
_WAVE = 0.3
"""Amplitude of the waviness of a crack, in its correlation length: slopes of about 0.3."""
_AT_SURFACE = 0.4
"""Share of the open networks that start at the surface; the others start at the centre."""
_CONE = 0.7
"""Cosine of half the opening angle, 45°, in which a network from the centre reaches the surface."""
_GROUP = (0.35, 0.6)
"""Sizes of the groups of grains between which a network runs, in radii of the particle; see `nmc_nanoct`, slice A_1."""
_FEWEST_IN_GROUP = 1.3
"""Size of the smallest groups, in grains; each grain is a group of its own below."""
_CAVITY = (0.10, 0.16)
"""Mean radii of core voids, in diameters of the particle."""
_LUMP = 0.5
"""How far the wall of a core void moves in and out, in its radius."""


@dataclass(frozen=True)
class CrackPlan:
    """What the cracks of all particles share.

    Parameters
    ----------
    particles : Particles
    closed : (N,) level within which a crack stays closed; −inf for a particle in which only open ones have room
    width, spread : median width, m, and geometric standard deviation of the widths
    widest : width in diameters of the particle
    open_share : chance to be open of a crack that can be either
    texture_length : correlation length of the waviness, m
    grain_size : m
    """

    particles: Particles
    closed: Floats
    width: float
    spread: float
    widest: float
    open_share: float
    texture_length: float
    grain_size: float


def draw_cracks(
    plan: CrackPlan, cracked: Integers, kind: npt.NDArray[np.uint8], rng: np.random.Generator
) -> tuple[Slits, Networks, Voids]:
    """Cracks of the given types in the given particles.

    Parameters
    ----------
    plan : CrackPlan
    cracked : (M,) rows of particles, rising
    kind : (M,) index into `CRACK_TYPES`
    rng : Generator
    """
    rows: dict[type, list[_Slit | _Network | _Void]] = {_Slit: [], _Network: [], _Void: []}
    for row, which in zip(cracked.tolist(), kind.tolist(), strict=True):
        for shape in _DRAW[CRACK_TYPES[which]](_Particle.of(plan, row), rng):
            rows[type(shape)].append(shape)
    return (
        _collect(Slits.none(), rows[_Slit]),
        _collect(Networks.none(), rows[_Network]),
        _collect(Voids.none(), rows[_Void]),
    )


class _Slit(NamedTuple):
    """One row of `Slits`, in the order of its fields."""

    particle: int
    kind: int
    is_open: bool
    normal: Floats
    direction: Floats
    offset: float
    low: float
    inner: float
    extent: float
    wave: float
    width: float


class _Network(NamedTuple):
    """One row of `Networks`."""

    particle: int
    is_open: bool
    direction: Floats
    cone: float
    reach: float
    start: float
    extent: float
    group: float
    width: float


class _Void(NamedTuple):
    """One row of `Voids`."""

    particle: int
    center: Floats
    radius: float
    lump: float
    is_core: bool
    is_open: bool


def _collect(empty: Shapes, rows: list[Any]) -> Shapes:
    """Rows as arrays of the types of `empty`."""
    if not rows:
        return empty
    columns = zip(*rows, strict=True)
    return type(empty)(
        *(
            np.asarray(values, getattr(empty, item.name).dtype)
            for item, values in zip(fields(empty), columns, strict=True)
        )
    )


@dataclass(frozen=True)
class _Particle:
    """A particle to crack: its row, centre (m), mean and smallest radius (m), and the level of closed cracks."""

    plan: CrackPlan
    row: int
    center: Floats
    radius: float
    thinnest: float
    closed: float

    @classmethod
    def of(cls, plan: CrackPlan, row: int) -> _Particle:
        particles = plan.particles
        semi_axes = particles.semi_axes[row]
        return cls(
            plan,
            row,
            particles.center[row],
            float(np.prod(semi_axes) ** (1 / 3)),
            float(semi_axes.min()),
            float(plan.closed[row]),
        )

    @property
    def wave(self) -> float:
        return _WAVE * min(self.plan.texture_length, 0.5 * self.radius)

    def draw_width(self, rng: np.random.Generator, *, widest: float = np.inf) -> float:
        """A width of its own, no wider than the particle allows."""
        drawn = self.plan.width * self.plan.spread ** float(rng.normal())
        return float(min(drawn, 2 * self.radius * self.plan.widest, widest))

    def draw_open(self, rng: np.random.Generator) -> bool:
        """Whether a crack that can be either is open."""
        return bool(rng.random() < self.plan.open_share) or not np.isfinite(self.closed)

    def reach_along(self, direction: Floats) -> float:
        """Distance from the centre to the smooth surface, m."""
        particles = self.plan.particles
        in_frame = particles.rotation[self.row].T @ direction / particles.semi_axes[self.row]
        return float(1 / np.linalg.norm(in_frame))


def _draw_meridional(particle: _Particle, rng: np.random.Generator) -> list[_Slit]:
    """A split along a plane through the centre, to both sides."""
    normal, direction, _ = _frame(rng)
    is_open = particle.draw_open(rng)
    extent = _THROUGH if is_open else particle.closed * rng.uniform(0.75, 1.0)
    return [_slit(particle, "meridional", normal, direction, rng, is_open=is_open, extent=float(extent))]


def _draw_radial(particle: _Particle, rng: np.random.Generator) -> list[_Slit]:
    """One to four cracks from the surface towards the centre, of constant width, that end before it."""
    slits = []
    for _ in range(int(rng.integers(1, 5))):
        direction, normal, _ = _frame(rng)
        low = float(rng.uniform(0.2, 0.6)) * particle.reach_along(direction)
        slits.append(_slit(particle, "radial", normal, direction, rng, is_open=True, low=low))
    return slits


def _draw_core(particle: _Particle, rng: np.random.Generator) -> list[_Slit | _Void]:
    """An uneven void at the centre with two to four cracks from it, one of them to the surface if it is open."""
    is_open = particle.draw_open(rng)
    radius = 2 * particle.radius * float(rng.uniform(*_CAVITY))
    # The centre of the particle, where the arms meet, lies in the void; the whole void lies in the particle.
    radius = min(radius, 0.8 * max(particle.closed, 0.3) * particle.thinnest / (1 + _LUMP))
    axis, toward, _ = _frame(rng)
    center = particle.center + toward * (0.3 * radius * float(rng.random()))
    shapes: list[_Slit | _Void] = [_Void(particle.row, center, radius, _LUMP, True, is_open)]
    arms = int(rng.integers(2, 5))
    for arm in range(arms):
        normal = _unit(np.cross(axis, rng.normal(size=3)))
        extent = min(float(rng.uniform(0.45, 0.75)), max(particle.closed, 0.3))
        if is_open and arm == 0:
            extent = _THROUGH
        direction = np.cross(normal, axis)
        shapes.append(_slit(particle, "core", normal, direction, rng, is_open=is_open, low=0.0, extent=extent))
    return shapes


def _draw_fragmented(particle: _Particle, rng: np.random.Generator) -> list[_Slit]:
    """Two or three planes through the whole particle, at steep angles to one another, that part it into pieces."""
    frame = _frame(rng)
    slits = []
    for k in range(int(rng.integers(2, 4))):
        normal = _unit(frame[k] + 0.35 * _unit(rng.normal(size=3)))
        direction = _unit(np.cross(normal, frame[k - 1]))
        offset = float(rng.uniform(-0.3, 0.3)) * particle.thinnest
        slits.append(_slit(particle, "fragmented", normal, direction, rng, is_open=True, offset=offset))
    return slits


def _draw_network(particle: _Particle, rng: np.random.Generator) -> list[_Network]:
    """Open walls between grains: around the centre, from the centre to one side, or along the surface."""
    is_open = particle.draw_open(rng)
    width = particle.draw_width(rng, widest=0.5 * particle.plan.grain_size)
    direction, *_ = _frame(rng)
    reach, start, cone, extent = float(rng.uniform(0.6, 0.9)), np.inf, _CONE, _THROUGH
    if not is_open:
        cone, extent = 2.0, particle.closed
        reach = min(reach, extent)
    elif rng.random() < _AT_SURFACE:
        reach, start, cone = -np.inf, float(rng.uniform(0.4, 0.65)), 2.0
    group = float(rng.uniform(*_GROUP)) * particle.radius
    if group < _FEWEST_IN_GROUP * particle.plan.grain_size:
        group = 0.0
    return [_Network(particle.row, is_open, direction, cone, reach, start, extent, group, width)]


_DRAW: dict[str, Callable[[_Particle, np.random.Generator], list[Any]]] = {
    "intergranular": _draw_network,
    "meridional": _draw_meridional,
    "radial": _draw_radial,
    "core": _draw_core,
    "fragmented": _draw_fragmented,
}


def _slit(
    particle: _Particle,
    kind: str,
    normal: Floats,
    direction: Floats,
    rng: np.random.Generator,
    *,
    is_open: bool,
    offset: float = 0.0,
    low: float = -np.inf,
    extent: float = _THROUGH,
) -> _Slit:
    """A slit of a width of its own; what is not given does not limit it."""
    width = particle.draw_width(rng)
    which = CRACK_TYPES.index(kind)
    return _Slit(particle.row, which, is_open, normal, direction, offset, low, -1.0, extent, particle.wave, width)


def _frame(rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """Three unit vectors at right angles, in a random direction."""
    first = _unit(rng.normal(size=3))
    second = _unit(np.cross(first, rng.normal(size=3)))
    return first, second, np.cross(first, second)


def _unit(vector: Floats) -> Floats:
    return np.asarray(vector / np.linalg.norm(vector))
