"""The work of `particles` block by block: envelope, distances, peaks, flood, merging, ids.

Each step is a map or a reduction of a workspace; between steps stand a few scratch arrays and short lists. In memory it
is the same code with one block.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import ArrayLike
from voltomo.blocks import Block, Partial, Region, WritableArray
from voltomo.blocks.components import append_rows
from voltomo.instances.assign import (
    ParticleIds,
    assign_particles,
    number_particles,
)
from voltomo.instances.basins import Contacts, find_peaks, measure_basins, measure_contacts, merge_basins
from voltomo.instances.envelope import BACKGROUND, CAVITY, close_cracks, envelope_levels
from voltomo.morphology.flooding import flood, flood_markers
from voltomo.morphology.grid import Grid
from voltomo.stages.closed_voids import ClosedVoids, find_closed_voids, own_closed_voids
from voltomo.stages.workspace import Workspace

__all__ = ["Split", "SplitLengths", "split_particles"]

LEVELS_PER_EDGE = 128
"""Distances are stored in steps of 1/128 of the shortest voxel edge: far below the error of a digitised distance, and
16 bits reach to particles 1023 voxels across; the flood of larger ones is flat in their middle."""

SMOOTHING = 1.0
"""Standard deviation of the Gaussian on the distance map, in shortest voxel edges: takes away peaks of the lattice."""

FIRST_HALO = 32
"""Halo of the first try at the distance map, in shortest voxel edges; doubled until no distance is longer."""

FLOOD_MARGIN = 16
"""The halo of the flood is longer than the longest distance by so many shortest voxel edges."""


@dataclass(frozen=True)
class SplitLengths:
    """What the split is told, in the unit of the voxel edges.

    Parameters
    ----------
    min_diameter : equivalent diameter of the smallest particle
    closing_radius : of the ball that closes cracks
    cavity_diameter : equivalent diameter of the widest closed void that is filled before the split
    cavity_depth : a void is filled if it lies at least so many of its diameters under the surface
    merge_ratio : of saddle and lower peak, from which on two basins are one particle
    """

    min_diameter: float
    closing_radius: float
    cavity_diameter: float
    cavity_depth: float
    merge_ratio: float


@dataclass(frozen=True)
class Split:
    """Particles without a table.

    Parameters
    ----------
    particles : (Z, Y, X) uint32 array of ids
    ids : what became of the basins
    record : JSON-able facts for the report
    """

    particles: WritableArray
    ids: ParticleIds
    record: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class _Basins:
    """The flood from all peaks: basin ids, their contacts, sizes and first active voxels, and how often it went on."""

    array: ArrayLike
    contacts: Contacts
    voxels: npt.NDArray[np.int64]
    first: npt.NDArray[np.int64]
    repeats: int


def split_particles(phases: ArrayLike, active: int, lengths: SplitLengths, grid: Grid, work: Workspace) -> Split:
    """Split the active phase into particles.

    Parameters
    ----------
    phases : (Z, Y, X) uint8 array-like
    active : id of the active phase
    lengths : what to close, fill and keep
    grid : the voxel lattice
    work : where arrays are put and blocks are run
    """
    shape = _shape(phases)
    radius = lengths.closing_radius
    envelope = work.array("envelope", shape, np.uint8)
    work.map(
        "close cracks",
        lambda block, data: close_cracks(data, active, radius=radius, grid=grid),
        phases,
        out=envelope,
        halo=grid.halo(2 * radius + grid.smallest_edge),
        bytes_per_voxel=12,
    )
    cavities = find_closed_voids(
        envelope,
        widest=lengths.cavity_diameter,
        depth=lengths.cavity_depth,
        closing_radius=radius,
        grid=grid,
        work=work,
    )
    levels, largest = _measure_distances(envelope, cavities, grid, work)
    places, heights = _find_peaks(levels, lengths, grid, work)
    flooded = _flood(levels, envelope, places, largest, grid, work)
    ids = _choose_particles(flooded, heights, lengths, grid)
    owners = own_closed_voids(cavities, flooded.array, ids, work)
    particles = _write_particles(flooded.array, envelope, cavities, ids, owners, 2 * radius, grid, work)
    record = {
        "largest_inscribed_diameter": 2 * largest,
        "distance_quantum": grid.smallest_edge / LEVELS_PER_EDGE,
        "peaks": len(places),
        "flood_repeats": flooded.repeats,
        "cavities": int(len(cavities.filled) - 1),
        "cavities_filled_before_split": int(cavities.filled.sum()),
        "cavities_inside_particles": int(np.count_nonzero(owners)),
    }
    return Split(particles, ids, record)


def _choose_particles(
    flooded: _Basins, heights: npt.NDArray[np.uint16], lengths: SplitLengths, grid: Grid
) -> ParticleIds:
    """Merge the basins of one particle and number what is large enough."""
    min_voxels = grid.content_of_ball(lengths.min_diameter) / grid.voxel_content
    roots = merge_basins(
        flooded.contacts, heights, flooded.voxels, merge_ratio=lengths.merge_ratio, min_voxels=min_voxels
    )
    return number_particles(roots, flooded.voxels, flooded.first, flooded.contacts, min_voxels=min_voxels)


def _measure_distances(
    envelope: ArrayLike, cavities: ClosedVoids, grid: Grid, work: Workspace
) -> tuple[ArrayLike, float]:
    """Levels of the distance map, with a halo at least as long as the longest distance, and that distance."""
    shape = _shape(envelope)
    edge = grid.smallest_edge
    quantum = edge / LEVELS_PER_EDGE
    furthest = max(n * size for n, size in zip(shape, grid.edges, strict=True)) / edge

    def is_right(levels: npt.NDArray[np.uint16], reach: int) -> bool:
        # Smoothing lowers a peak by up to 1.6 standard deviations (the mean distance from the centre of the kernel).
        return float(levels.max(initial=0)) / LEVELS_PER_EDGE + 2 * SMOOTHING <= reach

    def fill(block: Block, codes: npt.NDArray[np.uint8], voids: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint8]:
        return np.where(cavities.filled[voids] & (codes == BACKGROUND), np.uint8(CAVITY), codes)

    def distances(block: Block, codes: npt.NDArray[np.uint8], known: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint16]:
        if reach > FIRST_HALO and is_right(known[block.inner], reach // 2):
            return known
        return envelope_levels(codes, quantum=quantum, smoothing=SMOOTHING * edge, grid=grid)

    def longest(block: Block, values: npt.NDArray[np.uint16]) -> Partial:
        whole = all(side == slice(0, n) for side, n in zip(block.write, shape, strict=True))
        doubtful = not whole and reach < furthest and not is_right(values, reach)
        return {"largest": np.array([values.max()]), "doubtful": np.array([doubtful])}

    if cavities.filled.any():
        filled = work.array("filled envelope", shape, np.uint8)
        work.map("fill voids", fill, envelope, cavities.array, out=filled, bytes_per_voxel=9)
        envelope = filled
    reach = FIRST_HALO
    levels: ArrayLike = np.broadcast_to(np.uint16(0), shape)
    while True:
        further = work.array(f"levels {reach}", shape, np.uint16)
        work.map(
            f"distances to {reach}",
            distances,
            envelope,
            levels,
            out=further,
            halo=grid.halo((reach + 4 * SMOOTHING) * edge),
            bytes_per_voxel=12,
        )
        levels = further
        top = work.reduce(f"longest distance to {reach}", longest, levels, merge=_largest, bytes_per_voxel=3)
        if not top["doubtful"].any():
            return levels, float(np.asarray(top["largest"])[0]) * quantum
        reach *= 2


def _find_peaks(
    levels: ArrayLike, lengths: SplitLengths, grid: Grid, work: Workspace
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint16]]:
    """Places (P, 3) and levels (P,) of all peaks, in raster order of the volume."""
    # A ball of the smallest diameter has its peak at about half of it, less what smoothing takes; half of that is safe.
    edge = grid.smallest_edge
    floor = round((lengths.min_diameter / edge / 4 - SMOOTHING) * LEVELS_PER_EDGE)

    def search(block: Block, values: npt.NDArray[np.uint16]) -> Partial:
        peaks = find_peaks(values, block.inner, floor=floor)
        return {"places": peaks + block.origin, "levels": values[tuple(peaks.T)]}

    found = work.reduce("peaks", search, levels, merge=append_rows, halo=1, bytes_per_voxel=3)
    places = np.asarray(found["places"], np.int64)
    order = np.lexsort(places.T[::-1])
    return places[order], np.asarray(found["levels"], np.uint16)[order]


def _flood(
    levels: ArrayLike,
    envelope: ArrayLike,
    places: npt.NDArray[np.int64],
    largest: float,
    grid: Grid,
    work: Workspace,
) -> _Basins:
    """Basins of all peaks."""
    shape = _shape(levels)
    ids = np.arange(1, len(places) + 1, dtype=np.uint32)
    halo = grid.halo(largest + FLOOD_MARGIN * grid.smallest_edge)

    def flood_block(block: Block, values: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint32]:
        reach = _local_reach(values, block.inner, grid)
        low = np.array(block.origin) + [side.start for side in reach]
        near = ((places >= low) & (places < low + values[reach].shape)).all(axis=1)
        basins = np.zeros(values.shape, np.uint32)
        basins[reach] = flood(np.ascontiguousarray(values[reach]), places[near] - low, ids[near])
        return basins

    def flood_on(
        block: Block, values: npt.NDArray[np.uint16], basins: npt.NDArray[np.uint32]
    ) -> npt.NDArray[np.uint32]:
        return flood_markers(values, basins)

    def measure(
        block: Block,
        values: npt.NDArray[np.uint16],
        basins: npt.NDArray[np.uint32],
        codes: npt.NDArray[np.uint8],
    ) -> Partial:
        contacts, missed = measure_contacts(basins, values, codes, block.inner)
        start = [side.start for side in block.write]
        sizes = measure_basins(
            basins[block.inner],
            codes[block.inner],
            count=len(places),
            origin=(start[0], start[1], start[2]),
            shape=shape,
        )
        return {
            **contacts._asdict(),
            **sizes._asdict(),
            "missed": np.array([missed]),
        }

    basins = work.array("basins", shape, np.uint32)
    work.map("flood", flood_block, levels, out=basins, halo=halo, bytes_per_voxel=13)
    repeats = 0
    while True:
        found: dict[str, Any] = work.reduce(
            f"contacts {repeats}", measure, levels, basins, envelope, merge=append_rows, halo=1, bytes_per_voxel=16
        )
        if not found["missed"].any():
            break
        # A peak lay beyond the halo: let the flood go on from what its neighbours have reached.
        repeats += 1
        further = work.array(f"basins {repeats % 2}", shape, np.uint32)
        work.map(f"flood {repeats}", flood_on, levels, basins, out=further, halo=halo, bytes_per_voxel=24)
        basins = further
    voxels = np.zeros(len(places) + 1, np.int64)
    np.add.at(voxels, found["ids"], found["voxels"])
    first = np.full(len(places) + 1, np.iinfo(np.int64).max)
    has_active = found["first"] >= 0
    np.minimum.at(first, found["ids"][has_active], found["first"][has_active])
    first[first == np.iinfo(np.int64).max] = -1
    contacts = Contacts.merged(*(found[name] for name in Contacts._fields))
    return _Basins(basins, contacts, voxels[1:], first[1:], repeats)


def _local_reach(values: npt.NDArray[np.uint16], inner: Region, grid: Grid) -> Region:
    """The part of a block that its flood needs: a halo longer than the longest distance in it, not in the volume."""
    longest = float(values[inner].max()) / LEVELS_PER_EDGE
    while True:
        halo = grid.halo(max(0.0, longest + FLOOD_MARGIN) * grid.smallest_edge)
        z, y, x = (
            slice(max(0, side.start - h), min(n, side.stop + h))
            for side, h, n in zip(inner, halo, values.shape, strict=True)
        )
        found = float(values[z, y, x].max()) / LEVELS_PER_EDGE
        if found <= longest:
            return z, y, x
        longest = found


def _write_particles(
    basins: ArrayLike,
    envelope: ArrayLike,
    cavities: ClosedVoids,
    ids: ParticleIds,
    owners: npt.NDArray[np.uint32],
    reach: float,
    grid: Grid,
    work: Workspace,
) -> WritableArray:
    """The final ids."""
    ball = grid.ball(reach)

    def assign(
        block: Block,
        labels: npt.NDArray[np.uint32],
        codes: npt.NDArray[np.uint8],
        voids: npt.NDArray[np.uint32],
    ) -> npt.NDArray[np.uint32]:
        particles = assign_particles(labels, codes, ids.of_basin, ball)
        if len(owners) > 1:
            particles = np.where((voids > 0) & (codes == BACKGROUND), owners[voids], particles)
        return particles

    particles = work.array("particles", _shape(envelope), np.uint32)
    work.map(
        "particles",
        assign,
        basins,
        envelope,
        cavities.array,
        out=particles,
        halo=grid.halo(reach),
        bytes_per_voxel=24,
    )
    return particles


def _shape(array: ArrayLike) -> tuple[int, int, int]:
    z, y, x = array.shape
    return int(z), int(y), int(x)


def _largest(one: Partial, two: Partial) -> Partial:
    """The larger of each value."""
    return {name: np.maximum(one[name], two[name]) for name in one}
