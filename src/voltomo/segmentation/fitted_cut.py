"""The best that cuts of the grey value can do, fitted on the same labels as a model: the baseline beside every model.

Otsu's cut is a straw man: it knows no labels. One cut that is fitted on them costs a second, and a network that does
not beat it has learnt nothing but grey.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from voltomo.errors import GateError, InputError
from voltomo.learning.normalization import Normalization
from voltomo.learning.pairs import LabelledImage
from voltomo.segmentation.histogram import BinRule, bin_rule, count_values, value_range
from voltomo.segmentation.thresholds import classify

__all__ = ["FittedCut", "fit_cut"]

Array: TypeAlias = npt.NDArray[Any]
Counts: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True)
class FittedCut:
    """Cuts between phases that differ in grey.

    Parameters
    ----------
    cuts : (K - 1) rising grey values; a voxel belongs to the phase above the cuts that lie below its grey
    phases : (K) phase ids by rising mean grey
    iou : (K) intersection over union of each phase on the labels of the fit
    """

    cuts: tuple[float, ...]
    phases: tuple[int, ...]
    iou: tuple[float, ...]

    def apply(self, grey: Array) -> npt.NDArray[np.uint8]:
        """Phase ids of grey values of any shape, normalised as those of the fit."""
        return classify(grey, self.cuts, self.phases, np.ones(grey.shape, np.uint8))


def fit_cut(
    images: Sequence[LabelledImage],
    *,
    channel: int = 0,
    masks: Sequence[npt.NDArray[np.bool_]] | None = None,
    normalizations: Sequence[Normalization] | None = None,
) -> FittedCut:
    """The cuts of the grey value that agree best with labels.

    Parameters
    ----------
    images : with labels of two phases or more in all; 0 is unlabelled and ignored
    channel : whose grey is cut
    masks : one (Z, Y, X) per image, where labels count, such as the training part of a split; everywhere by default
    normalizations : one per image, such as `voltomo.learning.normalization.measure_by_scan` gives; by default the grey
        is taken as it is, which supposes that all images have the same grey scale

    Returns
    -------
    FittedCut

    Raises
    ------
    GateError
        If fewer than two phases are labelled.
    InputError
        If the channel does not exist, or labelled voxels are not finite.

    Notes
    -----
    Phases are ordered by their mean grey. The highest cut is the one with the best IoU of the brightest phase; each
    further one has the best IoU of the next phase below it. Exact to a level of 16-bit images, and to 1/4096 of the
    range of floats.
    """
    if any(not 0 <= channel < image.grey.shape[0] for image in images):
        raise InputError(f"channel {channel} is not in every image; they have {[i.grey.shape[0] for i in images]}")

    def labelled() -> Iterator[tuple[Array, npt.NDArray[np.uint8]]]:
        for number, image in enumerate(images):
            for z in range(image.shape[0]):
                labels = image.labels[z]
                if masks is not None:
                    labels = np.where(masks[number][z], labels, np.uint8(0))
                if labels.any():
                    grey = np.asarray(image.grey[:, z])
                    yield (grey if normalizations is None else normalizations[number].apply(grey))[channel], labels

    counts, rule, phases = _count(labelled)
    cuts, scores = _choose(counts)
    largest = rule.centers if rule.is_exact else rule.edges[1:]
    return FittedCut(tuple(largest[cuts].tolist()), tuple(phases), tuple(scores))


def _count(
    labelled: Callable[[], Iterator[tuple[Array, npt.NDArray[np.uint8]]]],
) -> tuple[Counts, BinRule, list[int]]:
    """Histogram of each phase, phases by rising mean grey; (K, bins), the bins, and the ids."""
    low, high, bad, dtype = np.inf, -np.inf, 0, np.dtype(np.uint8)
    present = np.zeros(256, np.bool_)
    for grey, labels in labelled():
        least, most, strange = value_range(grey, labels)
        low, high, bad, dtype = min(low, least), max(high, most), bad + strange, grey.dtype
        present[np.unique(labels)] = True
    ids = [phase for phase in np.flatnonzero(present).tolist() if phase]
    if len(ids) < 2:
        raise GateError(f"a cut needs labels of two phases or more, found {ids or 'none'}; label another phase")
    if bad:
        raise InputError(f"{bad} labelled voxels have no finite grey value; leave them unlabelled")
    if not high > low:
        raise GateError(f"all labelled voxels have the grey value {low:g}; is this the right image and channel?")
    rule = bin_rule(dtype, low, high)
    counts = np.zeros((len(ids), rule.count), np.int64)
    for grey, labels in labelled():
        for row, phase in enumerate(ids):
            counts[row] += count_values(grey, (labels == phase).astype(np.uint8), rule)
    order = np.argsort(counts @ rule.centers / counts.sum(axis=1), kind="stable")
    return counts[order], rule, [ids[row] for row in order.tolist()]


def _choose(counts: Counts) -> tuple[list[int], list[float]]:
    """Last bin below each cut, rising, and the IoU of each phase, from the brightest down."""
    classes, bins = counts.shape
    cumulative = np.concatenate([np.zeros((classes, 1), np.int64), np.cumsum(counts, axis=1)], axis=1)
    every = cumulative.sum(axis=0)
    cuts: list[int] = []
    scores: list[float] = []
    top = bins
    for phase in range(classes - 1, -1, -1):
        # Bins below `start` are left to the darker phases.
        starts = np.arange(min(1, top), top + 1) if phase else np.array([0])
        hits = cumulative[phase, top] - cumulative[phase, starts]
        union = every[top] - every[starts] + cumulative[phase, -1] - hits
        best = int(np.argmax(hits / union))
        top = int(starts[best])
        scores.insert(0, float(hits[best] / union[best]))
        if phase:
            cuts.insert(0, top - 1)
    return cuts, scores
