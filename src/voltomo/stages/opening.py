"""The local thickness of every phase, block by block, with a halo as wide as the largest ball."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import ArrayLike, Measurement
from voltomo.blocks import Block, Partial
from voltomo.errors import GateError
from voltomo.metrics.curves import SizeCurve
from voltomo.metrics.fractions import SliceCounts
from voltomo.metrics.opening import count_thickness, covering_balls, squared_radii
from voltomo.metrics.representativity import part_places
from voltomo.metrics.sample import Sample
from voltomo.metrics.thickness import measure_thickness, thickness_curves, withhold_thickness
from voltomo.morphology.grid import Grid
from voltomo.stages.workspace import Workspace

__all__ = ["ThicknessWanted", "thickness_rows"]

ThicknessWanted: TypeAlias = Literal["auto", "all", "none"]

_MOST_VOXELS = 2**27
"""512³, which takes a few minutes."""
_MOST_ROWS = 4e10
"""Rows of voxels in the balls around all voxels; about a tenth of them is laid down, 10⁸ a second on one core."""
_FIRST_HALO = 32
"""Of the first try at the radii, in shortest voxel edges; doubled until no radius is longer."""
_BYTES_OF_RADII = 14
"""Per voxel read: labels, squares, the distance transform."""
_BYTES_OF_BALLS = 24
"""Per voxel read: labels, squares, the centres chosen with their order, covered voxels."""


def thickness_rows(
    labels: ArrayLike,
    sample: Sample,
    counts: SliceCounts,
    wanted: ThicknessWanted,
    work: Workspace,
    *,
    parts: Sequence[int] = (),
) -> tuple[tuple[Measurement, ...], tuple[SizeCurve, ...]]:
    """Quantiles and curves of the local thickness; withheld with the reason where it cannot be had.

    The spread between the `parts` of the window, where there are any, tells the representativity.
    """
    if wanted == "none":
        return (), ()
    if wanted == "auto" and math.prod(sample.shape) > _MOST_VOXELS:
        reason = "the volume is large, and this takes long; ask for it with `measure: {local_thickness: all}`"
        return tuple(withhold_thickness(sample, reason)), ()
    if np.count_nonzero(counts.phases) < 2:
        return tuple(withhold_thickness(sample, "one phase fills the field of view: its width is not seen")), ()
    grid = Grid(sample.edges, sample.dimension)
    try:
        squares, widest, rows = _radii(labels, sample, grid, work)
        if wanted == "auto" and rows > _MOST_ROWS:
            reason = (
                f"a phase is up to {2 * widest:.0f} voxels wide, and this takes long where much of it is; ask for it "
                "with `measure: {local_thickness: all}`"
            )
            return tuple(withhold_thickness(sample, reason)), ()
        by_part = _count(labels, squares, widest, sample, grid, work)
    except GateError as refusal:
        if refusal.gate != "memory":
            raise
        return tuple(withhold_thickness(sample, str(refusal))), ()
    voxels = by_part.sum(axis=0)
    rows_found = measure_thickness(voxels, sample, parts=[by_part[i] for i in parts])
    return tuple(rows_found), tuple(thickness_curves(voxels, sample))


def _radii(labels: ArrayLike, sample: Sample, grid: Grid, work: Workspace) -> tuple[ArrayLike, float, float]:
    """Squared radii of the ball around each voxel, the longest radius (shortest voxel edges), rows in all balls."""
    furthest = sum((n * edge) ** 2 for n, edge in zip(sample.shape, grid.edges, strict=True)) ** 0.5
    furthest /= grid.smallest_edge
    everything = tuple(slice(0, n) for n in sample.shape)
    reach = _FIRST_HALO
    while True:
        squares = work.array(f"squared radii to {reach}", sample.shape, np.float32)

        def find(block: Block, labels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
            return squared_radii(labels, grid)

        def longest(block: Block, values: npt.NDArray[np.float32], *, seen: int = reach) -> Partial:
            doubtful = block.write != everything and values.max() > seen**2
            rows = _count_rows(values, sample)
            return {"largest": np.array([values.max()]), "doubtful": np.array([doubtful]), "rows": np.array([rows])}

        halo = grid.halo(reach * grid.smallest_edge)
        work.map(f"radii to {reach}", find, labels, out=squares, halo=halo, bytes_per_voxel=_BYTES_OF_RADII)
        top = work.reduce(f"longest radius to {reach}", longest, squares, merge=_widest, bytes_per_voxel=14)
        # What seems to lie further away than the halo may be nearer.
        if not top["doubtful"].any() or reach >= furthest:
            return squares, math.sqrt(float(np.asarray(top["largest"])[0])), float(np.asarray(top["rows"])[0])
        reach *= 2


def _count(
    labels: ArrayLike, squares: ArrayLike, widest: float, sample: Sample, grid: Grid, work: Workspace
) -> npt.NDArray[np.int64]:
    """(P, K, M) voxels of each phase by part of the window and local thickness."""
    ids, places = sample.phases.ids, part_places(sample.shape)
    part_count = 1 + sum(int(place[-1]) for place in places)

    def count(block: Block, labels: npt.NDArray[np.uint8], squares: npt.NDArray[np.float32]) -> Partial:
        balls = covering_balls(squares, grid, within=block.inner)
        here = [place[side] for place, side in zip(places, block.write, strict=True)]
        return {
            "counts": count_thickness(
                balls, labels[block.inner], phase_ids=ids, widest=widest, places=here, part_count=part_count
            )
        }

    halo = grid.halo(widest * grid.smallest_edge)
    merged = work.reduce(
        "local thickness", count, labels, squares, merge=_add, halo=halo, bytes_per_voxel=_BYTES_OF_BALLS
    )
    return np.asarray(merged["counts"], np.int64)


def _count_rows(squares: npt.NDArray[np.float32], sample: Sample) -> float:
    """Rows along x that the balls around all voxels have in the volume, each ball cut to its depth and height."""
    reach = 2 * np.sqrt(squares)
    depth, height = (np.minimum(reach, np.float32(n)) for n in sample.shape[:2])
    np.multiply(depth, height, out=depth)
    return math.pi / 4 * float(depth.sum(dtype=np.float64))


def _widest(total: Partial, part: Partial) -> Partial:
    merged = {name: np.maximum(total[name], part[name]) for name in total}
    merged["rows"] = np.add(total["rows"], part["rows"])
    return merged


def _add(total: Partial, part: Partial) -> Partial:
    return {name: np.add(total[name], part[name]) for name in total}
