"""k-means on a two-dimensional histogram: grey value against a second feature of each voxel.

The clusters are found from the histogram alone, so that they are the same in and out of core.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numba
import numpy as np
import numpy.typing as npt

from voltomo.errors import ConvergenceError, GateError
from voltomo.segmentation.histogram import BinRule, grey_array

__all__ = ["KMEANS_BINS", "Clusters", "classify_pairs", "count_pairs", "kmeans_histogram"]

Array: TypeAlias = npt.NDArray[Any]

KMEANS_BINS = 256
"""Bins along each axis of the histogram."""
MAX_ROUNDS = 1000
"""Lloyd's iteration lowers the cost in each round and ends after finitely many; hundreds are rare."""


@dataclass(frozen=True)
class Clusters:
    """Clusters of (grey, feature) pairs, by rising grey.

    Parameters
    ----------
    table : (grey bins, feature bins) uint8, the class of each bin
    centers : (K, 2) float64, mean grey value and mean feature of each class
    shares : (K,) share of the voxels
    """

    table: npt.NDArray[np.uint8]
    centers: npt.NDArray[np.float64]
    shares: npt.NDArray[np.float64]


def count_pairs(grey: Array, feature: Array, inside: Array, rules: tuple[BinRule, BinRule]) -> npt.NDArray[np.int64]:
    """Joint histogram of the voxels inside.

    Parameters
    ----------
    grey, feature : arrays of one shape
    inside : uint8 array of the same shape
    rules : equal bins of each

    Returns
    -------
    (rules[0].count, rules[1].count) int64
    """
    counts = np.zeros((rules[0].count, rules[1].count), np.int64)
    _count_kernel(*_flat(grey, feature, inside), *_scales(rules), counts)
    return counts


def kmeans_histogram(
    counts: npt.NDArray[np.int64], rules: tuple[BinRule, BinRule], *, cuts: tuple[float, ...]
) -> Clusters:
    """Clusters that minimise the squared distance to their centres, both axes scaled to unit variance.

    Parameters
    ----------
    counts : (grey bins, feature bins)
    rules : the bins
    cuts : along grey; they give the first assignment, and so the number of classes

    Raises
    ------
    GateError
        If a class ends without a voxel.
    ConvergenceError
        If the assignment still changes after 1000 rounds.

    References
    ----------
    .. [1] S. P. Lloyd, Least squares quantization in PCM, IEEE Trans. Inf. Theory 28 (1982) 129-137,
       doi:10.1109/TIT.1982.1056489.
    """
    rows, columns = np.nonzero(counts)
    weights = counts[rows, columns].astype(np.float64)
    points = np.column_stack([rules[0].centers[rows], rules[1].centers[columns]])
    mean = np.average(points, axis=0, weights=weights)
    spread = np.sqrt(np.average((points - mean) ** 2, axis=0, weights=weights))
    scaled = (points - mean) / np.where(spread > 0, spread, 1.0)
    count = len(cuts) + 1
    classes = np.searchsorted(np.asarray(cuts, np.float64), points[:, 0], side="left")
    for _ in range(MAX_ROUNDS):
        centers = _class_means(scaled, weights, classes, count)
        fresh = ((scaled[:, None] - centers) ** 2).sum(axis=2).argmin(axis=1)
        if np.array_equal(fresh, classes):
            break
        classes = fresh
    else:
        raise ConvergenceError(f"k-means still changes after {MAX_ROUNDS} rounds; use another feature or method")
    means = _class_means(points, weights, classes, count)
    order = np.argsort(means[:, 0], kind="stable")
    table = _nearest(rules, mean, np.where(spread > 0, spread, 1.0), centers[order])
    shares = np.bincount(classes, weights=weights, minlength=count)[order] / weights.sum()
    return Clusters(table, means[order], shares)


def classify_pairs(
    grey: Array, feature: Array, inside: Array, clusters: Clusters, rules: tuple[BinRule, BinRule], *, ids: Array
) -> npt.NDArray[np.uint8]:
    """Phase id of each voxel inside, 0 elsewhere; ``ids[k]`` is the id of class k."""
    out = np.zeros(grey.shape, np.uint8)
    table = np.asarray(ids, np.uint8)[clusters.table]
    _classify_kernel(*_flat(grey, feature, inside), *_scales(rules), table, out.ravel())
    return out


def _class_means(points: Array, weights: Array, classes: Array, count: int) -> npt.NDArray[np.float64]:
    """(count, 2) weighted mean of each class."""
    sums = np.bincount(classes, weights=weights, minlength=count)
    if not sums.all():
        raise GateError(
            f"k-means leaves {int((sums == 0).sum())} of {count} classes empty; ask for fewer classes or another "
            "feature"
        )
    means = [np.bincount(classes, weights=weights * points[:, i], minlength=count) / sums for i in (0, 1)]
    return np.column_stack(means)


def _nearest(rules: tuple[BinRule, BinRule], mean: Array, spread: Array, centers: Array) -> npt.NDArray[np.uint8]:
    """Class of every bin, also of those that no voxel fell into when the histogram was counted."""
    grey = ((rules[0].centers - mean[0]) / spread[0])[:, None, None]
    feature = ((rules[1].centers - mean[1]) / spread[1])[None, :, None]
    distance = (grey - centers[:, 0]) ** 2 + (feature - centers[:, 1]) ** 2
    return np.asarray(distance.argmin(axis=2), np.uint8)


def _flat(grey: Array, feature: Array, inside: Array) -> tuple[Array, Array, Array]:
    return grey_array(grey).ravel(), grey_array(feature).ravel(), np.ascontiguousarray(inside).ravel()


def _scales(rules: tuple[BinRule, BinRule]) -> tuple[float, float, float, float]:
    """Low end and bins per unit of both axes."""
    one, two = rules
    return one.low, one.count / (one.high - one.low), two.low, two.count / (two.high - two.low)


@numba.njit(cache=True, nogil=True)
def _bin(value: float, low: float, scale: float, count: int) -> int:
    """Number of the bin; values beyond the range are in the end bins."""
    position = (value - low) * scale
    if position <= 0.0:
        return 0
    return count - 1 if position >= count - 1 else int(position)


@numba.njit(cache=True, nogil=True)
def _count_kernel(
    grey: Array, feature: Array, inside: Array, low: float, scale: float, low_2: float, scale_2: float, counts: Array
) -> None:
    """Add every voxel inside to its bin."""
    for i in range(grey.size):
        if inside[i]:
            row = _bin(float(grey[i]), low, scale, counts.shape[0])
            counts[row, _bin(float(feature[i]), low_2, scale_2, counts.shape[1])] += 1


@numba.njit(cache=True, nogil=True)
def _classify_kernel(
    grey: Array,
    feature: Array,
    inside: Array,
    low: float,
    scale: float,
    low_2: float,
    scale_2: float,
    table: Array,
    out: Array,
) -> None:
    """Look every voxel inside up."""
    for i in range(grey.size):
        if inside[i]:
            row = _bin(float(grey[i]), low, scale, table.shape[0])
            out[i] = table[row, _bin(float(feature[i]), low_2, scale_2, table.shape[1])]
