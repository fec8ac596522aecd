"""Sensitivity bands: what a number would be if the boundary of its phase lay elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import ArrayLike, Measurement, Phase, PhaseMap, SensitivityBand
from voltomo.blocks import Block
from voltomo.metrics.boundary_band import against_rest, phase_at_probability
from voltomo.metrics.sample import Sample
from voltomo.metrics.transport import TRANSPORT
from voltomo.metrics.uncertainty import with_band
from voltomo.stages.boundary_sides import Sides, both_sides, follow_sides, moved_boundaries
from voltomo.stages.main_numbers import Variant
from voltomo.stages.varied_flows import ON_PART
from voltomo.stages.workspace import Workspace

__all__ = ["boundary_bands"]

Bytes: TypeAlias = npt.NDArray[np.uint8]

_LEAST, _MOST = 0.3, 0.7
_BOUNDARY, _PROBABILITY = "boundary ± 1 voxel", "probability 0.3 to 0.7"
_NOTES = {
    _BOUNDARY: "the boundary of the phase a layer of voxels farther in and farther out, against the rest",
    _PROBABILITY: "the phase where its probability is at least 0.7, and at least 0.3, against the rest",
}


def boundary_bands(
    numbers: Iterable[Measurement],
    phase_map: PhaseMap,
    labels: ArrayLike,
    sample: Sample,
    work: Workspace,
    *,
    transport: bool = True,
) -> list[Measurement]:
    """Give fraction, surface and transport of each phase the band that another place of its boundary would give.

    Parameters
    ----------
    numbers : of the map
    phase_map, labels, sample : the map, its (Z, Y, X) ids, and their region
    work : where the blocks run
    transport : whether the numbers of transport get bands too

    Returns
    -------
    list of Measurement
        In the same order; numbers that depend on more than one boundary, such as interfaces, have no band.
    """
    banded = list(numbers)
    sides = moved_boundaries(banded, labels, sample, work, voxels=1, transport=transport)
    banded = [_with_band(item, sides, _BOUNDARY) for item in banded]
    if phase_map.probabilities is None:
        return banded
    drawn = {phase.name: _drawn(phase, row) for row, phase in enumerate(sample.phases)}
    sources = (labels, *phase_map.channels())
    settings: dict[str, Any] = {"halo": 1, "bytes_per_voxel": 9.0 + len(sources), "transport": transport}
    sides = follow_sides(drawn, sources, banded, sample, work, step="probability", **settings)
    return [_with_band(item, sides, _PROBABILITY) for item in banded]


def _drawn(phase: Phase, row: int) -> tuple[Variant, Variant]:
    """The phase where it is likely, and where it is possible."""
    table = against_rest(phase)
    return (
        Variant(table, partial(_at_probability, row=row, least=_MOST)),
        Variant(table, partial(_at_probability, row=row, least=_LEAST)),
    )


def _at_probability(_block: Block, labels: Bytes, *probabilities: Bytes, row: int, least: float) -> Bytes:
    return phase_at_probability(probabilities[row], labels, least)


def _with_band(item: Measurement, sides: Sides, name: str) -> Measurement:
    """A band for a number that both maps of its phase have; the number itself lies within it."""
    known = both_sides(item, sides)
    if item.value is None or known is None:
        return item
    everything = (item.value, *known)
    note = f"{_NOTES[name]}; {ON_PART}" if item.name in TRANSPORT else _NOTES[name]
    return with_band(item, SensitivityBand(name, min(everything), max(everything), note))
