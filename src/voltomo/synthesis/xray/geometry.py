"""Where a point of the sample lands on the detector."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Motion", "ParallelGeometry"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Motion:
    """How the whole sample lies against the place where its truth says it is.

    Parameters
    ----------
    shift : (dz, dy, dx) in voxels
    rotation : rad, about the axis of rotation, after which the shift is applied; from x towards y
    """

    shift: tuple[float, float, float] = (0.0, 0.0, 0.0)
    rotation: float = 0.0


@dataclass(frozen=True)
class ParallelGeometry:
    """A parallel beam across z, and a sample that turns about z.

    Pixels are as wide as voxels; a detector row sees the voxels of the same z. With the window's middle as origin, a
    point at (z, y, x) of the truth lands at

    ``u = center_of_rotation + x·cos θ + y·sin θ + shift_u`` and ``v = z + shift_v``,

    for a sample that has not moved. Index coordinates refer to pixel and voxel centres.

    Parameters
    ----------
    angles : (A,) rad, θ as the instrument reports it
    shift_v, shift_u : (A,) jitter of each projection, pixels
    shape : (V, U) of the detector
    center_of_rotation : column on which the axis of rotation lands, without jitter
    sample : (Z, Y, X) of the window, voxels
    motion : of the sample
    """

    angles: Floats
    shift_v: Floats
    shift_u: Floats
    shape: tuple[int, int]
    center_of_rotation: float
    sample: tuple[int, int, int]
    motion: Motion = Motion()

    def __len__(self) -> int:
        return len(self.angles)

    @property
    def directions(self) -> Floats:
        """(A,) angles under which the truth is seen, rad."""
        return self.angles - self.motion.rotation

    @property
    def offset_u(self) -> Floats:
        """(A,) column on which the middle of the truth lands."""
        _, dy, dx = self.motion.shift
        moved = dx * np.cos(self.angles) + dy * np.sin(self.angles)
        return np.asarray(self.center_of_rotation + self.shift_u + moved)

    @property
    def offset_v(self) -> Floats:
        """(A,) row on which the truth's row 0 lands."""
        return self.shift_v + self.motion.shift[0]

    def land(self, z: float, y: float, x: float) -> tuple[Floats, Floats]:
        """(A,) rows and columns of a point given in voxel indices of the truth."""
        _, ny, nx = self.sample
        y, x = y - 0.5 * (ny - 1), x - 0.5 * (nx - 1)
        columns = self.offset_u + x * np.cos(self.directions) + y * np.sin(self.directions)
        return z + self.offset_v, np.asarray(columns)
