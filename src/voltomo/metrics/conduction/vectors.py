"""Sums of vectors in pieces, compiled: what conjugate gradients need beside the operator.

Loops go over pieces ``first <= i < last`` of `PIECE` elements, counted from 1, so that threads can share them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

__all__ = ["PIECE", "advance", "dot", "turn"]

Single = npt.NDArray[np.float32]
Double = npt.NDArray[np.float64]

PIECE = 1 << 16
"""Elements of a piece: its vectors fit into the cache of a core."""


@njit(cache=True, nogil=True)
def advance(first: int, last: int, x: Double, r: Single, p: Single, q: Single, alpha: float) -> None:
    """``x += α p`` and ``r −= α q``."""
    scale = np.float32(alpha)
    for i in range((first - 1) * PIECE, min((last - 1) * PIECE, len(x))):
        x[i] += alpha * p[i]
        r[i] -= scale * q[i]


@njit(cache=True, nogil=True)
def turn(first: int, last: int, p: Single, z: Single, beta: float) -> None:
    """``p = z + β p``."""
    scale = np.float32(beta)
    for i in range((first - 1) * PIECE, min((last - 1) * PIECE, len(p))):
        p[i] = z[i] + scale * p[i]


@njit(cache=True, nogil=True)
def dot(first: int, last: int, a: npt.NDArray[Any], b: npt.NDArray[Any], sums: Double) -> None:
    """``a · b`` of each piece, in double precision."""
    for piece in range(first, last):
        total = 0.0
        for i in range((piece - 1) * PIECE, min(piece * PIECE, len(a))):
            total += np.float64(a[i]) * np.float64(b[i])
        sums[piece] = total
