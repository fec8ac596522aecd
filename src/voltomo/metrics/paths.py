"""Shortest ways through a phase, compiled: how far each voxel is from one face of the box.

A distance grows from voxel to voxel in two ways, and the shorter one holds: as the arrival time of a front that moves
at unit speed (fast marching [1]_, right in the open), and by steps to the 26 neighbours (right in channels too narrow
for a front). A step across an edge or a corner needs a way over faces beside it, so that what is reached is
what a current reaches. Voxels wait in buckets a fraction of a voxel wide [2]_, and are taken again if a shorter way is
found later, so that the result does not depend on the buckets.

References
----------
.. [1] Sethian, A fast marching level set method for monotonically advancing fronts, PNAS 93, 1591 (1996),
   doi 10.1073/pnas.93.4.1591.
.. [2] Denardo and Fox, Shortest-route methods: 1. Reaching, pruning, and buckets, Oper. Res. 27, 161 (1979).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

__all__ = ["find_distances"]

_WIDTH = 0.5
"""Width of a bucket in units of the shortest edge."""


def find_distances(inside: npt.NDArray[np.bool_], edges: tuple[float, float, float]) -> npt.NDArray[np.float32]:
    """Length of the shortest way from the low face across the first axis to each voxel's centre.

    Parameters
    ----------
    inside : (Z, Y, X) bool
    edges : of a voxel along the three axes

    Returns
    -------
    (Z, Y, X) float32, in the unit of the edges
        Infinite where no way leads. First centres lie half a voxel from the face.
    """
    padded = np.pad(inside, 1)
    distances = np.full(padded.shape, np.inf, np.float32)
    steps = np.array(
        [[dz, dy, dx] for dz in (-1, 0, 1) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if (dz, dy, dx) != (0, 0, 0)]
    )
    lengths = np.sqrt(((steps * np.array(edges)) ** 2).sum(1))
    width = _WIDTH * min(edges)
    buckets = int(np.ceil(lengths.max() / width)) + 2
    _spread(padded, distances, steps, lengths, np.array(edges, np.float64), width, buckets)
    return distances[1:-1, 1:-1, 1:-1]


@njit(cache=True, nogil=True)
def _spread(
    inside: npt.NDArray[np.bool_],
    distances: npt.NDArray[np.float32],
    steps: npt.NDArray[np.int64],
    lengths: npt.NDArray[np.float64],
    edges: npt.NDArray[np.float64],
    width: float,
    buckets: int,
) -> None:
    """Take voxels in the order of their distance and shorten those of their neighbours."""
    _, ny, nx = inside.shape
    waits = np.zeros(inside.size, np.bool_)
    heads = np.full(buckets, -1, np.int64)
    voxels, nexts = np.empty(1024, np.int64), np.empty(1024, np.int64)
    free, used, waiting = -1, 0, 0
    flat = distances.reshape(-1)
    for y in range(ny):
        for x in range(nx):
            if inside[1, y, x]:
                c = (ny + y) * nx + x
                flat[c] = 0.5 * edges[0]
                voxels, nexts, free, used = _put(c, flat[c], width, heads, voxels, nexts, free, used)
                waits[c] = True
                waiting += 1
    bucket = 0
    while waiting:
        slot = bucket % buckets
        if heads[slot] < 0:
            bucket += 1
            continue
        node = heads[slot]
        heads[slot] = nexts[node]
        c = voxels[node]
        nexts[node] = free
        free = int(node)
        waiting -= 1
        if not waits[c] or int(flat[c] / width) > bucket:
            continue
        waits[c] = False
        z, y, x = c // (ny * nx), c // nx % ny, c % nx
        for i in range(len(steps)):
            dz, dy, dx = steps[i]
            there = c + (dz * ny + dy) * nx + dx
            if not inside[z + dz, y + dy, x + dx] or flat[there] <= flat[c]:
                continue
            if not _is_open(inside, z, y, x, dz, dy, dx):
                continue
            length = flat[c] + lengths[i]
            if abs(dz) + abs(dy) + abs(dx) == 1:
                length = min(length, _arrival(distances, z + dz, y + dy, x + dx, edges))
            if np.float32(length) < flat[there]:
                flat[there] = length
                waits[there] = True
                voxels, nexts, free, used = _put(there, flat[there], width, heads, voxels, nexts, free, used)
                waiting += 1


@njit(cache=True, nogil=True)
def _put(
    c: int,
    distance: float,
    width: float,
    heads: npt.NDArray[np.int64],
    voxels: npt.NDArray[np.int64],
    nexts: npt.NDArray[np.int64],
    free: int,
    used: int,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], int, int]:
    """Let a voxel wait in its bucket; the nodes of all buckets share two arrays that grow."""
    if free >= 0:
        node, free = free, int(nexts[free])
    else:
        if used == len(voxels):
            voxels, nexts = np.append(voxels, np.empty_like(voxels)), np.append(nexts, np.empty_like(nexts))
        node, used = used, used + 1
    slot = int(distance / width) % len(heads)
    voxels[node], nexts[node] = c, heads[slot]
    heads[slot] = node
    return voxels, nexts, free, used


@njit(cache=True, nogil=True)
def _is_open(inside: npt.NDArray[np.bool_], z: int, y: int, x: int, dz: int, dy: int, dx: int) -> bool:
    """Whether a way over faces leads beside a step across an edge or a corner."""
    a, b, c = inside[z + dz, y, x], inside[z, y + dy, x], inside[z, y, x + dx]
    moves = abs(dz) + abs(dy) + abs(dx)
    if moves == 1:
        return True
    if moves == 2:
        return bool((dz != 0 and a) or (dy != 0 and b) or (dx != 0 and c))
    ab, ac, bc = inside[z + dz, y + dy, x], inside[z + dz, y, x + dx], inside[z, y + dy, x + dx]
    return bool((a and (ab or ac)) or (b and (ab or bc)) or (c and (ac or bc)))


@njit(cache=True, nogil=True)
def _arrival(distances: npt.NDArray[np.float32], z: int, y: int, x: int, edges: npt.NDArray[np.float64]) -> float:
    """Arrival of a front from the earliest neighbours along one, two or three axes: Σ ((t − tᵢ)/dᵢ)² = 1."""
    a = min(distances[z - 1, y, x], distances[z + 1, y, x]), edges[0]
    b = min(distances[z, y - 1, x], distances[z, y + 1, x]), edges[1]
    c = min(distances[z, y, x - 1], distances[z, y, x + 1]), edges[2]
    if b[0] < a[0]:
        a, b = b, a
    if c[0] < b[0]:
        b, c = c, b
        if b[0] < a[0]:
            a, b = b, a
    best = np.inf
    weights, first, second = 0.0, 0.0, -1.0
    for time, edge in (a, b, c):
        if not time < best:
            break
        weight = 1 / (edge * edge)
        weights, first, second = weights + weight, first + weight * time, second + weight * time * time
        root = first * first - weights * second
        if root < 0:
            break
        best = (first + np.sqrt(root)) / weights
    return best
