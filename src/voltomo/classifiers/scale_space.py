"""Gaussian smoothing over many scales at a cost that does not grow with the scale.

A scale is made from the next finer one by a five-tap kernel whose taps lie apart ("à trous"): wide smoothing costs as
much as narrow smoothing, no voxel is thrown away, and a result does not depend on where a block begins.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeAlias

import numba
import numpy as np
import numpy.typing as npt

__all__ = ["Smoothing", "mirrored", "plan_smoothing", "reach_of", "smooth", "spread"]

Array: TypeAlias = npt.NDArray[Any]
Steps: TypeAlias = tuple[int, int, int]

_MAX_VARIANCE = 1.0
"""Largest variance of one pass in squared tap distances: the binomial (1, 4, 6, 4, 1) / 16, which holds back what the
next, coarser taps would alias."""
_SMALL = 1e-9
_ROWS = 64  # rows per thread below which starting a thread costs more than it saves


@dataclass(frozen=True)
class Smoothing:
    """One pass of a symmetric five-tap kernel along each axis.

    Parameters
    ----------
    steps : distance of neighbouring taps along z, y, x in voxels; 0 leaves an axis alone
    weights : p along z, y, x; the kernel is (p, 1 - 2p, p) twice, of variance 4p in squared tap distances
    """

    steps: Steps
    weights: tuple[float, float, float]

    @property
    def reach(self) -> Steps:
        """Voxels from the centre to the last tap."""
        z, y, x = (2 * step for step in self.steps)
        return z, y, x


def plan_smoothing(
    fine: float, coarse: float, *, edges: tuple[float, float, float], axes: tuple[int, ...], looseness: float = 2.0
) -> tuple[Smoothing, ...]:
    """Passes that take an image smoothed with one Gaussian to a wider one.

    Parameters
    ----------
    fine, coarse : standard deviations in units of the finest voxel edge; `fine` is 0 for an image as it is
    edges : voxel edges in the same units
    axes : which are smoothed
    looseness : taps are at most this many standard deviations of the smoothing so far apart
        At 2, a pass lets through exp(-π²/2) = 0.7 % of the first frequency that its gaps cannot tell from 0.

    Notes
    -----
    Variances add. The taps lie 2^k voxels apart, as in the "algorithme à trous" [1]_. The kernel of a pass is a
    binomial one and not a sampled Gaussian: its response falls to zero without ripples.

    References
    ----------
    .. [1] M. Holschneider et al., A real-time algorithm for signal analysis with the help of the wavelet transform, in
       Wavelets (Springer 1990) 286, doi:10.1007/978-3-642-75988-8_28.
    """
    have = {axis: (fine / edges[axis]) ** 2 for axis in axes}
    need = {axis: (coarse / edges[axis]) ** 2 for axis in axes}
    passes = []
    while any(need[axis] - have[axis] > _SMALL for axis in axes):
        steps, weights = [0, 0, 0], [0.0, 0.0, 0.0]
        for axis in axes:
            missing = need[axis] - have[axis]
            if missing <= _SMALL:
                continue
            step = 2 ** max(0, math.floor(math.log2(max(1.0, looseness * math.sqrt(have[axis])))))
            taken = min(missing, _MAX_VARIANCE * step**2)
            steps[axis], weights[axis] = step, taken / step**2 / 4
            have[axis] += taken
        passes.append(Smoothing((steps[0], steps[1], steps[2]), (weights[0], weights[1], weights[2])))
    return tuple(passes)


def reach_of(passes: tuple[Smoothing, ...]) -> Steps:
    """Voxels along z, y, x that a value depends on after all passes."""
    z, y, x = (sum(one.reach[axis] for one in passes) for axis in range(3))
    return z, y, x


def smooth(block: Array, passes: tuple[Smoothing, ...], *, threads: int = 1) -> npt.NDArray[np.float32]:
    """The block after all passes.

    Parameters
    ----------
    block : (Z, Y, X) float32
        Mirrored at its faces, the outermost voxel standing once; a voxel further from a face than `reach_of` the passes
        knows nothing of it.
    passes : from `plan_smoothing`

    Returns
    -------
    (Z, Y, X) float32
    """
    current = np.ascontiguousarray(block, np.float32)
    rows = block.shape[0] * block.shape[1]
    for one in passes:
        if one.steps[0] and block.shape[0] > 1:
            current = _through(_smooth_depth, current, one.steps[:1], one.weights[:1], rows, threads)
        if any(one.steps[1:]):
            current = _through(_smooth_plane, current, one.steps[1:], one.weights[1:], rows, threads)
    return current


def _through(
    kernel: Callable[..., None],
    source: Array,
    steps: tuple[int, ...],
    weights: tuple[float, ...],
    rows: int,
    threads: int,
) -> npt.NDArray[np.float32]:
    """One kernel over all rows into a new array."""
    out = np.empty_like(source)
    numbers = [np.float32(weight) for weight in weights]
    spread(lambda first, last: kernel(source, out, first, last, *steps, *numbers), rows, threads=threads)
    return out


def spread(work: Callable[[int, int], None], count: int, *, threads: int) -> None:
    """Call ``work(first, last)`` on equal shares of ``range(count)``, one per thread."""
    shares = max(1, min(threads, count // _ROWS))
    if shares == 1:
        work(0, count)
        return
    ends = np.linspace(0, count, shares + 1).astype(int)
    with ThreadPoolExecutor(shares) as pool:
        for task in [pool.submit(work, int(a), int(b)) for a, b in pairwise(ends)]:
            task.result()


@numba.njit(cache=True, nogil=True)
def mirrored(i: int, n: int) -> int:
    """Index inside ``range(n)`` of a place beyond its ends, mirrored at the outermost voxels."""
    if n == 1:
        return 0
    period = 2 * (n - 1)
    i = i % period
    return period - i if i >= n else i


@numba.njit(cache=True, nogil=True)
def _five(p: np.float32) -> tuple[np.float32, np.float32, np.float32]:
    """Outer, inner and central weight of the kernel (p, 1 - 2p, p) taken twice."""
    q = np.float32(1) - np.float32(2) * p
    return p * p, np.float32(2) * p * q, q * q + np.float32(2) * p * p


@numba.njit(cache=True, nogil=True)
def _smooth_depth(source: Array, out: Array, first: int, last: int, step: int, weight: np.float32) -> None:
    """Along z, for rows ``z * Y + y`` from first to last."""
    depth, height, width = source.shape
    a, b, c = _five(weight)
    for row in range(first, last):
        z, y = row // height, row % height
        r0 = source[mirrored(z - 2 * step, depth), y]
        r1 = source[mirrored(z - step, depth), y]
        r2 = source[z, y]
        r3 = source[mirrored(z + step, depth), y]
        r4 = source[mirrored(z + 2 * step, depth), y]
        line = out[z, y]
        for x in range(width):
            line[x] = c * r2[x] + b * (r1[x] + r3[x]) + a * (r0[x] + r4[x])


@numba.njit(cache=True, nogil=True)
def _smooth_plane(
    source: Array,
    out: Array,
    first: int,
    last: int,
    step_y: int,
    step_x: int,
    weight_y: np.float32,
    weight_x: np.float32,
) -> None:
    """Along y and x, for rows ``z * Y + y`` from first to last."""
    _, height, width = source.shape
    a, b, c = _five(weight_y)
    d, e, f = _five(weight_x)
    margin = 2 * step_x
    padded = np.empty(width + 2 * margin, np.float32)
    middle = padded[margin : margin + width]
    for row in range(first, last):
        z, y = row // height, row % height
        r0 = source[z, mirrored(y - 2 * step_y, height)]
        r1 = source[z, mirrored(y - step_y, height)]
        r2 = source[z, y]
        r3 = source[z, mirrored(y + step_y, height)]
        r4 = source[z, mirrored(y + 2 * step_y, height)]
        for x in range(width):
            middle[x] = c * r2[x] + b * (r1[x] + r3[x]) + a * (r0[x] + r4[x])
        for x in range(margin):
            padded[x] = middle[mirrored(x - margin, width)]
            padded[margin + width + x] = middle[mirrored(width + x, width)]
        line = out[z, y]
        t0, t1 = padded[:width], padded[step_x : step_x + width]
        t3, t4 = padded[3 * step_x : 3 * step_x + width], padded[4 * step_x : 4 * step_x + width]
        for x in range(width):
            line[x] = f * middle[x] + e * (t1[x] + t3[x]) + d * (t0[x] + t4[x])
