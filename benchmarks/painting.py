"""Labels as a user with little time paints them: strokes on a small share of a slice, out of labels of all of it."""

from __future__ import annotations

import numpy as np

from voltomo.learning.pairs import LabelledImage

__all__ = ["paint_across", "paint_inside"]

_REACH = 1
"""Pixels on either side of the middle of a stroke."""
_INSIDE, _ACROSS = 30, 60
"""Steps of a stroke of one pixel each."""


def paint_inside(image: LabelledImage, seed: int, share: float) -> LabelledImage:
    """Strokes 3 pixels wide along random walks inside one phase, of each phase until its share is labelled."""
    rng = np.random.default_rng(seed)
    labels = np.zeros_like(image.labels)
    truth, painted = image.labels[0], labels[0]
    for phase in np.unique(truth[truth > 0]):
        inside = np.argwhere(truth == phase)
        while np.count_nonzero(painted == phase) < share * len(inside):
            place = inside[rng.integers(len(inside))].astype(float)
            angle = rng.uniform(0, 2 * np.pi)
            for _ in range(_INSIDE):
                y, x = place.round().astype(int)
                if not _is_in(truth, y, x) or truth[y, x] != phase:
                    break
                area = _around(y, x)
                painted[area][truth[area] == phase] = phase
                angle += rng.normal(0, 0.3)
                place += np.sin(angle), np.cos(angle)
    return LabelledImage(image.name, image.grey, labels, scan=image.scan)


def paint_across(image: LabelledImage, seed: int, share: float) -> LabelledImage:
    """Straight strokes 3 pixels wide in which every phase that they cross is labelled, until the share is."""
    rng = np.random.default_rng(seed)
    labels = np.zeros_like(image.labels)
    truth, painted = image.labels[0], labels[0]
    while np.count_nonzero(painted) < share * truth.size:
        place = rng.uniform((0, 0), truth.shape)
        angle = rng.uniform(0, 2 * np.pi)
        for _ in range(_ACROSS):
            y, x = place.round().astype(int)
            if not _is_in(truth, y, x):
                break
            painted[_around(y, x)] = truth[_around(y, x)]
            place += np.sin(angle), np.cos(angle)
    return LabelledImage(image.name, image.grey, labels, scan=image.scan)


def _is_in(plane: np.ndarray, y: int, x: int) -> bool:
    return 0 <= y < plane.shape[0] and 0 <= x < plane.shape[1]


def _around(y: int, x: int) -> tuple[slice, slice]:
    return slice(max(0, y - _REACH), y + _REACH + 1), slice(max(0, x - _REACH), x + _REACH + 1)
