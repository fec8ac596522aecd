"""Do probabilities mean what they say? Of the voxels called 70 % binder, 70 % should be binder.

Probabilities are counted in `LEVELS` steps, class by class. The counts are integers: those of blocks add up to those of
the whole, bit for bit, and every score is made from them. Each row of the counts is one class against the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from numba import njit

from voltomo.errors import InputError, ShapeError

__all__ = [
    "LEVELS",
    "CalibrationCounts",
    "Reliability",
    "brier_score",
    "calibration_error",
    "count_calibration",
    "merge_calibration",
    "reliability_curve",
]

Counts: TypeAlias = npt.NDArray[np.int64]
Floats: TypeAlias = npt.NDArray[np.float64]

LEVELS = 4080
"""Steps from 0 to 1: 16 for each of the 255 of an 8-bit probability, which is therefore counted exactly."""

BINS = 15
"""Bins of equal numbers of voxels, as in most of the literature since Guo et al., ICML (2017)."""


@dataclass(frozen=True)
class CalibrationCounts:
    """Voxels by the probability they were given.

    Parameters
    ----------
    voxels : (K, LEVELS + 1) int64; row k holds the probabilities of class k + 1 over all labelled voxels
    hits : (K, LEVELS + 1) int64; those of the voxels that are of class k + 1
    """

    voxels: Counts
    hits: Counts

    @property
    def total(self) -> int:
        """Labelled voxels."""
        return int(self.voxels[0].sum())


@dataclass(frozen=True)
class Reliability:
    """Reliability curve of one class: bins of rising probability with about equally many voxels.

    Parameters
    ----------
    predicted : (B,) mean probability of the class in the bin
    observed : (B,) share of the bin's voxels that are of the class
    voxels : (B,) int64
    """

    predicted: Floats
    observed: Floats
    voxels: Counts


def count_calibration(
    probabilities: npt.NDArray[Any], labels: npt.NDArray[np.uint8], *, where: npt.NDArray[np.bool_] | None = None
) -> CalibrationCounts:
    """Count the probabilities of labelled voxels.

    Parameters
    ----------
    probabilities : (K, Z, Y, X) floats from 0 to 1, or uint8 with probability · 255
    labels : (Z, Y, X) uint8
        Class k + 1 belongs to row k of the probabilities; 0 is unlabelled and ignored.
    where : (Z, Y, X) bool, optional
        Count these voxels only, such as those of `voltomo.metrics.boundary_score.near_boundary`.

    Raises
    ------
    ShapeError
        If the arrays do not belong together.
    InputError
        If a label has no row, or a labelled voxel a value that is no probability.
    """
    if probabilities.ndim != 4 or probabilities.shape[1:] != labels.shape:
        raise ShapeError(
            f"expected probabilities (K, Z, Y, X) and labels (Z, Y, X), found {probabilities.shape} and {labels.shape}"
        )
    classes = len(probabilities)
    if labels.size and labels.max() > classes:
        raise InputError(f"label {labels.max()} has no probability: expected 0 to {classes}, one row per class")
    counted = labels if where is None else np.where(where, labels, np.uint8(0))
    voxels, hits = (np.zeros((classes, LEVELS + 1), np.int64) for _ in range(2))
    scale = LEVELS / 255 if probabilities.dtype == np.uint8 else float(LEVELS)
    strange = sum(
        _count(np.ascontiguousarray(row).ravel(), counted.ravel(), scale, k + 1, voxels[k], hits[k])
        for k, row in enumerate(probabilities)
    )
    if strange:
        raise InputError(f"expected probabilities from 0 to 1; {strange} labelled values are not: are these logits?")
    return CalibrationCounts(voxels, hits)


def merge_calibration(a: CalibrationCounts, b: CalibrationCounts) -> CalibrationCounts:
    """The counts of two pieces of a volume together."""
    return CalibrationCounts(a.voxels + b.voxels, a.hits + b.hits)


def calibration_error(counts: CalibrationCounts, *, bins: int = BINS) -> Floats:
    """Class-wise calibration error with adaptive bins [1]_; the mean of the classes is the usual single figure.

    Parameters
    ----------
    counts : with one labelled voxel at least; otherwise nan
    bins : with about equally many voxels each

    Returns
    -------
    (K,) array
        For each class ``Σ n_b/N · |observed_b − predicted_b|`` over its bins.

    Notes
    -----
    Chance alone makes the error of N voxels about ``√(2 p (1 − p) bins / (π N))``: a few thousandths for 10⁵. Voxels of
    one level are never divided, so that a model with few different probabilities has fewer and unequal bins.

    References
    ----------
    .. [1] Nixon, Dusenberry, Zhang, Jerfel and Tran, Measuring calibration in deep learning, CVPR workshops (2019),
       arXiv 1904.01685 (adaptive calibration error).
    """
    errors = np.full(len(counts.voxels), np.nan)
    for k in range(len(errors) if counts.total else 0):
        curve = reliability_curve(counts, k, bins=bins)
        errors[k] = float(np.sum(curve.voxels * np.abs(curve.observed - curve.predicted)) / counts.total)
    return errors


def brier_score(counts: CalibrationCounts) -> float:
    """Mean over the voxels of the squared distance between probabilities and truth, summed over the classes [1]_.

    0 for certain and right, 2 for certain and wrong, 1 − 1/K for no idea; nan without a labelled voxel.

    References
    ----------
    .. [1] Brier, Verification of forecasts expressed in terms of probability, Monthly Weather Review 78 (1950) 1.
    """
    if not counts.total:
        return float("nan")
    probability = np.arange(LEVELS + 1) / LEVELS
    wrong = counts.voxels - counts.hits
    return float(np.sum(counts.hits * (1 - probability) ** 2 + wrong * probability**2) / counts.total)


def reliability_curve(counts: CalibrationCounts, row: int, *, bins: int = BINS) -> Reliability:
    """Predicted against observed probability of one class, in bins with about equally many voxels.

    Parameters
    ----------
    counts : of the labelled voxels
    row : of the class
    bins : at most
    """
    if bins < 1:
        raise InputError(f"expected one bin or more, found {bins}")
    voxels, hits = counts.voxels[row], counts.hits[row]
    filled = np.flatnonzero(voxels)
    if not filled.size:
        return Reliability(np.empty(0), np.empty(0), np.empty(0, np.int64))
    voxels, hits = voxels[filled], hits[filled]
    # A level belongs to the bin in which the middle of its voxels falls.
    middle = np.cumsum(voxels) - voxels / 2
    place = np.minimum((middle * bins / counts.total).astype(np.intp), bins - 1)
    _, starts = np.unique(place, return_index=True)
    number = np.add.reduceat(voxels, starts)
    predicted = np.add.reduceat(voxels * (filled / LEVELS), starts) / number
    return Reliability(predicted, np.add.reduceat(hits, starts) / number, number)


@njit(cache=True, nogil=True)
def _count(
    probability: npt.NDArray[Any],
    labels: npt.NDArray[np.uint8],
    scale: float,
    number: int,
    voxels: Counts,
    hits: Counts,
) -> int:
    """Add one class; returns how many labelled values are no probabilities."""
    strange = 0
    top = len(voxels) - 1
    slack = 0.5 + 1e-3 * top  # rounding of a softmax, and the interpolation of blended tiles, may pass 1 by a little
    for i in range(len(labels)):
        if labels[i] == 0:
            continue
        level = probability[i] * scale
        if not -slack < level < top + slack:  # nan too
            strange += 1
            continue
        place = min(max(int(np.floor(level + 0.5)), 0), top)
        voxels[place] += 1
        if labels[i] == number:
            hits[place] += 1
    return strange
