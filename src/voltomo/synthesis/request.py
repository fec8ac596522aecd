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
_FEWEST_FEATURES = 2
"""Features across the window below which fractions are left to chance."""


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
    crack_width : median, m; may be less than a voxel
    hollow : share of the particles with a closed void
    void_diameter : m
    collector, free_surface : thickness of collector below, and of empty space above the electrode along z, m
    is_cylinder : whether the field of view is the cylinder along z inscribed in the window
    calendering : 0 for none, 1 for strong: flat particles turn to the collector, and the solid gets denser towards the
        free surface, where the rolls press
    binder_rules : shares of the binder that bridge necks, film particles, and span pores as webs; they add up to 1
    feature : width of the pores, lumps or fibrils of a family without particles, m
    process : "dry" for a separator that was drawn, "wet" for one that was cast
    crack_type : "mixed" or one of `voltomo.synthesis.flaw_shapes.CRACK_TYPES`
    crack_spread : geometric standard deviation of the widths of cracks
    open_cracks : chance that a crack opens to the outside, of the types that can be open or closed
    pores : volume fraction of small closed pores in every particle
    pore_diameter : of the largest of them, m
    grain_size : of the grains of which particles consist, m; 0 for particles without
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
    calendering: float = 0.0
    binder_rules: tuple[float, float, float] = (0.5, 0.2, 0.3)
    feature: float = 0.0
    process: str = "dry"
    crack_type: str = "mixed"
    crack_spread: float = 1.0
    open_cracks: float = 0.35
    pores: float = 0.0
    pore_diameter: float = 0.0
    grain_size: float = 0.0

    @property
    def kind(self) -> Family:
        """The family."""
        return find_family(self.family)

    @property
    def extents(self) -> npt.NDArray[np.float64]:
        """(3,) edges of the window, m."""
        return np.asarray(np.multiply(self.shape, self.voxel_size), np.float64)

    def fraction(self, phase: int) -> float:
        """Volume fraction that a phase is to have."""
        if phase == self.kind.rest:
            return 1 - sum(self.fractions.values())
        return self.fractions.get(phase, 0.0)

    @property
    def particle_fractions(self) -> dict[int, float]:
        """Volume fractions of the phases that are packed as particles, with their cracks and voids, by id."""
        if self.kind.d50 == 0:
            return {}
        shares = {phase: self.fraction(phase) for phase in (ACTIVE, SILICON)}
        return {phase: share for phase, share in shares.items() if share > 0}

    @property
    def particle_fraction(self) -> float:
        """Volume fraction of all of them."""
        return sum(self.particle_fractions.values())


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
    if abs(sum(request.binder_rules) - 1) > 1e-6 or min(request.binder_rules) < 0:
        raise InputError(
            f"the shares of bridges, films and webs are {request.binder_rules} and add up to "
            f"{sum(request.binder_rules):g}; give three that add up to 1"
        )
    if request.collector + request.free_surface >= request.extents[0]:
        raise InputError(
            f"collector and free surface are {format_length(request.collector + request.free_surface)} thick, but the "
            f"window is {format_length(float(request.extents[0]))} high; ask for thinner ones, or for more slices"
        )
    if family.d50 > 0:
        _check_sizes(request)
    else:
        _check_feature(request)


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
    box = request.extents * np.array([0.0, 1.0, 1.0]) + np.array([max(request.extents[0], 1.5 * request.d50), 0.0, 0.0])
    largest = (6 / np.pi * request.particle_fraction * float(np.prod(box))) ** (1 / 3)
    if request.d50 > largest:
        raise InputError(
            f"particles that fill {request.particle_fraction:.3f} of this window have the volume of less than one of "
            f"D50, {format_length(request.d50)}; ask for a D50 up to {format_length(largest)}, or for a larger shape"
        )
    thickness = float(request.extents[0]) - request.collector - request.free_surface
    if (request.collector > 0 or request.free_surface > 0) and thickness < request.d50:
        raise InputError(
            f"collector and free surface leave an electrode {format_length(thickness)} thick, less than the D50 of "
            f"{format_length(request.d50)}; ask for thinner ones, or for more slices"
        )


def _check_feature(request: StructureRequest) -> None:
    width, widest = float(min(request.extents[1:])), max(request.voxel_size)
    low, high = _FEWEST_VOXELS * widest, width / _FEWEST_FEATURES
    if not low <= request.feature <= high:
        raise InputError(
            f"features of {format_length(request.feature)} cannot be shown in a window {format_length(width)} wide "
            f"with voxels of {format_length(widest)}; ask for {format_length(low)} to {format_length(high)}"
            if low <= high
            else f"a window {format_length(width)} wide with voxels of {format_length(widest)} is too small for any "
            f"feature; ask for at least {round(_FEWEST_FEATURES * _FEWEST_VOXELS)} voxels along y and x"
        )
