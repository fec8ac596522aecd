"""One structure on two grids: the voxels of the scan, and finer ones in tiles spread over the window.

What a count gives on both grids in the same tiles differs only by resolution; chance is in both.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from voltomo.blocks import Block, Partial, Region
from voltomo.metrics.neighbors import count_neighbors
from voltomo.synthesis.raster import rasterize
from voltomo.synthesis.structure import Structure

__all__ = ["Tiles", "choose_tiles", "count_tiles", "count_voxel_grid", "finer_structure", "join_tiles"]

Integers = npt.NDArray[np.int64]

_TILE_EDGE = {3: 8, 2: 32}
"""Voxels, by dimension. Small tiles show more places for the same work; below 8 their margins cost too much."""
_SMALLEST_BUDGET = 2**21
_BUDGET_SHARE = 1 / 8
"""Finer voxels that are painted, by default: an eighth as many as the window has, but at least two million."""


@dataclass(frozen=True)
class Tiles:
    """Which tiles of a window are looked at on a finer grid.

    Parameters
    ----------
    shape : (Z, Y, X) of the window
    edges : (3,) voxels of a tile; the last ones along an axis may be smaller
    factor : (3,) how many finer voxels make one, along each axis
    starts : (N, 3) first voxel of each tile
    weights : (N,) how many tiles of the window each one stands for
    """

    shape: tuple[int, int, int]
    edges: Integers
    factor: Integers
    starts: Integers
    weights: Integers

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def share(self) -> float:
        """Of the tiles of the window, the share that is looked at."""
        return len(self) / int(self.weights.sum())

    def regions(self, row: int, *, is_fine: bool) -> tuple[Region, Region]:
        """What is painted of a tile, with a margin of one voxel within the window, and where the tile lies in it."""
        factor = self.factor if is_fine else np.ones(3, np.int64)
        window = np.asarray(self.shape) * factor
        low = self.starts[row] * factor
        high = np.minimum(low + self.edges * factor, window)
        first, last = np.maximum(low - 1, 0), np.minimum(high + 1, window)
        return _region(first, last), _region(low - first, high - first)


def choose_tiles(shape: tuple[int, int, int], *, factor: int, seed: int, budget: int | None = None) -> Tiles:
    """As many tiles as a budget of finer voxels allows: all of a small window, else one at random from each part of it.

    Parameters
    ----------
    shape : (Z, Y, X) of the window; Z = 1 is a section, which is refined in its plane only
    factor : finer voxels along the edge of a voxel
    seed : of the choice
    budget : finer voxels that may be painted; an eighth of the voxels of the window, at least 2^21, if not given

    Notes
    -----
    The tiles are ordered along a Z-order curve, which keeps neighbors together, and cut into equally long parts.
    """
    dimension = 2 if shape[0] == 1 else 3
    allowed = max(_SMALLEST_BUDGET, int(_BUDGET_SHARE * np.prod(shape, dtype=np.int64))) if budget is None else budget
    edges = np.minimum(shape, _TILE_EDGE[dimension]).astype(np.int64)
    factors = np.array([factor if dimension == 3 else 1, factor, factor], np.int64)
    counts = -(-np.asarray(shape) // edges)
    indices = np.stack(np.unravel_index(np.arange(np.prod(counts)), counts.tolist()), axis=1).astype(np.int64)
    indices = indices[np.argsort(_curve(indices), kind="stable")]
    parts = int(np.clip(allowed // np.prod(edges * factors), min(2, len(indices)), len(indices)))
    bounds = np.linspace(0, len(indices), parts + 1).round().astype(np.int64)
    chosen = np.random.default_rng(seed).integers(bounds[:-1], bounds[1:])
    return Tiles(shape, edges, factors, indices[chosen] * edges, np.diff(bounds))


def _curve(indices: Integers) -> Integers:
    """Position along the Z-order curve: the bits of the three indices, interleaved."""
    place = np.zeros(len(indices), np.int64)
    for bit in range(20):
        for axis in range(3):
            place |= ((indices[:, axis] >> bit) & 1) << (3 * bit + axis)
    return place


def finer_structure(structure: Structure, tiles: Tiles) -> Structure:
    """The structure on the finer grid of the tiles; a section stays in its plane."""
    if structure.shape[0] > 1:
        return structure.refined(int(tiles.factor[0]))
    factor = int(tiles.factor[1])
    (_, ny, nx), (dz, dy, dx), (z, y, x) = structure.shape, structure.voxel_size, structure.origin
    back = 0.5 * (1 - 1 / factor)
    return replace(
        structure,
        shape=(1, ny * factor, nx * factor),
        voxel_size=(dz, dy / factor, dx / factor),
        origin=(z, y - back * dy, x - back * dx),
    )


def count_tiles(
    block: Block, _blank: npt.NDArray[np.uint8], *, structure: Structure, tiles: Tiles, offsets: Integers
) -> Partial:
    """Voxels of each phase, and of each two phases side by side, on both grids, in the tiles that start in a block.

    Parameters
    ----------
    block : of the window; its voxels are not read
    structure : the shapes
    tiles : of the window
    offsets : (D, 3) steps to neighbors

    Returns
    -------
    Partial
        ``rows`` (n,) of the tiles; ``voxel_counts``, ``fine_counts`` (n, K) and ``voxel_pairs``, ``fine_pairs``
        (n, D, K, K) in the order of the phase table.
    """
    low, high = (np.array([getattr(axis, side) for axis in block.write]) for side in ("start", "stop"))
    rows = np.flatnonzero(np.all((tiles.starts >= low) & (tiles.starts < high), axis=1))
    ids, fine = structure.phases.ids, finer_structure(structure, tiles)
    found: Partial = {"rows": rows}
    for grid, painted in (("voxel", structure), ("fine", fine)):
        counts = np.zeros((len(rows), len(ids)), np.int64)
        pairs = np.zeros((len(rows), len(offsets), len(ids), len(ids)), np.int64)
        for i, row in enumerate(rows):
            read, inner = tiles.regions(int(row), is_fine=grid == "fine")
            phases, _ = rasterize(painted, read)
            counts[i] = np.bincount(phases[inner].ravel(), minlength=256)[list(ids)]
            pairs[i] = count_neighbors(phases, phase_ids=ids, offsets=offsets, starts=inner)
        found |= {f"{grid}_counts": counts, f"{grid}_pairs": pairs}
    return found


def join_tiles(a: Partial, b: Partial) -> Partial:
    """The tiles of two blocks, by row."""
    order = np.argsort(np.concatenate([a["rows"], b["rows"]]))
    return {name: np.concatenate([a[name], b[name]])[order] for name in a}


def count_voxel_grid(
    block: Block, phases: npt.NDArray[np.uint8], *, ids: tuple[int, ...], offsets: Integers
) -> Partial:
    """The same counts of the whole window, from its painted voxels; needs a halo of one.

    Returns
    -------
    Partial
        ``counts`` (K,) and ``pairs`` (D, K, K); those of blocks add up.
    """
    return {
        "counts": np.bincount(phases[block.inner].ravel(), minlength=256)[list(ids)],
        "pairs": count_neighbors(phases, phase_ids=ids, offsets=offsets, starts=block.inner),
    }


def _region(low: Integers, high: Integers) -> Region:
    z, y, x = (slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    return z, y, x
