"""A synthetic electrode as a list of shapes: particles, slits and voids in them, and a rule for the binder.

The list is small; voxels are made from it for any region, by `voltomo.synthesis.raster`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import Phase, PhaseTable
from voltomo.units import VoxelSize

__all__ = ["ACTIVE", "BINDER", "CRACK_PHASE", "PHASES", "PORE", "Electrode", "Slits", "Voids"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

PORE, ACTIVE, BINDER, CRACK_PHASE = 1, 2, 3, 4
"""Phase ids of every synthetic electrode."""

PHASES = PhaseTable(
    (
        Phase(PORE, "pore", "pore"),
        Phase(ACTIVE, "active", "active"),
        Phase(BINDER, "binder", "binder"),
        Phase(CRACK_PHASE, "crack", "crack"),
    )
)
"""`crack` is every void inside a particle: slits, open to the pore or not, and closed voids."""


@dataclass(frozen=True)
class Slits:
    """Cracks of known width, ordered by particle.

    A point at `y` from the particle's centre lies in a slit if ``|normal·y − wave| < width / 2``,
    ``direction·y > low``, and its level (0 at the centre, 1 on the particle's surface) is below `extent`.

    Parameters
    ----------
    particle : (S,) row of the particle
    normal, direction : (S, 3) unit vectors, perpendicular
    low : (S,) m; −inf for a slit to both sides of the centre
    extent : (S,) above 1 for a slit that opens to the outside
    wave : (S,) amplitude of the waviness, m; the shear it stands for leaves width and volume as they are
    """

    particle: Integers
    normal: Floats
    direction: Floats
    low: Floats
    extent: Floats
    wave: Floats


@dataclass(frozen=True)
class Voids:
    """Closed balls inside particles, ordered by particle: `particle` (V,) row, `center` (V, 3) m, `radius` (V,) m."""

    particle: Integers
    center: Floats
    radius: Floats


@dataclass(frozen=True)
class Electrode:
    """Everything that decides the phase of a voxel. Index coordinates refer to voxel centres: the first is at 0.0.

    Parameters
    ----------
    shape : (Z, Y, X) of the window that is scanned
    voxel_size : (dz, dy, dx) in m
    centers, semi_axes : (N, 3) m
    rotations : (N, 3, 3), columns are the directions of the axes in (z, y, x)
        Row i is the particle with id i + 1. Ids rise with z.
    roughness : how far surfaces move in and out at random, at most, in mean radii of their particle; 0 for ellipsoids
    slits, voids : what is broken
    crack_width : m
    binder_reach : m; how far from a particle the binder still feels it
    binder_roughness : m; amplitude of the random part of the binder's score
    binder_threshold : m; voxels outside the particles with a score below it are binder
    texture_length : m; correlation length of that random part and of the waviness of slits
    seed : of the random fields that are tied to places
    is_cylinder : whether only the inscribed cylinder along z belongs to the field of view
    """

    shape: tuple[int, int, int]
    voxel_size: VoxelSize
    centers: Floats
    semi_axes: Floats
    rotations: Floats
    roughness: float
    slits: Slits
    voids: Voids
    crack_width: float
    binder_reach: float
    binder_roughness: float
    binder_threshold: float
    texture_length: float
    seed: int
    is_cylinder: bool = False

    def __len__(self) -> int:
        return len(self.centers)

    @property
    def diameters(self) -> Floats:
        """(N,) equivalent-sphere diameters of the whole particles without their roughness, m."""
        return np.asarray(2 * np.prod(self.semi_axes, axis=1) ** (1 / 3))

    @property
    def is_cracked(self) -> npt.NDArray[np.bool_]:
        """(N,) whether a particle has a slit."""
        return np.isin(np.arange(len(self)), self.slits.particle)

    @property
    def half_extents(self) -> Floats:
        """(N, 3) half edges of boxes around the particles that hold their roughness too, m."""
        smooth = np.sqrt(np.sum((self.rotations * self.semi_axes[:, None, :]) ** 2, axis=2))
        return np.asarray(smooth + 0.5 * self.roughness * self.diameters[:, None])

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Named arrays that `from_arrays` reads back."""
        arrays: dict[str, npt.NDArray[Any]] = {}
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, Slits | Voids):
                arrays |= {f"{item.name}.{part.name}": getattr(value, part.name) for part in fields(value)}
            else:
                arrays[item.name] = np.asarray(value)
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Electrode:
        """The electrode that `to_arrays` wrote."""
        values: dict[str, Any] = {}
        for item in fields(cls):
            if item.name in ("slits", "voids"):
                kind: Any = Slits if item.name == "slits" else Voids
                values[item.name] = kind(**{part.name: arrays[f"{item.name}.{part.name}"] for part in fields(kind)})
            elif item.name in ("shape", "voxel_size"):
                values[item.name] = tuple(arrays[item.name].tolist())
            elif arrays[item.name].ndim == 0:
                values[item.name] = arrays[item.name].item()
            else:
                values[item.name] = arrays[item.name]
        return cls(**values)
