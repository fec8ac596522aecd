"""Chord lengths of every phase along every axis, block by block; chords that cross blocks are joined exactly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import ArrayLike
from voltomo.blocks import Block, Partial
from voltomo.metrics.chord_lengths import ChordCounts
from voltomo.metrics.chords import CUTS, ChordEnds, LineRuns, count_chords, join_runs
from voltomo.metrics.sample import AXES, Sample
from voltomo.stages.workspace import Workspace

__all__ = ["find_chords"]

_OPEN = ("id", "length", "cut")
_RUNS = tuple(LineRuns.__dataclass_fields__)


def find_chords(labels: ArrayLike, sample: Sample, work: Workspace) -> Iterator[ChordCounts]:
    """Chords along each axis along which the sample extends.

    Blocks are joined in their order: the lines that are open at the end of the blocks so far take as much memory as
    a face of the volume.
    """
    ids, axes = sample.phases.ids, [AXES.index(name) for name in sample.axes]

    def count(block: Block, labels: npt.NDArray[np.uint8]) -> Partial:
        found: Partial = {"region": np.array([(side.start, side.stop) for side in block.write])}
        for axis in axes:
            counts, runs = count_chords(labels, axis=axis, phase_ids=ids, longest=sample.shape[axis])
            found[f"counts {axis}"] = counts
            found[f"pairs {axis}"] = np.array(_pairs_inside(labels, axis))
            found |= {f"{name} {axis}": getattr(runs, name) for name in _RUNS}
        return found

    def join(total: Partial, part: Partial) -> Partial:
        for axis in axes:
            _join(total, part, axis, ids)
        return total

    def begin(total: Partial) -> Partial:
        return total if "open id 1" in total else join(_start(sample, axes), total)

    merged = begin(
        work.reduce("chords", count, labels, merge=lambda total, part: join(begin(total), part), bytes_per_voxel=4)
    )
    for axis in axes:
        counts = np.array(merged[f"counts {axis}"], np.int64)
        ends = merged[f"open id {axis}"], merged[f"open length {axis}"], merged[f"open cut {axis}"]
        join_runs(cast(ChordEnds, ends), None, counts, phase_ids=ids, voxels=0)
        yield ChordCounts(counts, axis, int(np.asarray(merged[f"pairs {axis}"], np.int64)))


def _start(sample: Sample, axes: list[int]) -> Partial:
    """Before the first block: every line comes from outside."""
    total: Partial = {}
    for axis in axes:
        face = tuple(n for other, n in enumerate(sample.shape) if other != axis)
        for name, kind in zip(_OPEN, (np.uint8, np.int32, np.uint8), strict=True):
            total[f"open {name} {axis}"] = np.zeros(face, kind)
        total[f"counts {axis}"] = np.zeros((len(sample.phases), CUTS, sample.shape[axis] + 1), np.int64)
        total[f"pairs {axis}"] = np.array(0)
    return total


def _join(total: Partial, part: Partial, axis: int, phase_ids: Sequence[int]) -> None:
    """Continue the lines along one axis through one more block; changes `total`."""
    bounds = np.asarray(part["region"], np.int64)
    face = tuple(slice(*bounds[other]) for other in range(3) if other != axis)
    runs = LineRuns(**{name: cast(Any, part[f"{name} {axis}"]) for name in _RUNS})
    ends = cast(ChordEnds, tuple(total[f"open {name} {axis}"][face] for name in _OPEN))
    across = np.count_nonzero((ends[0] != 0) & (runs.head_id != 0))
    counts = np.asarray(total[f"counts {axis}"], np.int64) + np.asarray(part[f"counts {axis}"], np.int64)
    voxels = int(bounds[axis, 1] - bounds[axis, 0])
    join_runs(ends, runs, counts, phase_ids=phase_ids, voxels=voxels)
    total[f"counts {axis}"] = counts
    total[f"pairs {axis}"] = np.add(total[f"pairs {axis}"], part[f"pairs {axis}"]) + across


def _pairs_inside(labels: npt.NDArray[np.uint8], axis: int) -> int:
    """Pairs of neighbors along an axis, both inside the field of view."""
    inside = np.moveaxis(labels, axis, 0) != 0
    return int(np.count_nonzero(inside[1:] & inside[:-1]))
