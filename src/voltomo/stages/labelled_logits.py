"""What a model says where labels are: the ground of its scores and of what is fitted to labels after training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from voltomo.artifacts.model import Model
from voltomo.learning.normalization import Normalization
from voltomo.learning.pairs import LabelledImage
from voltomo.learning.predictor import Predictor

__all__ = ["LabelledLogits", "labelled_logits"]

Box: TypeAlias = tuple[slice, slice, slice]
Masks: TypeAlias = Sequence[npt.NDArray[np.bool_]]


@dataclass(frozen=True)
class LabelledLogits:
    """Logits of a model beside labels, over the box around what counts.

    Parameters
    ----------
    logits : (K, Z, Y, X) float32
    rows : (Z, Y, X) uint8, row of the true phase + 1; 0 where nothing counts
    all_rows : the same wherever something is labelled, whether it counts or not
    scan : that the image belongs to
    """

    logits: npt.NDArray[np.float32]
    rows: npt.NDArray[np.uint8]
    all_rows: npt.NDArray[np.uint8]
    scan: str = ""


def labelled_logits(
    model: Model, predictor: Predictor, images: Sequence[LabelledImage], masks: Masks
) -> Iterator[LabelledLogits]:
    """Of every image that has a voxel in its mask.

    Parameters
    ----------
    model : whose phases and normalization hold
    predictor : of the model
    images : with labels
    masks : (Z, Y, X) of each image, where its labels count, such as the validation part of a split
    """
    scales = Normalization.from_mapping(model.normalization).by_scan(images)
    rows = np.zeros(256, np.uint8)
    rows[list(model.phases.ids)] = np.arange(1, model.classes + 1)
    for image, mask, scale in zip(images, masks, scales, strict=True):
        if not mask.any():
            continue
        held = _bounds(mask)
        read = _widened(held, predictor, image.shape)
        inner = tuple(slice(h.start - r.start, h.stop - r.start) for h, r in zip(held, read, strict=True))
        logits = predictor(scale.apply(np.asarray(image.grey[(slice(None), *read)])))[(slice(None), *inner)]
        labels = rows[image.labels[held]]
        yield LabelledLogits(logits, np.where(mask[held], labels, np.uint8(0)), labels, image.scan_name)


def _bounds(mask: npt.NDArray[np.bool_]) -> Box:
    """The smallest box around what is marked."""
    spans = []
    for axis in range(3):
        others = tuple(a for a in range(3) if a != axis)
        found = np.flatnonzero(mask.any(axis=others))
        spans.append(slice(int(found[0]), int(found[-1]) + 1))
    return spans[0], spans[1], spans[2]


def _widened(box: Box, predictor: Predictor, shape: tuple[int, int, int]) -> Box:
    """The box with the halo around it, from a multiple of the network's step on."""
    low = [max(0, (b.start - h) // m * m) for b, h, m in zip(box, predictor.halo, predictor.multiple, strict=True)]
    high = [min(n, b.stop + h) for b, h, n in zip(box, predictor.halo, shape, strict=True)]
    z, y, x = (slice(a, b) for a, b in zip(low, high, strict=True))
    return z, y, x
