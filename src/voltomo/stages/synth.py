"""`synth`: an electrode with known truth."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import (
    CRACK,
    NOT_PARTICLE,
    SOLID,
    ArrayLike,
    CrackMap,
    InstanceMap,
    ParticleTable,
    PhaseMap,
    PhaseTable,
)
from voltomo.blocks import Block
from voltomo.stages.blank import Blank
from voltomo.stages.structure_truth import find_truth
from voltomo.stages.synth_config import SynthConfig
from voltomo.stages.workspace import Workspace
from voltomo.synthesis.crack_table import crack_table
from voltomo.synthesis.crack_widths import crack_widths
from voltomo.synthesis.families import CRACK_PHASE
from voltomo.synthesis.generate import make_structure
from voltomo.synthesis.profile import describe_packing
from voltomo.synthesis.raster import find_owners, rasterize
from voltomo.synthesis.structure import Structure

__all__ = ["SynthConfig", "SynthResult", "run_synth"]


@dataclass(frozen=True)
class SynthResult:
    """A structure, and what is true about it.

    Parameters
    ----------
    phase_map : ids of the family's phases; crack is every void inside a particle; 0 outside the field of view
    instance_map : particle ids, cracks included, with one row per particle
    crack_map : 0 outside particles, 1 solid, 2 crack or void
    crack_widths : (Z, Y, X) uint16, nm; the width of the crack that passes through a voxel, also of one thinner than it
    cracks : columns of `voltomo.synthesis.crack_table`, one row per crack
    truth : JSON-able numbers: requested against achieved, fractions, counts, sizes, properties
    structure : the shapes themselves
    seconds : of wall time, by "structure", "painting" and "truth"; after a kill, those since then
    """

    phase_map: PhaseMap
    instance_map: InstanceMap
    crack_map: CrackMap
    crack_widths: ArrayLike
    cracks: ParticleTable
    truth: dict[str, Any]
    structure: Structure
    seconds: Mapping[str, float]


def run_synth(config: SynthConfig, work: Workspace) -> SynthResult:
    """Make a structure and paint it, block by block.

    Parameters
    ----------
    config : SynthConfig
    work : Workspace
        Takes the (Z, Y, X) arrays "phases" (uint8), "particles" (uint32), "cracks" (uint8), "crack_widths" (uint16).

    Raises
    ------
    InputError
        If no electrode can be as asked; the message says what is reachable.
    """
    seconds: dict[str, float] = {}
    with _timed(seconds, "structure"):
        found = work.remember(
            "shapes", lambda: make_structure(config.request(), np.random.default_rng(config.seed)).to_arrays()
        )
    structure = Structure.from_arrays(found)
    shape, size, blank = config.shape, structure.voxel_size, Blank(config.shape)
    phases = work.array("phases", shape, np.uint8)
    particles = work.array("particles", shape, np.uint32)
    cracks = work.array("cracks", shape, np.uint8)
    widths = work.array("crack_widths", shape, np.uint16)
    with _timed(seconds, "painting"):
        work.map("phases", partial(_paint_phases, structure=structure), blank, out=phases, bytes_per_voxel=20)
        work.map("particles", partial(_paint_particles, structure=structure), blank, out=particles, bytes_per_voxel=20)
        work.map("cracks", _find_cracks, phases, particles, out=cracks, bytes_per_voxel=10)
        work.map("crack widths", partial(_find_widths, structure=structure), particles, out=widths, bytes_per_voxel=10)
    with _timed(seconds, "truth"):
        table, truth = find_truth(
            structure, config.request(), work, phases=phases, particles=particles, with_transport=config.transport
        )
        crack_rows = crack_table(structure, instance_ids=table["instance_id"])
    return SynthResult(
        phase_map=PhaseMap(phases, _seen(structure, truth), size, "z"),
        instance_map=InstanceMap(particles, table, size),
        crack_map=CrackMap(cracks, voxel_size=size),
        crack_widths=widths,
        cracks=crack_rows,
        truth=truth | {"remarks": list(config.remarks), "packing": describe_packing(structure)},
        structure=structure,
        seconds=seconds,
    )


@contextmanager
def _timed(seconds: dict[str, float], what: str) -> Iterator[None]:
    begun = time.perf_counter()
    yield
    seconds[what] = round(time.perf_counter() - begun, 3)


def _seen(structure: Structure, truth: Mapping[str, Any]) -> PhaseTable:
    """The phases that have voxels: no collector where the window shows none, no cracks where nothing is broken."""
    return PhaseTable(tuple(phase for phase in structure.phases if truth["voxels"][phase.name] > 0))


def _paint_phases(block: Block, _blank: npt.NDArray[np.uint8], *, structure: Structure) -> npt.NDArray[np.uint8]:
    return rasterize(structure, block.read)[0]


def _paint_particles(block: Block, _blank: npt.NDArray[np.uint8], *, structure: Structure) -> npt.NDArray[np.uint32]:
    return find_owners(structure, block.read)


def _find_cracks(
    _block: Block, phases: npt.NDArray[np.uint8], particles: npt.NDArray[np.uint32]
) -> npt.NDArray[np.uint8]:
    inside = np.where(phases == CRACK_PHASE, np.uint8(CRACK), np.uint8(SOLID))
    return np.where(particles > 0, inside, np.uint8(NOT_PARTICLE))


def _find_widths(block: Block, particles: npt.NDArray[np.uint32], *, structure: Structure) -> npt.NDArray[np.uint16]:
    return crack_widths(structure, block.read, particles)
