"""Layers, the one microstructure whose transport is known exactly in both directions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from voltomo.errors import InputError

__all__ = ["Laminate"]


@dataclass(frozen=True)
class Laminate:
    """Flat layers that repeat along one axis.

    Parameters
    ----------
    thicknesses : voxels of each layer of one period
    ids : phase id of each layer, 1 to 255
    axis : 0, 1 or 2; across the layers

    Examples
    --------
    >>> Laminate((2, 1), (1, 2)).rasterize((6, 1, 1)).ravel()
    array([1, 1, 2, 1, 1, 2], dtype=uint8)
    """

    thicknesses: tuple[int, ...]
    ids: tuple[int, ...]
    axis: int = 0

    def __post_init__(self) -> None:
        if len(self.thicknesses) != len(self.ids) or not self.ids or min(self.thicknesses) < 1:
            raise InputError(
                f"expected a positive thickness for each layer, found {self.thicknesses} for phases {self.ids}"
            )

    @property
    def period(self) -> int:
        """Voxels after which the layers repeat."""
        return sum(self.thicknesses)

    def fraction(self, phase_id: int) -> float:
        """Volume fraction of a phase in whole periods."""
        layers = zip(self.thicknesses, self.ids, strict=True)
        return sum(t for t, i in layers if i == phase_id) / self.period

    def conductivity(self, conductivities: dict[int, float], *, along: int) -> float:
        """Effective conductivity along an axis: arithmetic mean in the layers, harmonic mean across (Wiener 1912)."""
        parts = [(t / self.period, conductivities[i]) for t, i in zip(self.thicknesses, self.ids, strict=True)]
        if along != self.axis:
            return sum(share * k for share, k in parts)
        return 0.0 if any(k == 0 for _, k in parts) else 1 / sum(share / k for share, k in parts)

    def rasterize(self, shape: tuple[int, int, int]) -> npt.NDArray[np.uint8]:
        """Phase ids, (Z, Y, X) uint8; the first layer starts at index 0."""
        period = np.repeat(np.asarray(self.ids, np.uint8), self.thicknesses)
        line = np.resize(period, shape[self.axis])
        view = [1, 1, 1]
        view[self.axis] = -1
        return np.ascontiguousarray(np.broadcast_to(line.reshape(view), shape))
