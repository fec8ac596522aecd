"""The one interface of what gives every voxel a score per phase: networks behind an engine, and pixel classifiers."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from voltomo.errors import ShapeError

__all__ = ["Predictor", "stack_neighbors"]


class Predictor(Protocol):
    """Normalised grey values in, one logit per phase and voxel out.

    It may be called by several threads at once. What lies outside the array that it gets is its own affair (networks
    pad with zeros), so that a caller who cuts a volume hands over `halo` voxels more on every side that has them.
    """

    @property
    def classes(self) -> int:
        """Number of phases, K."""
        ...

    @property
    def halo(self) -> tuple[int, int, int]:
        """How many voxels away along z, y and x the answer of a voxel depends on."""
        ...

    @property
    def multiple(self) -> tuple[int, int, int]:
        """The answers do not depend on where an array was cut off if its origin is a multiple of this, z, y and x."""
        ...

    def __call__(self, grey: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Logits of an array.

        Parameters
        ----------
        grey : (C, Z, Y, X) float32
            Normalised by `voltomo.learning.normalization`; any Z, Y, X.

        Returns
        -------
        (K, Z, Y, X) float32
            Class k is row k of the phase table.
        """
        ...


def stack_neighbors(grey: npt.NDArray[np.float32], reach: int) -> npt.NDArray[np.float32]:
    """Slices with their neighbours as channels, as 2.5D networks see them.

    Parameters
    ----------
    grey : (C, Z, Y, X)
    reach : neighbours on either side; beyond the ends the outer slice is repeated

    Returns
    -------
    (Z, C · (2 · reach + 1), Y, X)
        Channel ``c · (2 · reach + 1) + reach + d`` of slice z is channel c of slice z + d.

    Raises
    ------
    ShapeError
        If `grey` has not four axes.
    """
    if grey.ndim != 4:
        raise ShapeError(f"expected (C, Z, Y, X), found {grey.shape}")
    channels, slices, height, width = grey.shape
    places = np.arange(slices)[:, None] + np.arange(-reach, reach + 1)[None]
    stacked = grey[:, np.clip(places, 0, slices - 1)]  # (C, Z, 2 · reach + 1, Y, X)
    return np.ascontiguousarray(stacked.swapaxes(0, 1)).reshape(slices, channels * (2 * reach + 1), height, width)
