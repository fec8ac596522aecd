"""Which voxels carry a current between two faces."""

from __future__ import annotations

import cc3d
import numpy as np
import numpy.typing as npt

__all__ = ["keep_percolating", "reach_of"]

Bytes = npt.NDArray[np.uint8]


def keep_percolating(codes: Bytes) -> tuple[Bytes, tuple[float, float, float]]:
    """Codes without the parts that do not join both faces across the first axis, and the shares of the parts.

    Parameters
    ----------
    codes : (Z, Y, X) uint8, 0 where nothing conducts

    Returns
    -------
    codes : the same with every part that carries no current set to 0 (6 neighbours)
    shares : of the conducting voxels in parts that touch both faces, one of them, none
    """
    parts = cc3d.connected_components(codes != 0, connectivity=6, binary_image=True)
    count = int(parts.max())
    low, high = np.zeros(count + 1, bool), np.zeros(count + 1, bool)
    low[np.unique(parts[0])] = True
    high[np.unique(parts[-1])] = True
    low[0] = high[0] = False
    kept = np.empty_like(codes)
    sizes = np.zeros(count + 1, np.int64)
    for z in range(len(codes)):  # plane by plane: no temporary of the size of the volume
        kept[z] = np.where((low & high)[parts[z]], codes[z], 0)
        sizes += np.bincount(parts[z].ravel(), minlength=count + 1)
    return kept, reach_of(sizes[1:], low[1:], high[1:])


def reach_of(
    sizes: npt.NDArray[np.int64], low: npt.NDArray[np.bool_], high: npt.NDArray[np.bool_]
) -> tuple[float, float, float]:
    """Shares of the voxels in parts that touch both faces, one of them, none; all 0 where nothing conducts."""
    total = max(1, int(sizes.sum()))
    faces = low.astype(np.int64) + high
    both, one, none = (float(sizes[faces == n].sum() / total) for n in (2, 1, 0))
    return both, one, none
