"""What an imperfect map does to the numbers that are measured on it: surface, binder coverage, tortuosity.

Both maps are measured over the same voxels, in the classes that both can tell apart.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import ArrayLike, Measurement, PhaseMap
from voltomo.blocks import Block, Partial
from voltomo.metrics.fractions import SliceCounts, count_slices
from voltomo.metrics.neighbors import count_neighbors
from voltomo.metrics.sample import AXES, Sample
from voltomo.metrics.shell import covered_share
from voltomo.metrics.surfaces import InterfaceCounts, crofton_density
from voltomo.morphology.directions import crofton_directions
from voltomo.stages.grouped import class_phases, grouped_maps
from voltomo.stages.grouping import Grouping
from voltomo.stages.main_numbers import NamedWorkspace
from voltomo.stages.transport import TransportSettings, transport_rows
from voltomo.stages.workspace import Workspace

__all__ = ["Compared", "property_errors"]

_REGION = "voxels inside both maps"
_CONDUCTING = ("pore", "pore+binder", "electrolyte")


@dataclass(frozen=True)
class Compared:
    """A number of both maps, and the error between them."""

    error: Measurement
    result: float
    truth: float

    @property
    def quantity(self) -> str:
        """Such as "binder coverage of active"."""
        name = self.error.name.removesuffix("_error").replace("_", " ")
        return f"{name} of {self.error.phase}" + (f", {self.error.axis}" if self.error.axis else "")


@dataclass(frozen=True)
class _Side:
    """One map in the common classes."""

    labels: ArrayLike
    sample: Sample
    counts: SliceCounts
    interfaces: InterfaceCounts


def property_errors(
    result: PhaseMap, truth: PhaseMap, grouping: Grouping, work: Workspace, *, tortuosity: bool
) -> Iterator[Compared | Measurement]:
    """Errors (result − truth) of surfaces, of the binder coverage, and of tortuosity factors where asked.

    Parameters
    ----------
    result, truth : maps of the same shape
    grouping : their common classes
    work : Workspace
    tortuosity : whether tortuosity factors are solved for, along three axes of a volume, in both maps

    Yields
    ------
    Compared, or a Measurement that is withheld
        Lengths in the voxel size of the result, else of the truth, else in voxels.
    """
    found, wanted = _sides(result, truth, grouping, work)
    yield from _surface_errors(found, wanted)
    yield from _coverage_error(found, wanted)
    if tortuosity and found.sample.dimension == 3:
        yield from _tortuosity_errors(found, wanted, work)


def _sides(result: PhaseMap, truth: PhaseMap, grouping: Grouping, work: Workspace) -> tuple[_Side, _Side]:
    """Both maps with voxels and neighbors counted, in one pass."""
    maps = grouped_maps(result, truth, grouping)
    z, y, x = maps[0].shape
    shape, dimension = (int(z), int(y), int(x)), 2 if z == 1 else 3
    voxel_size = result.voxel_size or truth.voxel_size
    table, directions = class_phases(grouping), crofton_directions(voxel_size, dimension)

    def count(block: Block, *labels: npt.NDArray[np.uint8]) -> Partial:
        counted: Partial = {}
        for side, classes in enumerate(labels):
            counted[f"voxels {side}"] = count_slices(classes[block.inner], phase_ids=table.ids).z.sum(1, keepdims=True)
            counted[f"pairs {side}"] = count_neighbors(
                classes, phase_ids=table.ids, offsets=directions.offsets, starts=block.inner
            )
        return counted

    # Each grouped map reads both sources.
    merged = work.reduce("properties", count, *maps, merge=_add, halo=1, bytes_per_voxel=10)
    through_plane = result.through_plane if truth.through_plane == "unknown" else truth.through_plane

    def side(number: int) -> _Side:
        voxels, pairs = (merged[f"{what} {number}"].astype(np.int64) for what in ("voxels", "pairs"))
        counts = SliceCounts(voxels, voxels, voxels)  # all slices in one: only their sums are used
        sample = Sample(table, shape, counts.region, voxel_size, through_plane)
        return _Side(maps[number], sample, counts, InterfaceCounts(pairs, directions))

    return side(0), side(1)


def _add(one: Partial, two: Partial) -> Partial:
    return {name: np.add(one[name], two[name]) for name in one}


def _surface_errors(found: _Side, wanted: _Side) -> Iterator[Compared | Measurement]:
    """Crofton's surface per volume of each class against the rest; boundary per area in a plane."""
    sample = wanted.sample
    solid = sample.dimension == 3
    name = "specific_surface_area_error" if solid else "boundary_length_error"
    definition = "interface of the class per measure of the region, in the result − in the truth"
    for row, phase in enumerate(sample.phases):
        words = {"phase": phase.name, "definition": definition}
        if not wanted.interfaces.inside.all():
            reason = "no pair of neighboring voxels is known in both maps along an axis"
            yield _withheld(name, sample, reason, unit=sample.unit(-1), **words)
            continue
        values = [_density(side.interfaces, row) for side in (found, wanted)]
        how = f"Crofton, {13 if solid else 4} directions"
        yield _difference(name, values[0], values[1], sample, unit=sample.unit(-1), how=how, **words)


def _density(counts: InterfaceCounts, row: int) -> float:
    return crofton_density(counts.of(row), counts.inside, counts.directions)


def _coverage_error(found: _Side, wanted: _Side) -> Iterator[Compared | Measurement]:
    """The false shell, where both maps tell binder and active material apart from everything else."""
    sample = wanted.sample
    names = [phase.name for phase in sample.phases]
    active = [i for i, name in enumerate(names) if "active" in name.split("+")]
    if not active or "binder" not in names or not wanted.interfaces.inside.all():
        return
    binder = names.index("binder")
    values = [covered_share(s.interfaces, active=active[0], binder=(binder,)) for s in (found, wanted)]
    words = {
        "phase": names[active[0]],
        "phase_2": "binder",
        "definition": "share of the surface of the active material that is covered by binder, in the result − in the "
        "truth; times 100, without its sign, the false-shell error in points",
    }
    if any(math.isnan(value) for value in values):
        reason = "the active material has no surface in one of the maps"
        yield _withheld("binder_coverage_error", sample, reason, **words)
        return
    yield _difference("binder_coverage_error", values[0], values[1], sample, how="Crofton", **words)


def _tortuosity_errors(found: _Side, wanted: _Side, work: Workspace) -> Iterator[Compared | Measurement]:
    """Of every class that ions move in, along each axis."""
    names = tuple(phase.name for phase in wanted.sample.phases.with_role(*_CONDUCTING))
    settings = TransportSettings(phases=names, electrode="none", paths="none")
    name = "tortuosity_factor_error"
    sides = [
        {
            (row.phase, row.axis): row
            for row in transport_rows(s.labels, s.sample, s.counts, settings, NamedWorkspace(who, work))
            if row.name == "tortuosity_factor"
        }
        for who, s in (("result", found), ("truth", wanted))
    ]
    for phase in names:
        for axis in AXES:
            mine, true = (side[phase, axis] for side in sides)
            words = {
                "phase": phase,
                "axis": axis,
                "definition": "ε·D₀/D_eff of the class, in the result − in the truth",
            }
            one, two = (math.nan if row.value is None else row.value for row in (mine, true))
            if math.isfinite(one) and math.isfinite(two):
                yield _difference(name, one, two, wanted.sample, how="finite volumes", **words)
                continue
            reason = mine.reason or true.reason or "nothing flows in one of the maps"
            yield _withheld(name, wanted.sample, reason, **words)


def _difference(
    name: str, found: float, wanted: float, sample: Sample, *, how: str, unit: str = "1", **words: str
) -> Compared:
    error = Measurement(
        name,
        found - wanted,
        unit,
        dimension=sample.dimension,
        method=f"{how}; result {found:.6g}, truth {wanted:.6g}",
        region=_REGION,
        **_any(words),
    )
    return Compared(error, found, wanted)


def _withheld(name: str, sample: Sample, reason: str, *, unit: str = "1", **words: str) -> Measurement:
    return Measurement(
        name, None, unit, dimension=sample.dimension, status="withheld", reason=reason, region=_REGION, **_any(words)
    )


def _any(words: dict[str, str]) -> dict[str, Any]:
    return dict(words)
