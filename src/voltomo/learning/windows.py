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
    total = counts.sum(axis=(1, 2, 3))
    counts, total = counts[total > 0], total[total > 0]
    summed = np.pad(counts.cumsum(1).cumsum(2).cumsum(3), ((0, 0), (1, 0), (1, 0), (1, 0)))
    judged = []
    families = _families(edges)
    for spans in families:
        held = _box_sums(summed, spans)
        lost = _box_sums(summed, [_widen(edge, span, gap) for edge, span in zip(edges, spans, strict=True)])
        judged.append(judge_samples(held, lost, total, share))
    scores = np.concatenate(judged)
    number = int(rng.choice(np.flatnonzero(scores <= scores.min() + ALIKE)))
    starts = np.cumsum([0, *(len(found) for found in judged)])
    family = int(np.searchsorted(starts, number, side="right")) - 1
    spans = families[family]
    at = np.unravel_index(number - int(starts[family]), [len(span) for span in spans])
    z, y, x = (slice(*edge[span[i]].tolist()) for edge, span, i in zip(edges, spans, at, strict=True))
    return z, y, x


def _families(edges: Sequence[npt.NDArray[np.int64]]) -> list[list[npt.NDArray[np.int64]]]:
    """Spans (first, last cell edge) along z, y, x: all in two axes, the full extent along the third."""
    every = [np.array(list(combinations(range(len(edge)), 2)), np.int64) for edge in edges]
    full = [np.array([[0, len(edge) - 1]], np.int64) for edge in edges]
    across = [axis for axis in range(3) if axis == 0 or len(edges[0]) > 2]  # a slice has no other extent along z
    return [[full[a] if a == axis else every[a] for a in range(3)] for axis in across]


def _widen(edge: npt.NDArray[np.int64], span: npt.NDArray[np.int64], gap: int) -> npt.NDArray[np.int64]:
    """(N, 2) cell edges around spans and the gap on both sides."""
    low = np.searchsorted(edge, edge[span[:, 0]] - gap, side="right") - 1
    high = np.searchsorted(edge, edge[span[:, 1]] + gap, side="left")
    return np.stack([np.maximum(low, 0), np.minimum(high, len(edge) - 1)], axis=1)


def _box_sums(summed: Counts, spans: Sequence[npt.NDArray[np.int64]]) -> Counts:
    """(K, N) labels of each class in the boxes of all combinations of spans, from a summed-volume table."""
    for axis, span in enumerate(spans, start=1):
        summed = summed.take(span[:, 1], axis) - summed.take(span[:, 0], axis)
    return summed.reshape(len(summed), -1)


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
