"""What is true about a synthetic electrode: counts over its voxels, and the numbers that follow."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import ParticleTable
from voltomo.blocks import Block, Partial
from voltomo.synthesis.families import CRACK_PHASE
from voltomo.synthesis.packing import volume_weighted_median
from voltomo.synthesis.structure import Structure

__all__ = ["count_voxels", "describe_truth", "merge_counts", "particle_table"]


def count_voxels(block: Block, phases: npt.NDArray[np.uint8], ids: npt.NDArray[np.uint32], *, count: int) -> Partial:
    """Voxels per phase id, and voxels and crack voxels per particle id, of ``block.write``.

    Parameters
    ----------
    phases, ids : (Z, Y, X) over ``block.read``
    count : number of particles
    """
    phases, ids = phases[block.inner], ids[block.inner]
    return {
        "phases": np.bincount(phases.ravel(), minlength=256),
        "envelope": np.bincount(ids.ravel(), minlength=count + 1),
        "void": np.bincount(ids[phases == CRACK_PHASE], minlength=count + 1),
    }


def merge_counts(a: Partial, b: Partial) -> Partial:
    """Sum of the counts of two pieces."""
    return {name: np.add(a[name], b[name]) for name in a}


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


def describe_truth(structure: Structure, counts: Partial, table: ParticleTable) -> dict[str, Any]:
    """Numbers of the structure that a measurement should find; lengths in m.

    Fractions are counted over the voxels of the field of view. `d50` is that of the whole particles: each one seen
    counts by its volume over the chance of being seen, Π(L + d) for a window of edges L, because a window, and a plane
    most of all, meets large particles more often than small ones. `d50_section` is that of the circles in a plane.
    """
    voxels = np.asarray(counts["phases"], np.int64)
    inside = int(voxels[1:].sum())
    fractions = {phase.name: float(voxels[phase.id] / inside) for phase in structure.phases}
    solid = int(np.asarray(counts["envelope"])[1:].sum())
    void = int(voxels[CRACK_PHASE])
    diameters = np.asarray(table["diameter"])
    window = np.multiply(structure.shape, structure.voxel_size)
    chance = np.prod(window + diameters[:, None], axis=1)
    truth: dict[str, Any] = {
        "family": structure.family,
        "volume_fraction": fractions,
        "porosity": fractions["pore"],
        "porosity_total": fractions["pore"] + fractions.get("crack", 0.0),
        "solid_fraction": 1 - fractions["pore"] - fractions.get("crack", 0.0),
        "voxels": {phase.name: int(voxels[phase.id]) for phase in structure.phases} | {"outside": int(voxels[0])},
        "particle_count": len(table["instance_id"]),
        "particle_count_whole": int(np.count_nonzero(table["is_whole"])),
        "cracked_share": float(np.mean(table["is_cracked"])) if len(diameters) else 0.0,
        "void_fraction_in_particles": void / max(1, solid),
        "d50": volume_weighted_median(diameters, diameters**3 / chance) if len(diameters) else None,
        "voxel_size": list(structure.voxel_size),
        "shape": list(structure.shape),
    }
    if structure.shape[0] == 1:
        _, dy, dx = structure.voxel_size
        areas = table["envelope_voxels"] * dy * dx
        truth["d50_section"] = volume_weighted_median(2 * np.sqrt(areas / np.pi), areas) if len(areas) else None
    return truth
