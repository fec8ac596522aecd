"""Curtains: stripes that the ion beam leaves on a face, from where its erosion was disturbed down to the foot.

The ion beam comes from row 0 and travels along the rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from voltomo.synthesis.families import BINDER, ELECTROLYTE, SEPARATOR, SULFUR
from voltomo.synthesis.noise import lattice_noise

__all__ = ["SOFT", "CurtainState", "curtains"]

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

SOFT = (BINDER, ELECTROLYTE, SEPARATOR, SULFUR)
"""Phases that an ion beam cuts fast; all other solids are hard."""

_CURTAIN_FIELD, _STREAK_FIELD = 31, 32
_PERSISTENCE = 4.0
"""Slices over which curtains keep their place: the next slice is cut through the shadow of the same edge."""
_STREAK_PERSISTENCE = 12.0
_EDGE_LENGTH = 6.0
"""Rows over which an edge starts curtains that belong together."""
_VOID, _IS_SOFT, _HARD, _NOTHING = 0, 1, 2, 3
"""What stands in a voxel, for milling; nothing is above the face."""


@dataclass(frozen=True)
class CurtainState:
    """What a part of a face inherits from the rows above it: `kind` (C,) of the last row, `change` (C,) under way."""

    kind: Bytes
    change: Floats

    @classmethod
    def at_top(cls, columns: int) -> CurtainState:
        """Above the first row."""
        return cls(np.full(columns, _NOTHING, np.uint8), np.zeros(columns, np.float32))


def curtains(
    phases: Bytes,
    is_void: npt.NDArray[np.bool_],
    above: CurtainState,
    *,
    start: tuple[int, int],
    drift: tuple[float, float],
    slice_index: int,
    curtain: float,
    streak: float,
    width: float,
    seed: int,
) -> tuple[Floats, CurtainState]:
    """Relative change of the electrons that come back, by curtains.

    Parameters
    ----------
    phases : (R, C) uint8 of a part of a face
    is_void : (256,) whether a phase is pore or crack
    above : what the rows above left
    start : row and column on the face of the first voxel
    drift : row and column on the face of the specimen's first voxel; curtains drift with the specimen
    slice_index : number of the slice
    curtain : largest change behind an edge; half of it where hard follows soft or the reverse
    streak : largest change of the stripes that run from the upper edge to the lower
    width : of the stripes, voxels
    seed : int

    Returns
    -------
    change : (R, C) float32
        0 in voids. Down a column it changes at the first solid voxel below a void and at a change between soft and hard
        material, and nowhere else; over many columns its mean is 0.
    below : what the rows below inherit
    """
    kind = np.full(256, _HARD, np.uint8)
    kind[list(SOFT)] = _IS_SOFT
    kind[is_void] = _VOID
    out = np.empty(phases.shape, np.float32)
    last, current = above.kind.copy(), above.change.copy()
    _trace(phases, kind, last, current, start, drift, float(slice_index), curtain, streak, width, seed, out)
    return out, CurtainState(last, current)


@njit(cache=True, nogil=True)
def _trace(
    phases: Bytes,
    kind: Bytes,
    last: Bytes,
    current: Floats,
    start: tuple[int, int],
    drift: tuple[float, float],
    index: float,
    curtain: float,
    streak: float,
    width: float,
    seed: int,
    out: Floats,
) -> None:
    """Walk down each column; `last` and `current` hold the state, in place."""
    for c in range(phases.shape[1]):
        x = (start[1] + c - drift[1]) / width
        n = lattice_noise(seed + _STREAK_FIELD, index / _STREAK_PERSISTENCE, 0.5, x)
        base = streak * n * abs(n)  # n·|n|: few strong stripes among many weak ones
        for r in range(phases.shape[0]):
            before, now = last[c], kind[phases[r, c]]
            if now != _VOID and now != before and before != _NOTHING:
                y = (start[0] + r - drift[0]) / _EDGE_LENGTH
                n = lattice_noise(seed + _CURTAIN_FIELD, index / _PERSISTENCE, y, x)
                current[c] = (curtain if before == _VOID else 0.5 * curtain) * n * abs(n)
            last[c] = now
            out[r, c] = 0.0 if now == _VOID else base + current[c]
