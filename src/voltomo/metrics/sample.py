"""What is being measured: the geometry that every measurement of one map shares."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from voltomo.artifacts import Phase, PhaseTable, ThroughPlane
from voltomo.units import VoxelSize

__all__ = ["AXES", "Sample"]

AXES = ("z", "y", "x")


@dataclass(frozen=True)
class Sample:
    """The region a number belongs to, and its units.

    Parameters
    ----------
    phases : the phase table
    shape : (Z, Y, X) of the box
    voxels : number of voxels inside the field of view
    voxel_size : (dz, dy, dx) in m, or None: lengths are then in voxels, and say so
    through_plane : axis normal to the current collector
    """

    phases: PhaseTable
    shape: tuple[int, int, int]
    voxels: int
    voxel_size: VoxelSize | None = None
    through_plane: ThroughPlane = "unknown"

    @property
    def dimension(self) -> int:
        """2 for a single section, 3 for a volume."""
        return 2 if self.shape[0] == 1 else 3

    @property
    def edges(self) -> VoxelSize:
        """Voxel edges (dz, dy, dx) in `unit()`."""
        return self.voxel_size or (1.0, 1.0, 1.0)

    @property
    def axes(self) -> tuple[str, ...]:
        """The axes along which the sample extends: y and x of a section."""
        return AXES[3 - self.dimension :]

    @property
    def measure(self) -> float:
        """Volume inside the field of view in ``unit(3)``; its area in ``unit(2)`` for a section."""
        dz, dy, dx = self.edges
        return self.voxels * dy * dx * (dz if self.dimension == 3 else 1.0)

    @property
    def fills_box(self) -> bool:
        z, y, x = self.shape
        return self.voxels == z * y * x

    @property
    def region(self) -> str:
        """The region in words."""
        if self.fills_box:
            return "field of view"
        z, y, x = self.shape
        return f"field of view ({100 * self.voxels / (z * y * x):.3g} % of the box)"

    def unit(self, power: int = 1) -> str:
        """Unit of a length to a power: "m", "1/m", "m^3", or with "voxel" where the voxel size is unknown."""
        name = "voxel" if self.voxel_size is None else "m"
        if power < 0:
            return f"1/{name}" if power == -1 else f"1/{name}^{-power}"
        return name if power == 1 else f"{name}^{power}"

    def direction(self, axis: str) -> str:
        """An axis in words: "z, through-plane", "y, in-plane", or the axis alone where that is not known."""
        if self.through_plane == "unknown":
            return axis
        return f"{axis}, {'through-plane' if axis == self.through_plane else 'in-plane'}"

    def pairs(self) -> Iterator[tuple[int, Phase, int, Phase]]:
        """(row, phase, row, phase) of every two phases of the table."""
        rows = tuple(enumerate(self.phases))
        for i, phase in rows:
            for j, other in rows[i + 1 :]:
                yield i, phase, j, other
