"""Training and validation parts of labelled images: by region with a gap between them, never by random pixel.

Neighbouring pixels show the same particle, so a random choice of pixels would let a network be validated on what it has
learnt by heart. One compact window is held out per scan instead, at the same place in all its slices, because the slice
next to a training slice shows the same particles as well. No validation pixel lies within `gap` of a training pixel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from voltomo.errors import GateError, InputError
from voltomo.learning.pairs import LabelledImage
from voltomo.learning.strokes import Strokes
from voltomo.learning.windows import ALIKE, Counts, cell_edges, choose_window, judge_samples

__all__ = ["Split", "split_labels"]

_STROKE_SHARE = 0.5
"""Connected labels are cut if they are more than this part of the validation part, or of its share of a slice; what is
smaller is a stroke."""
_KEPT = 0.5
"""Where windows with their gap leave less of the labels than this to training, whole scans are held out instead."""
_FEW = 16
"""A volume labelled on fewer slices than this has the same pixels held out in all of them."""
_SUBSETS = 4096
"""Choices of scans to hold out that are looked at."""


@dataclass(frozen=True)
class Split:
    """Which labelled voxels train and which validate.

    Parameters
    ----------
    training, validation : one (Z, Y, X) bool mask per image
        Both are labelled everywhere they are true, and further apart than the gap (Chebyshev distance in voxels), also
        across the slices of one scan.
    notices : sentences for the reader, such as a phase that could not be validated
    gap : voxels that were kept between both; None where the masks come from elsewhere
    """

    training: tuple[npt.NDArray[np.bool_], ...]
    validation: tuple[npt.NDArray[np.bool_], ...]
    notices: tuple[str, ...] = ()
    gap: int | None = None

    @property
    def share(self) -> float:
        """Part of the used labels that validates."""
        held = _size(self.validation)
        return held / max(1, held + _size(self.training))

    def to_mapping(self) -> dict[str, Any]:
        """What a model keeps of it, as JSON has it."""
        return {"share": round(self.share, 4), "gap": self.gap, "notices": list(self.notices)}


@dataclass(frozen=True)
class _Place:
    """Images that may show the same part of a sample: of one scan, with slices of one size.

    Where they are several, how far apart they lie along z is not known, and the same pixels are held out in all slices.
    """

    members: tuple[int, ...]
    shape: tuple[int, int, int]
    is_flat: bool

    def edges(self) -> list[npt.NDArray[np.int64]]:
        """Cells of the windows along z, y, x."""
        depth, height, width = self.shape
        if not self.is_flat:
            return cell_edges(self.shape)
        return [np.array([0, depth]), *cell_edges((1, height, width))[1:]]


def split_labels(images: Sequence[LabelledImage], *, share: float = 0.2, gap: int, seed: int = 0) -> Split:
    """Hold out a validation part of the labels.

    Parameters
    ----------
    images : labelled images
        Those of one scan, with slices of one size, are taken as parallel slices of it.
    share : part of the labels to validate on
    gap : distance kept between the two parts along each axis, voxels; the reach of the network
    seed : chooses among windows that are equally good

    Returns
    -------
    Split
        Every phase is in both parts where that is possible. A stroke (connected labels in one slice) is cut only where
        it is a large part of all labels.

    Raises
    ------
    InputError
        If `share` or `gap` makes no sense.
    GateError
        If nothing is labelled, or the labelled area is too small for two parts with this gap.

    Notes
    -----
    Where windows would cost training more than half of the labels (small images, large gap) and there are several
    scans, whole scans are held out. Slices of one scan that differ in size cannot be laid over each other and count as
    separate places; give such crops with one size, or as one volume.
    """
    if not 0 < share < 1 or gap < 0:
        raise InputError(f"expected 0 < share < 1 and gap >= 0, found share {share} and gap {gap}")
    present = np.flatnonzero(sum((_histogram(image.labels) for image in images), np.zeros(256, np.int64)))
    if present.size == 0:
        raise GateError("nothing is labelled: every voxel of the labels is 0. Paint a few strokes of each phase first")
    places = _find_places(images)
    rng = np.random.default_rng(seed)
    validation = _hold_out_windows(images, places, present, share=share, gap=gap, rng=rng)
    training = _keep_apart(images, places, validation, gap)
    scans = sorted({image.scan_name for image in images if image.labelled})
    kept, labelled = _size(training), sum(image.labelled for image in images)
    if len(scans) > 1 and kept < _KEPT * labelled:
        whole = _hold_out_scans(images, scans, present, share=share, rng=rng)
        if labelled - _size(whole) > kept:
            validation, training = whole, [(i.labels != 0) & ~held for i, held in zip(images, whole, strict=True)]
    if not _size(training) or not _size(validation):
        shapes = sorted({image.shape for image in images})
        raise GateError(
            f"the labels cannot be parted into training and validation with a gap of {gap} voxels: images of "
            f"{', '.join('×'.join(map(str, shape)) for shape in shapes)} voxels. Label more of the image, or another "
            "slice, or use a network with a smaller reach",
            gate="split",
        )
    return Split(tuple(training), tuple(validation), tuple(_notice(images, present, training, validation)), gap)


def _size(masks: Sequence[npt.NDArray[np.bool_]]) -> int:
    return sum(int(np.count_nonzero(mask)) for mask in masks)


def _histogram(labels: npt.NDArray[np.uint8], mask: npt.NDArray[np.bool_] | None = None) -> Counts:
    """Voxels of each id; unlabelled ones are not counted."""
    counts = np.bincount((labels if mask is None else labels[mask]).ravel(), minlength=256).astype(np.int64)
    counts[0] = 0
    return counts


def _find_places(images: Sequence[LabelledImage]) -> list[_Place]:
    members: dict[tuple[str, int, int], list[int]] = {}
    for i, image in enumerate(images):
        if image.labelled:
            members.setdefault((image.scan_name, *image.shape[1:]), []).append(i)
    places = []
    for (_, height, width), numbers in members.items():
        depth = max(images[i].shape[0] for i in numbers)
        planes = int(np.count_nonzero(images[numbers[0]].labels.any(axis=(1, 2))))
        places.append(_Place(tuple(numbers), (depth, height, width), len(numbers) > 1 or planes < _FEW))
    return places


def _hold_out_windows(
    images: Sequence[LabelledImage],
    places: Sequence[_Place],
    present: npt.NDArray[np.int64],
    *,
    share: float,
    gap: int,
    rng: np.random.Generator,
) -> list[npt.NDArray[np.bool_]]:
    """Validation masks: of each place, the labels inside one window, strokes whole."""
    validation = [np.zeros(image.shape, bool) for image in images]
    for place in places:
        edges = place.edges()
        total = sum(images[i].labelled for i in place.members)
        largest = _STROKE_SHARE * share * min(total, place.shape[1] * place.shape[2])
        strokes = [Strokes.of(images[i].labels, largest=largest) for i in place.members]
        counts = np.zeros((present.size, *(len(edge) - 1 for edge in edges)), np.int64)
        for i, found in zip(place.members, strokes, strict=True):
            found.count(images[i].labels, edges, present, counts)
        window = choose_window(counts, edges, share=share, gap=gap, rng=rng)
        for i, found in zip(place.members, strokes, strict=True):
            validation[i] = found.inside(images[i].labels, window)
    return validation


def _hold_out_scans(
    images: Sequence[LabelledImage],
    scans: Sequence[str],
    present: npt.NDArray[np.int64],
    *,
    share: float,
    rng: np.random.Generator,
) -> list[npt.NDArray[np.bool_]]:
    """Validation masks: all labels of some scans."""
    counts = np.zeros((present.size, len(scans)), np.int64)
    for image in images:
        if image.scan_name in scans:
            counts[:, scans.index(image.scan_name)] += _histogram(image.labels)[present]
    subsets = _subsets(len(scans), rng)
    held = counts @ subsets.T
    scores = judge_samples(held, held, counts.sum(axis=1), share)
    chosen = subsets[rng.choice(np.flatnonzero(scores <= scores.min() + ALIKE))]
    names = {scan for scan, is_held in zip(scans, chosen, strict=True) if is_held}
    return [(image.labels != 0) & (image.scan_name in names) for image in images]


def _subsets(count: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """(N, count) 0 or 1: all choices of some but not all, or many random ones."""
    if 2**count <= _SUBSETS:
        numbers = np.arange(1, 2**count - 1, dtype=np.int64)
        every: npt.NDArray[np.int64] = (numbers[:, None] >> np.arange(count)) & 1
        return every
    chosen = (rng.random((_SUBSETS, count)) < rng.random((_SUBSETS, 1))).astype(np.int64)
    some: npt.NDArray[np.int64] = chosen[(chosen.sum(axis=1) > 0) & (chosen.sum(axis=1) < count)]
    return some


def _keep_apart(
    images: Sequence[LabelledImage], places: Sequence[_Place], validation: Sequence[npt.NDArray[np.bool_]], gap: int
) -> list[npt.NDArray[np.bool_]]:
    """Training masks: what is labelled and not within the gap of a validation voxel of the same place."""
    training = [np.zeros(image.shape, bool) for image in images]
    for place in places:
        near = np.zeros(place.shape[1:] if place.is_flat else place.shape, bool)
        for i in place.members:
            near |= validation[i].any(axis=0) if place.is_flat else validation[i]
        for axis in range(near.ndim):
            near = ndimage.maximum_filter1d(near, 2 * gap + 1, axis=axis, mode="constant", cval=0)
        for i in place.members:
            training[i] = (images[i].labels != 0) & ~near
    return training


def _notice(
    images: Sequence[LabelledImage],
    present: npt.NDArray[np.int64],
    training: Sequence[npt.NDArray[np.bool_]],
    validation: Sequence[npt.NDArray[np.bool_]],
) -> list[str]:
    """What could not be reached."""
    sentences = []
    for masks, part in ((training, "training"), (validation, "validation")):
        seen = sum((_histogram(image.labels, mask) for image, mask in zip(images, masks, strict=True)))
        missing = [str(i) for i in present if np.asarray(seen)[i] == 0]
        if missing:
            sentences.append(
                f"Phase {' and '.join(missing)} has no label in the {part} part: too little of it is labelled, or all "
                "in one spot. Label it in a second place."
            )
    return sentences
