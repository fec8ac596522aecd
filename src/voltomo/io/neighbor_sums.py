"""The loop behind the smoothing of surface nets."""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

__all__ = ["sum_neighbors"]


@numba.njit(cache=True, nogil=True)
def sum_neighbors(
    quads: npt.NDArray[np.int64], vertices: npt.NDArray[np.float64], sums: npt.NDArray[np.float64]
) -> None:
    """Add up, for every vertex, the two neighbors it has in each of its quads.

    Parameters
    ----------
    quads : (M, 4) rows of `vertices`, in order around the quad
    vertices : (N, 3)
    sums : (N, 3), replaced
    """
    sums[:] = 0.0
    for q in range(len(quads)):
        a, b, c, d = quads[q, 0], quads[q, 1], quads[q, 2], quads[q, 3]
        for axis in range(3):
            opposite = vertices[b, axis] + vertices[d, axis]
            sums[a, axis] += opposite
            sums[c, axis] += opposite
            opposite = vertices[a, axis] + vertices[c, axis]
            sums[b, axis] += opposite
            sums[d, axis] += opposite
