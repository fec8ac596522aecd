"""Non-local means: a voxel becomes the mean of the voxels nearby whose surroundings look alike."""

from __future__ import annotations

from typing import Any, TypeAlias

import numba
import numpy as np
import numpy.typing as npt

from voltomo.segmentation.denoise import as_source, denoised_dtype
from voltomo.segmentation.histogram import grey_array

__all__ = ["NLM_HALO", "nonlocal_means"]

Array: TypeAlias = npt.NDArray[Any]

SEARCH = 2
"""Voxels from the centre to the edge of the search window: 5³."""
PATCH = 1
"""Voxels from the centre to the edge of the compared patch: 3³."""
NLM_HALO = SEARCH + PATCH


def nonlocal_means(values: Array, inside: Array, *, noise: float, strength: float) -> Array:
    """Mean of the voxels nearby whose surroundings look alike.

    Parameters
    ----------
    values : (z, y, x) grey values
    inside : (z, y, x) uint8, 0 outside the field of view; those voxels are left as they are and not used
    noise : standard deviation of the noise, in grey values
    strength : h / noise; larger smooths more

    Returns
    -------
    (z, y, x) array
        In a plane (z = 1), patches and search window lie in the plane.

    Notes
    -----
    The weight of a voxel is exp(−max(d² − 2·noise², 0)/h²) with d² the mean squared difference of the two patches [1]_.
    The exponential is taken as (1 − t/8)⁸ for t < 8, and 0 beyond: off by 0.03 at most, and of compact support, which
    keeps unlike voxels out altogether (as [2]_ argues). The voxel itself has weight 1. Each pair of voxels is
    compared once and serves both.

    References
    ----------
    .. [1] A. Buades, B. Coll, J.-M. Morel, A non-local algorithm for image denoising, CVPR 2005,
       doi:10.1109/CVPR.2005.38.
    .. [2] B. Goossens, H. Luong, A. Pižurica, W. Philips, An improved non-local denoising algorithm, LNLA 2008.
    """
    if noise <= 0 or strength <= 0:
        return values.astype(denoised_dtype(values.dtype), copy=True)
    grey = grey_array(values)
    is_inside = inside != 0
    depth = 0 if grey.shape[0] == 1 else 1
    width = ((depth * NLM_HALO,) * 2, (NLM_HALO,) * 2, (NLM_HALO,) * 2)
    # Outside voxels are so far from every grey value that no patch with one of them resembles a patch without.
    far = np.float32(1e6 * noise) + np.float32(2) * np.abs(grey[is_inside]).max(initial=0).astype(np.float32)
    padded = np.pad(np.where(is_inside, grey, far).astype(np.float32), width, mode="symmetric")
    total, weight = np.empty(grey.shape, np.float32), np.empty(grey.shape, np.float32)
    scale = 1.0 / (8 * (strength * noise) ** 2)
    _nlm_kernel(padded, depth, np.float32(2 * noise**2), np.float32(scale), total, weight)
    return as_source(total / weight, values, inside)


@numba.njit(cache=True, nogil=True)
def _nlm_kernel(padded: Array, depth: int, bias: Any, scale: Any, total: Array, weight: Array) -> None:
    """Weighted sums and weights of all voxels.

    An offset and its opposite are treated together: the weight of the pair (i, i + offset) is added to both. Sums of
    squared differences over the patch are separable, of three terms each and so the same wherever a block begins.
    `depth` is 1 in a volume and 0 in a plane; planes of `padded` are numbered from the first one of the block.
    """
    nz, ny, nx = total.shape
    lead = depth * NLM_HALO
    for z in range(nz):
        total[z] = padded[z + lead, NLM_HALO : NLM_HALO + ny, NLM_HALO : NLM_HALO + nx]
    weight[:] = np.float32(1)
    share = np.float32(1.0 / (9 * (1 + 2 * depth)))
    squares = np.empty((ny + SEARCH + 2, nx + SEARCH + 2), np.float32)
    planes = np.zeros((3, ny + SEARCH, nx + SEARCH), np.float32)
    row = np.empty(nx + SEARCH, np.float32)
    for a in range(depth * SEARCH + 1):
        for b in range(-SEARCH, SEARCH + 1):
            for c in range(-SEARCH, SEARCH + 1):
                if a == 0 and (b < 0 or (b == 0 and c <= 0)):
                    continue
                box = (-max(b, 0), ny + max(-b, 0), -max(c, 0), nx + max(-c, 0))
                for q in range(-a - depth, nz + depth):
                    _sum_squares(padded[q + lead], padded[q + lead + a], b, c, box, squares, planes[q % 3])
                    z = q - depth
                    if z < -a:
                        continue
                    first, last = planes[(z - depth) % 3], planes[(z + depth) % 3]
                    for y in range(box[0], box[1]):
                        i = y - box[0]
                        _weigh(first[i], planes[z % 3, i], last[i], depth, box[3] - box[2], share, bias, scale, row)
                        one, two = padded[z + lead, y + NLM_HALO], padded[z + lead + a, y + b + NLM_HALO]
                        if z >= 0 and 0 <= y < ny:
                            _add(row[-box[2] :], two[NLM_HALO + c :], total[z, y], weight[z, y])
                        if z + a < nz and 0 <= y + b < ny:
                            _add(row[-c - box[2] :], one[NLM_HALO - c :], total[z + a, y + b], weight[z + a, y + b])


@numba.njit(cache=True, nogil=True)
def _sum_squares(
    one: Array, two: Array, b: int, c: int, box: tuple[int, int, int, int], squares: Array, out: Array
) -> None:
    """Squared differences between a plane and its partner shifted by (b, c), summed over 3 x 3 pixels of the box."""
    y0, x0 = box[0] + NLM_HALO, box[2] + NLM_HALO
    height, width = box[1] - box[0], box[3] - box[2]
    for y in range(height + 2):
        left = one[y0 + y - 1, x0 - 1 : x0 + width + 1]
        right = two[y0 + y - 1 + b, x0 - 1 + c : x0 + width + 1 + c]
        into = squares[y]
        for x in range(width + 2):
            gap = left[x] - right[x]
            into[x] = gap * gap
    for y in range(height):
        above, middle, below = squares[y], squares[y + 1], squares[y + 2]
        for x in range(width + 2):
            above[x] = above[x] + middle[x] + below[x]
        into = out[y]
        for x in range(width):
            into[x] = above[x] + above[x + 1] + above[x + 2]


@numba.njit(cache=True, nogil=True)
def _weigh(
    first: Array,
    middle: Array,
    last: Array,
    depth: int,
    count: int,
    share: Any,
    bias: Any,
    scale: Any,
    out: Array,
) -> None:
    """Weights of one row of pairs, from the sums of three planes of patches (of one, in a plane)."""
    zero, one = np.float32(0), np.float32(1)
    for x in range(count):
        distance = first[x] + middle[x] + last[x] if depth else middle[x]
        excess = distance * share - bias
        excess = excess if excess > zero else zero
        rest = one - excess * scale
        rest = rest if rest > zero else zero
        rest = rest * rest
        rest = rest * rest
        out[x] = rest * rest


@numba.njit(cache=True, nogil=True)
def _add(row: Array, partner: Array, total: Array, weight: Array) -> None:
    """Add one row of weights, and of weighted partners."""
    for x in range(total.size):
        w = row[x]
        total[x] += w * partner[x]
        weight[x] += w
