"""How wide the phases are: local thickness and chord lengths, with their curves."""

from __future__ import annotations

from voltomo.artifacts import ArrayLike, Measurement
from voltomo.metrics.chord_lengths import chord_curves, measure_chords
from voltomo.metrics.curves import SizeCurve
from voltomo.metrics.fractions import SliceCounts
from voltomo.metrics.sample import Sample
from voltomo.stages.chords import find_chords
from voltomo.stages.opening import ThicknessWanted, thickness_rows
from voltomo.stages.workspace import Workspace

__all__ = ["ThicknessWanted", "width_rows"]


def width_rows(
    labels: ArrayLike, sample: Sample, counts: SliceCounts, wanted: ThicknessWanted, work: Workspace
) -> tuple[tuple[Measurement, ...], tuple[SizeCurve, ...]]:
    """Rows and curves of every phase.

    Parameters
    ----------
    labels : (Z, Y, X) uint8 array-like
    sample, counts : what the map holds
    wanted : the local thickness takes time, and may be left out
    work : where the blocks run
    """
    rows, curves = thickness_rows(labels, sample, counts, wanted, work)
    numbers, drawn = list(rows), list(curves)
    for chords in find_chords(labels, sample, work):
        numbers += measure_chords(chords, sample)
        drawn += chord_curves(chords, sample)
    return tuple(numbers), tuple(drawn)
