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
from voltomo.metrics.chords import CUTS, ChordEnds, LineRuns, Places, count_chords, join_runs
from voltomo.metrics.representativity import part_places
from voltomo.metrics.sample import AXES, Sample
from voltomo.stages.workspace import Workspace

__all__ = ["find_chords"]

Bytes: TypeAlias = npt.NDArray[np.uint8]

_OPEN = ("id", "length", "cut")
_RUNS = tuple(LineRuns.__dataclass_fields__)


def find_chords(labels: ArrayLike, sample: Sample, work: Workspace) -> Iterator[ChordCounts]:
    """Chords along each axis along which the sample extends, and the stretches of its field of view.

    Blocks are joined in their order: the lines that are open at the end of the blocks so far take as much memory as
    a face of the volume.
    """
    lines = _Lines(sample.shape, tuple(AXES.index(name) for name in sample.axes), sample.phases.ids)
    merged = lines.find("chords", labels, work)
    inside = {} if sample.fills_box else _Lines(lines.shape, lines.axes, (1,)).find("lines", labels, work)
    for axis in lines.axes:
        parts = np.asarray(merged[f"counts {axis}"], np.int64)
        if inside:
            stretches = np.asarray(inside[f"counts {axis}"], np.int64).sum(axis=(0, 1, 2))
        else:
            stretches = np.zeros(sample.shape[axis] + 1, np.int64)
            stretches[-1] = math.prod(sample.shape) // sample.shape[axis]
        pairs = int(np.asarray(merged[f"pairs {axis}"], np.int64))
        yield ChordCounts(parts.sum(axis=0), axis, pairs, stretches, parts)


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
        places = part_places(self.shape)
        part_count = 1 + sum(int(place[-1]) for place in places)

        def count(block: Block, labels: Bytes) -> Partial:
            found: Partial = {"region": np.array([(side.start, side.stop) for side in block.write])}
            seen = np.minimum(labels, 1) if step == "lines" else labels
            here = cast(Places, tuple(place[side] for place, side in zip(places, block.write, strict=True)))
            for axis in self.axes:
                counts, runs = count_chords(
                    seen,
                    axis=axis,
                    phase_ids=self.ids,
                    longest=self.shape[axis],
                    places=here,
                    part_count=part_count,
                )
                found[f"counts {axis}"] = counts
                found[f"pairs {axis}"] = np.array(_pairs_inside(labels, axis))
                found |= {f"{name} {axis}": getattr(runs, name) for name in _RUNS}
            return found

        def join(total: Partial, part: Partial) -> Partial:
            for axis in self.axes:
                self._join(total, part, axis, cast(Places, places))
            return total

        def begin(total: Partial) -> Partial:
            return total if "open id 1" in total else join(self._start(part_count), total)

        merged = begin(
            work.reduce(step, count, labels, merge=lambda total, part: join(begin(total), part), bytes_per_voxel=4)
        )
        for axis in self.axes:
            counts = np.array(merged[f"counts {axis}"], np.int64)
            ends = merged[f"open id {axis}"], merged[f"open length {axis}"], merged[f"open cut {axis}"]
            last = [place[-1:] if other == axis else place for other, place in enumerate(places)]
            before = int(places[axis][-1])
            words: dict[str, Any] = {"axis": axis, "phase_ids": self.ids, "places": tuple(last), "before": before}
            join_runs(cast(ChordEnds, ends), None, counts, **words)
            merged[f"counts {axis}"] = counts
        return merged

    def _start(self, part_count: int) -> Partial:
        """Before the first block: every line comes from outside."""
        total: Partial = {}
        for axis in self.axes:
            face = tuple(n for other, n in enumerate(self.shape) if other != axis)
            for name, kind in zip(_OPEN, (np.uint8, np.int32, np.uint8), strict=True):
                total[f"open {name} {axis}"] = np.zeros(face, kind)
            total[f"counts {axis}"] = np.zeros((part_count, len(self.ids), CUTS, self.shape[axis] + 1), np.int64)
            total[f"pairs {axis}"] = np.array(0)
        return total

    def _join(self, total: Partial, part: Partial, axis: int, places: Places) -> None:
        """Continue the lines along one axis through one more block; changes `total`."""
        bounds = np.asarray(part["region"], np.int64)
        face = tuple(slice(*bounds[other]) for other in range(3) if other != axis)
        runs = LineRuns(**{name: cast(Any, part[f"{name} {axis}"]) for name in _RUNS})
        ends = cast(ChordEnds, tuple(total[f"open {name} {axis}"][face] for name in _OPEN))
        across = np.count_nonzero((ends[0] != 0) & (runs.head_id != 0))
        counts = np.asarray(total[f"counts {axis}"], np.int64) + np.asarray(part[f"counts {axis}"], np.int64)
        here = cast(Places, tuple(place[slice(*side)] for place, side in zip(places, bounds, strict=True)))
        before = int(places[axis][max(int(bounds[axis, 0]) - 1, 0)])
        join_runs(ends, runs, counts, axis=axis, phase_ids=self.ids, places=here, before=before)
        total[f"counts {axis}"] = counts
        total[f"pairs {axis}"] = np.add(total[f"pairs {axis}"], part[f"pairs {axis}"]) + across


def _pairs_inside(labels: Bytes, axis: int) -> int:
    """Pairs of neighbors along an axis, both inside the field of view."""
    inside = np.moveaxis(labels, axis, 0) != 0
    return int(np.count_nonzero(inside[1:] & inside[:-1]))
