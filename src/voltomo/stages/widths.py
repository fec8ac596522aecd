"""How wide the phases are: local thickness, chord lengths and lineal paths, with their curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from voltomo.artifacts import ArrayLike, Measurement
from voltomo.metrics.chord_lengths import ChordCounts, PartSums, chord_curves, measure_chords
from voltomo.metrics.correlation_rows import CorrelationCurve
from voltomo.metrics.curves import SizeCurve
from voltomo.metrics.lineal_path import lineal_path_curves, measure_lineal_path
from voltomo.metrics.sample import Sample
from voltomo.morphology.directions import crofton_directions
from voltomo.stages.chords import find_chords
from voltomo.stages.opening import ThicknessWanted, thickness_rows
from voltomo.stages.structure_counts import StructureCounts
from voltomo.stages.workspace import Workspace

__all__ = ["ThicknessWanted", "Widths", "width_rows"]


@dataclass(frozen=True)
class Widths:
    """How wide the phases are.

    Parameters
    ----------
    rows : the numbers
    curves : size distributions
    paths : lineal paths over distance
    """

    rows: tuple[Measurement, ...]
    curves: tuple[SizeCurve, ...]
    paths: tuple[CorrelationCurve, ...]


def width_rows(
    labels: ArrayLike,
    sample: Sample,
    found: StructureCounts,
    wanted: ThicknessWanted,
    work: Workspace,
    *,
    parts: Sequence[int] = (),
) -> Widths:
    """Rows and curves of every phase.

    Parameters
    ----------
    labels : (Z, Y, X) uint8 array-like
    sample, found : what the map holds
    wanted : the local thickness takes time, and may be left out
    work : where the blocks run
    parts : of the window, whose spread tells the representativity; none where they do not
    """
    rows, curves = thickness_rows(labels, sample, found.slices, wanted, work, parts=parts)
    numbers, drawn = list(rows), list(curves)
    paths: list[CorrelationCurve] = []
    for chords in find_chords(labels, sample, work):
        numbers += measure_chords(chords, sample, parts=_part_sums(chords, found, parts))
        numbers += measure_lineal_path(chords, sample)
        drawn += chord_curves(chords, sample)
        paths += lineal_path_curves(chords, sample)
    return Widths(tuple(numbers), tuple(drawn), tuple(paths))


def _part_sums(chords: ChordCounts, found: StructureCounts, parts: Sequence[int]) -> PartSums | None:
    """Ends of chords per part, from the neighbors along the axis: they lie where the pairs of voxels do."""
    if not parts:
        return None
    offsets = crofton_directions(None, 2 if found.slices.z.shape[1] == 1 else 3).offsets
    step = np.eye(3, dtype=np.int64)[chords.axis]
    direction = int(np.flatnonzero((np.abs(offsets) == step).all(axis=1))[0])
    pairs = np.stack([found.parts[i].pairs[direction] for i in parts])
    same = np.einsum("pkk->pk", pairs)
    ends = pairs.sum(axis=1) + pairs.sum(axis=2) - 2 * same
    voxels = np.stack([found.parts[i].voxels for i in parts])
    return PartSums(voxels, ends, pairs.sum(axis=(1, 2)), tuple(parts))
