"""The share of the active surface that no electrons, or no ions, can reach, over the blocks of a map."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import Measurement
from voltomo.blocks import Block, Partial
from voltomo.blocks.components import Components, paint_components
from voltomo.metrics.detached import ATTACHED, CLOSED, ISLAND, OPEN, OTHER, SurfaceClasses, measure_detached
from voltomo.metrics.neighbors import count_neighbors
from voltomo.metrics.sample import Sample
from voltomo.morphology.directions import crofton_directions
from voltomo.stages.phase_components import PhaseComponents, carries
from voltomo.stages.workspace import Workspace

__all__ = ["detached_rows"]

Bytes: TypeAlias = npt.NDArray[np.uint8]


def detached_rows(components: PhaseComponents, sample: Sample, work: Workspace) -> Iterator[Measurement]:
    """Rows of the active material together; none in a section, or where no phase is active or carries ions.

    What joins a part to a face of the box may join it to the rest of the electrode; what joins nothing is detached.
    """
    classes = SurfaceClasses.of(sample.phases)
    if sample.dimension == 2 or not classes.active or not classes.ions:
        return
    electrons, ions = components.find(classes.electrons, 6), components.find(classes.ions, 6)
    codes = work.array("detached surfaces", sample.shape, np.uint8)
    scratch = work.array("reached by electrons", sample.shape, np.uint8)

    def electron_codes(painted: Bytes, labels: Bytes) -> Bytes:
        return np.where(
            carries(labels, ids=classes.active), painted, np.where(labels > 0, np.uint8(OTHER), np.uint8(0))
        )

    def ion_codes(painted: Bytes, labels: Bytes, before: Bytes) -> Bytes:
        return np.where(painted > 0, painted, before)

    labels = components.labels
    paint_components(
        electrons,
        _codes(electrons, reached=ATTACHED, lost=ISLAND),
        labels,
        predicate=partial(carries, ids=classes.electrons),
        runner=work,
        out=scratch,
        step="paths of electrons",
        combine=electron_codes,
    )
    paint_components(
        ions,
        _codes(ions, reached=OPEN, lost=CLOSED),
        labels,
        scratch,
        predicate=lambda labels, before: carries(labels, ids=classes.ions),
        runner=work,
        out=codes,
        step="paths of ions",
        combine=ion_codes,
    )
    directions = crofton_directions(sample.edges, 3)
    ids = (ATTACHED, ISLAND, OPEN, CLOSED, OTHER)

    def count(block: Block, codes: Bytes) -> Partial:
        return {"pairs": count_neighbors(codes, phase_ids=ids, offsets=directions.offsets, starts=block.inner)}

    def add(one: Partial, two: Partial) -> Partial:
        return {"pairs": np.add(one["pairs"], two["pairs"])}

    found = work.reduce("detached surface", count, codes, merge=add, halo=1, bytes_per_voxel=3)
    yield from measure_detached(np.asarray(found["pairs"], np.int64), directions, sample)


def _codes(found: Components, *, reached: int, lost: int) -> Bytes:
    """Code of each component, after that of voxels outside all."""
    return np.append(np.uint8(0), np.where(found.touches.any(axis=1), np.uint8(reached), np.uint8(lost)))
