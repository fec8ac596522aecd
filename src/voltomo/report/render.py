"""A picture of labelled voxels in space: parallel rays, first voxel hit, soft light.

The volume is seen from above its front right corner with x to the right, y towards the viewer and z downwards, so that
the top face is slice z = 0 as it lies on a table. The octant nearest to the viewer is cut away. The projection is
parallel: a length across the line of sight has the same scale everywhere.

Rays walk from voxel to voxel after Amanatides and Woo, A fast voxel traversal algorithm for ray tracing,
Eurographics (1987).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from numba import njit

from voltomo.report.colors import Rgb

__all__ = ["View", "render"]

Floats: TypeAlias = npt.NDArray[np.float64]

_TOWARD = (-0.56, 0.70, 0.44)
"""(z, y, x) towards the viewer: about 34 degrees above the horizon, the front turned a little to the left."""

_SUPERSAMPLING = 2
_SHARE = _SUPERSAMPLING**2
_OCCLUSION_RAYS = 64
_OCCLUSION_STEPS = 9
_STRIDE = 1.4
"""Samples per edge of a pixel; directions that light comes from, steps along each and their length in voxels."""

_TALLEST = 1.4
"""Height over width of the picture at most."""

_SOLID, _REMOVED = 1, 2
_AMBIENT, _DIFFUSE, _DEPTH_CUE = 0.52, 0.58, 0.22
"""Light from everywhere, light from the upper left, and how much darker the far end is; by eye."""


@dataclass(frozen=True)
class View:
    """A rendered picture and its geometry.

    Parameters
    ----------
    image : (rows, columns, 3) uint8, white where nothing was hit
    pixel : edge of a pixel, in the unit of the voxels
    box : (z, y, x) edges of the volume, in the same unit
    cut : where the cut-away octant begins or ends, in shares (z, y, x) of the edges
    """

    image: Rgb
    pixel: float
    box: tuple[float, float, float]
    cut: tuple[float, float, float]

    def place(self, z: float, y: float, x: float) -> tuple[float, float]:
        """(row, column) on the picture of a point of the box, given in shares of its edges."""
        right, up, _ = _camera()
        rows, columns = self.image.shape[:2]
        point = (np.array([z, y, x]) - 0.5) * np.array(self.box)
        return rows / 2 - 0.5 - float(point @ up) / self.pixel, columns / 2 - 0.5 + float(point @ right) / self.pixel


def render(ids: npt.NDArray[Any], colors: Rgb, *, spacing: tuple[float, float, float], width: int = 720) -> View:
    """Picture of the voxels whose id is not 0.

    Parameters
    ----------
    ids : (Z, Y, X) unsigned integers; 0 is transparent
    colors : (n, 3); id `i` takes row ``1 + (i - 1) % (n - 1)``
    spacing : (dz, dy, dx) in m or voxels
    width : of the picture in pixels; a tall and thin volume gives a narrower one

    Returns
    -------
    View
    """
    right, up, toward = _camera()
    # The kernel works in units of the smallest voxel edge, where steps of about 1 are right.
    unit = min(spacing)
    step = np.array(spacing) / unit
    box = step * ids.shape
    across, along = 1.02 * _span(box, right), 1.02 * _span(box, up)
    pixel = max(across, along / _TALLEST) / width
    width, height = (max(2, int(np.ceil(extent / pixel))) for extent in (across, along))
    ids = np.ascontiguousarray(ids, np.uint32)
    state = (ids != 0).astype(np.uint8)
    octant = _octant(ids.shape)
    state[octant] = _REMOVED
    light = 0.55 * toward + 0.62 * up - 0.45 * right
    fine = np.ones((height * _SUPERSAMPLING, width * _SUPERSAMPLING, 3), np.float32)
    _render(
        ids,
        state,
        colors.astype(np.float32) / 255,
        step,
        np.stack([right, up, toward]),
        light / np.linalg.norm(light),
        pixel / _SUPERSAMPLING,
        _sphere_directions(_OCCLUSION_RAYS),
        fine,
    )
    coarse = fine.reshape(height, _SUPERSAMPLING, width, _SUPERSAMPLING, 3).mean(axis=(1, 3))
    z, y, x = (float(edge) * unit for edge in box)
    cut = (octant[0].stop / ids.shape[0], octant[1].start / ids.shape[1], octant[2].start / ids.shape[2])
    return View(np.rint(coarse * 255).astype(np.uint8), pixel * unit, (z, y, x), cut)


def _camera() -> tuple[Floats, Floats, Floats]:
    """Unit vectors (z, y, x): to the right of the picture, up, and towards the viewer."""
    toward = np.array(_TOWARD) / np.linalg.norm(_TOWARD)
    right = np.array([0.0, -toward[2], toward[1]])
    right /= np.linalg.norm(right)
    # In (z, y, x) order a cross product changes sign; up must point towards smaller z.
    up = np.cross(right, toward)
    return right, up if up[0] < 0 else -up, toward


def _octant(shape: tuple[int, ...]) -> tuple[slice, slice, slice]:
    """The eighth of a box that is nearest to the viewer."""
    z, y, x = (n // 2 for n in shape)
    return slice(0, z), slice(shape[1] - y, None), slice(shape[2] - x, None)


def _span(box: Floats, direction: Floats) -> float:
    """Length of a box along a direction."""
    return float(np.abs(box * direction).sum())


def _sphere_directions(count: int) -> Floats:
    """(count, 3) unit vectors, evenly spread: a Fibonacci lattice."""
    i = np.arange(count) + 0.5
    height = 1 - 2 * i / count
    angle = np.pi * (1 + 5**0.5) * i
    radius = np.sqrt(1 - height**2)
    return np.stack([height, radius * np.cos(angle), radius * np.sin(angle)], axis=1)


@njit(cache=True, nogil=True)
def _normal(ids: Any, cell: Any, step: Any, normal: Any) -> None:
    """Outward normal of the surface of one object around a voxel, from which of its neighbours differ."""
    own = ids[cell[0], cell[1], cell[2]]
    sum_z, sum_y, sum_x = 0.0, 0.0, 0.0
    for dz in range(-2, 3):
        z = min(max(cell[0] + dz, 0), ids.shape[0] - 1)
        for dy in range(-2, 3):
            y = min(max(cell[1] + dy, 0), ids.shape[1] - 1)
            for dx in range(-2, 3):
                x = min(max(cell[2] + dx, 0), ids.shape[2] - 1)
                if ids[z, y, x] != own:
                    a, b, c = dz * step[0], dy * step[1], dx * step[2]
                    weight = 1 / (a * a + b * b + c * c)
                    sum_z += a * weight
                    sum_y += b * weight
                    sum_x += c * weight
    length = np.sqrt(sum_z * sum_z + sum_y * sum_y + sum_x * sum_x)
    if length > 1e-6:
        normal[0], normal[1], normal[2] = sum_z / length, sum_y / length, sum_x / length


@njit(cache=True, nogil=True)
def _openness(state: Any, point: Any, normal: Any, step: Any, directions: Any, first: int) -> float:
    """Share of the light from all sides that reaches a point, near obstacles counting most.

    Every `_SHARE`-th direction from `first` on is tried; the samples of one pixel share the directions out.
    """
    depth, height, width = state.shape
    from_z, from_y, from_x = point[0] / step[0], point[1] / step[1], point[2] / step[2]
    lit, total = 0.0, 0.0
    for k in range(first, directions.shape[0], _SHARE):
        dz, dy, dx = directions[k, 0], directions[k, 1], directions[k, 2]
        cosine = dz * normal[0] + dy * normal[1] + dx * normal[2]
        if cosine <= 0.05:
            continue
        total += cosine
        dz, dy, dx = dz * _STRIDE / step[0], dy * _STRIDE / step[1], dx * _STRIDE / step[2]
        reached = 1.0
        for s in range(1, _OCCLUSION_STEPS + 1):
            # One is added and taken away because int() rounds -0.5 up to 0, into the face that the light leaves.
            z, y, x = int(from_z + dz * s + 1) - 1, int(from_y + dy * s + 1) - 1, int(from_x + dx * s + 1) - 1
            if z < 0 or y < 0 or x < 0 or z >= depth or y >= height or x >= width:
                break
            if state[z, y, x] == _SOLID:
                reached = (s - 1) / _OCCLUSION_STEPS
                break
        lit += cosine * reached
    return lit / total if total > 0 else 1.0


@njit(cache=True, nogil=True)
def _walk(state: Any, origin: Any, ray: Any, step: Any, cell: Any) -> tuple[float, int, bool]:
    """Follow a ray to the first voxel that stops it.

    Returns distance, the axis whose face was hit, and whether that face is one of the box or of the cut; a distance
    below 0 is a miss. `cell` receives the voxel.
    """
    near, far, axis = 0.0, 1e30, 0
    for i in range(3):
        a = (0.0 - origin[i]) / ray[i]
        b = (state.shape[i] * step[i] - origin[i]) / ray[i]
        if min(a, b) > near:
            near, axis = min(a, b), i
        far = min(far, max(a, b))
    if near >= far:
        return -1.0, 0, False
    following = np.empty(3)
    for i in range(3):
        at = (origin[i] + near * ray[i]) / step[i]
        cell[i] = min(max(int(np.floor(at + (1e-9 if ray[i] > 0 else -1e-9))), 0), state.shape[i] - 1)
        edge = (cell[i] + (1 if ray[i] > 0 else 0)) * step[i]
        following[i] = (edge - origin[i]) / ray[i]
    t, flat = near, True
    while True:
        here = state[cell[0], cell[1], cell[2]]
        if here == _SOLID:
            return t, axis, flat
        flat = here == _REMOVED
        axis = (
            0
            if following[0] <= following[1] and following[0] <= following[2]
            else (1 if following[1] <= following[2] else 2)
        )
        t = following[axis]
        cell[axis] += 1 if ray[axis] > 0 else -1
        if cell[axis] < 0 or cell[axis] >= state.shape[axis]:
            return -1.0, 0, False
        following[axis] += step[axis] / abs(ray[axis])


@njit(cache=True, nogil=True)
def _render(
    ids: Any, state: Any, colors: Any, step: Any, camera: Any, light: Any, pixel: float, directions: Any, out: Any
) -> None:
    """Fill `out`, (rows, columns, 3) float32 of ones, with the colours of what the rays hit."""
    rows, columns = out.shape[:2]
    right, up, toward = camera[0], camera[1], camera[2]
    middle = np.array([ids.shape[0] * step[0], ids.shape[1] * step[1], ids.shape[2] * step[2]]) / 2
    reach = np.sqrt((middle**2).sum())
    ray = -toward
    origin, point, normal = np.empty(3), np.empty(3), np.empty(3)
    cell = np.empty(3, np.int64)
    for row in range(rows):
        v = (rows / 2 - 0.5 - row) * pixel
        for column in range(columns):
            u = (column - columns / 2 + 0.5) * pixel
            for i in range(3):
                origin[i] = middle[i] + u * right[i] + v * up[i] + 2 * reach * toward[i]
            t, axis, flat = _walk(state, origin, ray, step, cell)
            if t < 0:
                continue
            normal[:] = 0
            normal[axis] = 1 if ray[axis] < 0 else -1
            for i in range(3):
                # Half a voxel in front of the face, so that the surface does not shade itself.
                point[i] = origin[i] + t * ray[i] + 0.5 * normal[i] * step[i]
            if not flat:
                _normal(ids, cell, step, normal)
            share = row % _SUPERSAMPLING * _SUPERSAMPLING + column % _SUPERSAMPLING
            ambient = _openness(state, point, normal, step, directions, share)
            facing = max(0.0, normal[0] * light[0] + normal[1] * light[1] + normal[2] * light[2])
            shade = _AMBIENT * ambient + _DIFFUSE * facing * (0.4 + 0.6 * ambient)
            shade *= 1 - _DEPTH_CUE * min(max((t - reach) / (2 * reach), 0.0), 1.0)
            color = colors[1 + (ids[cell[0], cell[1], cell[2]] - 1) % (colors.shape[0] - 1)]
            for k in range(3):
                out[row, column, k] = min(1.0, color[k] * shade)
