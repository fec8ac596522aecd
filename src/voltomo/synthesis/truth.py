"""What is true about a synthetic electrode: counts over its voxels, and the numbers that follow."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import ParticleTable
from voltomo.blocks import Block, Partial
from voltomo.synthesis.achieved import compare_with_request, packed_diameters
from voltomo.synthesis.families import ACTIVE, CRACK_PHASE
from voltomo.synthesis.request import StructureRequest
from voltomo.synthesis.sizes import volume_weighted_median
from voltomo.synthesis.structure import Structure

__all__ = ["count_voxels", "describe_truth", "particle_table"]


def count_voxels(
    block: Block, phases: npt.NDArray[np.uint8], ids: npt.NDArray[np.uint32], *, structure: Structure
) -> Partial:
    """Voxels per phase id, and voxels and crack voxels per particle id, of ``block.write``.

    Parameters
    ----------
    block : the region
    phases, ids : (Z, Y, X) over ``block.read``
    structure : what was painted

    Returns
    -------
    Partial
        ``phases`` (256,); ``electrode`` (256,) of the slices between collector and free surface, with cracks and voids
        counted to the phase of their particle; ``envelope`` and ``void`` (N + 1,) by particle id.
    """
    phases, ids = phases[block.inner], ids[block.inner]
    count = len(structure.particles)
    rows = structure.electrode_rows()
    first = block.write[0].start
    inside = slice(max(0, rows.start - first), max(0, rows.stop - first))
    electrode = np.bincount(phases[inside].ravel(), minlength=256)
    hosts = structure.particles.phase[ids[inside][phases[inside] == CRACK_PHASE].astype(np.int64) - 1]
    electrode += np.bincount(hosts, minlength=256)
    electrode[CRACK_PHASE] -= len(hosts)
    return {
        "phases": np.bincount(phases.ravel(), minlength=256),
        "electrode": electrode,
        "envelope": np.bincount(ids.ravel(), minlength=count + 1),
        "void": np.bincount(ids[phases == CRACK_PHASE], minlength=count + 1),
    }


def particle_table(structure: Structure, counts: Partial) -> ParticleTable:
    """One row per particle that shows in the window.

    Columns: `instance_id`; `phase_id`; `z`, `y`, `x` of the centre, the semi-axes `a` ≥ `b` ≥ `c` and the `diameter` of
    the ball of equal volume, m, of the whole particle without its roughness; `is_cracked` (has a slit, seen or not),
    `is_hollow`, `is_whole` (not cut by the window; in a section, by its edges); `envelope_voxels`, `void_voxels` and
    their ratio `void_fraction`, of what lies in the window.
    """
    rows = np.flatnonzero(np.asarray(counts["envelope"])[1:])
    envelope, void = (np.asarray(counts[name], np.int64)[rows + 1] for name in ("envelope", "void"))
    particles = structure.particles
    centers, extents = particles.center[rows], particles.half_extent[rows]
    last = (np.asarray(structure.shape) - 1) * np.asarray(structure.voxel_size)
    axes = -np.sort(-particles.semi_axes[rows], axis=1)
    return {
        "instance_id": (rows + 1).astype(np.uint32),
        "phase_id": particles.phase[rows],
        "z": centers[:, 0],
        "y": centers[:, 1],
        "x": centers[:, 2],
        "a": axes[:, 0],
        "b": axes[:, 1],
        "c": axes[:, 2],
        "diameter": particles.diameter[rows],
        "is_cracked": structure.is_cracked[rows],
        "is_hollow": np.isin(rows, structure.voids.particle),
        "is_whole": np.all(((centers - extents > 0) & (centers + extents < last)) | (last == 0), axis=1),
        "envelope_voxels": envelope,
        "void_voxels": void,
        "void_fraction": void / envelope,
    }


def describe_truth(
    structure: Structure, request: StructureRequest, counts: Partial, table: ParticleTable, properties: dict[str, Any]
) -> dict[str, Any]:
    """Numbers of the structure that a measurement should find, and how they compare with what was asked for.

    Parameters
    ----------
    structure, request : what was made, and what was asked for
    counts : from `count_voxels`
    table : from `particle_table`
    properties : from `voltomo.synthesis.properties.describe_properties`

    Returns
    -------
    dict
        Plain values, lengths in m. ``volume_fraction`` and what follows is counted over the voxels of the field of
        view; ``requested`` compares within the electrode; ``properties`` are free of the voxel grid. ``d50`` is that of
        the whole particles, each once; ``d50_section`` that of the circles in a plane. Nothing depends on time or
        machine.
    """
    voxels = np.asarray(counts["phases"], np.int64)
    inside = max(1, int(voxels[1:].sum()))
    fractions = {phase.name: float(voxels[phase.id] / inside) for phase in structure.phases}
    roles = {phase.name: phase.role for phase in structure.phases}
    pore = sum(share for name, share in fractions.items() if roles[name] == "pore")
    void = sum(share for name, share in fractions.items() if roles[name] == "crack")
    rows = compare_with_request(structure, request, counts)
    truth: dict[str, Any] = {
        "family": structure.family,
        "shape": list(structure.shape),
        "voxel_size": list(structure.voxel_size),
        "requested": [asdict(row) for row in rows],
        "warnings": [row.warning for row in rows if row.warning],
        "volume_fraction": fractions,
        "porosity": pore,
        "porosity_total": pore + void,
        "solid_fraction": 1 - pore - void,
        "voxels": {phase.name: int(voxels[phase.id]) for phase in structure.phases} | {"outside": int(voxels[0])},
        "particle_count": len(table["instance_id"]),
        "particle_count_whole": int(np.count_nonzero(table["is_whole"])),
        "cracked_share": _mean(table["is_cracked"]),
        "void_fraction_in_particles": int(voxels[CRACK_PHASE]) / max(1, int(np.asarray(counts["envelope"])[1:].sum())),
        "d50": _d50(structure),
    }
    if structure.shape[0] == 1:
        _, dy, dx = structure.voxel_size
        areas = table["envelope_voxels"] * dy * dx
        truth["d50_section"] = volume_weighted_median(2 * np.sqrt(areas / np.pi), areas) if len(areas) else None
    return truth | {"properties": properties}


def _d50(structure: Structure) -> float | None:
    """Of the active particles that were packed, each once, by volume; m."""
    diameters = packed_diameters(structure, ACTIVE)
    return volume_weighted_median(diameters, diameters**3) if len(diameters) else None


def _mean(flags: npt.NDArray[np.bool_]) -> float:
    return float(np.mean(flags)) if len(flags) else 0.0
