"""Overlapping spheres at random places: the Boolean model, whose porosity and surface have closed forms.

References
----------
.. [1] Torquato, Random Heterogeneous Materials, Springer (2002), section 5.1 (fully penetrable spheres).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from voltomo.errors import InputError
from voltomo.units import VoxelSize

__all__ = ["OverlappingSpheres"]


@dataclass(frozen=True)
class OverlappingSpheres:
    """Equal balls at the points of a Poisson process; the pore is what none of them covers.

    Parameters
    ----------
    porosity : expected volume fraction outside the balls, between 0 and 1
    radius : in the unit of the voxel size
    """

    porosity: float
    radius: float

    def __post_init__(self) -> None:
        if not 0 < self.porosity < 1 or self.radius <= 0:
            raise InputError(
                f"expected a porosity between 0 and 1 and a positive radius, found {self.porosity:g}, {self.radius:g}"
            )

    @property
    def density(self) -> float:
        """Centres per volume: porosity = exp(−density · 4/3·π·r³)."""
        return -math.log(self.porosity) / (4 / 3 * math.pi * self.radius**3)

    @property
    def specific_surface(self) -> float:
        """Expected interface area per total volume: density · 4·π·r² · porosity."""
        return self.density * 4 * math.pi * self.radius**2 * self.porosity

    def two_point(self, distance: float) -> float:
        """Probability that two points at a distance both lie in the pore: exp(−density · union of two balls)."""
        ratio = min(distance / (2 * self.radius), 1.0)
        union = 4 / 3 * math.pi * self.radius**3 * (1 + 1.5 * ratio - 0.5 * ratio**3)
        return math.exp(-self.density * union)

    def rasterize(
        self,
        shape: tuple[int, int, int],
        *,
        voxel_size: VoxelSize = (1.0, 1.0, 1.0),
        rng: np.random.Generator,
    ) -> npt.NDArray[np.bool_]:
        """True in the balls, (Z, Y, X); centres also lie around the window, so that nothing changes at its faces."""
        step = np.asarray(voxel_size)
        low, high = -0.5 * step - self.radius, (np.asarray(shape) - 0.5) * step + self.radius
        count = rng.poisson(self.density * float(np.prod(high - low)))
        solid = np.zeros(shape, bool)
        for center in rng.uniform(low, high, size=(count, 3)):
            first = np.maximum(np.ceil((center - self.radius) / step), 0).astype(int)
            last = np.minimum(np.floor((center + self.radius) / step), np.asarray(shape) - 1).astype(int)
            if np.any(last < first):
                continue
            z, y, x = np.ogrid[tuple(slice(a, b + 1) for a, b in zip(first, last, strict=True))]
            squares = [(index * edge - p) ** 2 for index, edge, p in zip((z, y, x), voxel_size, center, strict=True)]
            box = tuple(slice(a, b + 1) for a, b in zip(first, last, strict=True))
            solid[box] |= squares[0] + squares[1] + squares[2] < self.radius**2
        return solid
