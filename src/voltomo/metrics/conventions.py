"""The surface area of a map as other programs report it: one table to compare with a paper's number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import Measurement
from voltomo.metrics.marching_cubes import mesh_area
from voltomo.metrics.results import measured, withheld
from voltomo.metrics.sample import Sample
from voltomo.metrics.smooth_mesh import UNITS_PER_FACE
from voltomo.metrics.surfaces import InterfaceCounts, crofton_density, face_density
from voltomo.metrics.windows import WindowCounts

__all__ = ["measure_conventions"]

_CROFTON = "Crofton (GeoDict, statistical)"
_FACES = "voxel faces (TauFactor, face counting; GeoDict, voxel surfaces)"
_TWO_THIRDS = "voxel faces × 2/3 (MATBOX)"
_MESH = "marching cubes, not smoothed (scikit-image, PoreSpy; TauFactor without smoothing)"
_SMOOTH = "marching cubes after a Gaussian of 3 × 3 × 3 voxels (TauFactor with smoothing)"


def measure_conventions(
    counts: InterfaceCounts,
    windows: WindowCounts,
    smooth: Sequence[int] | None,
    sample: Sample,
    *,
    voxels: npt.ArrayLike,
) -> Iterator[Measurement]:
    """Specific surface area of each phase by five methods, per total volume and per volume of the phase.

    Parameters
    ----------
    counts, windows : of the phases of the sample, in table order
    smooth : area of the smoothed mesh of each phase, from `voltomo.metrics.smooth_mesh`; None leaves it out
    sample : region and units
    voxels : (K,) voxels of each phase

    Notes
    -----
    None in a section, or where the field of view is one voxel thick. They are definitions to compare with, not
    estimates: no uncertainty is given, and `specific_surface_area` is the number to report.
    """
    if sample.dimension == 2 or not windows.inside[0]:
        return
    largest_face = max(sample.edges) ** 2
    for i, phase in enumerate(sample.phases):
        faces = face_density(counts.of(i), counts.directions, voxels=sample.voxels)
        densities = {
            _CROFTON: crofton_density(counts.of(i), counts.inside, counts.directions),
            _FACES: faces,
            _TWO_THIRDS: 2 / 3 * faces,
            _MESH: mesh_area(windows.phases[i], sample.edges) / sample.measure,
        }
        if smooth is not None:
            densities[_SMOOTH] = smooth[i] / UNITS_PER_FACE * largest_face / sample.measure
        share = float(np.asarray(voxels)[i]) / sample.voxels
        for method, value in densities.items():
            yield _row(sample, phase.name, "per total volume", method, value)
        for method, value in densities.items():
            yield _row(sample, phase.name, "per volume of the phase", method, value / share if share else None)


def _row(sample: Sample, phase: str, statistic: str, method: str, value: float | None) -> Measurement:
    name, unit = "surface_area_by_convention", sample.unit(-1)
    if value is None:
        reason = f"no voxel is {phase}"
        return withheld(sample, name, unit, reason=reason, phase=phase, statistic=statistic, method=method)
    return measured(sample, name, value, unit, phase=phase, statistic=statistic, method=method)
