"""The slices of a FIB-SEM run as they come from the microscope: neither aligned nor equalized."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal

from voltomo.artifacts.volume import ArrayLike
from voltomo.errors import ShapeError
from voltomo.units import VoxelSize

__all__ = ["SliceStack"]


@dataclass(frozen=True)
class SliceStack:
    """Images of one face after another, in the order of milling.

    The ion beam travels along +y and cuts the face (y, x); `milling_direction` says on which side of a slice the next
    one lies. The electron beam scans its lines along x and meets the face at `tilt` from the direction of the ion beam.

    Parameters
    ----------
    data : (Z, Y, X) array-like in the source dtype
    pixel_size : (dy, dx) in the plane of the image, m; None where it is unknown
    slice_thickness : nominal distance between two slices, m; None where it is unknown
    milling_direction : "+z" if the specimen's z rises from slice to slice
    tilt : angle between the two beams, rad; None where it is unknown
    is_tilt_corrected : whether the microscope has stretched y by 1/sin(tilt), so that y is true on the face
    name : where the slices came from, for reports
    """

    data: ArrayLike
    pixel_size: tuple[float, float] | None = None
    slice_thickness: float | None = None
    milling_direction: Literal["+z", "-z"] = "+z"
    tilt: float | None = None
    is_tilt_corrected: bool = True
    name: str = "slices"
    metadata: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.data.shape) != 3 or 0 in self.data.shape:
            raise ShapeError(f"a SliceStack holds (Z, Y, X) and is not empty, found shape {tuple(self.data.shape)}")

    @property
    def shape(self) -> tuple[int, int, int]:
        """(Z, Y, X)."""
        z, y, x = self.data.shape
        return int(z), int(y), int(x)

    @property
    def foreshortening(self) -> float | None:
        """Length along y in the image per length on the face: sin(tilt), or 1 where it is corrected."""
        if self.is_tilt_corrected:
            return 1.0
        return None if self.tilt is None else math.sin(self.tilt)

    @property
    def voxel_size(self) -> VoxelSize | None:
        """(dz, dy, dx) in the specimen, m; None where a part of it is unknown."""
        if self.pixel_size is None or self.slice_thickness is None or self.foreshortening is None:
            return None
        dy, dx = self.pixel_size
        return self.slice_thickness, dy / self.foreshortening, dx
