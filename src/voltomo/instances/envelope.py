"""The envelope of particles: active material, with its narrow cracks and closed voids filled.

A crack cuts the distance map of a particle in two, a void makes it a ring; both would be split into pieces that do not
exist. So they are filled before, and remembered by a code of their own.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from voltomo.artifacts import OUTSIDE
from voltomo.morphology.distance import close_gaps, distance_inside
from voltomo.morphology.grid import Grid

__all__ = ["ACTIVE", "BACKGROUND", "CAVITY", "GAP", "UNKNOWN", "close_cracks", "envelope_levels", "is_background"]

BACKGROUND, ACTIVE, GAP, CAVITY, UNKNOWN = 0, 1, 2, 3, 255
"""Codes: other material, active material, closed gap, filled cavity, outside the field of view."""


def close_cracks(phases: npt.NDArray[np.uint8], active: int, *, radius: float, grid: Grid) -> npt.NDArray[np.uint8]:
    """Codes of the envelope, before cavities are filled.

    Parameters
    ----------
    phases : (Z, Y, X) uint8 array of phase ids
    active : id of the active phase
    radius : of the closing ball, in the unit of the voxel edges; 0 closes nothing
    grid : the voxel lattice

    Returns
    -------
    (Z, Y, X) uint8 array of BACKGROUND, ACTIVE, GAP and UNKNOWN
        Right where the array reaches twice the radius beyond, or ends with the volume.
    """
    solid: npt.NDArray[np.bool_] = phases == active
    unknown: npt.NDArray[np.bool_] = phases == OUTSIDE
    codes: npt.NDArray[np.uint8] = solid.astype(np.uint8)
    if radius > 0:
        codes[close_gaps(solid, radius, grid) & ~solid] = GAP
    codes[unknown] = UNKNOWN
    return codes


def is_background(codes: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """What a cavity may be part of: other material, or the unknown outside, which makes it open."""
    open_voxels: npt.NDArray[np.bool_] = (codes == BACKGROUND) | (codes == UNKNOWN)
    return open_voxels


def envelope_levels(
    codes: npt.NDArray[np.uint8], *, quantum: float, smoothing: float, grid: Grid
) -> npt.NDArray[np.uint16]:
    """Distance to the border of the envelope, smoothed, as 16-bit levels.

    Parameters
    ----------
    codes : (Z, Y, X) uint8 array
        UNKNOWN is not a border of the material: a particle is taken to go on there.
    quantum : length of one level; distances beyond 65535 levels are cut off there
    smoothing : standard deviation of the Gaussian, in the unit of the voxel edges
    grid : the voxel lattice

    Returns
    -------
    (Z, Y, X) uint16 array
        At least 1 inside the envelope, 0 elsewhere.
    """
    distance = distance_inside(codes != BACKGROUND, grid)
    np.minimum(distance, np.float32(65535 * quantum), out=distance)
    if smoothing > 0:
        sigma = [smoothing / edge if axis in grid.axes else 0.0 for axis, edge in enumerate(grid.edges)]
        gaussian_filter(distance, sigma, output=distance, mode="nearest", truncate=3.0)
    distance /= np.float32(quantum)
    np.rint(distance, out=distance)
    np.clip(distance, 1, 65535, out=distance)
    levels = distance.astype(np.uint16)
    levels[(codes == BACKGROUND) | (codes == UNKNOWN)] = 0
    return levels
