"""How much there is of each phase: fractions of the region, profiles along the axes, porosity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from numba import njit

from voltomo.artifacts import OUTSIDE, Measurement, Phase
from voltomo.errors import InputError
from voltomo.metrics.representativity import TOO_SMALL, Scatter, piece_bounds, piece_counts, scatter_of_fraction
from voltomo.metrics.results import measured, withheld
from voltomo.metrics.sample import Sample

__all__ = [
    "Profiles",
    "SliceCounts",
    "VoidParts",
    "count_slices",
    "count_window",
    "measure_fractions",
    "measure_porosity",
    "profiles",
    "void_phases",
]

Counts: TypeAlias = npt.NDArray[np.int64]
Bytes: TypeAlias = npt.NDArray[np.uint8]
Scatters: TypeAlias = Sequence[Scatter | None]
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


def count_window(
    labels: Bytes, *, phase_ids: Sequence[int], shape: tuple[int, int, int], origin: tuple[int, int, int] = (0, 0, 0)
) -> tuple[SliceCounts, Counts]:
    """Voxels of each phase per slice and per piece of a window, from one block of it.

    Parameters
    ----------
    labels : (Z, Y, X) uint8 array
        The block.
    phase_ids : K ids, in table order
    shape : (Z, Y, X) of the window
    origin : index of the block's first voxel in the window

    Returns
    -------
    slices : SliceCounts
        Of the whole window, 0 where the block is not; counts of blocks add up.
    pieces : (Z', Y', X', K) int64 array
        See `voltomo.metrics.representativity`.
    """
    counts = piece_counts(shape)
    bounds = [piece_bounds(n, count) for n, count in zip(shape, counts, strict=True)]
    whole = [np.zeros((len(phase_ids) + 2, n), np.int64) for n in shape]
    pieces = np.zeros((*counts, len(phase_ids)), np.int64)
    for index in np.ndindex(counts):
        sides = [
            slice(max(start, int(b[i])), min(start + n, int(b[i + 1])))
            for i, b, start, n in zip(index, bounds, origin, labels.shape, strict=True)
        ]
        if any(side.start >= side.stop for side in sides):
            continue
        z, y, x = (slice(side.start - start, side.stop - start) for side, start in zip(sides, origin, strict=True))
        part = count_slices(labels[z, y, x], phase_ids=phase_ids)
        pieces[index] = part.phases
        for total, side, found in zip(whole, sides, (part.z, part.y, part.x), strict=True):
            total[:, side] += found
    return SliceCounts(*whole), pieces


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


def measure_fractions(
    counts: SliceCounts, sample: Sample, *, pieces: Counts | None = None, scatters: Scatters = ()
) -> tuple[Measurement, ...]:
    """Fraction of the region that each phase fills; they sum to 1. Called area fraction in a section.

    Parameters
    ----------
    counts, sample : of the phase map
    pieces : (Z', Y', X', K) voxels of each phase in the pieces of the window, for the representativity
    scatters : of each phase, from its integral range; None where that is not known: no representativity then. The
        pieces serve where none are given, and for several phases together
    """
    name = "volume_fraction" if sample.dimension == 3 else "area_fraction"
    return tuple(
        _fraction(name, int(voxels), sample, phase=phase.name, scatter=_scatter(pieces, [row], scatters))
        for row, (phase, voxels) in enumerate(zip(sample.phases, counts.phases, strict=True))
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
    scatter : of the void outside between the parts of the window
    """

    inter: int
    closed: int
    opened: int
    scatter: Scatter | None = None


def void_phases(sample: Sample) -> tuple[Phase, ...]:
    """The phases that are void: pore and crack; only the mixture `pore+binder` where there is no pore."""
    if sample.phases.with_role("pore"):
        return sample.phases.with_role(*_VOID_ROLES)
    return sample.phases.with_role("pore+binder", "crack")


def measure_porosity(
    counts: SliceCounts,
    sample: Sample,
    *,
    parts: VoidParts | None,
    pieces: Counts | None = None,
    scatters: Scatters = (),
) -> tuple[Measurement, ...]:
    """Void outside and inside of particles.

    The word porosity appears only where a phase of role pore exists; the lines of a `pore+binder` mixture are called
    volume fractions. The three parts add up to the total exactly.

    Parameters
    ----------
    counts, sample : of the phase map
    parts : where the void is, from the particles; None where particles were not identified
    pieces, scatters : for the representativity; see `measure_fractions`
    """
    names = [phase.name for phase in void_phases(sample)]
    rows = [row for row, phase in enumerate(sample.phases) if phase.name in names]
    total = int(counts.phases[rows].sum())
    if parts is not None and parts.inter + parts.closed + parts.opened != total:
        raise InputError(f"{parts} do not add up to the {total} void voxels of the map; are they of another map?")
    label = "+".join(names)
    if not sample.phases.with_role("pore"):
        return () if parts is None else _split(sample, "volume_fraction_inter", "volume_fraction", parts, label)
    scatter = _scatter(pieces, rows, scatters)
    if parts is not None and scatter is TOO_SMALL:
        parts = replace(parts, scatter=scatter)
    whole = _fraction("porosity_total", total, sample, phase=label, scatter=scatter)
    if parts is not None:
        return (whole, *_split(sample, "porosity", "porosity", parts, label))
    if sample.phases.with_role("active"):
        reason = "porosity alone means between particles, and no particles were identified; see porosity_total"
        return whole, withheld(sample, "porosity", "1", reason=reason, phase=label, method=_method(sample))
    return whole, _fraction(
        "porosity", total, sample, phase=label, scatter=scatter
    )  # without particles, all void is between them


def _split(sample: Sample, inter: str, prefix: str, parts: VoidParts, phase: str) -> tuple[Measurement, ...]:
    return (
        _fraction(inter, parts.inter, sample, phase=phase, scatter=parts.scatter),
        _fraction(f"{prefix}_intra_closed", parts.closed, sample, phase=phase),
        _fraction(f"{prefix}_intra_open", parts.opened, sample, phase=phase),
    )


def _scatter(pieces: Counts | None, rows: list[int], scatters: Scatters) -> Scatter | None:
    """From the integral range of a single phase, from the pieces of several; nothing where a range is not known."""
    if scatters:
        known = [scatters[row] for row in rows if pieces is None or 0 < pieces[..., row].sum() < pieces.sum()]
        if any(scatter is None for scatter in known):
            return TOO_SMALL
        if len(rows) == 1:
            return known[0] if known else None
    return None if pieces is None else scatter_of_fraction(pieces[..., rows].sum(axis=-1), pieces.sum(axis=-1))


def _fraction(name: str, voxels: int, sample: Sample, *, phase: str, scatter: Scatter | None = None) -> Measurement:
    value = voxels / sample.voxels
    parts = () if scatter is None else (scatter.part,)
    is_known = scatter is not None and scatter.part.standard_uncertainty is not None
    interval = scatter.interval(value) if scatter is not None and is_known else None
    method = _method(sample)
    return measured(sample, name, value, "1", phase=phase, method=method, parts=parts, interval=interval)


def _method(sample: Sample) -> str:
    return "voxel count" if sample.dimension == 3 else "pixel count"
