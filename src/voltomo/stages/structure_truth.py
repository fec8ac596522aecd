"""The truth about a painted structure: its particle table, its properties, and what became of the request."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from voltomo.artifacts import ArrayLike, ParticleTable
from voltomo.blocks import Partial
from voltomo.morphology.directions import crofton_directions
from voltomo.stages.blank import Blank
from voltomo.stages.workspace import Workspace
from voltomo.synthesis.finer_grid import choose_tiles, count_tiles, count_voxel_grid, join_tiles
from voltomo.synthesis.properties import describe_properties
from voltomo.synthesis.request import StructureRequest
from voltomo.synthesis.structure import Structure
from voltomo.synthesis.transport import reason_against_transport, solve_transport, transport_properties
from voltomo.synthesis.truth import count_voxels, describe_truth, particle_table

__all__ = ["find_truth"]

_REFINEMENT = 4
"""Finer voxels along the edge of a voxel: what resolution does to a surface is then found to a quarter of itself."""


def find_truth(
    structure: Structure,
    request: StructureRequest,
    work: Workspace,
    *,
    phases: ArrayLike,
    particles: ArrayLike,
    with_transport: bool = False,
) -> tuple[ParticleTable, dict[str, Any]]:
    """Particle table and truth of a structure, block by block.

    Parameters
    ----------
    structure, request : what was made, and what was asked for
    work : Workspace
    phases, particles : (Z, Y, X) uint8 and uint32, painted from the structure
    with_transport : also solve for tortuosity factors, which takes longer than everything else

    Returns
    -------
    table : one row per particle that shows
    truth : plain values, the same for the same structure; see `voltomo.synthesis.truth.describe_truth`
    """
    shape = structure.shape
    counts = work.reduce(
        "truth", partial(count_voxels, structure=structure), phases, particles, merge=_add, bytes_per_voxel=24
    )
    offsets = crofton_directions(structure.voxel_size, 2 if shape[0] == 1 else 3).offsets
    whole = work.reduce(
        "voxel grid",
        partial(count_voxel_grid, ids=structure.phases.ids, offsets=offsets),
        phases,
        merge=_add,
        halo=1,
        bytes_per_voxel=3,
    )
    tiles = choose_tiles(shape, factor=_REFINEMENT, seed=structure.seed)
    # Tiles are small: what one needs is far below a byte per voxel of a block.
    counted = work.reduce(
        "finer grid",
        partial(count_tiles, structure=structure, tiles=tiles, offsets=offsets),
        Blank(shape),
        merge=join_tiles,
        bytes_per_voxel=1,
    )
    table = particle_table(structure, counts)
    reason = reason_against_transport(structure)
    if not with_transport:
        reason = reason or "was not asked for; transport=true solves for it"
    solved = None if reason else work.remember("transport", lambda: solve_transport(structure))
    others = transport_properties(structure, solved, reason=reason)
    properties = describe_properties(structure, tiles, counted, whole, others=others)
    return table, describe_truth(structure, request, counts, table, properties)


def _add(a: Partial, b: Partial) -> Partial:
    return {name: np.add(a[name], b[name]) for name in a}
