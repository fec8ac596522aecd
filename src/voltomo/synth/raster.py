"""Voxels of a synthetic electrode: phases and particle ids of any region.

Each voxel is decided at its centre from the shapes alone, in a fixed order and in coordinates of the whole volume, so
that every way of cutting the volume gives the same voxels.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from voltomo.blocks import Region
from voltomo.synth.electrode import ACTIVE, BINDER, CRACK_PHASE, PORE, Electrode
from voltomo.synth.noise import lattice_noise

__all__ = ["Lattice", "binder_score", "find_owners", "outside_field_of_view", "paint", "rasterize"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Lattice = tuple[range, range, range]
"""Global voxel indices along z, y and x; a step above 1 samples a volume coarsely."""

# Separate random fields from one seed; particles shift it further, by their number times `_PER_PARTICLE`.
_WAVE_FIELD, _BINDER_FIELD, _SURFACE_FIELD = 1, 2, 3

_PER_PARTICLE = 16
_LUMP = 0.5
"""Correlation length of the surface roughness, in mean radii: a secondary particle shows a dozen lumps in a section."""


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
    _carve(
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
    hits = _measure_distances(
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


@njit(cache=True, nogil=True)
def _measure_distances(  # noqa: C901  (one loop per axis, nothing to take out)
    axes: Integers,
    step: Floats,
    rows: Integers,
    lows: Integers,
    highs: Integers,
    centers: Floats,
    inverse: Floats,
    inner_radius: Floats,
    outer_square: Floats,
    mean_radius: Floats,
    roughness: float,
    seed: int,
    first: npt.NDArray[np.float32],
    second: npt.NDArray[np.float32],
    owner: npt.NDArray[np.uint32],
) -> int:
    hits = 0
    nz, ny, nx = first.shape
    for n in range(len(rows)):
        row = rows[n]
        a = inverse[row]
        for z in range(max(0, -((axes[0, 0] - lows[n, 0]) // axes[0, 1])), nz):
            iz = axes[0, 0] + z * axes[0, 1]
            if iz > highs[n, 0]:
                break
            oz = iz * step[0] - centers[row, 0]
            for y in range(max(0, -((axes[1, 0] - lows[n, 1]) // axes[1, 1])), ny):
                iy = axes[1, 0] + y * axes[1, 1]
                if iy > highs[n, 1]:
                    break
                oy = iy * step[1] - centers[row, 1]
                for x in range(max(0, -((axes[2, 0] - lows[n, 2]) // axes[2, 1])), nx):
                    ix = axes[2, 0] + x * axes[2, 1]
                    if ix > highs[n, 2]:
                        break
                    ox = ix * step[2] - centers[row, 2]
                    if oz * oz + oy * oy + ox * ox > outer_square[row]:
                        continue
                    q0 = a[0, 0] * oz + a[0, 1] * oy + a[0, 2] * ox
                    q1 = a[1, 0] * oz + a[1, 1] * oy + a[1, 2] * ox
                    q2 = a[2, 0] * oz + a[2, 1] * oy + a[2, 2] * ox
                    square = q0 * q0 + q1 * q1 + q2 * q2
                    if square > 0.0:
                        # (level − 1) / |gradient of the level|: the distance for a sphere, of first order otherwise.
                        gz = a[0, 0] * q0 + a[1, 0] * q1 + a[2, 0] * q2
                        gy = a[0, 1] * q0 + a[1, 1] * q1 + a[2, 1] * q2
                        gx = a[0, 2] * q0 + a[1, 2] * q1 + a[2, 2] * q2
                        level = np.sqrt(square)
                        smooth = (level - 1) * level / np.sqrt(gz * gz + gy * gy + gx * gx)
                        height, scale = roughness * mean_radius[row], _LUMP * mean_radius[row]
                        # The roughness fades out away from the surface, where it would decide nothing.
                        fade = 1 - abs(smooth) / (2 * height) if height > 0 else 0.0
                        if fade > 0:
                            lump = lattice_noise(seed + _PER_PARTICLE * row, oz / scale, oy / scale, ox / scale)
                            smooth += height * fade * lump
                        distance = np.float32(smooth)
                    else:
                        distance = np.float32(-inner_radius[row])
                    if distance < 0:
                        hits += 1
                    if distance < first[z, y, x]:
                        second[z, y, x] = first[z, y, x]
                        first[z, y, x] = distance
                        if distance < 0:
                            owner[z, y, x] = row + 1
                    elif distance < second[z, y, x]:
                        second[z, y, x] = distance
    return hits


def _score(
    electrode: Electrode, lattice: Lattice, first: npt.NDArray[np.float32], second: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    score = np.empty_like(first)
    _fill_score(
        _starts_and_steps(lattice),
        np.asarray(electrode.voxel_size) / electrode.texture_length,
        electrode.seed + _BINDER_FIELD,
        electrode.binder_roughness,
        first,
        second,
        score,
    )
    return score


@njit(cache=True, nogil=True)
def _fill_score(
    axes: Integers,
    step: Floats,
    seed: int,
    roughness: float,
    first: npt.NDArray[np.float32],
    second: npt.NDArray[np.float32],
    score: npt.NDArray[np.float32],
) -> None:
    for z in range(first.shape[0]):
        for y in range(first.shape[1]):
            for x in range(first.shape[2]):
                if first[z, y, x] < 0:
                    score[z, y, x] = np.inf
                else:
                    place = (axes[0, 0] + z * axes[0, 1], axes[1, 0] + y * axes[1, 1], axes[2, 0] + x * axes[2, 1])
                    field = lattice_noise(seed, place[0] * step[0], place[1] * step[1], place[2] * step[2])
                    score[z, y, x] = first[z, y, x] + second[z, y, x] + roughness * field


@njit(cache=True, nogil=True)
def _carve(
    axes: Integers,
    step: Floats,
    centers: Floats,
    inverse: Floats,
    normal: Floats,
    direction: Floats,
    low: Floats,
    extent: Floats,
    wave: Floats,
    slit_start: Integers,
    half_width: float,
    texture_length: float,
    seed: int,
    void_center: Floats,
    void_radius: Floats,
    void_start: Integers,
    owner: npt.NDArray[np.uint32],
    phases: npt.NDArray[np.uint8],
) -> None:
    """Turn the voxels of slits and voids into the crack phase."""
    offset = np.empty(3)
    for z in range(owner.shape[0]):
        for y in range(owner.shape[1]):
            for x in range(owner.shape[2]):
                row = np.int64(owner[z, y, x]) - 1
                if row < 0 or (slit_start[row] == slit_start[row + 1] and void_start[row] == void_start[row + 1]):
                    continue
                offset[0] = (axes[0, 0] + z * axes[0, 1]) * step[0] - centers[row, 0]
                offset[1] = (axes[1, 0] + y * axes[1, 1]) * step[1] - centers[row, 1]
                offset[2] = (axes[2, 0] + x * axes[2, 1]) * step[2] - centers[row, 2]
                for s in range(slit_start[row], slit_start[row + 1]):
                    # The wave is a function of the place in the plane of the slit, so it is a pure shear.
                    across, along, level = 0.0, 0.0, 0.0
                    for k in range(3):
                        across += normal[s, k] * offset[k]
                        along += direction[s, k] * offset[k]
                        q = (
                            inverse[row, k, 0] * offset[0]
                            + inverse[row, k, 1] * offset[1]
                            + inverse[row, k, 2] * offset[2]
                        )
                        level += q * q
                    if along <= low[s] or level >= extent[s] ** 2 or abs(across) >= half_width + wave[s]:
                        continue
                    shear = wave[s] * lattice_noise(
                        seed + _PER_PARTICLE * int(row),
                        (offset[0] - across * normal[s, 0]) / texture_length,
                        (offset[1] - across * normal[s, 1]) / texture_length,
                        (offset[2] - across * normal[s, 2]) / texture_length,
                    )
                    if abs(across - shear) < half_width:
                        phases[z, y, x] = CRACK_PHASE
                for v in range(void_start[row], void_start[row + 1]):
                    square = 0.0
                    for k in range(3):
                        square += (offset[k] + centers[row, k] - void_center[v, k]) ** 2
                    if square < void_radius[v] ** 2:
                        phases[z, y, x] = CRACK_PHASE
