"""What varies inside a phase: the orientation of grains, and the share of pores too small to be resolved."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from voltomo.synthesis.noise import place_hash, uniform

__all__ = ["Texture", "orientation_of_grain"]


@dataclass(frozen=True)
class Texture:
    """How phases vary from place to place.

    Parameters
    ----------
    grain_size : mean width of the grains in a particle, m
    grain_contrast : largest relative change of the yield between grains of different orientation
    porosity_variation : largest relative change of the share of unresolved pores
    seed : int
    """

    grain_size: float
    grain_contrast: float
    porosity_variation: float
    seed: int


@njit(cache=True, nogil=True)
def orientation_of_grain(seed: int, z: float, y: float, x: float) -> float:
    """Number in [−1, 1] that is constant within a grain: the cell of one random point per unit cube."""
    z0, y0, x0 = int(np.floor(z)), int(np.floor(y)), int(np.floor(x))
    best, value = np.inf, 0.0
    for i in range(z0 - 1, z0 + 2):
        for j in range(y0 - 1, y0 + 2):
            for k in range(x0 - 1, x0 + 2):
                gap = max(abs(z - i - 0.5) - 0.5, 0.0) ** 2
                gap += max(abs(y - j - 0.5) - 0.5, 0.0) ** 2 + max(abs(x - k - 0.5) - 0.5, 0.0) ** 2
                if gap >= best:
                    continue  # no point of this cube is nearer
                bits = place_hash(seed, i, j, k)
                dz = z - i - uniform(bits)
                dy = y - j - uniform(place_hash(seed + 1, i, j, k))
                dx = x - k - uniform(place_hash(seed + 2, i, j, k))
                square = dz * dz + dy * dy + dx * dx
                if square < best:
                    best = square
                    value = 2 * uniform(place_hash(seed + 3, i, j, k)) - 1
    return value
