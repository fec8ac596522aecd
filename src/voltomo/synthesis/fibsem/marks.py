"""What charging and redeposition leave on a face: bright rims, trails, and a dark foot.

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

__all__ = ["CHARGE", "charge_of", "charging", "redeposition", "trail_length"]

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

CHARGE = {PORE: 1.0, CRACK_PHASE: 1.0, SEPARATOR: 1.0, SULFUR: 1.0, BINDER: 0.5, ELECTROLYTE: 0.25}
"""How much a phase charges: empty space and insulators fully, binder and ion conductors in part. Our estimate."""

_PATCH_FIELD = 33
_PERSISTENCE = 4.0
"""Slices over which the patches stay."""
_TRUNCATE = 4.0
"""Standard deviations at which Gaussian filters end."""
_TRAIL_END = 3.0
"""Lengths at which trails end; a twentieth is left there."""
_PATCH = 40.0
"""Voxels over which the strength of charging varies."""


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
    rim : relative; right outside of a fully charging half plane the change is up to half of it
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
