"""Projections of a sample that was turned in a beam, with what is needed to correct them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from voltomo.artifacts.volume import ArrayLike
from voltomo.errors import ShapeError

__all__ = ["BeamGeometry", "ProjectionStack"]

BeamGeometry: TypeAlias = Literal["parallel"]


@dataclass(frozen=True)
class ProjectionStack:
    """Raw images of a tomographic scan.

    Parameters
    ----------
    data : (A, V, U) array-like in the source dtype: angle, detector row, detector column
    angles : (A,) rad
        A point at (y, x) from the axis of rotation, which is along z, lands at the column
        ``center_of_rotation + x·cos(angle) + y·sin(angle)``.
    flats : (F, V, U) array-like, images without sample; None if the data are transmission already
    darks : (D, V, U) array-like, images without beam
    flat_times, dark_times : when each was taken, from 0 before the first projection to 1 after the last; empty if
        unknown
    pixel_size : edge of a pixel, referred to the sample, m
    energy : mean photon energy, eV
    distance : from the sample to the plane that is in focus on the detector, m
    geometry : of the beam
    name : where the data came from
    """

    data: ArrayLike
    angles: npt.NDArray[np.float64]
    flats: ArrayLike | None = None
    darks: ArrayLike | None = None
    flat_times: tuple[float, ...] = ()
    dark_times: tuple[float, ...] = ()
    pixel_size: float | None = None
    energy: float | None = None
    distance: float | None = None
    geometry: BeamGeometry = "parallel"
    name: str = "array"
    metadata: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.data.shape) != 3 or 0 in self.data.shape:
            raise ShapeError(f"a ProjectionStack holds (A, V, U) and is not empty, found {tuple(self.data.shape)}")
        if np.shape(self.angles) != (self.data.shape[0],):
            raise ShapeError(f"{self.data.shape[0]} projections but angles of shape {np.shape(self.angles)}")
        for what, images, times in (
            ("flats", self.flats, self.flat_times),
            ("darks", self.darks, self.dark_times),
        ):
            if images is not None and tuple(images.shape[1:]) != tuple(self.data.shape[1:]):
                raise ShapeError(
                    f"{what} {tuple(images.shape)} and projections {tuple(self.data.shape)} differ in rows or columns; "
                    "was one of them cropped?"
                )
            if times and len(times) != (0 if images is None else images.shape[0]):
                raise ShapeError(f"{len(times)} times for {0 if images is None else images.shape[0]} {what}")

    @property
    def shape(self) -> tuple[int, int, int]:
        """(A, V, U)."""
        a, v, u = self.data.shape
        return int(a), int(v), int(u)
