"""How much around a tile is enough, measured on the data.

The farthest voxel that can have a say is about a hundred away for a U-Net of five levels; hardly any class depends on
it.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from voltomo.learning.predictor import Predictor

__all__ = ["CHANGED", "STRIP", "measure_halo", "sample_length"]

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
        if full <= step or cut < full + STRIP or size - cut < full + STRIP:
            continue
        for halo in range(step, full, step):
            if _changes(predictor, grey, whole, axis, cut, halo) <= changed:
                found[axis] = halo
                break
    return found[0], found[1], found[2]


def _changes(predictor: Predictor, grey: Floats, whole: npt.NDArray[np.intp], axis: int, cut: int, halo: int) -> float:
    """Share of voxels in strips on both sides of a cut that get another class when the tile ends `halo` beyond it."""
    length, size = piece_length(predictor, axis), grey.shape[1 + axis]
    # Pieces of one length, where they fit: engines prepare themselves for every new shape, which takes long.
    above = (slice(cut, cut + STRIP), slice(cut - halo, min(size, cut - halo + length)))
    below = (slice(cut - STRIP, cut), slice(max(0, cut + halo - length), cut + halo))
    shares = []
    for write, read in (above, below):
        piece = np.ascontiguousarray(grey[(slice(None),) * (1 + axis) + (read,)])
        answer = predictor(piece).argmax(axis=0)
        inner = slice(write.start - read.start, write.stop - read.start)
        before = (slice(None),) * axis
        shares.append(float(np.mean(answer[(*before, inner)] != whole[(*before, write)])))
    return max(shares)


def sample_length(predictor: Predictor, axis: int) -> int:
    """Voxels of a sample along an axis: for pieces on both sides of a cut, or for one slice with what it sees."""
    around = predictor.halo[axis]
    return 2 * around + 1 if around <= predictor.multiple[axis] else 2 * piece_length(predictor, axis)


def piece_length(predictor: Predictor, axis: int) -> int:
    """Voxels of a piece that is cut on one side and has the full halo on the other, in whole cells.

    A sample of twice that is best; shorter ones will do, as far as they have the full halo on both sides of a cut.
    """
    step = predictor.multiple[axis]
    return -(-(2 * predictor.halo[axis] + STRIP) // step) * step
