"""A grey image and what somebody has labelled on it: the unit that training learns from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from voltomo.artifacts.volume import ArrayLike
from voltomo.errors import InputError, ShapeError
from voltomo.units import VoxelSize

__all__ = ["LabelledImage"]


@dataclass(frozen=True)
class LabelledImage:
    """One slice (Z = 1) or volume with labels on all or some of its voxels.

    Parameters
    ----------
    name : of the image, for messages and reports
    grey : (C, Z, Y, X) array-like in the source dtype
    labels : (Z, Y, X) uint8 array of phase ids, 0 = unlabelled
    scan : images of one scan share it; grey percentiles and leave-one-scan-out go by it. "" is a scan of its own
    voxel_size : (dz, dy, dx) in m, or None
    annotator : who painted the labels
    first_slice : number of its first slice in the volume that it was taken from

    Raises
    ------
    InputError
        If the labels are not uint8.
    ShapeError
        If grey and labels do not belong together.
    """

    name: str
    grey: ArrayLike
    labels: npt.NDArray[np.uint8]
    scan: str = ""
    voxel_size: VoxelSize | None = None
    annotator: str = ""
    first_slice: int = 0

    def __post_init__(self) -> None:
        if len(self.grey.shape) != 4 or 0 in self.grey.shape:
            raise ShapeError(
                f"{self.name}: expected grey values (C, Z, Y, X) that are not empty, found {tuple(self.grey.shape)}"
            )
        if self.labels.dtype != np.uint8:
            raise InputError(f"{self.name}: expected uint8 phase ids as labels, found {self.labels.dtype}")
        if tuple(self.labels.shape) != self.shape:
            raise ShapeError(
                f"{self.name}: the labels have {tuple(self.labels.shape)} voxels and the grey image {self.shape} "
                "(z, y, x); was one of them cropped or resampled?"
            )

    @property
    def shape(self) -> tuple[int, int, int]:
        """(Z, Y, X)."""
        _, z, y, x = self.grey.shape
        return int(z), int(y), int(x)

    @property
    def scan_name(self) -> str:
        """The scan, or the image's own name where none was given."""
        return self.scan or self.name

    @property
    def labelled(self) -> int:
        """How many voxels carry a phase."""
        return int(np.count_nonzero(self.labels))
