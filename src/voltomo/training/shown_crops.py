"""One crop of the labels and the same crop as training changes it, for a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from voltomo.errors import InputError
from voltomo.learning.normalization import Normalization
from voltomo.learning.pairs import LabelledImage
from voltomo.learning.splits import Split
from voltomo.training.augmentation import Augmentation, augment_crop, reading_margin
from voltomo.training.sampling import read_window

__all__ = ["AugmentedCrops", "augmented_crops", "cut_labels", "densest_place"]

_CROPS, _CROP = 7, 128
"""Changed crops beside the one they come from, and their largest edge."""


@dataclass(frozen=True)
class AugmentedCrops:
    """One crop as it is, and as training sees it.

    Parameters
    ----------
    name : of the image
    grey : (1 + n, Y, X) float32, normalised; the first is unchanged
    labels : (1 + n, Y, X) uint8 phase ids; 0 is unlabelled
    """

    name: str
    grey: npt.NDArray[np.float32]
    labels: npt.NDArray[np.uint8]


def augmented_crops(
    images: Sequence[LabelledImage],
    split: Split,
    augmentation: Augmentation,
    *,
    normalizations: Sequence[Normalization],
    edges: tuple[int, int] = (_CROP, _CROP),
    seed: int = 0,
) -> AugmentedCrops:
    """A crop of the training part, and the same crop changed in several ways.

    Parameters
    ----------
    images, split : what trains
    augmentation : how crops are changed
    normalizations : one per image
    edges : (y, x) of the crop; cut to a size for a picture
    seed : of the changes

    Raises
    ------
    InputError
        If the training part is empty.
    """
    held = [int(mask.sum()) for mask in split.training]
    if not any(held):
        raise InputError("expected labels in the training part to show, found none")
    which = int(np.argmax(held))
    image, mask = images[which], split.training[which]
    z = int(mask.sum(axis=(1, 2)).argmax())
    size = tuple(min(edge, _CROP) for edge in edges)
    origin = [densest_place(mask[z].sum(axis=1 - axis), size[axis]) for axis in range(2)]
    margin = tuple(reading_margin(edge, augmentation) for edge in size)
    begin = (z, origin[0] - margin[0], origin[1] - margin[1])
    grey = read_window(image, normalizations[which], begin, (1, size[0] + 2 * margin[0], size[1] + 2 * margin[1]))
    labels = cut_labels(np.where(mask[z], image.labels[z], np.uint8(0)), begin[1:], grey.shape[2:])
    crops = []
    for number in range(1 + _CROPS):
        crops.append(
            augment_crop(
                grey,
                labels[None].astype(np.int64) - 1,  # unlabelled is -1 there
                size=(size[0], size[1]),
                margin=(margin[0], margin[1]),
                augmentation=augmentation if number else Augmentation.none(),
                rng=np.random.default_rng([seed, number]),
            )
        )
    return AugmentedCrops(
        image.name,
        np.stack([values[0, 0] for values, _ in crops]),
        np.stack([(found[0] + 1).astype(np.uint8) for _, found in crops]),
    )


def densest_place(counts: npt.NDArray[Any], length: int) -> int:
    """Where a window of a length along one axis covers most of the counts; the middle one of equals."""
    if len(counts) <= length:
        return 0
    sums = np.convolve(counts.astype(np.float64), np.ones(length), mode="valid")
    best = np.flatnonzero(sums >= sums.max() - 0.5)
    return int(best[len(best) // 2])


def cut_labels(values: npt.NDArray[np.uint8], begin: Sequence[int], size: Sequence[int]) -> npt.NDArray[np.uint8]:
    """Labels of a window that begins anywhere; 0 beyond the image."""
    out = np.zeros(tuple(size), np.uint8)
    source, target = [], []
    for first, length, extent in zip(begin, size, values.shape, strict=True):
        low, high = min(max(first, 0), extent), min(max(first + length, 0), extent)
        source.append(slice(low, high))
        target.append(slice(low - first, high - first))
    out[tuple(target)] = values[tuple(source)]
    return out
