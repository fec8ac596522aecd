"""The loops over voxels behind `voltomo.synthesis.raster`, compiled.

`axes` (3, 2) holds the first global voxel index and the step along z, y and x; `origin` the position of the voxel with
index 0 and `step` the voxel size, m; `inverse` (N, 3, 3) the axes of the particles divided by their lengths, row by
row, so that ``|inverse · offset|``, the level, is 1 on the surface.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from voltomo.synthesis.noise import FIELD_BOUND, lattice_noise, smooth_field
from voltomo.synthesis.structure import NETWORK, SHEET

__all__ = ["measure_distances", "score_rule"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_PER_PARTICLE = 16
_SECOND_FIELD = 104_729
"""Sets the second field of a fiber apart from the first; larger than what the first adds to its seed."""
_LUMP, _BUMP = 0.5, 0.16
"""Correlation lengths of the surface roughness, in mean radii: a secondary particle shows a dozen lumps in a section,
and finer bumps on them."""
_BUMP_SHARE = 0.35
"""Share of the bumps in the amplitude."""
_BUMP_FIELD = 7


@njit(cache=True, nogil=True)
def measure_distances(  # noqa: C901  (one loop per axis, nothing to take out)
    axes: Integers,
    origin: Floats,
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
    """Signed distances to the nearest two surfaces and the id of the particle around each voxel, in place.

    `rows` are the particles to visit, `lows` and `highs` (K, 3) the global index ranges in which they matter. In a
    particle, the second distance means nothing. Voxels whose first distance is −inf from the start are left out.
    Returns how often a voxel lies in a particle.
    """
    hits = 0
    nz, ny, nx = first.shape
    for n in range(len(rows)):
        row = rows[n]
        a, height = inverse[row], roughness * mean_radius[row]
        for z in range(max(0, -((axes[0, 0] - lows[n, 0]) // axes[0, 1])), nz):
            iz = axes[0, 0] + z * axes[0, 1]
            if iz > highs[n, 0]:
                break
            oz = origin[0] + iz * step[0] - centers[row, 0]
            for y in range(max(0, -((axes[1, 0] - lows[n, 1]) // axes[1, 1])), ny):
                iy = axes[1, 0] + y * axes[1, 1]
                if iy > highs[n, 1]:
                    break
                oy = origin[1] + iy * step[1] - centers[row, 1]
                left = outer_square[row] - oz * oz - oy * oy
                if left < 0:
                    continue
                # The chord through the ball around the particle, and a voxel more for rounding.
                half = int(np.sqrt(left) / step[2]) + 2
                middle = int(np.floor((centers[row, 2] - origin[2]) / step[2]))
                low, high = max(lows[n, 2], middle - half), min(highs[n, 2], middle + half)
                for x in range(max(0, -((axes[2, 0] - low) // axes[2, 1])), nx):
                    ix = axes[2, 0] + x * axes[2, 1]
                    if ix > high:
                        break
                    if first[z, y, x] == -np.inf:
                        continue
                    ox = origin[2] + ix * step[2] - centers[row, 2]
                    if oz * oz + oy * oy + ox * ox > outer_square[row]:
                        continue
                    q0 = a[0, 0] * oz + a[0, 1] * oy + a[0, 2] * ox
                    q1 = a[1, 0] * oz + a[1, 1] * oy + a[1, 2] * ox
                    q2 = a[2, 0] * oz + a[2, 1] * oy + a[2, 2] * ox
                    square = q0 * q0 + q1 * q1 + q2 * q2
                    # The distance is at least (level − 1) times the smallest semi-axis, less the roughness. Within
                    # another particle only what is deeper counts.
                    bound = second[z, y, x] if first[z, y, x] >= 0 else np.float32(0)
                    if square > (1 + (bound + height) / inner_radius[row]) ** 2:
                        continue
                    if square > 0.0:
                        # (level − 1) / |gradient of the level|: the distance for a sphere, of first order otherwise.
                        gz = a[0, 0] * q0 + a[1, 0] * q1 + a[2, 0] * q2
                        gy = a[0, 1] * q0 + a[1, 1] * q1 + a[2, 1] * q2
                        gx = a[0, 2] * q0 + a[1, 2] * q1 + a[2, 2] * q2
                        level = np.sqrt(square)
                        smooth = (level - 1) * level / np.sqrt(gz * gz + gy * gy + gx * gx)
                        # The roughness fades out away from the surface, where it would decide nothing.
                        fade = 1 - abs(smooth) / (2 * height) if height > 0 else 0.0
                        if fade > 0:
                            own_seed, scale = seed + _PER_PARTICLE * row, _LUMP * mean_radius[row]
                            rough = (1 - _BUMP_SHARE) * lattice_noise(own_seed, oz / scale, oy / scale, ox / scale)
                            scale = _BUMP * mean_radius[row]
                            rough += _BUMP_SHARE * lattice_noise(
                                own_seed + _BUMP_FIELD, oz / scale, oy / scale, ox / scale
                            )
                            smooth += height * fade * rough
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


@njit(cache=True, nogil=True)
def score_rule(
    axes: Integers,
    origin: Floats,
    step: Floats,
    weights: Floats,
    form: int,
    field_seed: int,
    field_length: Floats,
    rough_seed: int,
    rough_length: float,
    limit: float,
    first: npt.NDArray[np.float32],
    second: npt.NDArray[np.float32],
    is_free: npt.NDArray[np.bool_],
    score: npt.NDArray[np.float32],
) -> None:
    """Score of one rule where `is_free`, inf elsewhere, in place; `weights` are first, second, field and rough.

    Random fields are not computed where they cannot bring the score below `limit`; it is inf there.
    """
    lowest = -weights[3] - (weights[2] * FIELD_BOUND if form == NETWORK else 0.0)
    for z in range(first.shape[0]):
        pz = origin[0] + (axes[0, 0] + z * axes[0, 1]) * step[0]
        for y in range(first.shape[1]):
            py = origin[1] + (axes[1, 0] + y * axes[1, 1]) * step[1]
            for x in range(first.shape[2]):
                total = weights[0] * first[z, y, x] + weights[1] * second[z, y, x]
                if not is_free[z, y, x] or total + lowest >= limit:
                    score[z, y, x] = np.inf
                    continue
                px = origin[2] + (axes[2, 0] + x * axes[2, 1]) * step[2]
                if weights[3] != 0.0:
                    total += weights[3] * lattice_noise(
                        rough_seed, pz / rough_length, py / rough_length, px / rough_length
                    )
                if weights[2] != 0.0 and total + lowest + weights[3] < limit:
                    fz, fy, fx = pz / field_length[0], py / field_length[1], px / field_length[2]
                    total += weights[2] * _form_field(form, field_seed, fz, fy, fx)
                score[z, y, x] = total


@njit(cache=True, nogil=True)
def _form_field(form: int, seed: int, z: float, y: float, x: float) -> float:
    """The field of a network, a sheet or fibers, as `Layers` says."""
    value = smooth_field(seed, z, y, x)
    if form == NETWORK:
        return float(value)
    if form == SHEET:
        return float(abs(value))
    return float(np.hypot(value, smooth_field(seed + _SECOND_FIELD, z, y, x)))
