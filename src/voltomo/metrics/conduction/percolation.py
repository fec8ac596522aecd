"""Which voxels carry a current between two faces."""

from __future__ import annotations

import cc3d
import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.sparse.csgraph import connected_components

__all__ = ["keep_percolating", "keep_reached", "reach_of"]

Bytes = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]


def keep_percolating(codes: Bytes, *, is_periodic: bool = False) -> tuple[Bytes, tuple[float, float, float]]:
    """Codes without the parts that do not join both faces across the first axis, and the shares of the parts.

    Parameters
    ----------
    codes : (Z, Y, X) uint8, 0 where nothing conducts
    is_periodic : parts join across the sides of the last two axes

    Returns
    -------
    codes : the same with every part that carries no current set to 0 (6 neighbours)
    shares : of the conducting voxels in parts that touch both faces, one of them, none
    """
    parts, low, high = _find_parts(codes, is_periodic)
    kept, sizes = _keep(codes, parts, low & high)
    return kept, reach_of(sizes[1:], low[1:], high[1:])


def keep_reached(codes: Bytes, *, is_periodic: bool = False) -> tuple[Bytes, float]:
    """Codes without the parts that do not touch the low face across the first axis, and the share of the others.

    Parameters and the meaning of the codes as in `keep_percolating`.
    """
    parts, low, _ = _find_parts(codes, is_periodic)
    kept, sizes = _keep(codes, parts, low)
    return kept, float(sizes[low].sum() / max(1, sizes[1:].sum()))


def reach_of(sizes: npt.NDArray[np.int64], low: Flags, high: Flags) -> tuple[float, float, float]:
    """Shares of the voxels in parts that touch both faces, one of them, none; all 0 where nothing conducts."""
    total = max(1, int(sizes.sum()))
    faces = low.astype(np.int64) + high
    both, one, none = (float(sizes[faces == n].sum() / total) for n in (2, 1, 0))
    return both, one, none


def _find_parts(codes: Bytes, is_periodic: bool) -> tuple[npt.NDArray[np.integer], Flags, Flags]:
    """Labels of the parts (0 outside), and which of them touch the low and the high face."""
    parts = cc3d.connected_components(codes != 0, connectivity=6, binary_image=True)
    count = int(parts.max())
    low, high = np.zeros(count + 1, bool), np.zeros(count + 1, bool)
    low[np.unique(parts[0])] = True
    high[np.unique(parts[-1])] = True
    if is_periodic:
        group = _join_sides(parts, count)
        for face in (low, high):
            joined = np.zeros(count + 1, bool)
            np.logical_or.at(joined, group, face)
            face[:] = joined[group]
    low[0] = high[0] = False
    return parts, low, high


def _join_sides(parts: npt.NDArray[np.integer], count: int) -> npt.NDArray[np.int32]:
    """The group of each part: parts that meet across opposite sides belong to one."""
    pairs = [
        np.unique(np.stack([first[both], last[both]]), axis=1)
        for first, last in ((parts[:, 0], parts[:, -1]), (parts[:, :, 0], parts[:, :, -1]))
        for both in [(first > 0) & (last > 0)]
    ]
    one, other = np.concatenate(pairs, axis=1)
    links = sparse.coo_matrix((np.ones(len(one), bool), (one, other)), shape=(count + 1, count + 1))
    group: npt.NDArray[np.int32] = connected_components(links, directed=False)[1]
    return group


def _keep(codes: Bytes, parts: npt.NDArray[np.integer], is_kept: Flags) -> tuple[Bytes, npt.NDArray[np.int64]]:
    """The codes of some parts, and the size of every part (0 for what is outside)."""
    kept = np.empty_like(codes)
    sizes = np.zeros(len(is_kept), np.int64)
    for z in range(len(codes)):  # plane by plane: no temporary of the size of the volume
        kept[z] = np.where(is_kept[parts[z]], codes[z], 0)
        sizes += np.bincount(parts[z].ravel(), minlength=len(is_kept))
    sizes[0] = 0
    return kept, sizes
