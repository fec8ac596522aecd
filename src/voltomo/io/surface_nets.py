"""Surfaces between the labels of a volume that fit each other exactly: surface nets.

Every 2×2×2 group of voxels that holds more than one label gets one vertex; every voxel face between two labels becomes
a quad over the four vertices around it. All phases use the same vertices, so that neighbors share their interface point
by point, also where three phases meet; marching cubes, run phase by phase, leaves gaps there.

References
----------
.. [1] Gibson, Constrained elastic surface nets, MICCAI (1998), doi 10.1007/BFb0056277.
.. [2] Taubin, A signal processing approach to fair surface design, SIGGRAPH (1995), doi 10.1145/218380.218473.
.. [3] Frisken, SurfaceNets for multi-label segmentations with preservation of sharp boundaries, JCGT 11 (2022).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import ArrayLike
from voltomo.errors import InputError
from voltomo.io.sweep import sweep_planes
from voltomo.units import format_bytes

__all__ = ["Interfaces", "count_faces", "find_interfaces"]

_BYTES_PER_FACE = 250
"""Peak while the vertices are numbered, measured with tracemalloc on random labels and rounded up."""

_STEPS = (0.6, -0.63)
"""Taubin's λ and μ: μ slightly larger keeps the volume. Found on digitised balls, see `find_interfaces`."""


@dataclass(frozen=True)
class Interfaces:
    """Quads between voxels of different label.

    Parameters
    ----------
    vertices : (N, 3) float64, (z, y, x) in voxels; the centre of the first voxel is 0.0, the box begins at -0.5
    quads : (M, 4) int64 rows of `vertices`; counter-clockwise seen from the label above
    below, above : (M,) labels on the side of the smaller and of the larger index
    """

    vertices: npt.NDArray[np.float64]
    quads: npt.NDArray[np.int64]
    below: npt.NDArray[np.uint8]
    above: npt.NDArray[np.uint8]

    def of_label(self, label: int) -> npt.NDArray[np.int64]:
        """(T, 3) triangles around a label, normals outward; rows of `vertices`."""
        outward = self.quads[self.below == label]
        inward = self.quads[self.above == label][:, ::-1]
        # Corner 0 to 2 there is corner 3 to 1 here, where the order is reversed: both sides split along one diagonal.
        triangles = [outward[:, [0, 1, 2]], outward[:, [0, 2, 3]], inward[:, [1, 2, 3]], inward[:, [1, 3, 0]]]
        return np.concatenate(triangles)


def count_faces(labels: ArrayLike) -> int:
    """Voxel faces between different labels, the faces of the box included; `labels` is (1, Z, Y, X)."""
    return sum(len(below) for _, below, _ in _faces(labels))


def find_interfaces(labels: ArrayLike, *, iterations: int = 15, memory: int = 4_000_000_000) -> Interfaces:
    """Surface nets of a label volume.

    Parameters
    ----------
    labels : (1, Z, Y, X) uint8 array-like; outside the box everything counts as 0
    iterations : of Taubin's smoothing, 0 for the bare faces of the voxels; a vertex stays within half a voxel of where
        it began, and on the faces of the box
    memory : bytes that this may take

    Raises
    ------
    InputError
        If there is no face, or too many for `memory`.

    Notes
    -----
    Digitised balls of radius 8 to 32 voxels keep the volume of their voxels to 1 %; their area is 1 to 3 % high. Plain
    averaging would shrink the smallest of them by 10 %.

    Where two parts of a phase touch along a line only, four triangles share that edge.
    """
    faces = count_faces(labels)
    if faces == 0:
        raise InputError("the label volume has no surface: every voxel is 0")
    if faces * _BYTES_PER_FACE > memory:
        raise InputError(
            f"the surfaces have {faces} voxel faces and need {format_bytes(faces * _BYTES_PER_FACE)} of memory, "
            f"{format_bytes(memory)} are allowed; export a part of the volume, or every second voxel"
        )
    cells = np.empty((faces, 4), np.int64)
    below, above = np.empty(faces, np.uint8), np.empty(faces, np.uint8)
    start = 0
    for corner, low, high in _faces(labels):
        stop = start + len(low)
        cells[start:stop], below[start:stop], above[start:stop] = corner, low, high
        start = stop
    ordered = np.sort(cells, axis=None)  # several times faster here than the hashing of numpy.unique
    used = ordered[np.concatenate(([True], ordered[1:] != ordered[:-1]))]
    del ordered
    quads = np.searchsorted(used, cells)
    del cells
    _, z, y, x = (int(n) for n in labels.shape)
    index = np.stack(np.unravel_index(used, (z + 1, y + 1, x + 1)), axis=1)
    vertices = _relax(index, quads, (z, y, x), iterations)
    return Interfaces(vertices, quads, below, above)


def _faces(
    labels: ArrayLike,
) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8], npt.NDArray[np.uint8]]]:
    """Cells around each face, label below and label above, slice by slice, in a frame of one voxel of 0.

    Cell (k, j, i) lies between the voxels (k, j, i) and (k + 1, j + 1, i + 1) of the frame.
    """
    _, _, height, width = (int(n) for n in labels.shape)
    stride_y = width + 1
    stride_z = (height + 1) * stride_y

    def cells(k: int, j: Any, i: Any) -> Any:
        return k * stride_z + j * stride_y + i

    previous = np.zeros((height + 2, width + 2), np.uint8)
    for z, plane in enumerate(_framed(labels, height, width), start=1):
        j, i = np.nonzero(previous != plane)
        if len(j):
            corners = [cells(z - 1, j + b, i + a) for b, a in ((-1, -1), (-1, 0), (0, 0), (0, -1))]
            yield np.stack(corners, axis=1), previous[j, i], plane[j, i]
        j, i = np.nonzero(plane[:-1] != plane[1:])
        if len(j):
            corners = [cells(z + c, j, i + a) for c, a in ((-1, -1), (0, -1), (0, 0), (-1, 0))]
            yield np.stack(corners, axis=1), plane[j, i], plane[j + 1, i]
        j, i = np.nonzero(plane[:, :-1] != plane[:, 1:])
        if len(j):
            corners = [cells(z + c, j + b, i) for c, b in ((-1, -1), (-1, 0), (0, 0), (0, -1))]
            yield np.stack(corners, axis=1), plane[j, i], plane[j, i + 1]
        previous = plane


def _framed(labels: ArrayLike, height: int, width: int) -> Iterator[npt.NDArray[np.uint8]]:
    """The slices with a frame of 0 around each, and one slice of 0 after the last."""
    for (plane,) in sweep_planes(labels):
        yield np.pad(plane, 1)
    yield np.zeros((height + 2, width + 2), np.uint8)


def _relax(
    index: npt.NDArray[np.intp], quads: npt.NDArray[np.int64], shape: tuple[int, int, int], iterations: int
) -> npt.NDArray[np.float64]:
    """Vertices from the corners of the voxels: towards the mean of the neighbors, then a little further back."""
    from voltomo.io.neighbor_sums import sum_neighbors  # numba is loaded only where a surface is made

    corners = index.astype(np.float64) - 0.5
    low = np.where((index > 0) & (index < np.array(shape)), corners - 0.5, corners)  # what lies on the box stays there
    high = 2 * corners - low
    vertices = corners.copy()
    sums = np.empty_like(vertices)
    count = np.bincount(quads.ravel(), minlength=len(index))[:, None] * 2.0
    for step in _STEPS * iterations:
        sum_neighbors(quads, vertices, sums)
        sums /= count
        sums -= vertices
        sums *= step
        vertices += sums
        np.clip(vertices, low, high, out=vertices)
    return vertices
