"""Derivatives of a smoothed image: what its edges, ridges and corners look like at one scale.

Kernels for `voltomo.classifiers.features`. Differences are taken over `steps` voxels to either side and scaled by the
standard deviation of the smoothing, so that a feature has the unit of grey at every scale (Lindeberg, Feature detection
with automatic scale selection, Int. J. Comput. Vis. 30 (1998) 79, doi:10.1023/A:1008045108935, with gamma = 1).
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numba
import numpy as np
import numpy.typing as npt

from voltomo.classifiers.eigenvalues import eigenvalues_2, eigenvalues_3
from voltomo.classifiers.scale_space import mirrored

__all__ = ["corner_values", "fill_plane", "fill_volume", "products_plane", "products_volume"]

Array: TypeAlias = npt.NDArray[Any]


@numba.njit(cache=True, nogil=True)
def _pad(line: Array, step: int, out: Array) -> None:
    """A row with `step` mirrored voxels on either side."""
    width = line.size
    out[step : step + width] = line
    for x in range(step):
        out[x] = line[mirrored(x - step, width)]
        out[step + width + x] = line[mirrored(width + x, width)]


@numba.njit(cache=True, nogil=True)
def fill_plane(level: Array, first: int, last: int, steps: Array, scales: Array, out: Array) -> None:
    """Features of one smoothed image in its planes, for rows ``z * Y + y`` from first to last.

    Parameters
    ----------
    level : (Z, Y, X) float32
    steps : (3,) distances of the differences in voxels
    scales : (3,) float32, standard deviation of the smoothing over the length of a step
    out : (5, rows · X) float32
        Grey, length of the gradient, larger and smaller eigenvalue of the Hessian, Laplacian.
    """
    _, height, width = level.shape
    step_y, step_x = steps[1], steps[2]
    scale_y, scale_x = scales[1], scales[2]
    half, quarter = np.float32(0.5), np.float32(0.25)
    lines = np.empty((3, width + 2 * step_x), np.float32)
    up, here, down = lines[0], lines[1], lines[2]
    for row in range(first, last):
        z, y = row // height, row % height
        _pad(level[z, mirrored(y - step_y, height)], step_x, up)
        _pad(level[z, y], step_x, here)
        _pad(level[z, mirrored(y + step_y, height)], step_x, down)
        start = (row - first) * width
        for x in range(width):
            left, m, right = x, x + step_x, x + 2 * step_x
            grey = here[m]
            gx = (here[right] - here[left]) * scale_x * half
            gy = (down[m] - up[m]) * scale_y * half
            hxx = (here[right] - grey - (grey - here[left])) * scale_x * scale_x
            hyy = (down[m] - grey - (grey - up[m])) * scale_y * scale_y
            hxy = (down[right] - down[left] - (up[right] - up[left])) * scale_x * scale_y * quarter
            mean = (hxx + hyy) * half
            difference = (hxx - hyy) * half
            radius = np.sqrt(difference * difference + hxy * hxy)
            out[0, start + x] = grey
            out[1, start + x] = np.sqrt(gx * gx + gy * gy)
            out[2, start + x] = mean + radius
            out[3, start + x] = mean - radius
            out[4, start + x] = hxx + hyy


@numba.njit(cache=True, nogil=True)
def fill_volume(level: Array, first: int, last: int, steps: Array, scales: Array, out: Array) -> None:
    """The same through the volume: the Hessian has three eigenvalues, and `out` is (6, rows · X)."""
    depth, height, width = level.shape
    step_z, step_y, step_x = steps[0], steps[1], steps[2]
    sz, sy, sx = float(scales[0]), float(scales[1]), float(scales[2])
    lines = np.empty((3, 3, width + 2 * step_x), np.float32)
    for row in range(first, last):
        z, y = row // height, row % height
        for i in range(3):
            for j in range(3):
                plane = level[mirrored(z + (i - 1) * step_z, depth)]
                _pad(plane[mirrored(y + (j - 1) * step_y, height)], step_x, lines[i, j])
        start = (row - first) * width
        for x in range(width):
            left, m, right = x, x + step_x, x + 2 * step_x
            grey = float(lines[1, 1, m])
            gx = (lines[1, 1, right] - lines[1, 1, left]) * sx * 0.5
            gy = (lines[1, 2, m] - lines[1, 0, m]) * sy * 0.5
            gz = (lines[2, 1, m] - lines[0, 1, m]) * sz * 0.5
            hxx = (lines[1, 1, right] - 2.0 * grey + lines[1, 1, left]) * sx * sx
            hyy = (lines[1, 2, m] - 2.0 * grey + lines[1, 0, m]) * sy * sy
            hzz = (lines[2, 1, m] - 2.0 * grey + lines[0, 1, m]) * sz * sz
            hxy = (lines[1, 2, right] - lines[1, 2, left] - lines[1, 0, right] + lines[1, 0, left]) * sx * sy * 0.25
            hxz = (lines[2, 1, right] - lines[2, 1, left] - lines[0, 1, right] + lines[0, 1, left]) * sx * sz * 0.25
            hyz = (lines[2, 2, m] - lines[2, 0, m] - lines[0, 2, m] + lines[0, 0, m]) * sy * sz * 0.25
            one, two, three = eigenvalues_3(hxx, hyy, hzz, hxy, hxz, hyz)
            out[0, start + x] = grey
            out[1, start + x] = math.sqrt(gx * gx + gy * gy + gz * gz)
            out[2, start + x] = one
            out[3, start + x] = two
            out[4, start + x] = three
            out[5, start + x] = hxx + hyy + hzz


@numba.njit(cache=True, nogil=True)
def products_plane(level: Array, first: int, last: int, steps: Array, scales: Array, out: Array) -> None:
    """Products of the gradient with itself in a plane, (3, Z, Y, X): yy, xx, yx."""
    _, height, width = level.shape
    step_y, step_x = steps[1], steps[2]
    half_y, half_x = scales[1] * np.float32(0.5), scales[2] * np.float32(0.5)
    here = np.empty(width + 2 * step_x, np.float32)
    for row in range(first, last):
        z, y = row // height, row % height
        up, down = level[z, mirrored(y - step_y, height)], level[z, mirrored(y + step_y, height)]
        _pad(level[z, y], step_x, here)
        right = here[2 * step_x :]
        yy, xx, yx = out[0, z, y], out[1, z, y], out[2, z, y]
        for x in range(width):
            gx = (right[x] - here[x]) * half_x
            gy = (down[x] - up[x]) * half_y
            yy[x] = gy * gy
            xx[x] = gx * gx
            yx[x] = gy * gx


@numba.njit(cache=True, nogil=True)
def products_volume(level: Array, first: int, last: int, steps: Array, scales: Array, out: Array) -> None:
    """Products of the gradient with itself in a volume, (6, Z, Y, X): zz, yy, xx, yx, zx, zy."""
    depth, height, width = level.shape
    step_z, step_y, step_x = steps[0], steps[1], steps[2]
    half = np.float32(0.5)
    half_z, half_y, half_x = scales[0] * half, scales[1] * half, scales[2] * half
    here = np.empty(width + 2 * step_x, np.float32)
    for row in range(first, last):
        z, y = row // height, row % height
        below, above = level[mirrored(z - step_z, depth), y], level[mirrored(z + step_z, depth), y]
        up, down = level[z, mirrored(y - step_y, height)], level[z, mirrored(y + step_y, height)]
        _pad(level[z, y], step_x, here)
        right = here[2 * step_x :]
        for x in range(width):
            gx = (right[x] - here[x]) * half_x
            gy = (down[x] - up[x]) * half_y
            gz = (above[x] - below[x]) * half_z
            out[0, z, y, x] = gz * gz
            out[1, z, y, x] = gy * gy
            out[2, z, y, x] = gx * gx
            out[3, z, y, x] = gy * gx
            out[4, z, y, x] = gz * gx
            out[5, z, y, x] = gz * gy


@numba.njit(cache=True, nogil=True)
def corner_values(products: Array, first: int, last: int, out: Array) -> None:
    """Square roots of the eigenvalues of the structure tensor, for rows from first to last.

    Parameters
    ----------
    products : (3 or 6, Z, Y, X) smoothed products of the gradient
    out : (2 or 3, Z, Y, X), largest first
    """
    count, _, height, width = products.shape
    for row in range(first, last):
        z, y = row // height, row % height
        if count == 3:
            yy, xx, yx = products[0, z, y], products[1, z, y], products[2, z, y]
            for x in range(width):
                large, small = eigenvalues_2(float(yy[x]), float(yx[x]), float(xx[x]))
                out[0, z, y, x] = math.sqrt(max(large, 0.0))
                out[1, z, y, x] = math.sqrt(max(small, 0.0))
        else:
            for x in range(width):
                zz, yy_, xx_ = products[0, z, y, x], products[1, z, y, x], products[2, z, y, x]
                yx_, zx, zy = products[3, z, y, x], products[4, z, y, x], products[5, z, y, x]
                one, two, three = eigenvalues_3(float(xx_), float(yy_), float(zz), float(yx_), float(zx), float(zy))
                out[0, z, y, x] = math.sqrt(max(one, 0.0))
                out[1, z, y, x] = math.sqrt(max(two, 0.0))
                out[2, z, y, x] = math.sqrt(max(three, 0.0))
