"""How much there is of each phase: fractions of the region, profiles along the axes, porosity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from numba import njit

from voltomo.artifacts import OUTSIDE, Measurement, Phase
from voltomo.errors import InputError
from voltomo.metrics.results import measured, withheld
from voltomo.metrics.sample import Sample

__all__ = [
    "Profiles",
    "SliceCounts",
    "VoidParts",
    "count_slices",
    "measure_fractions",
    "measure_porosity",
    "profiles",
    "void_phases",
]

Counts: TypeAlias = npt.NDArray[np.int64]
Bytes: TypeAlias = npt.NDArray[np.uint8]
Profiles: TypeAlias = dict[str, dict[str, list[float | None]]]
"""Axis, then phase name, then the fraction per slice; None where a slice has no voxel inside the field of view."""

_VOID_ROLES = ("pore", "crack")


@dataclass(frozen=True)
class SliceCounts:
    """Voxels per phase and slice, along each axis.

    Parameters
    ----------
    z, y, x : (K + 2, n) int64 arrays
        Rows: the K phases in table order, then voxels outside the field of view, then voxels of unknown ids.
    """

    z: Counts
    y: Counts
    x: Counts

    def along(self, axis: str) -> Counts:
        """(K, n) counts of the phases in the slices across an axis."""
        counts: Counts = getattr(self, axis)
        return counts[:-2]

    @property
    def phases(self) -> Counts:
        """(K,) voxels of each phase."""
        totals: Counts = self.z[:-2].sum(axis=1)
        return totals

    @property
    def region(self) -> int:
        """Voxels inside the field of view."""
        return int(self.phases.sum())

    @property
    def unknown(self) -> int:
        """Voxels whose id is in no row of the phase table."""
        return int(self.z[-1].sum())


def count_slices(labels: Bytes, *, phase_ids: Sequence[int]) -> SliceCounts:
    """Voxels of each phase in every slice across z, y and x, in one pass.

    Parameters
    ----------
    labels : (Z, Y, X) uint8 array
    phase_ids : K ids, in table order

    Returns
    -------
    SliceCounts
        Integers: counts of blocks, added at their place, equal those of the whole.
    """
    row_of = np.full(256, len(phase_ids) + 1, np.int64)
    row_of[OUTSIDE] = len(phase_ids)
    row_of[list(phase_ids)] = np.arange(len(phase_ids))
    return SliceCounts(*_count_slices(labels, row_of, len(phase_ids) + 2))


@njit(cache=True, nogil=True)
def _count_slices(labels: Bytes, row_of: Counts, rows: int) -> tuple[Counts, Counts, Counts]:
    depth, height, width = labels.shape
    along_z = np.zeros((rows, depth), np.int64)
    along_y = np.zeros((rows, height), np.int64)
    along_x = np.zeros((width, rows), np.int64)
    in_row = np.zeros(rows, np.int64)
    for z in range(depth):
        for y in range(height):
            in_row[:] = 0
            for x in range(width):
                row = row_of[labels[z, y, x]]
                in_row[row] += 1
                along_x[x, row] += 1
            for row in range(rows):
                along_z[row, z] += in_row[row]
                along_y[row, y] += in_row[row]
    return along_z, along_y, along_x.T.copy()


def measure_fractions(counts: SliceCounts, sample: Sample) -> tuple[Measurement, ...]:
    """Fraction of the region that each phase fills; they sum to 1. Called area fraction in a section."""
    name = "volume_fraction" if sample.dimension == 3 else "area_fraction"
    return tuple(
        _fraction(name, int(voxels), sample, phase=phase.name)
        for phase, voxels in zip(sample.phases, counts.phases, strict=True)
    )


def profiles(counts: SliceCounts, sample: Sample) -> Profiles:
    """Fraction of each phase per slice along z, y and x; y and x of a section."""
    result: Profiles = {}
    for axis in sample.axes:
        per_slice = counts.along(axis)
        region = per_slice.sum(axis=0)
        result[axis] = {
            phase.name: [int(n) / int(all_) if all_ else None for n, all_ in zip(row, region, strict=True)]
            for phase, row in zip(sample.phases, per_slice, strict=True)
        }
    return result


@dataclass(frozen=True)
class VoidParts:
    """Voxels of void (or of the unresolved mixture) by where they are.

    Parameters
    ----------
    inter : outside the particle envelopes
    closed : inside them, not connected to what is outside
    opened : inside them, connected to what is outside
    """

    inter: int
    closed: int
    opened: int


def void_phases(sample: Sample) -> tuple[Phase, ...]:
    """The phases that are void: pore and crack; only the mixture `pore+binder` where there is no pore."""
    if sample.phases.with_role("pore"):
        return sample.phases.with_role(*_VOID_ROLES)
    return sample.phases.with_role("pore+binder", "crack")


def measure_porosity(counts: SliceCounts, sample: Sample, *, parts: VoidParts | None) -> tuple[Measurement, ...]:
    """Void outside and inside of particles.

    The word porosity appears only where a phase of role pore exists; the lines of a `pore+binder` mixture are called
    volume fractions. The three parts add up to the total exactly.

    Parameters
    ----------
    counts, sample : of the phase map
    parts : where the void is, from the particles; None where particles were not identified
    """
    void = void_phases(sample)
    names = [phase.name for phase in void]
    total = int(sum(counts.phases[i] for i, phase in enumerate(sample.phases) if phase.name in names))
    if parts is not None and parts.inter + parts.closed + parts.opened != total:
        raise InputError(f"{parts} do not add up to the {total} void voxels of the map; are they of another map?")
    label = "+".join(names)
    if not sample.phases.with_role("pore"):
        return () if parts is None else _split(sample, "volume_fraction_inter", "volume_fraction", parts, label)
    whole = _fraction("porosity_total", total, sample, phase=label)
    if parts is not None:
        return (whole, *_split(sample, "porosity", "porosity", parts, label))
    if sample.phases.with_role("active"):
        reason = "porosity alone means between particles, and no particles were identified; see porosity_total"
        return whole, withheld(sample, "porosity", "1", reason=reason, phase=label, method=_method(sample))
    return whole, _fraction("porosity", total, sample, phase=label)  # without particles, all void is between them


def _split(sample: Sample, inter: str, prefix: str, parts: VoidParts, phase: str) -> tuple[Measurement, ...]:
    return (
        _fraction(inter, parts.inter, sample, phase=phase),
        _fraction(f"{prefix}_intra_closed", parts.closed, sample, phase=phase),
        _fraction(f"{prefix}_intra_open", parts.opened, sample, phase=phase),
    )


def _fraction(name: str, voxels: int, sample: Sample, *, phase: str) -> Measurement:
    return measured(sample, name, voxels / sample.voxels, "1", phase=phase, method=_method(sample))


def _method(sample: Sample) -> str:
    return "voxel count" if sample.dimension == 3 else "pixel count"
