"""What a person has painted on a volume: phase ids on some of its voxels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from voltomo.artifacts.phases import PhaseTable
from voltomo.artifacts.volume import ArrayLike
from voltomo.errors import InputError, ShapeError

__all__ = ["UNLABELLED", "Annotations"]

UNLABELLED = 0
"""The id of voxels that nobody has labelled. No phase carries it."""


@dataclass(frozen=True)
class Annotations:
    """Phase ids of the labelled voxels of a volume; 0 is unlabelled.

    Parameters
    ----------
    labels : (Z, Y, X) uint8 array-like
    phases : the phase table
    annotator : who painted them; "" where nobody said

    Raises
    ------
    InputError
        If the labels are not uint8.
    ShapeError
        If they do not have three axes.
    """

    labels: ArrayLike
    phases: PhaseTable
    annotator: str = ""

    def __post_init__(self) -> None:
        if np.dtype(self.labels.dtype) != np.uint8:
            raise InputError(f"Annotations hold uint8 phase ids, found {self.labels.dtype}")
        if len(self.labels.shape) != 3 or 0 in self.labels.shape:
            raise ShapeError(f"Annotations hold (Z, Y, X) and are not empty, found shape {tuple(self.labels.shape)}")

    @property
    def shape(self) -> tuple[int, int, int]:
        """(Z, Y, X)."""
        z, y, x = self.labels.shape
        return int(z), int(y), int(x)
