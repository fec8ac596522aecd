"""Poisson numbers that belong to a place.

References
----------
.. [1] Hörmann, The transformed rejection method for generating Poisson random variables, Insurance: Mathematics and
   Economics 12 (1993) 39, doi 10.1016/0167-6687(93)90997-4: algorithm PTRS, with its constants.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from voltomo.synthesis.noise import place_hash, uniform

__all__ = ["draw_poisson"]

_SMALL = 10.0
"""Mean from which PTRS is valid."""


@njit(cache=True, nogil=True)
def draw_poisson(mean: float, seed: int, z: int, y: int, x: int) -> int:
    """A number with Poisson's distribution, a function of seed and place alone; exact for every mean."""
    if mean <= 0:
        return 0
    if mean < _SMALL:
        return _invert(mean, uniform(place_hash(seed, z, y, x)))
    return _reject(mean, seed, z, y, x)


@njit(cache=True, nogil=True)
def _invert(mean: float, level: float) -> int:
    """First number whose cumulative probability exceeds a level."""
    number, term = 0, math.exp(-mean)
    total = term
    while total <= level and term > 0:
        number += 1
        term *= mean / number
        total += term
    return number


@njit(cache=True, nogil=True)
def _reject(mean: float, seed: int, z: int, y: int, x: int) -> int:
    """Hörmann's PTRS."""
    b = 0.931 + 2.53 * math.sqrt(mean)
    a = -0.059 + 0.02483 * b
    inverse_alpha = 1.1239 + 1.1328 / (b - 3.4)
    squeeze = 0.9277 - 3.6224 / (b - 2)
    log_mean = math.log(mean)
    attempt = 0
    while True:
        u = uniform(place_hash(seed + attempt, z, y, x)) - 0.5
        v = uniform(place_hash(seed + attempt + 1, z, y, x))
        attempt += 2
        us = 0.5 - abs(u)
        number = int(np.floor((2 * a / us + b) * u + mean + 0.43)) if us > 0 else -1
        if us >= 0.07 and v <= squeeze:
            return number
        if number < 0 or (us < 0.013 and v > us):
            continue
        left = math.log(v * inverse_alpha / (a / (us * us) + b)) if v > 0 else -math.inf
        if left <= number * log_mean - mean - math.lgamma(number + 1.0):
            return number
