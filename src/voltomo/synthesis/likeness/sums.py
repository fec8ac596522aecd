"""Sums over the voxels of a scan from which its statistics follow, block by block.

Two passes: the first gives grey levels and edges, the second, which knows them, gives noise and rings. All sums are
over voxels, or pairs of voxels of which one lies in the region that a block writes, so that blocks add up to the whole.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from voltomo.blocks import Block, Partial
from voltomo.morphology.grid import Grid
from voltomo.synthesis.likeness.surfaces import REACH, depth_in_phase, distance_from_surface

__all__ = [
    "BINS_PER_VOXEL",
    "FARTHEST_LAG",
    "HISTOGRAM_BINS",
    "LONGEST_LAG",
    "SECTORS",
    "Interior",
    "lags",
    "merge_sums",
    "sum_fluctuations",
    "sum_greys",
]

Floats = npt.NDArray[np.float64]

LONGEST_LAG = 12
"""Voxels. What varies over longer distances is no noise."""
_LONG_LAGS = (16, 20, 24, 32, 40, 48)
"""Voxels along y and x, for textures."""
FARTHEST_LAG = _LONG_LAGS[-1]
BINS_PER_VOXEL = 2
"""Of the edge profile."""
HISTOGRAM_BINS = 256
SECTORS = 16
"""Of a circle around the middle of the plane; even and odd ones make two independent halves."""


@dataclass(frozen=True)
class Interior:
    """What counts as the inside of each phase.

    Parameters
    ----------
    depth : (256,) smallest depth in voxels by phase id; infinite for a phase that is left out
    level : (256,) mean grey value there
    spread : (256,) standard deviation there
    """

    depth: Floats
    level: Floats
    spread: Floats


def sum_greys(
    block: Block,
    grey: npt.NDArray[np.generic],
    phases: npt.NDArray[np.uint8],
    *,
    active: int,
    grid: Grid,
    span: tuple[float, float],
    origin: float,
) -> Partial:
    """Counts and sums of grey values by phase and depth, by distance from the active surface, and by slice.

    Parameters
    ----------
    block : halo `REACH`
    grey : (Z, Y, X) over ``block.read``
    phases : (Z, Y, X) uint8 over ``block.read``
    active : id of the active phase
    grid : the voxel lattice
    span : lowest and highest grey value of the histogram
    origin : a grey value near the mean, taken off before squares are summed

    Returns
    -------
    dict of arrays
        "depth" (3, 256, REACH + 1) count, sum and sum of squares of voxels at least so deep; "edge" (2, bins) count and
        sum by signed distance; "slices" (2, Z) count and sum inside the active phase; "histogram"; "voxels" (256,)
    """
    inner = block.inner
    ids = phases[inner]
    deep = depth_in_phase(phases, grid)[inner]
    signed = distance_from_surface(phases, active, grid)[inner]
    bins = 2 * REACH * BINS_PER_VOXEL + 1
    depth, edge = np.zeros((3, 256 * (REACH + 1))), np.zeros((2, bins))
    slices = np.zeros((2, block.write[0].stop))
    histogram = np.zeros(HISTOGRAM_BINS, np.int64)
    low, high = span
    # One slice after another: the intermediate arrays of a whole block would be several times its size.
    for z in range(len(ids)):
        values = np.asarray(grey[inner][z], np.float64) - origin
        layer = np.floor(deep[z]).astype(np.intp)
        place = ids[z].astype(np.intp) * (REACH + 1) + layer
        depth += np.stack([_sums_by(place, weights, depth.shape[1]) for weights in (None, values, values**2)])
        inside = ids[z] != 0
        distance = np.floor((signed[z][inside] + REACH) * BINS_PER_VOXEL).astype(np.intp)
        edge += np.stack([_sums_by(distance, weights, bins) for weights in (None, values[inside])])
        is_deep = (ids[z] == active) & (layer >= _SLICE_DEPTH)
        slices[:, block.write[0].start + z] = np.count_nonzero(is_deep), values[is_deep].sum()
        level = (values[inside] + origin - low) / (high - low) * HISTOGRAM_BINS
        histogram += np.bincount(np.clip(level, 0, HISTOGRAM_BINS - 1).astype(np.intp), minlength=HISTOGRAM_BINS)
    at_least = depth.reshape(3, 256, -1)[:, :, ::-1].cumsum(axis=2)[:, :, ::-1]
    return {
        "depth": at_least,
        "edge": edge,
        "slices": slices,
        "histogram": histogram,
        "voxels": np.bincount(ids.ravel(), minlength=256),
    }


_SLICE_DEPTH = 3
"""Voxels from a boundary at which a voxel counts for the mean of its slice."""


def _sums_by(place: npt.NDArray[np.intp], weights: Floats | None, count: int) -> Floats:
    flat = None if weights is None else weights.ravel()
    return np.bincount(place.ravel(), weights=flat, minlength=count).astype(np.float64)


def merge_sums(one: Partial, two: Partial) -> Partial:
    """Sum of two partials; arrays that grow with the volume are padded with zeros."""
    merged: Partial = {}
    for name in one:
        a, b = one[name], two[name]
        shape = tuple(max(m, n) for m, n in zip(a.shape, b.shape, strict=True))
        merged[name] = np.add(_padded(a, shape), _padded(b, shape))
    return merged


def _padded(array: npt.NDArray[np.generic], shape: tuple[int, ...]) -> npt.NDArray[np.generic]:
    return np.pad(array, [(0, n - m) for m, n in zip(array.shape, shape, strict=True)])


def lags() -> npt.NDArray[np.int64]:
    """(K, 3) lags of the variogram: half of the plane up to `LONGEST_LAG`, some longer ones along y and x, then z.

    The other half of the plane follows by symmetry. The first lag is (0, 0, 0).
    """
    reach = range(-LONGEST_LAG, LONGEST_LAG + 1)
    plane = [(0, y, x) for y in range(LONGEST_LAG + 1) for x in reach if y > 0 or x >= 0]
    far = [lag for h in _LONG_LAGS for lag in ((0, h, 0), (0, 0, h))]
    return np.array(plane + far + [(z, 0, 0) for z in range(1, LONGEST_LAG + 1)], np.int64)


def sum_fluctuations(
    block: Block,
    grey: npt.NDArray[np.generic],
    phases: npt.NDArray[np.uint8],
    ids: npt.NDArray[np.uint32] | None = None,
    *,
    interior: Interior,
    active: int,
    grid: Grid,
    center: tuple[float, float],
    stride: int,
) -> Partial:
    """Squared differences of pairs inside each phase, by lag, and residuals on circles around the middle.

    Parameters
    ----------
    block : halo `REACH` + `FARTHEST_LAG` along y and x, `REACH` + `LONGEST_LAG` along z
    grey, phases : (Z, Y, X) over ``block.read``
    ids : (Z, Y, X) particle ids over ``block.read``, 0 for none; or None
    interior : which voxels count
    active : id of the active phase
    grid : the voxel lattice
    center : (y, x) of the rotation axis, voxels
    stride : only one in so many slices, and rows, starts pairs

    Returns
    -------
    dict of arrays
        "pairs" (2, 256, K) count and sum of squared differences; "circles" (2, 2, R) count and sum by half and radius;
        "particles" (2, N + 1) count and sum of residuals inside the active phase by particle
    """
    deep = depth_in_phase(phases, grid)
    kind = np.where(deep >= interior.depth.astype(np.float32)[phases], phases, np.uint8(0))
    values = np.asarray(grey, np.float32)
    starts = np.array([axis.start for axis in block.inner] + [axis.stop for axis in block.inner], np.int64)
    pairs = np.zeros((2, 256, len(lags())))
    _sum_pairs(values, kind, lags(), starts, np.array(block.origin, np.int64), stride, pairs)
    circles = _sum_circles(block, values[block.inner], kind[block.inner], interior, center)
    particles = np.zeros((2, 1))
    if ids is not None:
        inside = kind[block.inner] == active
        owner = ids[block.inner][inside].astype(np.intp)
        residual = values[block.inner][inside].astype(np.float64) - interior.level[active]
        particles = np.stack([np.bincount(owner), np.bincount(owner, residual)]) if len(owner) else particles
    return {"pairs": pairs, "circles": circles, "particles": particles.astype(np.float64)}


@njit(cache=True, nogil=True)
def _sum_pairs(
    values: npt.NDArray[np.float32],
    kind: npt.NDArray[np.uint8],
    steps: npt.NDArray[np.int64],
    inner: npt.NDArray[np.int64],
    origin: npt.NDArray[np.int64],
    stride: int,
    pairs: Floats,
) -> None:
    """Count and squared difference of all pairs that start in the inner region and stay in one kind, in place."""
    nz, ny, nx = values.shape
    for z in range(inner[0], inner[3]):
        if (origin[0] + z) % stride:
            continue
        for y in range(inner[1], inner[4]):
            if (origin[1] + y) % stride:
                continue
            for x in range(inner[2], inner[5]):
                phase = kind[z, y, x]
                if phase == 0:
                    continue
                here = values[z, y, x]
                for k in range(len(steps)):
                    a, b, c = z + steps[k, 0], y + steps[k, 1], x + steps[k, 2]
                    if a < nz and b < ny and 0 <= c < nx and kind[a, b, c] == phase:
                        difference = float(values[a, b, c]) - here
                        pairs[0, phase, k] += 1
                        pairs[1, phase, k] += difference * difference


def _sum_circles(
    block: Block,
    values: npt.NDArray[np.float32],
    kind: npt.NDArray[np.uint8],
    interior: Interior,
    center: tuple[float, float],
) -> Floats:
    """(2, 2, R): count and sum of residuals, even and odd sectors, radius in voxels."""
    _, rows, columns = block.write
    y = np.arange(rows.start, rows.stop)[:, None] - center[0]
    x = np.arange(columns.start, columns.stop) - center[1]
    radius = np.rint(np.hypot(y, x)).astype(np.intp)
    half = (np.floor((np.arctan2(y, x) / (2 * np.pi) + 0.5) * SECTORS).astype(np.intp)) % 2
    longest = int(radius.max()) + 1
    residual = np.zeros(kind.shape[1:])
    for layer, grey in zip(kind, values, strict=True):
        residual += np.where(layer > 0, grey - interior.level[layer], 0.0)
    place = (half * longest + radius).ravel()
    inside = np.count_nonzero(kind, axis=0)
    count = np.bincount(place, weights=inside.ravel().astype(np.float64), minlength=2 * longest)
    total = np.bincount(place, weights=residual.ravel(), minlength=2 * longest)
    return np.stack([count.reshape(2, -1), total.reshape(2, -1)])
