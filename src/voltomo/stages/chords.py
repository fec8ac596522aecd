"""Chord lengths of every phase along every axis, block by block; chords that cross blocks are joined exactly."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import ArrayLike
from voltomo.blocks import Block, Partial
from voltomo.metrics.chord_lengths import ChordCounts
from voltomo.metrics.chords import ChordEnds, ChordTable, LinePlaces, LineRuns, count_chords, join_runs
from voltomo.metrics.representativity import part_places
from voltomo.metrics.sample import AXES, Sample
from voltomo.stages.workspace import Workspace

__all__ = ["find_chords"]

Bytes: TypeAlias = npt.NDArray[np.uint8]

_OPEN = ("id", "length", "cut")
_RUNS = LineRuns._fields


def find_chords(labels: ArrayLike, sample: Sample, work: Workspace) -> Iterator[ChordCounts]:
    """Chords along each axis along which the sample extends, and the stretches of its field of view.

    Blocks are joined in their order: the lines that are open at the end of the blocks so far take as much memory as
    a face of the volume.
    """
    lines = _Lines(sample.shape, tuple(AXES.index(name) for name in sample.axes), sample.phases.ids)
    merged = lines.find("chords", labels, work)
    inside = {} if sample.fills_box else _Lines(lines.shape, lines.axes, (1,)).find("lines", labels, work)
    for axis in lines.axes:
        if inside:
            stretches = _table(inside, axis).runs.sum(axis=(0, 1))
        else:
            stretches = np.zeros(sample.shape[axis] + 1, np.int64)
            stretches[-1] = math.prod(sample.shape) // sample.shape[axis]
        pairs = int(np.asarray(merged[f"pairs {axis}"], np.int64))
        table = _table(merged, axis)
        yield ChordCounts(table.runs, axis, pairs, stretches, table.ends)


@dataclass(frozen=True)
class _Lines:
    """Runs of equal ids along the lines of a volume; with the one id 1, of all that is not 0.

    Parameters
    ----------
    shape : (Z, Y, X) of the volume
    axes : along which lines are followed
    ids : that are counted
    """

    shape: tuple[int, int, int]
    axes: tuple[int, ...]
    ids: Sequence[int]

    def find(self, step: str, labels: ArrayLike, work: Workspace) -> Partial:
        """Counts and pairs along each axis, over the blocks."""
        parts = 1 + sum(int(place[-1]) for place in part_places(self.shape))

        def count(block: Block, labels: Bytes) -> Partial:
            bounds = np.array([(side.start, side.stop) for side in block.write])
            found: Partial = {"region": bounds}
            seen = np.minimum(labels, 1) if step == "lines" else labels
            for axis in self.axes:
                places = self._places(axis, bounds)
                table, runs = count_chords(seen, axis=axis, phase_ids=self.ids, places=places, parts=parts)
                found |= {f"runs {axis}": table.runs, f"ends {axis}": table.ends}
                found[f"pairs {axis}"] = np.array(_pairs_inside(labels, axis))
                found |= {f"{name} {axis}": getattr(runs, name) for name in _RUNS}
            return found

        def join(total: Partial, part: Partial) -> Partial:
            for axis in self.axes:
                self._join(total, part, axis)
            return total

        def begin(total: Partial) -> Partial:
            return total if "open id 1" in total else join(self._start(parts), total)

        merged = begin(
            work.reduce(step, count, labels, merge=lambda total, part: join(begin(total), part), bytes_per_voxel=4)
        )
        everything = np.array([(0, n) for n in self.shape])
        for axis in self.axes:
            after = everything.copy()
            after[axis, 0] = self.shape[axis]
            table, places = _table(merged, axis), self._places(axis, after)
            join_runs(_open(merged, axis), None, table, phase_ids=self.ids, places=places, voxels=0)
            merged |= {f"runs {axis}": table.runs, f"ends {axis}": table.ends}
        return merged

    def _places(self, axis: int, bounds: npt.NDArray[np.int64]) -> LinePlaces:
        places = part_places(self.shape)
        down, across = (places[other][slice(*bounds[other])] for other in range(3) if other != axis)
        return LinePlaces(places[axis], int(bounds[axis, 0]), down, across)

    def _start(self, parts: int) -> Partial:
        """Before the first block: every line comes from outside."""
        total: Partial = {}
        for axis in self.axes:
            face = tuple(n for other, n in enumerate(self.shape) if other != axis)
            for name, kind in zip(_OPEN, (np.uint8, np.int32, np.uint8), strict=True):
                total[f"open {name} {axis}"] = np.zeros(face, kind)
            table = ChordTable.empty(parts, len(self.ids), self.shape[axis])
            total |= {f"runs {axis}": table.runs, f"ends {axis}": table.ends, f"pairs {axis}": np.array(0)}
        return total

    def _join(self, total: Partial, part: Partial, axis: int) -> None:
        """Continue the lines along one axis through one more block; changes `total`."""
        bounds = np.asarray(part["region"], np.int64)
        face = tuple(slice(*bounds[other]) for other in range(3) if other != axis)
        runs = LineRuns(**{name: cast(Any, part[f"{name} {axis}"]) for name in _RUNS})
        ends = cast(ChordEnds, tuple(one[face] for one in _open(total, axis)))
        across = np.count_nonzero((ends[0] != 0) & (runs.head_id != 0))
        one, two = _table(total, axis), _table(part, axis)
        table = ChordTable(one.runs + two.runs, one.ends + two.ends)
        voxels = int(bounds[axis, 1] - bounds[axis, 0])
        join_runs(ends, runs, table, phase_ids=self.ids, places=self._places(axis, bounds), voxels=voxels)
        total |= {f"runs {axis}": table.runs, f"ends {axis}": table.ends}
        total[f"pairs {axis}"] = np.add(total[f"pairs {axis}"], part[f"pairs {axis}"]) + across


def _table(part: Partial, axis: int) -> ChordTable:
    return ChordTable(np.asarray(part[f"runs {axis}"], np.int64), np.asarray(part[f"ends {axis}"], np.int64))


def _open(total: Partial, axis: int) -> ChordEnds:
    return cast(ChordEnds, tuple(total[f"open {name} {axis}"] for name in _OPEN))


def _pairs_inside(labels: Bytes, axis: int) -> int:
    """Pairs of neighbors along an axis, both inside the field of view."""
    inside = np.moveaxis(labels, axis, 0) != 0
    return int(np.count_nonzero(inside[1:] & inside[:-1]))
