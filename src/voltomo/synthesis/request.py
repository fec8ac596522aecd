"""What a structure should be like, and whether that can be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from voltomo.errors import InputError
from voltomo.synthesis.families import ACTIVE, SILICON, Family, find_family
from voltomo.units import VoxelSize, format_length

__all__ = ["StructureRequest", "check_request"]

_FEWEST_VOXELS = 4
"""Voxels across D50 below which particles are lumps of voxels."""


@dataclass(frozen=True)
class StructureRequest:
    """What a structure should be like. Fractions are of the electrode between collector and free surface.

    Parameters
    ----------
    family : name in `voltomo.synthesis.families.FAMILIES`
    shape : (Z, Y, X) voxels; Z = 1 is a section through a volume
    voxel_size : (dz, dy, dx) in m
    fractions : volume fraction of every phase of the family but the one that takes the rest, by id. Pore is that
        between particles; cracks and voids inside particles count to the particle's phase.
    d50 : volume-weighted median diameter of the particles, m; 0 for a family without particles
    spread : geometric standard deviation of the diameters
    elongation : largest ratio of the longest to the shortest axis of a particle, drawn at random
    flatness : ratio of width to thickness that every particle has besides; 1 for none
    alignment : 0 for particles that lie at random, 1 for flat sides along the collector
    roughness : how far surfaces move in and out, in radii
    cracked : share of the particles with cracks
    crack_width : m
    hollow : share of the particles with a closed void
    void_diameter : m
    collector, free_surface : thickness of collector below, and of empty space above the electrode along z, m
    is_cylinder : whether the field of view is the cylinder along z inscribed in the window
    """

    family: str
    shape: tuple[int, int, int]
    voxel_size: VoxelSize
    fractions: Mapping[int, float]
    d50: float
    spread: float
    elongation: float
    flatness: float
    alignment: float
    roughness: float
    cracked: float
    crack_width: float
    hollow: float
    void_diameter: float
    collector: float = 0.0
    free_surface: float = 0.0
    is_cylinder: bool = False

    @property
    def kind(self) -> Family:
        """The family."""
        return find_family(self.family)

    @property
    def extents(self) -> npt.NDArray[np.float64]:
        """(3,) edges of the window, m."""
        return np.asarray(np.multiply(self.shape, self.voxel_size), np.float64)

    @property
    def particle_fraction(self) -> float:
        """Volume fraction of the particles with their cracks and voids."""
        if self.kind.d50 == 0:
            return 0.0
        return 1 - sum(share for phase, share in self.fractions.items() if phase not in (ACTIVE, SILICON))


def check_request(request: StructureRequest) -> None:
    """Refuse what no structure can be.

    Raises
    ------
    InputError
        The message says what was found and what is reachable instead.
    """
    family = request.kind
    names = {phase.id: phase.name for phase in family.phases}
    total = sum(request.fractions.values())
    rest = names[family.rest]
    if total >= 1:
        listed = ", ".join(f"{names[phase]} {share:g}" for phase, share in request.fractions.items())
        raise InputError(
            f"{listed} add up to {total:g}; together with {rest}, which takes the rest, they are 1, so ask for less"
        )
    if family.d50 > 0:
        _check_sizes(request)


def _check_sizes(request: StructureRequest) -> None:
    width, widest = float(min(request.extents[1:])), max(request.voxel_size[1:])
    if request.d50 > width:
        raise InputError(
            f"a D50 of {format_length(request.d50)} does not fit the window, which is {format_length(width)} wide; "
            f"ask for a D50 up to {format_length(width)}, or for a larger shape"
        )
    if request.d50 < _FEWEST_VOXELS * widest:
        raise InputError(
            f"a D50 of {format_length(request.d50)} is less than {_FEWEST_VOXELS} voxels of {format_length(widest)}; "
            f"ask for at least {format_length(_FEWEST_VOXELS * widest)}, or for smaller voxels"
        )
    thickness = float(request.extents[0]) - request.collector - request.free_surface
    if (request.collector > 0 or request.free_surface > 0) and thickness < request.d50:
        raise InputError(
            f"collector and free surface leave an electrode {format_length(max(thickness, 0.0))} thick, less than the D50 "
            f"of {format_length(request.d50)}; ask for thinner ones, or for more slices"
        )
