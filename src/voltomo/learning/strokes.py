"""Brush strokes: connected labels of one slice, which go to one part of a split as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from voltomo.learning.windows import Counts, Window

__all__ = ["Strokes"]


@dataclass(frozen=True)
class Strokes:
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
    def of(cls, labels: npt.NDArray[np.uint8], *, largest: float) -> Strokes:
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
        counts: Counts,
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

    def inside(self, labels: npt.NDArray[np.uint8], window: Window) -> npt.NDArray[np.bool_]:
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
