"""Are the voids inside particles there? Overlap hides them: all voids of a slice are a few thousandths of its IoU.

A void is a connected part of what is not active material, wholly enclosed in it: it reaches neither an edge of the
image nor a voxel that is not known in both maps. In a plane parts are connected over edges (4), in a volume over faces.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["VoidScores", "VoidSizes", "choose_voids", "is_found", "void_sizes"]

Counts: TypeAlias = npt.NDArray[np.int64]
Flags: TypeAlias = npt.NDArray[np.bool_]

FOUND_SHARE = 0.3
"""Share of a void that the other map must leave open: half of a void 5 pixels wide lies at its uncertain rim."""

_SMALLEST, _LARGEST = 20, 3000
"""Pixels of a section; below, labels are speckle, above it is the pore space between particles."""


@dataclass(frozen=True)
class VoidSizes:
    """Smallest and largest number of voxels of a void, both included."""

    smallest: int
    largest: int


@dataclass(frozen=True)
class VoidScores:
    """Voids of a truth that a result leaves open, and voids of the result that the truth supports.

    Parameters
    ----------
    voids, found : of the truth; those that the result leaves open
    predicted, supported : of the result; those that the truth leaves open
    """

    voids: int
    found: int
    predicted: int
    supported: int

    @property
    def recall(self) -> float:
        """Share of the true voids that are found; nan without any."""
        return self.found / self.voids if self.voids else math.nan

    @property
    def precision(self) -> float:
        """Share of the predicted voids that the truth supports; nan without any."""
        return self.supported / self.predicted if self.predicted else math.nan

    def __add__(self, other: VoidScores) -> VoidScores:
        """Of two images together."""
        return VoidScores(
            self.voids + other.voids,
            self.found + other.found,
            self.predicted + other.predicted,
            self.supported + other.supported,
        )


def void_sizes(dimension: int) -> VoidSizes:
    """What counts as a void: 20 to 3000 pixels of a section, or balls of the same diameters in a volume.

    Examples
    --------
    >>> void_sizes(3)
    VoidSizes(smallest=67, largest=123608)
    """
    if dimension == 2:
        return VoidSizes(_SMALLEST, _LARGEST)
    smallest, largest = (4 / 3 * math.pi * (pixels / math.pi) ** 1.5 for pixels in (_SMALLEST, _LARGEST))
    return VoidSizes(round(smallest), round(largest))


def choose_voids(voxels: Counts, unknown: Counts, touches_edge: Flags, sizes: VoidSizes) -> Flags:
    """Which parts are voids.

    Parameters
    ----------
    voxels : (N,) of each connected part of what is not active
    unknown : (N,) those of them without a class in one of the maps
    touches_edge : (N,) whether the part reaches an edge of the image
    sizes : smallest and largest
    """
    fits = (voxels >= sizes.smallest) & (voxels <= sizes.largest)
    return np.asarray(fits & (unknown == 0) & ~touches_edge)


def is_found(voxels: Counts, open_in_other: Counts, *, least: float = FOUND_SHARE) -> Flags:
    """Whether at least a share of each void is not active in the other map either."""
    return np.asarray(open_in_other >= least * voxels)
