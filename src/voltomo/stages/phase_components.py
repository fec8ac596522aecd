"""Connected components of phases, and what they say about where the void is."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Literal

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import OUTSIDE, InstanceMap, as_zyx
from voltomo.blocks import Block, Partial
from voltomo.blocks.components import Components, find_components
from voltomo.metrics.fractions import VoidParts, count_window, void_phases
from voltomo.metrics.representativity import Scatter, scatter_of_fraction
from voltomo.metrics.sample import Sample
from voltomo.stages.workspace import Workspace

__all__ = ["PhaseComponents", "carries", "find_void_parts"]


@dataclass
class PhaseComponents:
    """Connected components of sets of phases.

    Parameters
    ----------
    labels : (Z, Y, X) uint8 array-like of phase ids
    work : where the blocks run
    """

    labels: npt.NDArray[np.uint8]
    work: Workspace
    kept: dict[tuple[int, ...], Components] = field(default_factory=dict)

    def find(self, ids: tuple[int, ...], neighbors: Literal[6, 18, 26]) -> Components:
        """Components of the voxels that carry one of the ids."""
        if neighbors == 6 and ids in self.kept:
            return self.kept[ids]
        found = find_components(
            self.labels,
            predicate=partial(carries, ids=ids),
            runner=self.work,
            step=f"components of {'+'.join(map(str, ids))}, {neighbors} neighbors",
            connectivity=neighbors,
        )
        if neighbors == 6:  # a noisy map has millions of components: keep only those that are asked for twice
            self.kept[ids] = found
        return found

    def find_inside(self, ids: tuple[int, ...], instances: npt.NDArray[np.uint32]) -> Components:
        """Components, by 6 neighbors, of the voxels that carry one of the ids and lie inside a particle."""

        def inside(labels: npt.NDArray[np.uint8], instances: npt.NDArray[np.uint32]) -> npt.NDArray[np.bool_]:
            return carries(labels, ids=ids) & (instances > 0)

        return find_components(
            self.labels, instances, predicate=inside, runner=self.work, step="voids inside particles", connectivity=6
        )

    def scatter_outside(self, ids: tuple[int, ...], instances: npt.NDArray[np.uint32]) -> Scatter | None:
        """How the share of voxels that carry one of the ids outside the particles scatters over the window."""
        z, y, x = self.labels.shape

        def count(block: Block, labels: npt.NDArray[np.uint8], instances: npt.NDArray[np.uint32]) -> Partial:
            outside = carries(labels, ids=ids) & (instances == 0)
            codes = np.where(outside, np.uint8(1), np.where(labels == OUTSIDE, np.uint8(0), np.uint8(2)))
            return {"pieces": count_window(codes, phase_ids=(1, 2), shape=(z, y, x), origin=block.origin)[1]}

        def add(one: Partial, two: Partial) -> Partial:
            return {"pieces": np.add(one["pieces"], two["pieces"])}

        found = self.work.reduce("void outside particles", count, self.labels, instances, merge=add, bytes_per_voxel=10)
        pieces = found["pieces"].astype(np.int64)
        return scatter_of_fraction(pieces[..., 0], pieces.sum(axis=-1))


def find_void_parts(components: PhaseComponents, sample: Sample, instance_map: InstanceMap | None) -> VoidParts | None:
    """Where the void is; None without particles or without a void phase.

    A component of the void inside the envelopes is closed if it is a component of the whole void as well: then it has
    the same first voxel and the same size there. No labels need to be written to know that.
    """
    ids = tuple(phase.id for phase in void_phases(sample))
    if instance_map is None or not ids:
        return None
    everywhere, inside = components.find(ids, 6), components.find_inside(ids, as_zyx(instance_map.data))
    total, intra = int(everywhere.counts.sum()), int(inside.counts.sum())
    closed = int(inside.counts[_is_component_of(inside, everywhere)].sum())
    return VoidParts(total - intra, closed, intra - closed, components.scatter_outside(ids, as_zyx(instance_map.data)))


def _is_component_of(inside: Components, everywhere: Components) -> npt.NDArray[np.bool_]:
    """Which components of a part of the voxels are components of all of them; both are ordered by their first voxel."""
    if not len(inside):
        return np.zeros(0, np.bool_)
    own, all_ = (np.ravel_multi_index(tuple(found.first.T), found.shape) for found in (inside, everywhere))
    match = np.minimum(np.searchsorted(all_, own), len(all_) - 1)
    return np.asarray((all_[match] == own) & (everywhere.counts[match] == inside.counts))


def carries(labels: npt.NDArray[np.uint8], *, ids: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """Which voxels carry one of the ids."""
    lookup = np.zeros(256, np.bool_)
    lookup[list(ids)] = True
    return lookup[labels]
