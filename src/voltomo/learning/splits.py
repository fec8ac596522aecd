"""Training and validation parts of labelled images: by region with a gap between them, never by random pixel.

Neighbouring pixels show the same particle, so a random choice of pixels would let a network be validated on what it has
learnt by heart. One compact window is held out per scan instead, at the same place in all its slices, because the slice
next to a training slice shows the same particles as well. No validation pixel lies within `gap` of a training pixel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from voltomo.errors import GateError, InputError
from voltomo.learning.pairs import LabelledImage

__all__ = ["Split", "split_labels"]

_CELLS = 32
"""Windows begin and end on a grid of at most this many cells along y and x: 0.3 million windows to choose from."""
_CELLS_DEEP = 16
"""The same along each axis of a volume."""
_STROKE_SHARE = 0.5
"""A connected piece with more labels than this part of the validation part is cut; a smaller one, a stroke, is not."""
_ALIKE = 0.05
"""Windows this close to the best in `_judge` are as good; the seed chooses among them."""
_KEPT = 0.5
"""Where windows with their gap leave less of the labels than this to training, whole scans are held out instead."""
_SUBSETS = 4096

_Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Split:
    """Which labelled voxels train and which validate.

    Parameters
    ----------
    training, validation : one (Z, Y, X) bool mask per image
        Both are labelled everywhere they are true, and further apart than the gap (Chebyshev distance in voxels), also
        across the slices of one scan.
    notices : sentences for the reader, such as a phase that could not be validated
    """

    training: tuple[npt.NDArray[np.bool_], ...]
    validation: tuple[npt.NDArray[np.bool_], ...]
    notices: tuple[str, ...] = ()

    @property
    def share(self) -> float:
        """Part of the used labels that validates."""
        held = sum(int(mask.sum()) for mask in self.validation)
        return held / max(1, held + sum(int(mask.sum()) for mask in self.training))


@dataclass(frozen=True)
class _Place:
    """Images that show, or may show, the same part of a sample: one scan, one shape."""

    members: tuple[int, ...]
    shape: tuple[int, int, int]


def split_labels(images: Sequence[LabelledImage], *, share: float = 0.2, gap: int, seed: int = 0) -> Split:
    """Hold out a validation part of the labels.

    Parameters
    ----------
    images : labelled images
        Those of one scan and shape are taken as parallel slices of it.
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
    scans, whole scans are held out. Slices of one scan that differ in shape cannot be laid over each other and count as
    separate places; give such crops with one shape, or as one volume.
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
    kept = sum(int(mask.sum()) for mask in training) / sum(image.labelled for image in images)
    if len(places) > 1 and kept < _KEPT:
        validation = _hold_out_places(images, places, present, share=share, rng=rng)
        training = _keep_apart(images, places, validation, gap)
    if not any(mask.any() for mask in training) or not any(mask.any() for mask in validation):
        shapes = sorted({image.shape for image in images})
        raise GateError(
            f"the labels cannot be parted into training and validation with a gap of {gap} voxels: images of "
            f"{', '.join('×'.join(map(str, shape)) for shape in shapes)} voxels. Label more of the image, or another "
            "slice, or use a network with a smaller reach",
            gate="split",
        )
    return Split(tuple(training), tuple(validation), tuple(_notice(images, present, training, validation)))


def _histogram(labels: npt.NDArray[np.uint8], mask: npt.NDArray[np.bool_] | None = None) -> _Counts:
    """Voxels of each id; unlabelled ones are not counted."""
    counts = np.bincount((labels if mask is None else labels[mask]).ravel(), minlength=256).astype(np.int64)
    counts[0] = 0
    return counts


def _find_places(images: Sequence[LabelledImage]) -> list[_Place]:
    members: dict[tuple[str, tuple[int, int, int]], list[int]] = {}
    for i, image in enumerate(images):
        if image.labelled:
            members.setdefault((image.scan_name, image.shape), []).append(i)
    return [_Place(tuple(numbers), shape) for (_, shape), numbers in members.items()]


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
        edges = [_cell_edges(n, _CELLS if place.shape[0] == 1 else _CELLS_DEEP) for n in place.shape]
        total = sum(images[i].labelled for i in place.members)
        strokes = [_Strokes.of(images[i].labels, largest=_STROKE_SHARE * share * total) for i in place.members]
        counts = np.zeros((present.size, *(len(edge) - 1 for edge in edges)), np.int64)
        for i, found in zip(place.members, strokes, strict=True):
            found.count(images[i].labels, edges, present, counts)
        window = _choose_window(counts, edges, share=share, gap=gap, rng=rng)
        for i, found in zip(place.members, strokes, strict=True):
            validation[i] = found.inside(images[i].labels, window)
    return validation


def _cell_edges(size: int, cells: int) -> npt.NDArray[np.int64]:
    return np.unique(np.linspace(0, size, min(size, cells) + 1).round().astype(np.int64))


_Window = tuple[slice, slice, slice]


@dataclass(frozen=True)
class _Strokes:
    """Connected labels of each slice that stay together, and where each of them is taken to lie.

    Parameters
    ----------
    planes : {z: (Y, X) int32 array}
        Number of the stroke; 0 where there is none. Only for slices with strokes.
    centers : {z: (N, 2) int64 array}
        Row n - 1 is the labelled pixel of stroke n that is nearest to its middle.
    """

    planes: dict[int, npt.NDArray[np.int32]]
    centers: dict[int, npt.NDArray[np.int64]]

    @classmethod
    def of(cls, labels: npt.NDArray[np.uint8], *, largest: float) -> _Strokes:
        """Strokes of at most `largest` pixels."""
        planes: dict[int, npt.NDArray[np.int32]] = {}
        centers: dict[int, npt.NDArray[np.int64]] = {}
        for z in np.flatnonzero(labels.any(axis=(1, 2))):
            numbers, count = ndimage.label(labels[z], structure=np.ones((3, 3)))
            sizes = np.bincount(numbers.ravel(), minlength=count + 1)
            small = np.flatnonzero(sizes[1:] <= largest) + 1
            if small.size == 0:
                continue
            renumbered = np.zeros(count + 1, np.int32)
            renumbered[small] = np.arange(1, small.size + 1)
            planes[int(z)] = renumbered[numbers]
            centers[int(z)] = _middles(planes[int(z)], small.size)
        return cls(planes, centers)

    def count(
        self,
        labels: npt.NDArray[np.uint8],
        edges: Sequence[npt.NDArray[np.int64]],
        present: npt.NDArray[np.int64],
        counts: _Counts,
    ) -> None:
        """Add the labels of each class to the cell they lie in; all of a stroke to the cell of its middle."""
        _, *cells = counts.shape
        for z in np.flatnonzero(labels.any(axis=(1, 2))):
            y, x = np.nonzero(labels[z])
            rank = np.searchsorted(present, labels[z][y, x])
            if int(z) in self.planes:
                stroke = self.planes[int(z)][y, x]
                middle = self.centers[int(z)][np.maximum(stroke, 1) - 1]
                y, x = np.where(stroke > 0, middle[:, 0], y), np.where(stroke > 0, middle[:, 1], x)
            deep, rows, columns = (
                np.searchsorted(edge, np.asarray(value), side="right") - 1
                for edge, value in zip(edges, (z, y, x), strict=True)
            )
            flat = np.ravel_multi_index((rank, np.full_like(rank, deep), rows, columns), counts.shape)
            counts += np.bincount(flat, minlength=counts.size).reshape(present.size, *cells)

    def inside(self, labels: npt.NDArray[np.uint8], window: _Window) -> npt.NDArray[np.bool_]:
        """Labels inside a window: single pixels by their place, strokes by their middle."""
        mask = np.zeros(labels.shape, bool)
        mask[window] = labels[window] != 0
        rows, columns = window[1:]
        for z, plane in self.planes.items():
            y, x = self.centers[z].T
            held = (y >= rows.start) & (y < rows.stop) & (x >= columns.start) & (x < columns.stop)
            held &= window[0].start <= z < window[0].stop
            chosen = np.concatenate([[False], held])[plane]
            mask[z] = np.where(plane > 0, chosen, mask[z])
        return mask


def _middles(plane: npt.NDArray[np.int32], count: int) -> npt.NDArray[np.int64]:
    """(N, 2) pixel of each stroke nearest to its centroid."""
    y, x = np.nonzero(plane)
    stroke = plane[y, x] - 1
    sizes = np.bincount(stroke, minlength=count)
    away = (y - (np.bincount(stroke, y, count) / sizes)[stroke]) ** 2
    away += (x - (np.bincount(stroke, x, count) / sizes)[stroke]) ** 2
    order = np.lexsort((away, stroke))
    first = order[np.searchsorted(stroke[order], np.arange(count))]
    return np.stack([y[first], x[first]], axis=1)


def _choose_window(
    counts: _Counts,
    edges: Sequence[npt.NDArray[np.int64]],
    *,
    share: float,
    gap: int,
    rng: np.random.Generator,
) -> _Window:
    """The window whose labels are most like a small copy of all labels, at little loss in the gap around it."""
    summed = np.pad(counts.cumsum(1).cumsum(2).cumsum(3), ((0, 0), (1, 0), (1, 0), (1, 0)))
    classes = counts.any(axis=(1, 2, 3))
    total = counts.sum(axis=(1, 2, 3))[classes]
    summed = summed[classes]
    best: list[tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]] = []
    for spans in _families(edges):
        bounds = np.stack([part.ravel() for part in np.meshgrid(*map(np.arange, map(len, spans)), indexing="ij")])
        low = [spans[axis][bounds[axis], 0] for axis in range(3)]
        high = [spans[axis][bounds[axis], 1] for axis in range(3)]
        held = _box_sums(summed, low, high)
        wide_low = [np.searchsorted(e, e[a] - gap, side="right") - 1 for e, a in zip(edges, low, strict=True)]
        wide_high = [np.searchsorted(e, e[b] + gap, side="left") for e, b in zip(edges, high, strict=True)]
        lost = _box_sums(
            summed,
            [np.maximum(a, 0) for a in wide_low],
            [np.minimum(b, len(e) - 1) for e, b in zip(edges, wide_high, strict=True)],
        )
        best.append((_judge(held, lost, total, share), np.stack([*low, *high])))
    scores = np.concatenate([score for score, _ in best])
    boxes = np.concatenate([box for _, box in best], axis=1)
    chosen = boxes[:, rng.choice(np.flatnonzero(scores <= scores.min() + _ALIKE))]
    z, y, x = (slice(int(edges[a][chosen[a]]), int(edges[a][chosen[a + 3]])) for a in range(3))
    return z, y, x


def _families(edges: Sequence[npt.NDArray[np.int64]]) -> list[list[npt.NDArray[np.int64]]]:
    """Spans (first, last cell edge) along z, y, x: all in two axes, the full extent along the third."""
    every = [np.array(list(combinations(range(len(edge)), 2)), np.int64) for edge in edges]
    full = [np.array([[0, len(edge) - 1]], np.int64) for edge in edges]
    across = [axis for axis in range(3) if axis == 0 or len(edges[0]) > 2]  # a slice has no other extent along z
    return [[full[a] if a == axis else every[a] for a in range(3)] for axis in across]


def _box_sums(summed: _Counts, low: Sequence[_Counts], high: Sequence[_Counts]) -> _Counts:
    """(K, N) labels of each class in N boxes, from a summed-volume table."""
    out = np.zeros((summed.shape[0], low[0].size), np.int64)
    for corner in np.ndindex(2, 2, 2):
        sign = (-1) ** (3 - sum(corner))
        z, y, x = (high[a] if corner[a] else low[a] for a in range(3))
        out += sign * summed[:, z, y, x]
    return out


def _judge(held: _Counts, lost: _Counts, total: _Counts, share: float) -> npt.NDArray[np.float64]:
    """Badness of N windows from (K, N) labels inside, and inside or in the gap; 0 would be a perfect sample.

    A phase that training does not see weighs most, then one that is not validated, then how far each phase's share is
    from the one asked for, and what the gap costs.
    """
    unseen = (lost >= total[:, None]).sum(axis=0)
    unchecked = (held == 0).sum(axis=0)
    uneven = np.abs(held / total[:, None] - share).mean(axis=0) / share
    cost = (lost - held).sum(axis=0) / total.sum()
    judged: npt.NDArray[np.float64] = 1000.0 * unseen + 30.0 * unchecked + uneven + cost
    return judged


def _hold_out_places(
    images: Sequence[LabelledImage],
    places: Sequence[_Place],
    present: npt.NDArray[np.int64],
    *,
    share: float,
    rng: np.random.Generator,
) -> list[npt.NDArray[np.bool_]]:
    """Validation masks: all labels of some places."""
    counts = np.stack([sum(_histogram(images[i].labels)[present] for i in p.members) for p in places], axis=1)
    subsets = _subsets(len(places), rng)
    held = counts @ subsets.T
    scores = _judge(held, held, counts.sum(axis=1), share)
    chosen = subsets[rng.choice(np.flatnonzero(scores <= scores.min() + _ALIKE))]
    validation = [np.zeros(image.shape, bool) for image in images]
    for place, is_held in zip(places, chosen, strict=True):
        for i in place.members if is_held else ():
            validation[i] = images[i].labels != 0
    return validation


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
        near = np.zeros(place.shape, bool)
        for i in place.members:
            near |= validation[i]
        for axis in range(3):
            if near.shape[axis] > 1:
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
