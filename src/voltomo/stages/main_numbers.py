"""The numbers whose uncertainty is followed, of a map that a block function derives: fractions, surfaces, transport.

The rows are those of `measure`, made by the same functions, so that a number of a varied map differs from the number
of the map by nothing but the variation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import ArrayLike, Measurement, PhaseTable
from voltomo.blocks import Block, Partial, WritableArray
from voltomo.blocks.executor import BlockMap, ProgressCallback
from voltomo.metrics.fractions import SliceCounts, count_slices, measure_fractions, measure_porosity
from voltomo.metrics.neighbors import count_neighbors
from voltomo.metrics.sample import Sample
from voltomo.metrics.surfaces import InterfaceCounts, measure_surfaces
from voltomo.morphology.directions import crofton_directions
from voltomo.stages.workspace import Workspace

__all__ = ["NamedWorkspace", "Numbers", "RowKey", "Variant", "count_variants", "row_key"]

Array: TypeAlias = npt.NDArray[Any]
RowKey: TypeAlias = tuple[str, ...]
"""Name, phases, axis, statistic and method: what tells a row from others."""
Numbers: TypeAlias = dict[RowKey, float]


def row_key(item: Measurement) -> RowKey:
    """What the rows of a number have in common, whatever map it was found on."""
    return item.name, item.phase, item.phase_2, item.axis, item.statistic, item.method


@dataclass(frozen=True)
class Variant:
    """A map that is not stored.

    Parameters
    ----------
    phases : its phase table
    derive : ``derive(block, *arrays) -> labels`` over ``block.read``; right within one voxel around ``block.inner``
    """

    phases: PhaseTable
    derive: Callable[..., npt.NDArray[np.uint8]]


def count_variants(
    variants: Mapping[str, Variant],
    sources: tuple[ArrayLike, ...],
    sample: Sample,
    work: Workspace,
    *,
    step: str,
    halo: int,
    bytes_per_voxel: float,
) -> dict[str, Numbers]:
    """Fractions, porosity and surfaces of several derived maps, in one pass over the sources.

    Parameters
    ----------
    variants : by name
    sources : (Z, Y, X) array-likes that the variants are derived from
    sample : voxel size and shape; its phase table is not used
    step : unique within the stage
    halo : voxels around a block that a derived map needs, at least 1 for the pairs of neighbors
    bytes_per_voxel : while a variant is derived

    Returns
    -------
    dict of Numbers
        Rows that a gate withholds are absent.
    """
    offsets = crofton_directions(None, sample.dimension).offsets

    def count(block: Block, *arrays: Array) -> Partial:
        found: Partial = {}
        for name, variant in variants.items():
            labels = variant.derive(block, *arrays)
            ids = variant.phases.ids
            found[f"voxels {name}"] = count_slices(labels[block.inner], phase_ids=ids).z.sum(axis=1, keepdims=True)
            found[f"pairs {name}"] = count_neighbors(labels, phase_ids=ids, offsets=offsets, starts=block.inner)
        return found

    merged = work.reduce(step, count, *sources, merge=_add, halo=max(halo, 1), bytes_per_voxel=bytes_per_voxel)
    return {
        name: _numbers(variant.phases, merged[f"voxels {name}"], merged[f"pairs {name}"], sample)
        for name, variant in variants.items()
    }


def _numbers(phases: PhaseTable, voxels: Array, pairs: Array, sample: Sample) -> Numbers:
    counts = SliceCounts(voxels, voxels, voxels)  # all slices in one: only their sums are used
    if not counts.region:
        return {}
    own = replace(sample, phases=phases, voxels=counts.region)
    directions = crofton_directions(own.edges, own.dimension)
    rows = [
        *measure_fractions(counts, own),
        *measure_porosity(counts, own, parts=None),
        *measure_surfaces(InterfaceCounts(pairs, directions), own, voxels=counts.phases),
    ]
    return {row_key(row): row.value for row in rows if row.value is not None}


def _add(one: Partial, two: Partial) -> Partial:
    return {name: np.add(one[name], two[name]) for name in one}


@dataclass(frozen=True)
class NamedWorkspace:
    """A workspace whose steps and arrays carry a name, so that a stage can run a part of itself several times."""

    name: str
    work: Workspace

    @property
    def budget(self) -> int | None:
        """Bytes that may be held at once."""
        return self.work.budget

    def array(self, name: str, shape: tuple[int, ...], dtype: npt.DTypeLike) -> WritableArray:
        """A scratch array, also where the name is that of an artefact."""
        return self.work.array(f"{self.name} {name}", shape, dtype)

    def map(self, step: str, function: BlockMap, *sources: ArrayLike, **settings: Any) -> None:
        """As the workspace does."""
        self.work.map(f"{self.name} {step}", function, *sources, **settings)

    def reduce(self, step: str, function: Callable[..., Partial], *sources: ArrayLike, **settings: Any) -> Partial:
        """As the workspace does."""
        return self.work.reduce(f"{self.name} {step}", function, *sources, **settings)

    def remember(self, step: str, compute: Callable[[], Partial]) -> Partial:
        """As the workspace does."""
        return self.work.remember(f"{self.name} {step}", compute)

    def progress_of(self, step: str) -> ProgressCallback | None:
        """As the workspace does."""
        return self.work.progress_of(f"{self.name} {step}")
