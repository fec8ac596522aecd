"""A synthetic electrode as a list of shapes: particles, what is broken in them, and rules for the space between them.

The list is small; voxels are made from it for any region and at any fineness, by `voltomo.synthesis.raster`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import PhaseTable
from voltomo.errors import InputError
from voltomo.synthesis.families import Family, find_family
from voltomo.synthesis.flaw_shapes import Networks, Pores, Slits, Voids
from voltomo.synthesis.materials import Material
from voltomo.units import VoxelSize

__all__ = ["FIBER", "NETWORK", "SHEET", "Layers", "Packing", "Particles", "Structure"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

NETWORK, SHEET, FIBER = range(3)
"""Forms that a smooth random field gives a phase; see `Layers`."""


@dataclass(frozen=True, eq=False)
class Particles:
    """Ellipsoids with a rough surface, ordered by z, then y, then x. Row i is the particle with id i + 1.

    Parameters
    ----------
    center, semi_axes : (N, 3) m
    rotation : (N, 3, 3), columns are the directions of the axes in (z, y, x)
    phase : (N,) uint8 phase id of each
    roughness : how far surfaces move in and out at random, at most, in mean radii of their particle; 0 for ellipsoids
    """

    center: Floats
    semi_axes: Floats
    rotation: Floats
    phase: npt.NDArray[np.uint8]
    roughness: float

    def __len__(self) -> int:
        return len(self.center)

    @classmethod
    def none(cls) -> Particles:
        """No particles."""
        nowhere = np.empty((0, 3))
        return cls(nowhere, nowhere, np.empty((0, 3, 3)), np.empty(0, np.uint8), 0.0)

    @cached_property
    def diameter(self) -> Floats:
        """(N,) equivalent-sphere diameters of the whole particles without their roughness, m."""
        return np.asarray(2 * np.prod(self.semi_axes, axis=1) ** (1 / 3))

    @cached_property
    def inverse(self) -> Floats:
        """(N, 3, 3) axes divided by their lengths, row by row: |inverse · y| is the level, 1 on the surface."""
        return np.ascontiguousarray(self.rotation.transpose(0, 2, 1) / self.semi_axes[:, :, None])

    @cached_property
    def half_extent(self) -> Floats:
        """(N, 3) half edges of boxes around the particles that hold their roughness too, m."""
        smooth = np.sqrt(np.sum((self.rotation * self.semi_axes[:, None, :]) ** 2, axis=2))
        return np.asarray(smooth + 0.5 * self.roughness * self.diameter[:, None])


@dataclass(frozen=True)
class Layers:
    """Rules that fill the space between the particles, in order: a voxel takes the phase of the first rule it meets.

    The score of rule i is ``first·d₁ + second·d₂ + field·f + rough·r``, in m, and the rule is met below its threshold.
    d₁ and d₂ are the distances to the two nearest particles, each up to the reach; r is a random field in [−1, 1]. f
    depends on the form, g and h being smooth random fields in units of their standard deviation: g for a `NETWORK`,
    ``|g|`` for a `SHEET`, ``√(g² + h²)`` for a `FIBER`. With first = second = 1 a phase bridges necks between
    particles, with first alone it films them, as a sheet it spans pores, and with a field alone it forms a network.

    Parameters
    ----------
    phase : (L,) uint8
    first, second : (L,) dimensionless
    field : (L,) m, not negative
    form : (L,) uint8, one of `NETWORK`, `SHEET`, `FIBER`
    field_seed : (L,) rules of the same seed share their field, so that one phase can coat another
    field_length : (L, 3) correlation lengths of f along z, y and x, m
    rough : (L,) m
    rough_length : (L,) correlation length of r, m
    threshold : (L,) m
    """

    phase: npt.NDArray[np.uint8]
    first: Floats
    second: Floats
    field: Floats
    form: npt.NDArray[np.uint8]
    field_seed: Integers
    field_length: Floats
    rough: Floats
    rough_length: Floats
    threshold: Floats

    def __len__(self) -> int:
        return len(self.phase)

    @classmethod
    def none(cls) -> Layers:
        """No rules."""
        nothing, ids = np.empty(0), np.empty(0, np.uint8)
        return cls(
            ids, nothing, nothing, nothing, ids, np.empty(0, np.int64), np.empty((0, 3)), nothing, nothing, nothing
        )


@dataclass(frozen=True)
class Packing:
    """The particles that were packed, before the window cut them: each once, seen or not.

    Parameters
    ----------
    diameter : (M,) of the balls of equal volume, without roughness, m
    phase : (M,) uint8
    overlap : share of the particles' volume that lies in two of them, as sampled in the window
    source : (N,) row of the packed particle that each of the structure's particles is, or is an image of
    """

    diameter: Floats
    phase: npt.NDArray[np.uint8]
    overlap: float
    source: Integers

    @classmethod
    def none(cls) -> Packing:
        """Nothing packed."""
        return cls(np.empty(0), np.empty(0, np.uint8), 0.0, np.empty(0, np.int64))


@dataclass(frozen=True)
class Structure:
    """Everything that decides the phase of a voxel. Index coordinates refer to voxel centres.

    Parameters
    ----------
    family : name in `voltomo.synthesis.families.FAMILIES`; it fixes the phases and what they are made of
    shape : (Z, Y, X) of the window that is scanned
    voxel_size : (dz, dy, dx) in m
    origin : position of the centre of the first voxel, m
    particles, slits, voids : the shapes
    layers : rules for the space between particles
    background : phase id of what no rule takes
    reach : m; how far from a particle the rules still feel it
    texture_length : m; correlation length of the waviness of slits
    collector, free_surface : z of the collector's surface and of the electrode's other face, m; the collector fills
        what lies below; above there is pore and what particles stick out. −inf and inf where the window shows neither.
    seed : of the random fields that are tied to places
    is_cylinder : whether only the inscribed cylinder along z belongs to the field of view
    packing : what was packed, to compare sizes with those asked for
    networks, pores : more shapes inside particles
    grain_size : of the grains of which particles consist, m; 0 for particles without
    """

    family: str
    shape: tuple[int, int, int]
    voxel_size: VoxelSize
    origin: tuple[float, float, float]
    particles: Particles
    slits: Slits
    voids: Voids
    layers: Layers
    background: int
    reach: float
    texture_length: float
    collector: float
    free_surface: float
    seed: int
    is_cylinder: bool = False
    packing: Packing = field(default_factory=Packing.none)
    networks: Networks = field(default_factory=Networks.none)
    pores: Pores = field(default_factory=Pores.none)
    grain_size: float = 0.0

    @property
    def kind(self) -> Family:
        """What this is one of."""
        return find_family(self.family)

    @property
    def phases(self) -> PhaseTable:
        """The phases of the family."""
        return self.kind.phases

    @property
    def materials(self) -> Mapping[int, Material]:
        """What each phase consists of, by id."""
        return self.kind.materials

    @property
    def is_cracked(self) -> npt.NDArray[np.bool_]:
        """(N,) whether a particle has a crack, seen or not."""
        voids = self.voids.particle[self.voids.is_core]
        return np.isin(
            np.arange(len(self.particles)), np.concatenate([self.slits.particle, self.networks.particle, voids])
        )

    def refined(self, factor: int) -> Structure:
        """The same thing on a grid that is `factor` times finer along each axis.

        Its voxels fill the same window: `factor`³ of them lie in each voxel of this one.
        """
        if factor < 1:
            raise InputError(f"expected a factor of at least 1, found {factor}")
        z, y, x = (
            first - 0.5 * edge * (1 - 1 / factor) for first, edge in zip(self.origin, self.voxel_size, strict=True)
        )
        nz, ny, nx = self.shape
        dz, dy, dx = self.voxel_size
        return replace(
            self,
            shape=(nz * factor, ny * factor, nx * factor),
            voxel_size=(dz / factor, dy / factor, dx / factor),
            origin=(z, y, x),
        )

    def electrode_rows(self) -> slice:
        """Indices along z of the voxels between the collector and the free surface."""
        z = self.origin[0] + np.arange(self.shape[0]) * self.voxel_size[0]
        inside = np.flatnonzero((z >= self.collector) & (z <= self.free_surface))
        return slice(int(inside[0]), int(inside[-1]) + 1) if len(inside) else slice(0, 0)

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Named arrays that `from_arrays` reads back."""
        arrays: dict[str, npt.NDArray[Any]] = {}
        for item in fields(self):
            value = getattr(self, item.name)
            if dataclasses.is_dataclass(value):
                arrays |= {f"{item.name}.{part.name}": np.asarray(getattr(value, part.name)) for part in fields(value)}
            else:
                arrays[item.name] = np.asarray(value)
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Structure:
        """The structure that `to_arrays` wrote."""
        parts: dict[str, type[Any]] = {
            "particles": Particles,
            "slits": Slits,
            "networks": Networks,
            "voids": Voids,
            "pores": Pores,
            "layers": Layers,
            "packing": Packing,
        }
        values: dict[str, Any] = {}
        for item in fields(cls):
            if item.name in parts:
                kind = parts[item.name]
                values[item.name] = kind(**{p.name: _plain(arrays[f"{item.name}.{p.name}"]) for p in fields(kind)})
            elif item.name in ("shape", "voxel_size", "origin"):
                values[item.name] = tuple(arrays[item.name].tolist())
            else:
                values[item.name] = _plain(arrays[item.name])
        return cls(**values)


def _plain(array: npt.NDArray[Any]) -> Any:
    """A number or text for an array without axes."""
    return array.item() if array.ndim == 0 else array
