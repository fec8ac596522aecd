"""What milling and charging leave on a face: curtains, bright rims, trails, and a dark foot.

All of it is a relative change of the electrons that come back, over rows and columns of one face. The ion beam comes
from row 0 and travels along the rows; the electron beam scans along the columns.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit
from scipy import ndimage

from voltomo.synthesis.families import BINDER, CRACK_PHASE, ELECTROLYTE, PORE, SEPARATOR, SULFUR
from voltomo.synthesis.fibsem.face import Face
from voltomo.synthesis.fibsem.yields import PhaseYields
from voltomo.synthesis.noise import lattice_noise

__all__ = ["CHARGE", "SOFT", "charge_of", "charging", "curtains", "redeposition", "trail_length"]

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

SOFT = (BINDER, ELECTROLYTE, SEPARATOR, SULFUR)
"""Phases that an ion beam cuts fast; all other solids are hard."""
CHARGE = {PORE: 1.0, CRACK_PHASE: 1.0, SEPARATOR: 1.0, SULFUR: 1.0, BINDER: 0.5, ELECTROLYTE: 0.25}
"""How much a phase charges: empty space and insulators fully, binder and ion conductors in part. Our estimate."""

_CURTAIN_FIELD, _STREAK_FIELD, _PATCH_FIELD = 31, 32, 33
_PERSISTENCE = 4.0
"""Slices over which curtains keep their place: the next slice is cut through the shadow of the same edge."""
_STREAK_PERSISTENCE = 12.0
_EDGE_LENGTH = 6.0
"""Rows over which an edge starts curtains that belong together."""
_TRUNCATE = 4.0
"""Standard deviations at which Gaussian filters end."""
_TRAIL_END = 3.0
"""Lengths at which trails end; a twentieth is left there."""
_PATCH = 40.0
"""Voxels over which the strength of charging varies."""


def curtains(
    phases: Bytes,
    is_void: npt.NDArray[np.bool_],
    *,
    start: tuple[int, int],
    drift: tuple[float, float],
    slice_index: int,
    curtain: float,
    streak: float,
    width: float,
    seed: int,
) -> Floats:
    """Relative change by curtains: stripes along the rows.

    Parameters
    ----------
    phases : (R, C) uint8 of the face from its upper edge on
    is_void : (256,) whether a phase is pore or crack
    start : row and column on the face of the first voxel
    drift : row and column on the face of the specimen's first voxel; curtains drift with the specimen
    slice_index : number of the slice
    curtain : largest change behind an edge; half of it where hard follows soft or the reverse
    streak : largest change of the stripes that run from the upper edge to the lower
    width : of the stripes, voxels
    seed : int

    Returns
    -------
    (R, C) float32
        0 in voids. Down a column it changes at the first solid voxel below a void and at a change between soft and hard
        material, and nowhere else; over many columns its mean is 0.
    """
    kind = np.full(256, 2, np.uint8)
    kind[list(SOFT)] = 1
    kind[is_void] = 0
    out = np.empty(phases.shape, np.float32)
    _trace(phases, kind, start, drift, float(slice_index), curtain, streak, width, seed, out)
    return out


@njit(cache=True, nogil=True)
def _trace(
    phases: Bytes,
    kind: Bytes,
    start: tuple[int, int],
    drift: tuple[float, float],
    index: float,
    curtain: float,
    streak: float,
    width: float,
    seed: int,
    out: Floats,
) -> None:
    """Walk down each column from the upper edge."""
    for c in range(phases.shape[1]):
        x = (start[1] + c - drift[1]) / width
        n = lattice_noise(seed + _STREAK_FIELD, index / _STREAK_PERSISTENCE, 0.5, x)
        base, current = streak * n * abs(n), 0.0  # n·|n|: few strong stripes among many weak ones
        before = kind[phases[0, c]]
        for r in range(phases.shape[0]):
            now = kind[phases[r, c]]
            if now != 0 and now != before:
                y = (start[0] + r - drift[0]) / _EDGE_LENGTH
                n = lattice_noise(seed + _CURTAIN_FIELD, index / _PERSISTENCE, y, x)
                current = (curtain if before == 0 else 0.5 * curtain) * n * abs(n)
            before = now
            out[r, c] = 0.0 if now == 0 else base + current


def trail_length(length: float) -> int:
    """Voxels to the left of a region that its trails depend on."""
    return int(_TRAIL_END * length + 0.5)


def charge_of(face: Face, yields: PhaseYields, *, is_infiltrated: bool) -> Floats:
    """(R, C) charge between 0 and 1 of the voxels of a face; resin in pores does not charge, as if doped."""
    table = np.zeros(256, np.float32)
    table[list(CHARGE)] = list(CHARGE.values())
    table[yields.is_void] = 0
    solid = table[face.phases] * (1 - face.void_share)
    return np.asarray(solid if is_infiltrated else solid + face.void_share, np.float32)


def charging(
    charge: Floats,
    *,
    start: tuple[int, int],
    drift: tuple[float, float],
    slice_index: int,
    rim: float,
    rim_width: float,
    trail: float,
    length: float,
    seed: int,
) -> Floats:
    """Relative change by charging: bright rims around what charges, and trails behind it along the columns.

    Parameters
    ----------
    charge : (R, C) float32, between 0 and 1
    start, drift : as in `curtains`
    slice_index : number of the slice
    rim : largest change at the edge of a fully charging half plane, times two
    rim_width : standard deviation of the rim's profile, voxels
    trail : change right behind a wide, fully charging stripe; negative for dark trails
    length : over which a trail fades to 1/e, voxels
    seed : of the patches in which charging is stronger or weaker (between 0 and 1 of what is stated)

    Returns
    -------
    (R, C) float32, right where `trail_length` columns to the left and four rim widths around are part of `charge`
    """
    change = np.zeros_like(charge)
    if rim != 0 and rim_width > 0:
        halo = ndimage.gaussian_filter(charge, rim_width, mode="nearest", truncate=_TRUNCATE)
        change += rim * np.maximum(halo - charge, 0)
    if trail != 0 and length > 0:
        change += trail * _behind(charge, length) * (1 - charge)
    patches = np.empty_like(change)
    _patch(start, drift, float(slice_index), seed, patches)
    return np.asarray(change * patches)


def _behind(charge: Floats, length: float) -> Floats:
    """Mean of the charge to the left, weighted by an exponential."""
    steps = np.arange(1, trail_length(length) + 1)
    weights = np.exp(-steps / length)
    kernel = np.zeros(2 * len(steps) + 1)
    kernel[: len(steps)] = (weights / weights.sum())[::-1]
    return np.asarray(ndimage.correlate1d(charge, kernel, axis=1, mode="nearest"))


@njit(cache=True, nogil=True)
def _patch(start: tuple[int, int], drift: tuple[float, float], index: float, seed: int, out: Floats) -> None:
    for r in range(out.shape[0]):
        y = (start[0] + r - drift[0]) / _PATCH
        for c in range(out.shape[1]):
            x = (start[1] + c - drift[1]) / _PATCH
            out[r, c] = 0.5 * (1 + lattice_noise(seed + _PATCH_FIELD, index / _PERSISTENCE, y, x))


def redeposition(rows: slice, height: int, strength: float) -> Floats:
    """(R, 1) relative change: sputtered matter settles at the foot of the face, over its lowest third.

    The change falls as a parabola from 0 to −`strength` at the last of `height` rows.
    """
    depth = (np.arange(rows.start, rows.stop) + 0.5) / height
    foot = np.clip(3 * depth - 2, 0, 1)
    return np.asarray(-strength * foot[:, None] ** 2, np.float32)
