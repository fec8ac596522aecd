"""Smooth random fields that belong to places: textures, slow drifts."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit

from voltomo.blocks import Region
from voltomo.synthesis.noise import place_hash, uniform

__all__ = ["smooth_field"]

_NODE_VARIANCE = 1 / 3
"""Of a uniform number in [−1, 1]."""
_STEP_VARIANCE = 26 / 35
"""Mean of s² + (1 − s)² over a smooth step s = 3t² − 2t³: what interpolation along one axis leaves of the variance."""


def smooth_field(region: Region, *, lengths: tuple[float, float, float], seed: int) -> npt.NDArray[np.float32]:
    """Random field of standard deviation 1 and mean 0, smooth over `lengths`; the same however a region is cut.

    Uniform numbers on a lattice with the given edges, joined by smooth steps along each axis. Values stay within 2.7
    standard deviations if all three lengths are finite.

    Parameters
    ----------
    region : slices of global voxel indices
    lengths : correlation length along z, y and x, voxels; inf where the field does not change along an axis
    seed : int

    Returns
    -------
    (Z, Y, X) float32 array; an axis of infinite length has one element, to be broadcast
    """
    extents, firsts, counts, indices, weights = [], [], [], [], []
    for axis, length in zip(region, lengths, strict=True):
        position = np.zeros(1) if math.isinf(length) else np.arange(axis.start, axis.stop) / length
        node = np.floor(position).astype(np.int64)
        part = position - node
        first, last = int(node[0]), int(node[-1]) + (0 if math.isinf(length) else 1)
        extents.append(len(position))
        firsts.append(first)
        counts.append(last - first + 1)
        indices.append(np.minimum(node - first, max(last - first - 1, 0)))
        weights.append((part * part * (3 - 2 * part)).astype(np.float32))
    nodes = np.empty((counts[0], counts[1], counts[2]), np.float32)
    variance = _NODE_VARIANCE * _STEP_VARIANCE ** sum(not math.isinf(length) for length in lengths)
    _fill_nodes(nodes, seed, firsts[0], firsts[1], firsts[2], 1 / math.sqrt(variance))
    out = np.empty((extents[0], extents[1], extents[2]), np.float32)
    _interpolate(nodes, indices[0], indices[1], indices[2], weights[0], weights[1], weights[2], out)
    return out


@njit(cache=True, nogil=True)
def _fill_nodes(nodes: npt.NDArray[np.float32], seed: int, z0: int, y0: int, x0: int, scale: float) -> None:
    for z in range(nodes.shape[0]):
        for y in range(nodes.shape[1]):
            for x in range(nodes.shape[2]):
                nodes[z, y, x] = scale * (2 * uniform(place_hash(seed, z0 + z, y0 + y, x0 + x)) - 1)


@njit(cache=True, nogil=True)
def _interpolate(
    nodes: npt.NDArray[np.float32],
    iz: npt.NDArray[np.int64],
    iy: npt.NDArray[np.int64],
    ix: npt.NDArray[np.int64],
    wz: npt.NDArray[np.float32],
    wy: npt.NDArray[np.float32],
    wx: npt.NDArray[np.float32],
    out: npt.NDArray[np.float32],
) -> None:
    one = np.float32(1)
    line = np.empty(nodes.shape[2], np.float32)
    above_z, above_y, above_x = min(1, nodes.shape[0] - 1), min(1, nodes.shape[1] - 1), min(1, nodes.shape[2] - 1)
    for z in range(out.shape[0]):
        a, b, s = iz[z], iz[z] + above_z, wz[z]
        for y in range(out.shape[1]):
            c, d, t = iy[y], iy[y] + above_y, wy[y]
            for k in range(len(line)):
                low = (one - t) * nodes[a, c, k] + t * nodes[a, d, k]
                high = (one - t) * nodes[b, c, k] + t * nodes[b, d, k]
                line[k] = (one - s) * low + s * high
            row = out[z, y]
            for x in range(len(row)):
                row[x] = (one - wx[x]) * line[ix[x]] + wx[x] * line[ix[x] + above_x]
