"""Cracks, voids and pores inside particles as shapes: what is open in them, in metres and before any voxel is made.

The level of a point is 0 at the centre of its particle and 1 on the particle's surface without its roughness.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["CRACK_TYPES", "Networks", "Pores", "Slits", "Voids"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

CRACK_TYPES = ("intergranular", "meridional", "radial", "core", "fragmented")
"""What a crack is; shapes keep the index into this."""


@dataclass(frozen=True, eq=False)
class Slits:
    """Cracks along one sheet each, ordered by particle.

    The middle of a sheet is the surface ``normal·y = offset + wave·f``, y from the particle's centre, with a smooth
    random function f of the place along the sheet in [−1, 1]. A point lies in the slit if it is nearer than half the
    width to that surface, ``direction·y > low``, and its level lies between `inner` and `extent`.

    Parameters
    ----------
    particle : (S,) row of the particle
    kind : (S,) uint8 index into `CRACK_TYPES`
    is_open : (S,) whether it reaches the space outside, itself or through the void in which it ends
    normal, direction : (S, 3) unit vectors, perpendicular
    offset : (S,) m
    low : (S,) m; −inf for a slit to both sides of the centre
    inner, extent : (S,) levels; an extent above 1 cuts the surface
    wave : (S,) amplitude of the waviness, m
    width : (S,) m
    """

    particle: Integers
    kind: npt.NDArray[np.uint8]
    is_open: Bools
    normal: Floats
    direction: Floats
    offset: Floats
    low: Floats
    inner: Floats
    extent: Floats
    wave: Floats
    width: Floats

    @classmethod
    def none(cls) -> Slits:
        """No slits."""
        nowhere, nothing = np.empty((0, 3)), np.empty(0)
        first = np.empty(0, np.int64), np.empty(0, np.uint8), np.empty(0, bool)
        return cls(*first, nowhere, nowhere, nothing, nothing, nothing, nothing, nothing, nothing)


@dataclass(frozen=True, eq=False)
class Networks:
    """Cracks along the walls between the grains of a particle, ordered by particle, at most one in each.

    Grains belong to groups, which are the Voronoi cells of a coarser lattice. A wall can be open only between two
    groups, and all walls between the same two share their random number; so a crack follows grains along a facet, and
    ends at edges of groups. The chance to be open depends on the point midway between the two grains: 1 in the cone
    around `direction`; elsewhere at most 0.7, and so much only a sixth of a level below `reach` or above `start`,
    between which it falls to 0. A point lies in the crack if the nearest wall is open and nearer than half the width,
    and its level is below `extent`.

    Parameters
    ----------
    particle : (K,) row of the particle
    is_open : (K,) whether it reaches the space outside
    direction : (K, 3) unit vectors
    cone : (K,) cosine of half the opening angle; above 1 for no cone
    reach : (K,) level; −inf for a network at the surface
    start : (K,) level; inf for a network at the centre
    extent : (K,) level
    group : (K,) size of the groups of grains, m; 0 where each grain is a group
    width : (K,) m
    """

    particle: Integers
    is_open: Bools
    direction: Floats
    cone: Floats
    reach: Floats
    start: Floats
    extent: Floats
    group: Floats
    width: Floats

    @classmethod
    def none(cls) -> Networks:
        """No networks."""
        nothing = np.empty(0)
        first = np.empty(0, np.int64), np.empty(0, bool), np.empty((0, 3))
        return cls(*first, nothing, nothing, nothing, nothing, nothing, nothing)


@dataclass(frozen=True, eq=False)
class Voids:
    """Cavities inside particles, ordered by particle.

    Parameters
    ----------
    particle : (V,) row of the particle
    center : (V, 3) m
    radius : (V,) mean radius, m
    lump : (V,) how far the wall moves in and out at random, in radii; 0 for a ball
    is_core : (V,) whether it counts as a crack, of the type core
    is_open : (V,) whether a slit joins it to the space outside
    """

    particle: Integers
    center: Floats
    radius: Floats
    lump: Floats
    is_core: Bools
    is_open: Bools

    @classmethod
    def none(cls) -> Voids:
        """No voids."""
        return cls(
            np.empty(0, np.int64), np.empty((0, 3)), np.empty(0), np.empty(0), np.empty(0, bool), np.empty(0, bool)
        )


@dataclass(frozen=True, eq=False)
class Pores:
    """Many small closed balls inside particles: one in half of the cubic cells of a stack in each particle's frame.

    Parameters
    ----------
    radius : of the largest, m; the radii are uniform between half of it and it
    pitch : (N,) edge of the cells of each particle, m; inf for a particle without pores; empty for none at all
    limit : (N,) level up to which their centres lie
    """

    radius: float
    pitch: Floats
    limit: Floats

    @classmethod
    def none(cls) -> Pores:
        """No pores."""
        return cls(0.0, np.empty(0), np.empty(0))
