"""Draw labelled voxels to learn from, and their features, without the features of a whole image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from voltomo.artifacts.phases import PhaseTable
from voltomo.classifiers.features import Features
from voltomo.learning.normalization import Normalization
from voltomo.learning.pairs import LabelledImage

__all__ = ["Samples", "count_labels", "draw_samples"]

Masks: TypeAlias = Sequence[npt.NDArray[np.bool_]]
Places: TypeAlias = npt.NDArray[np.int64]

_CORE = {2: (1, 1024, 1024), 3: (64, 64, 64)}
"""Voxels along z, y, x whose features are made at once, without the halo, in 2 and 3 dimensions."""


@dataclass(frozen=True)
class Samples:
    """Voxels to learn from.

    Parameters
    ----------
    features : (F, N) float32
    rows : (N,) row of the phase table
    importance : (N,) float32, weight in the loss; 1 on average
    """

    features: npt.NDArray[np.float32]
    rows: npt.NDArray[np.intp]
    importance: npt.NDArray[np.float32]

    @property
    def count(self) -> int:
        return int(self.rows.size)


def count_labels(images: Sequence[LabelledImage], masks: Masks, phases: PhaseTable) -> npt.NDArray[np.int64]:
    """(K,) labelled voxels of each phase inside the masks."""
    counts = np.zeros(256, np.int64)
    for image, mask in zip(images, masks, strict=True):
        counts += np.bincount(image.labels[mask], minlength=256)
    return counts[list(phases.ids)]


def draw_samples(
    images: Sequence[LabelledImage],
    masks: Masks,
    phases: PhaseTable,
    features: Features,
    normalizations: Sequence[Normalization],
    *,
    count: int,
    is_balanced: bool,
    balance: float = 0.0,
    rng: np.random.Generator,
    threads: int = 1,
) -> Samples:
    """Labelled voxels drawn at random, and their features.

    Parameters
    ----------
    images, masks, normalizations : one mask and one normalization per image
    phases : row k is class k
    features : what is seen of a voxel
    count : the most voxels
    is_balanced : draw the same number of each phase, as far as there are so many; else as many as their shares
    balance : exponent that moves the weights of the phases from their shares (0) to equal weights (1)
    rng : draws

    Notes
    -----
    Weights make up for the drawing: the weights of a phase add up to its share of the labels to the power of
    1 - `balance`, whatever the number of voxels drawn of it.
    """
    available = count_labels(images, masks, phases)
    wanted = _quotas(available, count) if is_balanced else _proportional(available, count)
    found: list[npt.NDArray[np.float32]] = [np.empty((features.count, 0), np.float32)]
    rows: list[npt.NDArray[np.intp]] = [np.empty(0, np.intp)]
    chosen = _choose(images, masks, phases, available, wanted, rng)
    for image, normalization, (places, classes) in zip(images, normalizations, chosen, strict=True):
        for part, values in _features_at(image, places, features, normalization, threads):
            found.append(values)
            rows.append(classes[part])
    joined = np.concatenate(rows)
    share = available / max(1, available.sum())
    weight = np.divide(share ** (1 - balance), wanted, out=np.zeros(len(share)), where=wanted > 0)
    importance = weight[joined]
    importance *= importance.size / max(importance.sum(), 1e-300)
    return Samples(np.concatenate(found, axis=1), joined, importance.astype(np.float32))


def _quotas(available: npt.NDArray[np.int64], count: int) -> npt.NDArray[np.int64]:
    """Equal numbers; what a rare phase cannot give is shared among the others."""
    quotas = np.zeros_like(available)
    left = count
    for done, k in enumerate(np.argsort(available, kind="stable")):
        quotas[k] = min(available[k], left // (available.size - done))
        left -= quotas[k]
    return quotas


def _proportional(available: npt.NDArray[np.int64], count: int) -> npt.NDArray[np.int64]:
    """Numbers in proportion to what is labelled."""
    total = int(available.sum())
    return available if total <= count else np.asarray(available * count // total, np.int64)


def _choose(
    images: Sequence[LabelledImage],
    masks: Masks,
    phases: PhaseTable,
    available: npt.NDArray[np.int64],
    wanted: npt.NDArray[np.int64],
    rng: np.random.Generator,
) -> list[tuple[Places, npt.NDArray[np.intp]]]:
    """Per image, flat places in rising order and the class of each."""
    picks = [
        np.sort(rng.choice(n, take, replace=False)) if take < n else np.arange(n)
        for n, take in zip(available, wanted, strict=True)
    ]
    before = np.zeros(len(phases), np.int64)
    result = []
    for image, mask in zip(images, masks, strict=True):
        places, classes = [np.empty(0, np.int64)], [np.empty(0, np.intp)]
        inside = np.flatnonzero(mask)
        ids = image.labels.reshape(-1)[inside]
        for k, phase_id in enumerate(phases.ids):
            here = inside[ids == phase_id]
            first, last = np.searchsorted(picks[k], (before[k], before[k] + here.size))
            places.append(here[picks[k][first:last] - before[k]])
            classes.append(np.full(last - first, k, np.intp))
            before[k] += here.size
        joined = np.concatenate(places)
        order = np.argsort(joined, kind="stable")
        result.append((joined[order], np.concatenate(classes)[order]))
    return result


def _features_at(
    image: LabelledImage, places: Places, features: Features, normalization: Normalization, threads: int
) -> Iterator[tuple[npt.NDArray[np.intp], npt.NDArray[np.float32]]]:
    """Numbers of the places in a block and their (F, n) features, block by block where there are any."""
    core = _CORE[features.settings.dimension]
    position = np.stack(np.unravel_index(places, image.shape))
    block = position // np.asarray(core)[:, None]
    grid = tuple(-(-n // c) for n, c in zip(image.shape, core, strict=True))
    number = np.ravel_multi_index(tuple(block), grid) if places.size else np.empty(0, np.intp)
    for b in np.unique(number):
        part = np.flatnonzero(number == b)
        corner = np.asarray(np.unravel_index(b, grid)) * core
        low = np.maximum(corner - features.halo, 0)
        high = np.minimum(corner + core + features.halo, image.shape)
        region = tuple(slice(int(a), int(c)) for a, c in zip(low, high, strict=True))
        grey = normalization.apply(np.asarray(image.grey[(slice(None), *region)]))
        yield part, _gather(features, grey, position[:, part] - low[:, None], threads)


def _gather(
    features: Features, grey: npt.NDArray[Any], position: npt.NDArray[np.int64], threads: int
) -> npt.NDArray[np.float32]:
    """(F, n) features at (3, n) positions of a block that is sorted by rows."""
    space = features.prepare(grey, threads=threads)
    row = position[0] * grey.shape[2] + position[1]
    out = np.empty((features.count, row.size), np.float32)
    ends = np.flatnonzero(np.diff(row, prepend=-1, append=-1))
    for first, last in pairwise(ends):
        values = features.rows(space, int(row[first]), int(row[first]) + 1)
        out[:, first:last] = values[:, position[2, first:last]]
    return out
