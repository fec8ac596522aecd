"""What is true about a synthetic electrode: counts over its voxels, and the numbers that follow."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import ParticleTable
from voltomo.blocks import Block, Partial
from voltomo.synthesis.electrode import CRACK_PHASE, PHASES, Electrode
from voltomo.synthesis.packing import volume_weighted_median

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


def particle_table(electrode: Electrode, counts: Partial) -> ParticleTable:
    """One row per particle that shows in the window.

    Columns: `instance_id`; `z`, `y`, `x` of the centre, the semi-axes `a` ≥ `b` ≥ `c` and the `diameter` of the ball of
    equal volume, m, of the whole particle without its roughness; `is_cracked` (has a slit, seen or not), `is_hollow`,
    `is_whole` (not cut by the window; in a section, by its edges); `envelope_voxels`, `void_voxels` and their ratio
    `void_fraction`, of what lies in the window.
    """
    rows = np.flatnonzero(np.asarray(counts["envelope"])[1:])
    envelope, void = (np.asarray(counts[name], np.int64)[rows + 1] for name in ("envelope", "void"))
    centers, extents = electrode.centers[rows], electrode.half_extents[rows]
    last = (np.asarray(electrode.shape) - 1) * np.asarray(electrode.voxel_size)
    axes = -np.sort(-electrode.semi_axes[rows], axis=1)
    return {
        "instance_id": (rows + 1).astype(np.uint32),
        "z": centers[:, 0],
        "y": centers[:, 1],
        "x": centers[:, 2],
        "a": axes[:, 0],
        "b": axes[:, 1],
        "c": axes[:, 2],
        "diameter": electrode.diameters[rows],
        "is_cracked": electrode.is_cracked[rows],
        "is_hollow": np.isin(rows, electrode.voids.particle),
        "is_whole": np.all(((centers - extents > 0) & (centers + extents < last)) | (last == 0), axis=1),
        "envelope_voxels": envelope,
        "void_voxels": void,
        "void_fraction": void / envelope,
    }


def describe_truth(electrode: Electrode, counts: Partial, table: ParticleTable) -> dict[str, Any]:
    """Numbers of the electrode that a measurement should find; lengths in m.

    Fractions are counted over the voxels of the field of view. `d50` is that of the whole particles: each one seen
    counts by its volume over the chance of being seen, Π(L + d) for a window of edges L, because a window, and a plane
    most of all, meets large particles more often than small ones. `d50_section` is that of the circles in a plane.
    """
    voxels = np.asarray(counts["phases"], np.int64)
    inside = int(voxels[1:].sum())
    fractions = {phase.name: float(voxels[phase.id] / inside) for phase in PHASES}
    diameters = np.asarray(table["diameter"])
    window = np.multiply(electrode.shape, electrode.voxel_size)
    chance = np.prod(window + diameters[:, None], axis=1)
    truth: dict[str, Any] = {
        "volume_fraction": fractions,
        "porosity": fractions["pore"],
        "porosity_total": fractions["pore"] + fractions["crack"],
        "solid_fraction": fractions["active"] + fractions["binder"],
        "voxels": {phase.name: int(voxels[phase.id]) for phase in PHASES} | {"outside": int(voxels[0])},
        "particle_count": len(table["instance_id"]),
        "particle_count_whole": int(np.count_nonzero(table["is_whole"])),
        "cracked_share": float(np.mean(table["is_cracked"])) if len(diameters) else 0.0,
        "void_fraction_in_particles": float(voxels[4] / max(1, voxels[2] + voxels[4])),
        "d50": volume_weighted_median(diameters, diameters**3 / chance) if len(diameters) else None,
        "crack_width": electrode.crack_width,
        "voxel_size": list(electrode.voxel_size),
        "shape": list(electrode.shape),
    }
    if electrode.shape[0] == 1:
        _, dy, dx = electrode.voxel_size
        areas = table["envelope_voxels"] * dy * dx
        truth["d50_section"] = volume_weighted_median(2 * np.sqrt(areas / np.pi), areas) if len(areas) else None
    return truth
