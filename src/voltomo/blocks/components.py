"""Connected components of a volume that is read block by block.

Two passes. The first labels each block by itself and keeps a few numbers per label and the labels on the faces of the
block; labels that touch across a cut between blocks are then one component. The second pass labels each block again,
which costs less than storing labels in between, and writes a value per component. No voxel is read twice in a pass:
neighbours over edges and corners are found on the cuts too, because any two neighbours in different blocks face each
other, or are shifted by one, across at least one cut.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from voltomo.artifacts import ArrayLike
from voltomo.blocks.executor import BlockMap, BlockPartial, WritableArray
from voltomo.blocks.log import Partial
from voltomo.blocks.regions import Block
from voltomo.morphology.labels import Connectivity, label_mask, measure_extents

__all__ = [
    "BlockRunner",
    "Components",
    "Predicate",
    "append_rows",
    "find_components",
    "label_components",
    "paint_components",
    "tally_components",
]

Predicate: TypeAlias = Callable[..., npt.NDArray[np.bool_]]
"""``predicate(*arrays) -> mask``, voxel by voxel, one array per source."""

_BYTES_PER_VOXEL = 14.0
"""Peak of labelling: source, mask, labels, cc3d's own tables (measured), and the painted output."""


class BlockRunner(Protocol):
    """The two callables of a workspace that components are computed with; both cut the volume into the same blocks."""

    def map(
        self, step: str, function: BlockMap, *sources: ArrayLike, out: WritableArray, bytes_per_voxel: float
    ) -> None:
        """Write ``function(block, *arrays)`` into `out`."""
        ...

    def reduce(
        self,
        step: str,
        function: BlockPartial,
        *sources: ArrayLike,
        merge: Callable[[Partial, Partial], Partial],
        bytes_per_voxel: float,
    ) -> Partial:
        """Merge ``function(block, *arrays)`` in block order."""
        ...


@dataclass(frozen=True)
class Components:
    """Connected components, numbered from 1 in raster order of their first voxel in the volume.

    Row ``i`` belongs to id ``i + 1``.

    Parameters
    ----------
    shape : (Z, Y, X) of the volume
    counts : (N,) int64, voxels
    bounds : (N, 6) int32, first and last index along z, y, x: (z0, y0, x0, z1, y1, x1), both inclusive
    first : (N, 3) int32, index of the first voxel in raster order
    connectivity : 6, 18 or 26
    lookup : (M,) uint32, id of each label of each block, blocks one after the other
    blocks : (B, 7) int64, per block the first and last + 1 voxel per axis, and where its labels start in `lookup`
    """

    shape: tuple[int, int, int]
    counts: npt.NDArray[np.int64]
    bounds: npt.NDArray[np.int32]
    first: npt.NDArray[np.int32]
    connectivity: Connectivity
    lookup: npt.NDArray[np.uint32]
    blocks: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.counts)

    @property
    def touches(self) -> npt.NDArray[np.bool_]:
        """(N, 6): the faces of the volume that each component reaches: low z, y, x, then high z, y, x."""
        last = np.array(self.shape, np.int32) - 1
        return np.concatenate([self.bounds[:, :3] == 0, self.bounds[:, 3:] == last], axis=1)


def find_components(
    *sources: ArrayLike,
    predicate: Predicate,
    runner: BlockRunner,
    step: str = "components",
    connectivity: Connectivity = 6,
) -> Components:
    """Connected components of the voxels where ``predicate(*arrays)`` is true, without writing labels.

    Parameters
    ----------
    sources : (Z, Y, X) array-likes
    predicate : gives a bool array of the same shape
    runner : a workspace
    step : name of the pass in the workspace
    connectivity : {6, 18, 26}
        With Z = 1 they act as 4, 8 and 8.

    Returns
    -------
    Components
        The same, number by number, whatever the blocks.

    References
    ----------
    .. [1] A. Rosenfeld, J. L. Pfaltz, Sequential operations in digital picture processing, J. ACM 13 (1966) 471:
       two-pass labelling.
    """

    def label_block(block: Block, *arrays: npt.NDArray[Any]) -> Partial:
        labels, count = label_mask(predicate(*arrays)[block.inner], connectivity=connectivity)
        start = [side.start for side in block.write]
        extents = measure_extents(labels, count, origin=(start[0], start[1], start[2]))
        region = [*start, *(side.stop for side in block.write), count]
        return {
            "block": np.array([region], np.int64),
            "counts": extents.counts,
            "bounds": extents.bounds,
            "first": extents.first,
            **_faces(labels),
        }

    z, y, x = sources[0].shape
    shape = int(z), int(y), int(x)
    partial = runner.reduce(step, label_block, *sources, merge=append_rows, bytes_per_voxel=_BYTES_PER_VOXEL)
    return _unite(partial, shape, connectivity)


def paint_components(
    components: Components,
    values: npt.NDArray[Any],
    *sources: ArrayLike,
    predicate: Predicate,
    runner: BlockRunner,
    out: WritableArray,
    step: str = "paint components",
    combine: Callable[..., npt.NDArray[Any]] | None = None,
) -> None:
    """Write a value per component.

    Parameters
    ----------
    components : of the same `sources` and `predicate`
    values : (N + 1,) array, value of each id; the first one is for voxels outside all components
    sources, predicate, runner : as in `find_components`
    out : (Z, Y, X) array that takes region assignment; not one of the sources
    step : name of the pass in the workspace
    combine : ``combine(painted, *arrays) -> array``, what to write where it is not just the painted values
    """
    start_of = {tuple(row[:6]): int(row[6]) for row in components.blocks.tolist()}

    def paint_block(block: Block, *arrays: npt.NDArray[Any]) -> npt.NDArray[Any]:
        labels, count = label_mask(predicate(*arrays), connectivity=components.connectivity)
        start = start_of[(*(side.start for side in block.read), *(side.stop for side in block.read))]
        ids = components.lookup[start : start + count]
        painted = np.concatenate([values[:1], values[ids]])[labels]
        return painted if combine is None else combine(painted, *arrays)

    runner.map(step, paint_block, *sources, out=out, bytes_per_voxel=_BYTES_PER_VOXEL)


def tally_components(
    components: Components,
    marks: Callable[..., Sequence[npt.NDArray[np.bool_]]],
    *sources: ArrayLike,
    predicate: Predicate,
    runner: BlockRunner,
    step: str = "tally components",
) -> npt.NDArray[np.int64]:
    """Count the marked voxels of each component, without writing labels.

    Parameters
    ----------
    components : of the same `predicate`, over the same blocks
    marks : ``marks(*arrays) -> masks``, one or more, voxel by voxel
    sources : (Z, Y, X) array-likes; `predicate` and `marks` are both given all of them
    predicate, runner : as in `find_components`
    step : name of the pass in the workspace

    Returns
    -------
    (N, M) int64
        Row ``i`` belongs to id ``i + 1``, column ``m`` to mask ``m``.
    """
    start_of = {tuple(row[:6]): int(row[6]) for row in components.blocks.tolist()}

    def tally_block(block: Block, *arrays: npt.NDArray[Any]) -> Partial:
        labels, count = label_mask(predicate(*arrays), connectivity=components.connectivity)
        start = start_of[(*(side.start for side in block.read), *(side.stop for side in block.read))]
        sums = [np.bincount(labels[mask], minlength=count + 1)[1:] for mask in marks(*arrays)]
        return {"ids": components.lookup[start : start + count], "sums": np.stack(sums, axis=1).astype(np.int64)}

    found = runner.reduce(step, tally_block, *sources, merge=append_rows, bytes_per_voxel=_BYTES_PER_VOXEL)
    totals = np.zeros((len(components), found["sums"].shape[1]), np.int64)
    np.add.at(totals, found["ids"].astype(np.int64) - 1, found["sums"])
    return totals


def label_components(
    *sources: ArrayLike,
    predicate: Predicate,
    runner: BlockRunner,
    out: WritableArray,
    step: str = "components",
    connectivity: Connectivity = 6,
) -> Components:
    """Find connected components and write their ids.

    Parameters
    ----------
    sources, predicate, runner, connectivity : as in `find_components`
    out : (Z, Y, X) uint32 array that takes region assignment; not one of the sources
    step : name of the first pass in the workspace; the second one is called "<step>: write"

    Returns
    -------
    Components
        Its ids are those in `out`: 1 to N in raster order of the first voxel, whatever the blocks.
    """
    found = find_components(*sources, predicate=predicate, runner=runner, step=step, connectivity=connectivity)
    ids = np.arange(len(found) + 1, dtype=np.uint32)
    paint_components(found, ids, *sources, predicate=predicate, runner=runner, out=out, step=f"{step}: write")
    return found


def _faces(labels: npt.NDArray[np.uint32]) -> Partial:
    """Labels on the six faces of a block, as runs of equal labels: "face 0 low" is (R, 2), label and length."""
    faces: Partial = {}
    for axis, side in itertools.product(range(3), ("low", "high")):
        flat = np.take(labels, 0 if side == "low" else -1, axis=axis).ravel()
        starts = np.flatnonzero(np.diff(flat, prepend=flat[0] + 1))
        lengths = np.diff(starts, append=flat.size)
        faces[f"face {axis} {side}"] = np.stack([flat[starts], lengths.astype(np.uint32)], axis=1)
    return faces


def append_rows(one: Partial, two: Partial) -> Partial:
    """Merge of partial results that are lists: the rows of both, in block order."""
    return {name: np.concatenate([one[name], two[name]]) for name in one}


def _unite(partial: Partial, shape: tuple[int, int, int], connectivity: Connectivity) -> Components:
    """Merge the labels of all blocks into components and number these."""
    blocks = np.asarray(partial["block"], np.int64).copy()
    labels_in_block = blocks[:, 6].copy()
    blocks[:, 6] = np.cumsum(labels_in_block) - labels_in_block
    total = int(labels_in_block.sum())
    pairs = [pair for axis in range(3) for pair in _touching(partial, blocks, axis, shape, connectivity)]
    edges = np.concatenate([np.empty((0, 2), np.int64), *pairs])
    graph = coo_array((np.ones(len(edges), np.bool_), (edges[:, 0], edges[:, 1])), shape=(total, total))
    count, member = connected_components(graph, directed=False) if total else (0, np.empty(0, np.int32))

    counts = np.zeros(count, np.int64)
    np.add.at(counts, member, partial["counts"])
    bounds = np.empty((count, 6), np.int32)
    bounds[:, :3], bounds[:, 3:] = np.iinfo(np.int32).max, -1
    np.minimum.at(bounds[:, :3], member, partial["bounds"][:, :3])
    np.maximum.at(bounds[:, 3:], member, partial["bounds"][:, 3:])
    raster = np.ravel_multi_index(tuple(partial["first"].T.astype(np.int64)), shape)
    first = np.full(count, np.iinfo(np.int64).max)
    np.minimum.at(first, member, raster)

    order = np.argsort(first)
    rank = np.empty(count, np.uint32)
    rank[order] = np.arange(1, count + 1, dtype=np.uint32)
    return Components(
        shape=shape,
        counts=counts[order],
        bounds=bounds[order],
        first=np.stack(np.unravel_index(first[order], shape), axis=1).astype(np.int32),
        connectivity=connectivity,
        lookup=rank[member],
        blocks=blocks,
    )


def _touching(
    partial: Partial, blocks: npt.NDArray[np.int64], axis: int, shape: tuple[int, int, int], connectivity: Connectivity
) -> list[npt.NDArray[np.int64]]:
    """Pairs of labels (counted through all blocks) that are neighbours across the cuts normal to `axis`."""
    low, high = (
        ({}, {}) if len(blocks) == 1 else (_planes(partial, blocks, axis, side, shape) for side in ("low", "high"))
    )
    pairs = []
    for position, after in low.items():
        before = high.get(position)
        if before is None:
            continue
        for shift in _in_plane_shifts(connectivity):
            one, two = _overlap(before, after, shift)
            both = (one > 0) & (two > 0)
            found = np.stack([one[both], two[both]], axis=1) - 1
            changes = np.any(np.diff(found, axis=0, prepend=-1), axis=1)
            pairs.append(found[changes])
    return pairs


def _planes(
    partial: Partial, blocks: npt.NDArray[np.int64], axis: int, side: str, shape: tuple[int, int, int]
) -> dict[int, npt.NDArray[np.int64]]:
    """Labels (through all blocks, from 1) on one side of each cut, by the position of the cut along `axis`."""
    runs = partial[f"face {axis} {side}"].astype(np.int64)
    flat = np.repeat(runs[:, 0], runs[:, 1])
    planes: dict[int, npt.NDArray[np.int64]] = {}
    others = [a for a in range(3) if a != axis]
    used = 0
    for row in blocks:
        start, stop = row[:3], row[3:6]
        extent = [int(stop[a] - start[a]) for a in others]
        face = flat[used : used + extent[0] * extent[1]].reshape(extent)
        used += face.size
        position = int(start[axis] if side == "low" else stop[axis])
        if position in (0, shape[axis]):
            continue
        plane = planes.setdefault(position, np.zeros([shape[a] for a in others], np.int64))
        region = tuple(slice(int(start[a]), int(stop[a])) for a in others)
        plane[region] = np.where(face > 0, face + row[6], 0)
    return planes


def _in_plane_shifts(connectivity: Connectivity) -> list[tuple[int, int]]:
    """Steps within the cut that keep two voxels on either side of it neighbours."""
    reach = {6: 0, 18: 1, 26: 2}[connectivity]
    return [(i, j) for i, j in itertools.product((-1, 0, 1), repeat=2) if abs(i) + abs(j) <= reach]


def _overlap(
    one: npt.NDArray[np.int64], two: npt.NDArray[np.int64], shift: tuple[int, int]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The parts of two planes where ``one[i, j]`` faces ``two[i + shift[0], j + shift[1]]``."""
    first = tuple(slice(max(0, -s), n - max(0, s)) for s, n in zip(shift, one.shape, strict=True))
    second = tuple(slice(max(0, s), n - max(0, -s)) for s, n in zip(shift, one.shape, strict=True))
    return one[first], two[second]
