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
from voltomo.synthesis.fibsem.texture import Texture
from voltomo.synthesis.fibsem.yields import PhaseYields
from voltomo.synthesis.grains import grain_values
from voltomo.synthesis.noise import lattice_noise
from voltomo.synthesis.raster import paint
from voltomo.synthesis.structure import Structure

__all__ = ["Face", "paint_face"]

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

_TEXTURE_FIELD = 21
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
    points = _face_grid(structure, view, subsamples, 0)
    rows, columns = (range(part.start * subsamples, part.stop * subsamples) for part in region)
    phases, ids, _ = paint(points, (range(1), rows, columns))
    half = subsamples // 2
    middle = np.ascontiguousarray(phases[0, half::subsamples, half::subsamples])
    owners = np.ascontiguousarray(ids[:, half::subsamples, half::subsamples])
    grains = np.ones(middle.shape, np.float32)
    if texture.grain_contrast > 0:
        values = grain_values(
            _face_grid(structure, view, subsamples, half, step=subsamples), (slice(0, 1), *region), owners
        )
        grains += texture.grain_contrast * values[0]
    shown, void_share = np.empty(middle.shape, np.float32), np.empty(middle.shape, np.float32)
    planes, first_plane, corner = depths.behind(view)
    _average(
        phases[0],
        ids[0],
        subsamples,
        middle,
        grains,
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
        texture.porosity_variation,
        texture.seed,
        shown,
        void_share,
    )
    return Face(shown, void_share, middle)


def _face_grid(structure: Structure, view: View, subsamples: int, first: int, *, step: int = 1) -> Structure:
    """The structure on a grid that holds every `step`-th of the points of a face along each axis, from the `first` on.

    The points of a voxel lie in the middles of its `subsamples`² parts; index 0 along y and x is in voxel (0, 0).
    """
    dz, dy, dx = structure.voxel_size
    z, y, x = structure.origin
    inset = (first + 0.5) / subsamples - 0.5
    fineness = subsamples // step
    return replace(
        structure,
        shape=(1, structure.shape[1] * fineness, structure.shape[2] * fineness),
        voxel_size=(dz, dy / fineness, dx / fineness),
        origin=(z + view.z, y + (inset - view.row) * dy, x + (inset - view.column) * dx),
        is_cylinder=False,
    )


@njit(cache=True, nogil=True)
def _average(
    phases: Bytes,
    ids: npt.NDArray[np.uint32],
    subsamples: int,
    middle: Bytes,
    grains: Floats,
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
    variation: float,
    seed: int,
    shown: Floats,
    void_share: Floats,
) -> None:
    """Mean yield and void share of the points in each voxel; `start` is the row and column of the first on the face."""
    for r in range(shown.shape[0]):
        row = start[0] + r - drift[0]  # in this order: the sum of integers is the same from every start
        for c in range(shown.shape[1]):
            column = start[1] + c - drift[1]
            local = 0.0
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
                        total += value * grains[r, c] if ids[i, j] > 0 else value
            if voids > 0:
                behind = filling
                if len(planes) > 0:
                    behind += look_behind(
                        row, column, z, step, mean, is_void, planes, first_plane, corner, slope, attenuation
                    )
                total += voids * behind
            shown[r, c] = total / (subsamples * subsamples)
            void_share[r, c] = voids / (subsamples * subsamples)
