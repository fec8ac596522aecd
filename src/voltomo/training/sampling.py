"""Batches of crops around labelled voxels, every phase as often as the others.

A batch depends on the seed and the number of its step, on nothing that went before. So a training that is resumed
sees the crops that it would have seen, and no state of a random generator has to be kept.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from voltomo.artifacts.phases import PhaseTable
from voltomo.errors import GateError
from voltomo.learning.normalization import Normalization
from voltomo.learning.pairs import LabelledImage
from voltomo.training.augmentation import Augmentation, augment_crop, reading_margin

__all__ = ["IGNORE", "CropSampler", "class_rows", "read_window"]

IGNORE = -1
"""Class of unlabelled voxels; the losses leave it out."""

_PLACES = 200_000
"""Voxels kept per image and phase as centres of crops: enough for any training, 1.6 MB each."""


def class_rows(phases: PhaseTable) -> npt.NDArray[np.int64]:
    """(256,) lookup from phase id to row of the table; `IGNORE` for 0 and ids that are not in the table."""
    table = np.full(256, IGNORE, np.int64)
    table[list(phases.ids)] = np.arange(len(phases))
    return table


def read_window(
    image: LabelledImage,
    normalization: Normalization,
    origin: Sequence[int],
    size: Sequence[int],
) -> npt.NDArray[np.float32]:
    """Normalised grey values (C, *size) from `origin` (z, y, x); beyond the image its last voxels are repeated."""
    places = [
        np.clip(np.arange(start, start + length), 0, extent - 1)
        for start, length, extent in zip(origin, size, image.shape, strict=True)
    ]
    box = tuple(slice(int(axis[0]), int(axis[-1]) + 1) for axis in places)
    values = normalization.apply(np.asarray(image.grey[(slice(None), *box)]))
    if values.shape[1:] == tuple(size):
        return values
    return values[(slice(None), *np.ix_(*(axis - axis[0] for axis in places)))]


def _read_labels(
    labels: npt.NDArray[np.uint8], used: npt.NDArray[np.bool_], origin: Sequence[int], size: Sequence[int]
) -> npt.NDArray[np.uint8]:
    """Phase ids of the voxels in use; 0 elsewhere and beyond the image."""
    out = np.zeros(tuple(size), np.uint8)
    source, target = [], []
    for start, length, extent in zip(origin, size, labels.shape, strict=True):
        first, last = min(max(start, 0), extent), min(max(start + length, 0), extent)
        source.append(slice(first, last))
        target.append(slice(first - start, last - start))
    out[tuple(target)] = np.where(used[tuple(source)], labels[tuple(source)], 0)
    return out


def _of_phase(image: LabelledImage, used: npt.NDArray[np.bool_], phase_id: int, z: int) -> npt.NDArray[np.bool_]:
    """Where a slice carries a phase that may be seen."""
    found: npt.NDArray[np.bool_] = (image.labels[z] == phase_id) & used[z]
    return found


def _some_voxels(
    image: LabelledImage, used: npt.NDArray[np.bool_], phase_id: int, *, every: int
) -> npt.NDArray[np.int64]:
    """Flat indices of every so many voxels of a phase, slice by slice."""
    area, found, passed = image.shape[1] * image.shape[2], [], 0
    for z in range(image.shape[0]):
        flat = np.flatnonzero(_of_phase(image, used, phase_id, z))
        found.append(z * area + flat[-passed % every :: every])
        passed += flat.size
    return np.concatenate(found)


@dataclass(frozen=True)
class _Places:
    """Where labelled voxels of one phase are: flat indices per image, and how many there are in all."""

    images: npt.NDArray[np.intp]
    weights: npt.NDArray[np.float64]
    voxels: tuple[npt.NDArray[np.int64], ...]


class CropSampler:
    """Draws batches from labelled images.

    Parameters
    ----------
    images, used : labelled images and, for each, which labels may be seen (Z, Y, X)
    normalizations : one per image
    phases : the phase table
    patch : (z, y, x) of a crop; z is 1 for 2D and 2.5D
    neighbors : further slices on either side that are read but not labelled (2.5D)
    augmentation : how crops are changed
    seed : of everything that is drawn

    Raises
    ------
    GateError
        If the training part holds fewer than two phases.
    """

    def __init__(
        self,
        images: Sequence[LabelledImage],
        used: Sequence[npt.NDArray[np.bool_]],
        *,
        normalizations: Sequence[Normalization],
        phases: PhaseTable,
        patch: tuple[int, int, int],
        neighbors: int,
        augmentation: Augmentation,
        seed: int,
    ) -> None:
        self.images, self.used, self.normalizations = tuple(images), tuple(used), tuple(normalizations)
        self.patch, self.neighbors, self.augmentation, self.seed = patch, neighbors, augmentation, seed
        self._rows = class_rows(phases)
        self._places = [
            found for k in range(len(phases)) if (found := self._find_places(phases.ids[k])).images.size > 0
        ]
        if len(self._places) < 2:
            raise GateError(
                "the part of the labels that trains holds fewer than two phases; label some of each phase in more "
                "than one place, so that training and validation can both have them",
                gate="classes",
            )

    def _find_places(self, phase_id: int) -> _Places:
        """Labelled voxels of a phase in all images; a regular choice of them where there are many."""
        numbers, weights, voxels = [], [], []
        for number, (image, used) in enumerate(zip(self.images, self.used, strict=True)):
            count = sum(int(_of_phase(image, used, phase_id, z).sum()) for z in range(image.shape[0]))
            if count:
                numbers.append(number)
                weights.append(float(count))
                voxels.append(_some_voxels(image, used, phase_id, every=-(-count // _PLACES)))
        shares = np.sqrt(weights)  # a large image is seen more often than a small one, but does not drown it
        return _Places(np.array(numbers, np.intp), shares / max(shares.sum(), 1e-9), tuple(voxels))

    def with_seed(self, seed: int) -> CropSampler:
        """The same sampler with other draws."""
        other = copy.copy(self)
        other.seed = seed
        return other

    def batch(self, step: int, crops: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        """Grey values (N, C, Z, Y, X) and classes (N, Z', Y, X), `IGNORE` where unlabelled, of one step."""
        rng = np.random.default_rng([self.seed, step])
        order = rng.permutation(len(self._places))
        pairs = [self._draw(self._places[order[i % len(order)]], rng) for i in range(crops)]
        return np.stack([grey for grey, _ in pairs]), np.stack([labels for _, labels in pairs])

    def _draw(self, places: _Places, rng: np.random.Generator) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        """A crop that holds a random voxel of a phase at a random place."""
        which = int(rng.choice(len(places.images), p=places.weights))
        number = int(places.images[which])
        image = self.images[number]
        voxel = np.unravel_index(int(rng.choice(places.voxels[which])), image.shape)
        origin = []
        for place, length, extent in zip(voxel, self.patch, image.shape, strict=True):
            start = int(place) - int(rng.integers(length))
            origin.append(min(max(start, 0), extent - length) if extent >= length else (extent - length) // 2)
        margin = tuple(reading_margin(edge, self.augmentation) for edge in self.patch[1:])
        begin = (origin[0], origin[1] - margin[0], origin[2] - margin[1])
        size = (self.patch[0], self.patch[1] + 2 * margin[0], self.patch[2] + 2 * margin[1])
        labels = self._rows[_read_labels(image.labels, self.used[number], begin, size)]
        deep = self.neighbors
        grey = read_window(
            image, self.normalizations[number], (begin[0] - deep, *begin[1:]), (size[0] + 2 * deep, *size[1:])
        )
        return augment_crop(
            grey,
            labels,
            size=(self.patch[1], self.patch[2]),
            margin=(margin[0], margin[1]),
            augmentation=self.augmentation,
            rng=rng,
        )
