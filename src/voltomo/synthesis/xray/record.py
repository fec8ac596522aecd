"""What is true about a scan, as plain numbers: lengths in m, angles in rad, energies in eV, shifts in pixels."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from voltomo.artifacts import PhaseTable
from voltomo.synthesis.materials import Material
from voltomo.synthesis.xray.attenuation import wavelength
from voltomo.synthesis.xray.detector import Detector, find_dead_pixels
from voltomo.synthesis.xray.geometry import ParallelGeometry
from voltomo.synthesis.xray.scanner import XrayOptics

__all__ = ["CONVENTION", "describe_instrument", "describe_scan", "warn_of_scan"]

CONVENTION = (
    "column = center_of_rotation + x cos(angle) + y sin(angle) + shift_u; row = z + shift_v; y and x in voxels from "
    "the middle of the window, after sample_rotation (from x to y) and sample_shift (z, y, x)"
)
"""Where a point of the truth lands, in words that travel with the data."""
_STRONG_PHASE = math.pi
"""rad; a phase ring gives an image in proportion to the phase shift only well below 1 rad."""


def describe_instrument(
    phases: PhaseTable,
    materials: Mapping[int, Material],
    optics: XrayOptics,
    detector: Detector,
    shape: tuple[int, int],
) -> dict[str, Any]:
    """What all scans of a sample share; `mu` and `delta` are means over the spectrum."""
    weights = optics.spectrum.weights
    rows = {}
    for phase in phases:
        material = materials[phase.id]
        found = [table[phase.id] for table in optics.constants]
        rows[phase.name] = {
            "id": phase.id,
            "material": material.name,
            "formula": material.formula,
            "density": material.bulk_density,
            "mu": math.fsum(w * c.mu for w, c in zip(weights, found, strict=True)),
            "delta": math.fsum(w * c.delta for w, c in zip(weights, found, strict=True)),
        }
    return {
        "convention": CONVENTION,
        "materials": rows,
        "energies": list(optics.spectrum.energies),
        "energy_weights": list(weights),
        "pixel_size": optics.pixel_size,
        "photons": detector.photons,
        "blur": optics.blur,
        "dead_pixels": find_dead_pixels(shape, detector).tolist(),
    }


def describe_scan(
    geometry: ParallelGeometry, optics: XrayOptics, detector: Detector, *, saturated_share: float
) -> dict[str, Any]:
    """What belongs to one scan."""
    return {
        "angles": geometry.angles.tolist(),
        "center_of_rotation": geometry.center_of_rotation,
        "shift_v": geometry.shift_v.tolist(),
        "shift_u": geometry.shift_u.tolist(),
        "sample_shift": list(geometry.motion.shift),
        "sample_rotation": geometry.motion.rotation,
        "distance": optics.wave.distance,
        "ring_phase": optics.wave.ring_phase,
        "counts_per_photon": detector.counts_per_photon,
        "saturated_share": saturated_share,
    }


def warn_of_scan(
    geometry: ParallelGeometry, optics: XrayOptics, *, width: int, saturated_share: float
) -> tuple[str, ...]:
    """What a user should know about a scan of a sample of a width in pixels."""
    warnings = []
    land = geometry.offset_u
    if land.min() < 0.5 * (width - 1) or land.max() > geometry.shape[1] - 0.5 * (width + 1):
        warnings.append("the sample leaves the field of view: its axis is further off the middle than the margin")
    # Crowther's criterion, https://doi.org/10.1098/rspa.1970.0119: one pixel between views at the sample's edge.
    covered = len(geometry) * _step(geometry)
    needed = math.ceil(0.5 * width * covered)
    if len(geometry) < 0.5 * needed:
        warnings.append(
            f"{len(geometry)} angles are few for a sample {width} pixels wide, {needed} would sample its edge in full: "
            "streaks are to be expected"
        )
    if optics.wave.ring_phase is not None:
        delta = max(c.delta for table in optics.constants for c in table.values())
        shift = 2 * math.pi / wavelength(optics.spectrum.mean) * delta * width * optics.pixel_size
        if shift > _STRONG_PHASE:
            warnings.append(
                f"the densest phase, as thick as the sample, would shift the wave by {shift:.1f} rad: behind a phase "
                "ring, grey is in proportion to the phase shift only well below 1 rad"
            )
    if saturated_share > 0:
        warnings.append(f"{saturated_share:.2g} of the pixels are saturated")
    return tuple(warnings)


def _step(geometry: ParallelGeometry) -> float:
    """Angle between two projections, rad."""
    return float(np.ptp(geometry.angles)) / max(1, len(geometry) - 1)
