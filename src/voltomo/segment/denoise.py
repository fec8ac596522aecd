"""Denoising filters that give the same voxels block by block as in one piece.

Every filter reads a known number of voxels around each one, its halo, and nothing outside the field of view. Integers
come back as integers, rounded; floats as float32.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numba
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from voltomo.errors import InputError
from voltomo.segment.histogram import BinRule, count_values, grey_array

__all__ = [
    "NLM_HALO",
    "count_residuals",
    "denoised_dtype",
    "gaussian_halo",
    "gaussian_smooth",
    "median_smooth",
    "noise_from_residuals",
    "nonlocal_means",
    "residual_rule",
]

Array: TypeAlias = npt.NDArray[Any]

SEARCH = 2
"""Voxels from the centre to the edge of the search window: 5³."""
PATCH = 1
"""Voxels from the centre to the edge of the compared patch: 3³."""
NLM_HALO = SEARCH + PATCH
TRUNCATE = 4.0
"""Standard deviations after which the Gaussian is cut; what is left out is 6e-5 of its weight."""
RESIDUAL_BINS = 65536
NORMAL_MEDIAN = 0.6744897501960817
"""Median of |x| for a standard normal x."""


def denoised_dtype(dtype: npt.DTypeLike) -> np.dtype[Any]:
    """The dtype of the filtered values: the source's for integers, float32 for floats."""
    kind = np.dtype(dtype)
    if kind.kind == "b":
        return np.dtype(np.uint8)
    return kind if kind.kind in "iu" else np.dtype(np.float32)


def median_smooth(values: Array, inside: Array, *, radius: int = 1) -> Array:
    """Median of the voxels inside, in a cube of 2·radius + 1 voxels; the lower one of two middle values.

    Parameters
    ----------
    values : (z, y, x) grey values
    inside : (z, y, x) uint8, 0 outside the field of view; those voxels are left as they are and not used
    radius : halo in voxels; a plane (z = 1) is filtered in the plane
    """
    if radius < 1:
        raise InputError(f"the radius of the median is 1 voxel or more, found {radius}")
    grey = grey_array(values)
    out = np.empty_like(grey)
    _median_kernel(grey, np.ascontiguousarray(inside), radius, np.empty((2 * radius + 1) ** 3, grey.dtype), out)
    return out.astype(denoised_dtype(values.dtype), copy=False)


def gaussian_halo(sigma: tuple[float, float, float]) -> tuple[int, int, int]:
    """Halo of `gaussian_smooth` along z, y and x."""
    z, y, x = (math.ceil(TRUNCATE * s) for s in sigma)
    return z, y, x


def gaussian_smooth(values: Array, inside: Array, *, sigma: tuple[float, float, float]) -> Array:
    """Gaussian mean of the voxels inside the field of view.

    Parameters
    ----------
    values : (z, y, x) grey values
    inside : (z, y, x) uint8, 0 outside the field of view; those voxels are left as they are and not used
    sigma : standard deviation along z, y and x in voxels; 0 leaves an axis alone
    """
    grey = grey_array(values)
    weight = inside.astype(np.float32)
    total = np.where(inside != 0, grey, 0).astype(np.float32)
    for axis, (one, halo) in enumerate(zip(sigma, gaussian_halo(sigma), strict=True)):
        if one > 0 and grey.shape[axis] > 1:
            kernel = np.exp(-0.5 * (np.arange(-halo, halo + 1) / one) ** 2)
            kernel /= kernel.sum()
            total = ndimage.correlate1d(total, kernel, axis=axis, mode="reflect")
            weight = ndimage.correlate1d(weight, kernel, axis=axis, mode="reflect")
    mean = np.divide(total, weight, out=np.zeros_like(total), where=inside != 0)
    return _as_source(mean, values, inside)


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
    return _as_source(total / weight, values, inside)


def residual_rule(low: float, high: float) -> BinRule:
    """Bins for the residuals of an image with grey values from `low` to `high`."""
    return BinRule(0.0, float(high - low), RESIDUAL_BINS, False)


def count_residuals(
    values: Array, inside: Array, rule: BinRule, *, inner: tuple[slice, slice, slice]
) -> npt.NDArray[np.int64]:
    """Histogram of what is left of a block where planes and edges along y and x are taken out.

    The residual is the second difference along y of the second difference along x, scaled so that white noise keeps its
    standard deviation. It needs a halo of one voxel along y and x, and is left out where a neighbour is missing or
    outside.
    """
    z, y, x = values.shape
    if y < 3 or x < 3:
        return np.zeros(rule.count, np.int64)
    grey = np.asarray(values, np.float64)
    along_x = grey[:, :, :-2] - 2 * grey[:, :, 1:-1] + grey[:, :, 2:]
    residual = np.zeros((z, y, x))
    residual[:, 1:-1, 1:-1] = np.abs(along_x[:, :-2] - 2 * along_x[:, 1:-1] + along_x[:, 2:]) / 6.0
    usable = np.zeros((z, y, x), np.uint8)
    window = inside[:, :, :-2] & inside[:, :, 1:-1] & inside[:, :, 2:]
    usable[:, 1:-1, 1:-1] = window[:, :-2] & window[:, 1:-1] & window[:, 2:]
    return count_values(residual[inner], usable[inner], rule)


def noise_from_residuals(counts: npt.NDArray[np.int64], rule: BinRule) -> float:
    """Standard deviation of white noise from the median of the residuals; 0 if there are none.

    Noise that is correlated between neighbours, as after most reconstruction filters, is underestimated.

    References
    ----------
    .. [1] J. Immerkær, Fast noise variance estimation, Comput. Vis. Image Underst. 64 (1996) 300-302,
       doi:10.1006/cviu.1996.0060 (the residual; the median keeps edges out of it).
    """
    total = int(counts.sum())
    if total == 0:
        return 0.0
    cumulative = np.cumsum(counts)
    i = int(np.searchsorted(cumulative, total / 2))
    if i == 0:
        return 0.0
    part = (total / 2 - cumulative[i - 1]) / counts[i]
    return float((i + part) * (rule.high - rule.low) / rule.count / NORMAL_MEDIAN)


def _as_source(result: Array, values: Array, inside: Array) -> Array:
    """The filtered voxels in the dtype to store, the others as they were."""
    dtype = denoised_dtype(values.dtype)
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        result = np.clip(np.rint(result), info.min, info.max)
    return np.where(inside != 0, result, values).astype(dtype)


@numba.njit(cache=True, nogil=True)
def _median_kernel(values: Array, inside: Array, radius: int, window: Array, out: Array) -> None:
    """Lower median of the voxels inside, by partial insertion sort."""
    nz, ny, nx = values.shape
    for z in range(nz):
        for y in range(ny):
            for x in range(nx):
                if not inside[z, y, x]:
                    out[z, y, x] = values[z, y, x]
                    continue
                n = 0
                for i in range(max(0, z - radius), min(nz, z + radius + 1)):
                    for j in range(max(0, y - radius), min(ny, y + radius + 1)):
                        for k in range(max(0, x - radius), min(nx, x + radius + 1)):
                            if inside[i, j, k]:
                                window[n] = values[i, j, k]
                                n += 1
                out[z, y, x] = _select(window, n, (n - 1) // 2)


@numba.njit(cache=True, nogil=True)
def _select(window: Array, n: int, rank: int) -> Any:
    """The value of a rank among the first n; reorders them (Hoare's quickselect)."""
    low, high = 0, n - 1
    while low < high:
        pivot = window[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while window[i] < pivot:
                i += 1
            while window[j] > pivot:
                j -= 1
            if i <= j:
                window[i], window[j] = window[j], window[i]
                i += 1
                j -= 1
        if rank <= j:
            high = j
        elif rank >= i:
            low = i
        else:
            break
    return window[rank]


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
