"""What the electron beam meets on one freshly cut face: material on it, and deeper material behind its pores.

Face coordinates are (row, column) in voxels of the structure, 0 at the middle of the first; a view says where on the
specimen they lie. The structure is painted at these very places, so that positions carry no rounding.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from numba import njit

from voltomo.synthesis.fibsem.depths import Depths, FaceRegion, View, look_behind
from voltomo.synthesis.fibsem.texture import Texture, orientation_of_grain
from voltomo.synthesis.fibsem.yields import PhaseYields
from voltomo.synthesis.noise import lattice_noise
from voltomo.synthesis.raster import paint
from voltomo.synthesis.structure import Structure

__all__ = ["Face", "paint_face"]

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

_GRAIN_FIELD, _TEXTURE_FIELD = 21, 22
_TEXTURE_LENGTH = 3.0
"""Correlation length of the unresolved pores' share, in voxels: just resolved, as aggregates of carbon black are."""


@dataclass(frozen=True)
class Face:
    """One face over a region of rows and columns.

    Parameters
    ----------
    yields : (R, C) float32, electrons thrown back per electron, averaged over each voxel's area
    void_share : (R, C) float32, share of each voxel's area that is pore or crack
    phases : (R, C) uint8, at about the middle of each voxel
    """

    yields: Floats
    void_share: Floats
    phases: Bytes


def paint_face(
    structure: Structure,
    view: View,
    region: FaceRegion,
    *,
    yields: PhaseYields,
    subsamples: int,
    depths: Depths,
    texture: Texture,
) -> Face:
    """What the beam meets over a region of a face.

    Parameters
    ----------
    structure : the shapes; a cylindrical field of view is ignored
    view : where the face lies
    region : rows and columns
    yields : of the phases
    subsamples : points per voxel edge at which phases are decided; a voxel's yield is their mean
    depths : what lies behind, already set to cover the region
    texture : grains and unresolved pores

    Returns
    -------
    Face
        The same values at a place for every region that holds it.
    """
    phases, ids = _paint_points(structure, view, region, subsamples)
    shape = (region[0].stop - region[0].start, region[1].stop - region[1].start)
    shown, void_share, middle = np.empty(shape, np.float32), np.empty(shape, np.float32), np.empty(shape, np.uint8)
    planes, first_plane, corner = depths.behind(view)
    _average(
        phases,
        ids,
        subsamples,
        (region[0].start, region[1].start),
        (view.row, view.column),
        view.z,
        np.asarray(structure.voxel_size),
        yields.dense,
        yields.porosity,
        yields.filling,
        yields.mean,
        yields.is_void,
        planes,
        first_plane,
        corner,
        depths.slope,
        depths.attenuation,
        texture.grain_size,
        texture.grain_contrast,
        texture.porosity_variation,
        texture.seed,
        shown,
        void_share,
        middle,
    )
    return Face(shown, void_share, middle)


def _paint_points(
    structure: Structure, view: View, region: FaceRegion, subsamples: int
) -> tuple[Bytes, npt.NDArray[np.uint32]]:
    """(R·s, C·s) phases and particle ids at the points of a face."""
    dz, dy, dx = structure.voxel_size
    inset = 0.5 * (1 / subsamples - 1)  # the first of s points lies this far from the middle of its voxel
    z, y, x = structure.origin
    face = replace(
        structure,
        shape=(1, structure.shape[1] * subsamples, structure.shape[2] * subsamples),
        voxel_size=(dz, dy / subsamples, dx / subsamples),
        origin=(z + view.z, y + (inset - view.row) * dy, x + (inset - view.column) * dx),
        is_cylinder=False,
    )
    rows, columns = (range(part.start * subsamples, part.stop * subsamples) for part in region)
    phases, ids, _ = paint(face, (range(1), rows, columns))
    return phases[0], ids[0]


@njit(cache=True, nogil=True)
def _average(
    phases: Bytes,
    ids: npt.NDArray[np.uint32],
    subsamples: int,
    start: tuple[int, int],
    drift: tuple[float, float],
    z: float,
    step: npt.NDArray[np.float64],
    dense: Floats,
    porosity: Floats,
    filling: float,
    mean: Floats,
    is_void: npt.NDArray[np.bool_],
    planes: Bytes,
    first_plane: int,
    corner: tuple[int, int],
    slope: float,
    attenuation: float,
    grain_size: float,
    grain_contrast: float,
    variation: float,
    seed: int,
    shown: Floats,
    void_share: Floats,
    middle: Bytes,
) -> None:
    """Mean yield and void share of the points in each voxel; `start` is the row and column of the first on the face."""
    half = subsamples // 2
    for r in range(shown.shape[0]):
        row = start[0] + r - drift[0]  # in this order: the sum of integers is the same from every start
        for c in range(shown.shape[1]):
            column = start[1] + c - drift[1]
            nearest = (r * subsamples + half, c * subsamples + half)
            middle[r, c] = phases[nearest]
            grain, local = 1.0, 0.0
            owner = ids[nearest]
            if grain_contrast > 0 and owner > 0:
                grain = 1 + grain_contrast * orientation_of_grain(
                    seed + _GRAIN_FIELD + 16 * int(owner),
                    z / grain_size,
                    row * step[1] / grain_size,
                    column * step[2] / grain_size,
                )
            if variation > 0 and porosity[middle[r, c]] > 0:
                local = variation * lattice_noise(
                    seed + _TEXTURE_FIELD,
                    z / step[0] / _TEXTURE_LENGTH,
                    row / _TEXTURE_LENGTH,
                    column / _TEXTURE_LENGTH,
                )
            total, voids = 0.0, 0
            for i in range(r * subsamples, (r + 1) * subsamples):
                for j in range(c * subsamples, (c + 1) * subsamples):
                    phase = phases[i, j]
                    if is_void[phase]:
                        voids += 1
                    else:
                        share = min(1.0, max(0.0, porosity[phase] * (1 + local)))
                        value = dense[phase] * (1 - share) + filling * share
                        total += value * grain if ids[i, j] > 0 else value
            if voids > 0:
                behind = filling
                if len(planes) > 0:
                    behind += look_behind(
                        row, column, z, step, mean, is_void, planes, first_plane, corner, slope, attenuation
                    )
                total += voids * behind
            shown[r, c] = total / (subsamples * subsamples)
            void_share[r, c] = voids / (subsamples * subsamples)
