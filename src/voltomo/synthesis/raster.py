"""Voxels of a synthetic electrode: phases and particle ids of any region.

Each voxel is decided at its centre from the shapes alone, in a fixed order and in coordinates of the whole volume, so
that every way of cutting the volume gives the same voxels.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from voltomo.blocks import Region
from voltomo.synthesis.electrode import ACTIVE, BINDER, PORE, Electrode
from voltomo.synthesis.painting import carve, fill_score, measure_distances

__all__ = ["Lattice", "binder_score", "find_owners", "outside_field_of_view", "paint", "rasterize"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Lattice = tuple[range, range, range]
"""Global voxel indices along z, y and x; a step above 1 samples a volume coarsely."""

# Separate random fields from one seed; the loops shift it further for each particle.
_WAVE_FIELD, _BINDER_FIELD, _SURFACE_FIELD = 1, 2, 3


def rasterize(electrode: Electrode, region: Region) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint32]]:
    """Phases and particle ids of a region.

    Parameters
    ----------
    electrode : the shapes
    region : slices of voxel indices with start and stop

    Returns
    -------
    phases : (Z, Y, X) uint8; 1 pore, 2 active, 3 binder, 4 crack, 0 outside the field of view
    ids : (Z, Y, X) uint32; a particle includes its cracks and voids, 0 is no particle

    Notes
    -----
    Where particles overlap, a voxel belongs to the one in which it lies deepest. Distances to ellipsoids are of first
    order (exact for spheres).
    """
    phases, ids, _ = paint(electrode, _every_voxel(region))
    return phases, ids


def find_owners(electrode: Electrode, region: Region) -> npt.NDArray[np.uint32]:
    """Particle ids alone, as `rasterize` gives them, for less work."""
    lattice = _every_voxel(region)
    owner = _nearest(electrode, lattice, 0.0)[2]
    if electrode.is_cylinder:
        owner[:, outside_field_of_view(electrode, lattice)] = 0
    return owner


def _every_voxel(region: Region) -> Lattice:
    z, y, x = (range(axis.start, axis.stop) for axis in region)
    return z, y, x


def paint(
    electrode: Electrode, lattice: Lattice, *, with_binder: bool = True
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint32], int]:
    """Phases, ids, and in how many particles the voxels lie, counted with multiplicity.

    Without binder, pore and binder both come out as pore; this is the cheaper.
    """
    first, second, owner, hits = _nearest(electrode, lattice, electrode.binder_reach if with_binder else 0.0)
    phases = np.full(owner.shape, PORE, np.uint8)
    if with_binder:
        phases[_score(electrode, lattice, first, second) < electrode.binder_threshold] = BINDER
    phases[owner > 0] = ACTIVE
    slits, voids = electrode.slits, electrode.voids
    rows = np.arange(len(electrode) + 1)
    carve(
        _starts_and_steps(lattice),
        np.asarray(electrode.voxel_size),
        electrode.centers,
        _inverse(electrode),
        *(slits.normal, slits.direction, slits.low, slits.extent, slits.wave),
        np.searchsorted(slits.particle, rows),
        0.5 * electrode.crack_width,
        electrode.texture_length,
        electrode.seed + _WAVE_FIELD,
        *(voids.center, voids.radius),
        np.searchsorted(voids.particle, rows),
        owner,
        phases,
    )
    if electrode.is_cylinder:
        outside = outside_field_of_view(electrode, lattice)
        phases[:, outside] = 0
        owner[:, outside] = 0
    return phases, owner, hits


def binder_score(electrode: Electrode, lattice: Lattice) -> npt.NDArray[np.float32]:
    """Score of every voxel outside the particles, m; inf inside. Binder fills it from below.

    The score is the sum of the distances to the two nearest particles, each up to the reach, plus a smooth random
    field: low in the necks between particles that touch, then on their surfaces.
    """
    first, second, _, _ = _nearest(electrode, lattice, electrode.binder_reach)
    return _score(electrode, lattice, first, second)


def outside_field_of_view(electrode: Electrode, lattice: Lattice) -> npt.NDArray[np.bool_]:
    """(Y, X) voxels outside the cylinder along z that is inscribed in the window."""
    (_, ny, nx), (_, dy, dx) = electrode.shape, electrode.voxel_size
    y = (np.asarray(lattice[1]) - 0.5 * (ny - 1)) * dy
    x = (np.asarray(lattice[2]) - 0.5 * (nx - 1)) * dx
    return np.asarray(np.hypot(y[:, None], x) > 0.5 * min(ny * dy, nx * dx))


def _starts_and_steps(lattice: Lattice) -> Integers:
    """(3, 2): first index and step along z, y and x."""
    return np.array([(axis.start, axis.step) for axis in lattice], np.int64)


def _inverse(electrode: Electrode) -> Floats:
    """Rows are the axes divided by their lengths: |inverse · y| is 1 on the surface."""
    return np.ascontiguousarray(electrode.rotations.transpose(0, 2, 1) / electrode.semi_axes[:, :, None])


def _nearest(
    electrode: Electrode, lattice: Lattice, reach: float
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.uint32], int]:
    """Signed distances to the two nearest surfaces, cut at `reach`; the id of the particle around each voxel; hits."""
    step = np.asarray(electrode.voxel_size)
    # Index ranges are those of the whole volume, whatever the region.
    lows = np.ceil((electrode.centers - electrode.half_extents - reach) / step).astype(np.int64)
    highs = np.floor((electrode.centers + electrode.half_extents + reach) / step).astype(np.int64)
    near = np.ones(len(electrode), bool)
    for axis in range(3):
        near &= (highs[:, axis] >= lattice[axis].start) & (lows[:, axis] < lattice[axis].stop)
    shape = (len(lattice[0]), len(lattice[1]), len(lattice[2]))
    first, second = np.full(shape, reach, np.float32), np.full(shape, reach, np.float32)
    owner = np.zeros(shape, np.uint32)
    rows = np.flatnonzero(near)
    hits = measure_distances(
        _starts_and_steps(lattice),
        step,
        rows,
        lows[rows],
        highs[rows],
        electrode.centers,
        _inverse(electrode),
        electrode.semi_axes.min(axis=1),
        (electrode.semi_axes.max(axis=1) + 0.5 * electrode.roughness * electrode.diameters + reach) ** 2,
        0.5 * electrode.diameters,
        electrode.roughness,
        electrode.seed + _SURFACE_FIELD,
        first,
        second,
        owner,
    )
    return first, second, owner, hits


def _score(
    electrode: Electrode, lattice: Lattice, first: npt.NDArray[np.float32], second: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    score = np.empty_like(first)
    fill_score(
        _starts_and_steps(lattice),
        np.asarray(electrode.voxel_size) / electrode.texture_length,
        electrode.seed + _BINDER_FIELD,
        electrode.binder_roughness,
        first,
        second,
        score,
    )
    return score
