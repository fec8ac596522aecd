"""The work of `particles` on voids: the grey level that divides solid and void, and the CrackMap."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import OUTSIDE, ArrayLike
from voltomo.blocks import Block, Partial, WritableArray
from voltomo.cracks.inside import interior, mark_cracks
from voltomo.cracks.threshold import VoidThreshold, find_void_threshold, grey_histogram
from voltomo.morphology.grid import Grid
from voltomo.stages.workspace import Workspace

__all__ = ["write_cracks"]

INTERIOR_DEPTH = 3.0
"""In shortest voxel edges: nearer to the surface, grey values are mixed with those outside."""


def write_cracks(
    particles: ArrayLike,
    phases: ArrayLike,
    grey: ArrayLike | None,
    *,
    active: int,
    grid: Grid,
    work: Workspace,
) -> tuple[WritableArray, VoidThreshold]:
    """The CrackMap: what is not active inside particles, and what is dark there.

    Parameters
    ----------
    particles : (Z, Y, X) uint32 array-like of ids
    phases : (Z, Y, X) uint8 array-like
    grey : (Z, Y, X) array-like, or None: phases alone decide
    active : id of the active phase
    grid : the voxel lattice
    work : where arrays are put and blocks are run
    """
    z, y, x = particles.shape
    depth = INTERIOR_DEPTH * grid.smallest_edge
    halo = grid.halo(depth + grid.smallest_edge)
    cracks = work.array("cracks", (int(z), int(y), int(x)), np.uint8)
    threshold = VoidThreshold(None)
    if grey is not None:
        threshold = _find_threshold(particles, phases, grey, depth=depth, halo=halo, grid=grid, work=work)
    if grey is None or threshold.cut is None:

        def by_phase(block: Block, labels: npt.NDArray[np.uint32], ids: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
            return mark_cracks(labels, ids, active=active, grid=grid)

        work.map("cracks", by_phase, particles, phases, out=cracks, bytes_per_voxel=10)
        return cracks, threshold

    def by_grey(
        block: Block, labels: npt.NDArray[np.uint32], ids: npt.NDArray[np.uint8], values: npt.NDArray[Any]
    ) -> npt.NDArray[np.uint8]:
        return mark_cracks(labels, ids, values, active=active, cut=threshold.cut, depth=depth, grid=grid)

    work.map("cracks", by_grey, particles, phases, grey, out=cracks, halo=halo, bytes_per_voxel=16)
    return cracks, threshold


def _find_threshold(
    particles: ArrayLike,
    phases: ArrayLike,
    grey: ArrayLike,
    *,
    depth: float,
    halo: tuple[int, int, int],
    grid: Grid,
    work: Workspace,
) -> VoidThreshold:
    """Cut from the greys of all interiors; none where active material is darker than the rest."""

    def survey(
        block: Block, labels: npt.NDArray[np.uint32], ids: npt.NDArray[np.uint8], values: npt.NDArray[Any]
    ) -> Partial:
        inside = interior(labels, depth=depth, grid=grid)[block.inner]
        values = values[block.inner]
        solid = values[inside]
        solid = solid[np.isfinite(solid)].astype(np.float64)
        rest = values[(labels[block.inner] == 0) & (ids[block.inner] != OUTSIDE)]
        rest = rest[np.isfinite(rest)].astype(np.float64)
        return {
            "low": np.array([solid.min(initial=np.inf)]),
            "high": np.array([solid.max(initial=-np.inf)]),
            "sums": np.array([solid.sum(), float(solid.size), rest.sum(), float(rest.size)]),
        }

    def unite(one: Partial, two: Partial) -> Partial:
        return {
            "low": np.minimum(one["low"], two["low"]),
            "high": np.maximum(one["high"], two["high"]),
            "sums": np.asarray(one["sums"]) + np.asarray(two["sums"]),
        }

    found = work.reduce(
        "range of grey inside", survey, particles, phases, grey, merge=unite, halo=halo, bytes_per_voxel=32
    )
    low, high = float(found["low"][0]), float(found["high"][0])
    solid, solid_count, rest, rest_count = (float(value) for value in np.asarray(found["sums"]))
    if not low < high or (rest_count and solid / solid_count <= rest / rest_count):
        return VoidThreshold(None)

    def count(block: Block, labels: npt.NDArray[np.uint32], values: npt.NDArray[Any]) -> Partial:
        inside = interior(labels, depth=depth, grid=grid)[block.inner]
        return {"counts": grey_histogram(values[block.inner], inside, low=low, high=high)}

    def add(one: Partial, two: Partial) -> Partial:
        return {"counts": np.asarray(one["counts"]) + np.asarray(two["counts"])}

    counts = work.reduce("grey inside", count, particles, grey, merge=add, halo=halo, bytes_per_voxel=32)["counts"]
    return find_void_threshold(np.asarray(counts, np.int64), low=low, high=high)
