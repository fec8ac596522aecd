"""How well a result agrees with a truth: voxels and instances.

Everything is counted first and turned into scores afterwards; counts of pieces of a volume add up to those of the
whole.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from voltomo.errors import InputError, ShapeError

__all__ = [
    "InstanceScores",
    "Overlaps",
    "confusion_matrix",
    "dice",
    "iou",
    "match_instances",
    "merge_overlaps",
    "overlapping_pairs",
    "score_instances",
    "voxel_precision",
    "voxel_recall",
]

Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def confusion_matrix(truth: npt.NDArray[np.uint8], result: npt.NDArray[np.uint8], *, classes: int) -> Counts:
    """Voxels of every pair of classes.

    Parameters
    ----------
    truth, result : (Z, Y, X) uint8
        Classes 1 to `classes`; voxels that are 0 in either are left out.
    classes : int

    Returns
    -------
    (classes, classes) int64
        Rows are the classes of the truth, columns those of the result.
    """
    if truth.shape != result.shape:
        raise ShapeError(f"truth {truth.shape} and result {result.shape} differ in shape")
    pairs = np.bincount(truth.ravel().astype(np.intp) * (classes + 1) + result.ravel(), minlength=(classes + 1) ** 2)
    return pairs.reshape(classes + 1, classes + 1)[1:, 1:].astype(np.int64)


def iou(confusion: Counts) -> Floats:
    """Intersection over union (Jaccard index) per class: TP / (TP + FP + FN); nan for a class in neither map."""
    hits = np.diag(confusion)
    return _ratio(hits, confusion.sum(axis=0) + confusion.sum(axis=1) - hits)


def dice(confusion: Counts) -> Floats:
    """Dice coefficient (F1) per class: 2·TP / (2·TP + FP + FN); nan for a class in neither map."""
    return _ratio(2 * np.diag(confusion), confusion.sum(axis=0) + confusion.sum(axis=1))


def voxel_precision(confusion: Counts) -> Floats:
    """Share of the result's voxels of a class that are right: TP / (TP + FP); nan where the result has none."""
    return _ratio(np.diag(confusion), confusion.sum(axis=0))


def voxel_recall(confusion: Counts) -> Floats:
    """Share of the truth's voxels of a class that are found: TP / (TP + FN); nan where the truth has none."""
    return _ratio(np.diag(confusion), confusion.sum(axis=1))


def _ratio(part: Counts, whole: Counts) -> Floats:
    return np.asarray(np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0))


@dataclass(frozen=True)
class Overlaps:
    """Voxels that each pair of a truth and a result instance share; id 0, the background, included.

    Parameters
    ----------
    truth, result : (P,) uint32 ids, pairs in rising order
    voxels : (P,) int64
    """

    truth: npt.NDArray[np.uint32]
    result: npt.NDArray[np.uint32]
    voxels: Counts


def overlapping_pairs(truth: npt.NDArray[np.uint32], result: npt.NDArray[np.uint32]) -> Overlaps:
    """Sparse table of the overlaps of two label maps of the same shape."""
    if truth.shape != result.shape:
        raise ShapeError(f"truth {truth.shape} and result {result.shape} differ in shape")
    pairs = (truth.ravel().astype(np.uint64) << np.uint64(32)) | result.ravel().astype(np.uint64)
    # Labels come in runs along x; counting runs leaves a tenth of the numbers to sort.
    starts = np.flatnonzero(np.concatenate([[True], pairs[1:] != pairs[:-1]])) if pairs.size else np.empty(0, np.intp)
    return _sum_by_pair(pairs[starts], np.diff(starts, append=pairs.size))


def merge_overlaps(a: Overlaps, b: Overlaps) -> Overlaps:
    """The overlaps of two pieces of a volume together."""
    pairs = [(each.truth.astype(np.uint64) << 32) | each.result for each in (a, b)]
    return _sum_by_pair(np.concatenate(pairs), np.concatenate([a.voxels, b.voxels]))


def _sum_by_pair(pairs: npt.NDArray[np.uint64], voxels: Counts) -> Overlaps:
    """Table from pairs packed into 64 bits that may repeat."""
    keys, place = np.unique(pairs, return_inverse=True)
    sums = np.zeros(len(keys), np.int64)
    np.add.at(sums, place, voxels)
    return Overlaps((keys >> 32).astype(np.uint32), keys.astype(np.uint32), sums)


@dataclass(frozen=True)
class InstanceScores:
    """Agreement of instances at one threshold.

    Parameters
    ----------
    threshold : IoU from which a pair counts as the same particle
    hits, false, missed : matched pairs, result instances and truth instances without a partner
    mean_iou : of the matched pairs; nan without any
    """

    threshold: float
    hits: int
    false: int
    missed: int
    mean_iou: float

    @property
    def precision(self) -> float:
        """Hits / result instances; nan without any."""
        return self.hits / (self.hits + self.false) if self.hits + self.false else math.nan

    @property
    def recall(self) -> float:
        """Hits / truth instances; nan without any."""
        return self.hits / (self.hits + self.missed) if self.hits + self.missed else math.nan

    @property
    def f1(self) -> float:
        """2·hits / (2·hits + false + missed); nan where neither map has an instance."""
        total = 2 * self.hits + self.false + self.missed
        return 2 * self.hits / total if total else math.nan

    @property
    def average_precision(self) -> float:
        """Hits / (hits + false + missed); nan where neither map has an instance.

        This is what cell and particle segmentation calls average precision: there are no confidences to rank by, so it
        is not the area under a precision-recall curve.
        """
        total = self.hits + self.false + self.missed
        return self.hits / total if total else math.nan


def match_instances(
    overlaps: Overlaps, *, threshold: float = 0.5
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32], Floats]:
    """Pairs of truth and result instances whose IoU reaches a threshold; each instance at most once.

    Parameters
    ----------
    overlaps : of the whole volume
    threshold : at least 0.5, where the best pairs first is the best assignment [1]_

    Returns
    -------
    truth, result : (M,) ids
    ious : (M,)

    Notes
    -----
    Above 0.5 an instance has at most one partner. At exactly 0.5 two candidates must both lie wholly within the same
    partner, so that either choice gives the same number of pairs; the lower id is taken.

    References
    ----------
    .. [1] Kirillov et al., Panoptic segmentation, CVPR (2019), doi 10.1109/CVPR.2019.00963.
    """
    if not 0.5 <= threshold <= 1:
        raise InputError(f"an IoU threshold lies between 0.5 and 1, found {threshold:g}")
    truth_sizes, result_sizes = _sizes(overlaps.truth, overlaps.voxels), _sizes(overlaps.result, overlaps.voxels)
    ious = overlaps.voxels / (truth_sizes + result_sizes - overlaps.voxels)
    kept = (overlaps.truth > 0) & (overlaps.result > 0) & (ious >= threshold)
    truth, result, ious = overlaps.truth[kept], overlaps.result[kept], ious[kept]
    order = np.lexsort((result, truth, -ious))
    truth, result, ious = truth[order], result[order], ious[order]
    first = np.zeros(len(ious), bool)
    first[np.unique(truth, return_index=True)[1]] = True
    truth, result, ious = truth[first], result[first], ious[first]
    first = np.zeros(len(ious), bool)
    first[np.unique(result, return_index=True)[1]] = True
    return truth[first], result[first], ious[first]


def score_instances(overlaps: Overlaps, *, threshold: float = 0.5) -> InstanceScores:
    """Hits, false and missed instances at an IoU threshold of at least 0.5."""
    truth, _, ious = match_instances(overlaps, threshold=threshold)
    truth_count = len(np.setdiff1d(overlaps.truth, 0))
    result_count = len(np.setdiff1d(overlaps.result, 0))
    mean = float(ious.mean()) if len(ious) else math.nan
    return InstanceScores(threshold, len(truth), result_count - len(truth), truth_count - len(truth), mean)


def _sizes(ids: npt.NDArray[np.uint32], voxels: Counts) -> Counts:
    """For each pair, all voxels of the instance that it names."""
    _, place = np.unique(ids, return_inverse=True)
    sizes = np.zeros(len(ids), np.int64)
    np.add.at(sizes, place, voxels)
    return np.asarray(sizes[place])
