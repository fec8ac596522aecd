"""Other maps that the probabilities of a segmentation allow: what a number could have been.

A map drawn voxel by voxel from its probabilities would be far too certain: millions of independent errors average out.
Errors of a segmentation stick together: a boundary lies too far out along a whole stretch, or everywhere. A *Gaussian
copula* keeps the probability of every voxel and ties neighbors together: a smooth Gaussian field, of standard
deviation 1, is turned into uniform numbers, and these choose the class [1]_. A share of the field's variance is common
to all voxels: it moves all boundaries together.

References
----------
.. [1] Emrich and Piedmonte, A method for generating high-dimensional multivariate binary variates, Am. Stat. 45, 302
   (1991), doi 10.1080/00031305.1991.10475828.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from numba import njit
from scipy.special import ndtr

from voltomo.artifacts import UncertaintyPart

__all__ = ["LONGEST_LAG", "choose_classes", "correlation_length", "doubt", "pair_sums", "segmentation_part"]

Bytes: TypeAlias = npt.NDArray[np.uint8]

LONGEST_LAG = 12
"""Voxels up to which the correlation of the doubt is followed."""


def choose_classes(
    labels: Bytes, probabilities: Sequence[Bytes], field: npt.NDArray[np.float32], ids: Sequence[int]
) -> Bytes:
    """The map that a Gaussian field chooses.

    Parameters
    ----------
    labels : (Z, Y, X) uint8 array
        0 is outside the field of view and stays; kept where all probabilities are 0.
    probabilities : C arrays (Z, Y, X) uint8, probability · 255 of each phase
        Their sum may differ from 255 by rounding.
    field : (Z, Y, X) float32, standard normal in every voxel
    ids : C phase ids in the order of `probabilities`

    Returns
    -------
    (Z, Y, X) uint8 array
        The first phase whose cumulated probability exceeds Φ(field).

    Examples
    --------
    >>> one = np.ones((1, 1, 2), np.uint8)
    >>> choose_classes(one, (128 * one, 127 * one), np.array([[[-0.1, 0.1]]], np.float32), (1, 2))
    array([[[1, 2]]], dtype=uint8)
    """
    chosen = labels.copy()
    _choose(np.stack(probabilities), ndtr(field), np.asarray(ids, np.uint8), chosen)
    return chosen


@njit(cache=True, nogil=True)
def _choose(probabilities: Bytes, uniform: npt.NDArray[np.float32], ids: Bytes, chosen: Bytes) -> None:
    count, nz, ny, nx = probabilities.shape
    for z in range(nz):
        for y in range(ny):
            for x in range(nx):
                if chosen[z, y, x] == 0:
                    continue
                total = 0
                for c in range(count):
                    total += probabilities[c, z, y, x]
                if total == 0:
                    continue
                level = uniform[z, y, x] * total
                cumulated = 0
                for c in range(count):
                    cumulated += probabilities[c, z, y, x]
                    if level < cumulated or (c == count - 1 and probabilities[c, z, y, x] > 0):
                        chosen[z, y, x] = ids[c]
                        break


def doubt(labels: Bytes, probabilities: Sequence[Bytes]) -> npt.NDArray[np.float32]:
    """1 less the probability of the likeliest phase, |p - onehot|, in every voxel; 0 outside the field of view."""
    likeliest = probabilities[0]
    for probability in probabilities[1:]:
        likeliest = np.maximum(likeliest, probability)
    left = np.float32(1) - np.asarray(likeliest, np.float32) / np.float32(255)
    left[labels == 0] = 0
    return left


def pair_sums(
    residual: npt.NDArray[np.float32], *, starts: tuple[slice, slice, slice], axes: Sequence[int]
) -> npt.NDArray[np.float64]:
    """Sums over pairs of voxels along the axes, by lag, from which correlations follow.

    Parameters
    ----------
    residual : (Z, Y, X) float32
    starts : where the first voxel of a pair lies; a block gives its inner region and has a halo of `LONGEST_LAG`
    axes : along which pairs are taken

    Returns
    -------
    (LONGEST_LAG + 1, 4) array
        Number of pairs, sum of the first, sum of the second, sum of the product; lag 0 is the voxel itself.
        Blocks add up to the whole.
    """
    sums = np.zeros((LONGEST_LAG + 1, 4))
    for lag in range(LONGEST_LAG + 1):
        for axis in axes:
            stop = min(starts[axis].stop, residual.shape[axis] - lag)
            start = starts[axis].start
            if stop <= start:
                continue
            here, there = list(starts), list(starts)
            here[axis], there[axis] = slice(start, stop), slice(start + lag, stop + lag)
            a = residual[here[0], here[1], here[2]].astype(np.float64)
            b = residual[there[0], there[1], there[2]].astype(np.float64)
            sums[lag] += a.size, a.sum(), b.sum(), np.sum(a * b)
    return sums


def correlation_length(sums: npt.NDArray[np.float64]) -> float:
    """Standard deviation in voxels of the Gaussian that gives white noise the correlation length of the doubt.

    Parameters
    ----------
    sums : of `pair_sums`

    Returns
    -------
    float
        Half of the lag at which the correlation has fallen to 1/e, since noise filtered by a Gaussian of standard
        deviation σ correlates by exp(-d²/4σ²). At most half of `LONGEST_LAG`; 0 where nothing is in doubt.
    """
    used = sums[sums[:, 0] > 0]
    count, first, second, product = used.T
    covariance = product / count - (first / count) * (second / count)
    if covariance[0] <= 0:
        return 0.0
    correlation = covariance / covariance[0]
    below = np.flatnonzero(correlation < math.exp(-1))
    if not len(below):
        return (len(correlation) - 1) / 2
    k = int(below[0])
    step = (correlation[k - 1] - math.exp(-1)) / (correlation[k - 1] - correlation[k])
    return float(k - 1 + step) / 2


def segmentation_part(value: float, found: Sequence[float], note: str) -> UncertaintyPart:
    """The segmentation part of a budget from the number's values on other maps that are possible.

    Parameters
    ----------
    value : of the map itself
    found : of N ≥ 2 realizations
    note : how they were made

    Returns
    -------
    UncertaintyPart
        Its bias is the value less the mean of the realizations; since it is not taken off, it counts in the
        standard uncertainty as well: √(scatter² + bias²).
    """
    bias = value - float(np.mean(found))
    scatter = float(np.std(found, ddof=1))
    return UncertaintyPart("segmentation", math.hypot(scatter, bias), bias, note)
