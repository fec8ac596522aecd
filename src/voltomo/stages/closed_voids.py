"""Closed voids block by block: which are filled before the split, and which particle owns them after it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import ArrayLike
from voltomo.blocks import Block, Partial
from voltomo.blocks.components import append_rows, find_components, paint_components
from voltomo.instances.assign import ParticleIds, cavity_neighbors, own_cavities
from voltomo.instances.envelope import BACKGROUND, is_background
from voltomo.morphology.distance import distance_inside
from voltomo.morphology.grid import Grid
from voltomo.stages.workspace import Workspace

__all__ = ["ClosedVoids", "find_closed_voids", "own_closed_voids"]


@dataclass(frozen=True)
class ClosedVoids:
    """Closed voids: ids from 1 in `array`; which of them are filled before the split."""

    array: ArrayLike
    filled: npt.NDArray[np.bool_]


def find_closed_voids(
    envelope: ArrayLike, *, widest: float, depth: float, closing_radius: float, grid: Grid, work: Workspace
) -> ClosedVoids:
    """Closed voids of the envelope, and which of them to fill: those that lie deep under the surface.

    A void between several bodies lies next to the necks between them, one inside a body does not.

    Parameters
    ----------
    envelope : (Z, Y, X) uint8 array-like, codes of `voltomo.instances.envelope`
    widest : equivalent diameter up to which a void may be filled, in the unit of the voxel edges
    depth : how many of its diameters a void must lie under the surface
    closing_radius : by which the envelope was closed
    grid : the voxel lattice
    work : where arrays are put and blocks are run
    """
    z, y, x = envelope.shape
    shape = int(z), int(y), int(x)
    found = find_components(envelope, predicate=is_background, runner=work, step="closed voids")
    beyond = [axis + side for axis in grid.axes for side in (0, 3)]
    closed = ~found.touches[:, beyond].any(axis=1)
    count = int(closed.sum())
    diameters = grid.diameter_of_ball(found.counts[closed] * grid.voxel_content)
    if count == 0:
        return ClosedVoids(np.broadcast_to(np.uint32(0), shape), np.zeros(1, np.bool_))
    ids = np.zeros(len(found) + 1, np.uint32)
    ids[1:][closed] = np.arange(1, count + 1)
    array = work.array("cavities", shape, np.uint32)
    paint_components(found, ids, envelope, predicate=is_background, runner=work, out=array, step="closed voids: write")
    judged = np.concatenate([[False], diameters <= widest])
    filled = np.zeros(count + 1, np.bool_)
    if judged.any():
        # Closing has narrowed a void with cusps, such as that between three bodies, by up to its diameter.
        needed = depth * np.concatenate([[0.0], diameters + 2 * closing_radius])
        depths = _cavity_depths(envelope, array, np.where(judged, needed, 0.0), grid, work)
        filled = judged & (depths >= needed)
    return ClosedVoids(array, filled)


def _cavity_depths(
    envelope: ArrayLike,
    cavities: ArrayLike,
    needed: npt.NDArray[np.float64],
    grid: Grid,
    work: Workspace,
) -> npt.NDArray[np.float64]:
    """(count + 1,) depth of each void under the surface; exact below `needed`, infinite where nothing is needed."""
    judged = needed > 0

    def measure(block: Block, codes: npt.NDArray[np.uint8], ids: npt.NDArray[np.uint32]) -> Partial:
        inner = ids[block.inner]
        places = np.nonzero(judged[inner])
        present, rows = np.unique(inner[places], return_inverse=True)
        if not len(present):
            return {"ids": np.empty(0, np.uint32), "depths": np.empty(0)}
        # Only what the voids of this block need around them: most are far smaller than the widest that is judged.
        reach = grid.halo(float(needed[present].max()) + grid.smallest_edge)
        starts = [side.start for side in block.inner]
        lows = [max(0, p.min() + s - r) for p, s, r in zip(places, starts, reach, strict=True)]
        highs = [p.max() + s + r + 1 for p, s, r in zip(places, starts, reach, strict=True)]
        near = tuple(slice(low, high) for low, high in zip(lows, highs, strict=True))
        distance = distance_inside((codes[near] != BACKGROUND) | (ids[near] > 0), grid)
        depths = np.full(len(present), np.inf)
        here = tuple(p + s - low for p, s, low in zip(places, starts, lows, strict=True))
        np.minimum.at(depths, rows, distance[here])
        return {"ids": present, "depths": depths}

    found: dict[str, Any] = work.reduce(
        "depth of voids",
        measure,
        envelope,
        cavities,
        merge=append_rows,
        halo=grid.halo(float(needed.max()) + grid.smallest_edge),
        bytes_per_voxel=12,
    )
    depths = np.full(len(judged), np.inf)
    np.minimum.at(depths, found["ids"], found["depths"])
    return depths


def own_closed_voids(
    cavities: ClosedVoids, basins: ArrayLike, ids: ParticleIds, work: Workspace
) -> npt.NDArray[np.uint32]:
    """(count + 1,) particle that each closed void belongs to: the only one it touches, or none."""
    count = len(cavities.filled) - 1
    if count == 0:
        return np.zeros(1, np.uint32)

    def neighbors(block: Block, voids: npt.NDArray[np.uint32], labels: npt.NDArray[np.uint32]) -> Partial:
        return {"pairs": cavity_neighbors(voids, ids.of_basin[labels], block.inner)}

    pairs = work.reduce(
        "owners of voids", neighbors, cavities.array, basins, merge=append_rows, halo=1, bytes_per_voxel=16
    )["pairs"]
    return own_cavities(np.asarray(pairs, np.uint32), count)
