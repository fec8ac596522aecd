"""How much around a tile is enough, measured on the data.

The farthest voxel that can have a say is about a hundred away for a U-Net of five levels; hardly any class depends on
it.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from voltomo.learning.predictor import Predictor

__all__ = ["CHANGED", "measure_halo"]

Floats: TypeAlias = npt.NDArray[np.float32]
Triple: TypeAlias = tuple[int, int, int]

CHANGED = 1e-3
"""Share of voxels beside a cut that may get another class. Cuts every 128 voxels then change 0.05 % of a volume: half
of what design §4 allows."""
STRIP = 16
"""Voxels beside a cut that are looked at."""


def measure_halo(predictor: Predictor, grey: Floats, *, changed: float = CHANGED) -> Triple:
    """The smallest halo with which cutting changes next to nothing.

    Parameters
    ----------
    predictor : the model
    grey : (C, Z, Y, X) normalised sample; an axis that is too short for a cut with the full halo keeps that one
    changed : share of voxels beside a cut that may get another class

    Returns
    -------
    (z, y, x) in voxels
        Whole cells of the predictor, at most its own halo.
    """
    whole = predictor(grey).argmax(axis=0)
    found = list(predictor.halo)
    for axis in range(3):
        full, step = predictor.halo[axis], predictor.multiple[axis]
        size = grey.shape[1 + axis]
        cut = size // 2 // step * step
        if full <= step or cut < full or size - cut < full + STRIP:
            continue
        for halo in range(step, full, step):
            if _changes(predictor, grey, whole, axis, cut, halo) <= changed:
                found[axis] = halo
                break
    return found[0], found[1], found[2]


def _changes(predictor: Predictor, grey: Floats, whole: npt.NDArray[np.intp], axis: int, cut: int, halo: int) -> float:
    """Share of voxels in strips on both sides of a cut that get another class when the tile ends `halo` beyond it."""
    strip = min(STRIP, cut)
    above = (slice(cut, cut + strip), slice(cut - halo, cut + strip + predictor.halo[axis]))
    step = predictor.multiple[axis]
    first = max(0, cut - strip - predictor.halo[axis]) // step * step
    below = (slice(cut - strip, cut), slice(first, cut + halo))
    shares = []
    for write, read in (above, below):
        piece = np.ascontiguousarray(grey[(slice(None),) * (1 + axis) + (read,)])
        answer = predictor(piece).argmax(axis=0)
        inner = slice(write.start - read.start, write.stop - read.start)
        before = (slice(None),) * axis
        shares.append(float(np.mean(answer[(*before, inner)] != whole[(*before, write)])))
    return max(shares)
