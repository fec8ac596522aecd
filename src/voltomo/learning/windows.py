"""Windows of labelled images, and how good a sample of all labels each of them is.

Windows begin and end on a grid of cells, so that the labels inside all of them are differences in one summed table.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["ALIKE", "Counts", "Window", "cell_edges", "choose_window", "judge_samples"]

_CELLS = 32
"""Cells along y and x of a slice: 0.3 million windows to choose from."""
_CELLS_DEEP = 16
"""Cells along each axis of a volume."""
ALIKE = 0.05
"""Samples this close to the best in `judge_samples` are as good; the seed chooses among them."""

Counts: TypeAlias = npt.NDArray[np.int64]
Window: TypeAlias = tuple[slice, slice, slice]


def cell_edges(shape: tuple[int, int, int]) -> list[npt.NDArray[np.int64]]:
    """Voxels at which the cells begin, and the end, along z, y, x."""
    most = _CELLS if shape[0] == 1 else _CELLS_DEEP
    return [np.unique(np.linspace(0, size, min(size, most) + 1).round().astype(np.int64)) for size in shape]


def choose_window(
    counts: Counts,
    edges: Sequence[npt.NDArray[np.int64]],
    *,
    share: float,
    gap: int,
    rng: np.random.Generator,
) -> Window:
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
        best.append((judge_samples(held, lost, total, share), np.stack([*low, *high])))
    scores = np.concatenate([score for score, _ in best])
    boxes = np.concatenate([box for _, box in best], axis=1)
    chosen = boxes[:, rng.choice(np.flatnonzero(scores <= scores.min() + ALIKE))]
    z, y, x = (slice(int(edges[a][chosen[a]]), int(edges[a][chosen[a + 3]])) for a in range(3))
    return z, y, x


def _families(edges: Sequence[npt.NDArray[np.int64]]) -> list[list[npt.NDArray[np.int64]]]:
    """Spans (first, last cell edge) along z, y, x: all in two axes, the full extent along the third."""
    every = [np.array(list(combinations(range(len(edge)), 2)), np.int64) for edge in edges]
    full = [np.array([[0, len(edge) - 1]], np.int64) for edge in edges]
    across = [axis for axis in range(3) if axis == 0 or len(edges[0]) > 2]  # a slice has no other extent along z
    return [[full[a] if a == axis else every[a] for a in range(3)] for axis in across]


def _box_sums(summed: Counts, low: Sequence[Counts], high: Sequence[Counts]) -> Counts:
    """(K, N) labels of each class in N boxes, from a summed-volume table."""
    out = np.zeros((summed.shape[0], low[0].size), np.int64)
    for corner in np.ndindex(2, 2, 2):
        sign = (-1) ** (3 - sum(corner))
        z, y, x = (high[a] if corner[a] else low[a] for a in range(3))
        out += sign * summed[:, z, y, x]
    return out


def judge_samples(held: Counts, lost: Counts, total: Counts, share: float) -> npt.NDArray[np.float64]:
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
