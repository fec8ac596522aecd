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
from voltomo.synthesis.noise import smooth_field
from voltomo.synthesis.raster import paint
from voltomo.synthesis.structure import Structure

__all__ = ["Face", "paint_face", "paint_phases"]

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

_TEXTURE_FIELD = 21
_TEXTURE_LENGTH = 80e-9
"""Correlation length of the unresolved pores' share, m: that of aggregates of carbon black."""
_SHORTEST = 2.0
"""The same in voxels at least; finer patches would be averaged out."""


@dataclass(frozen=True)
class Face:
    """One face over a region of rows and columns.

    Parameters
    ----------
    yields : (R, C) float32, electrons thrown back per electron, averaged over each voxel's area
    void_share : (R, C) float32, share of each voxel's area that is pore or crack
    phases : (R, C) uint8, at the first point of each voxel
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
    subsamples : points per voxel, 1 to 4, at which phases are decided; a voxel's yield is their mean
    depths : what lies behind, already set to cover the region
    texture : grains and unresolved pores

    Returns
    -------
    Face
        The same values at a place for every region that holds it.
    """
    rows, columns = (range(part.start, part.stop) for part in region)
    grids = [_face_grid(structure, view, inset) for inset in _points(subsamples)]
    painted = [paint(grid, (range(1), rows, columns)) for grid in grids]
    phases, ids = (np.concatenate([item[n] for item in painted]) for n in (0, 1))
    grains = np.ones(phases.shape[1:], np.float32)
    if texture.grain_contrast > 0:
        grains += texture.grain_contrast * grain_values(grids[0], (slice(0, 1), *region), ids[:1])[0]
    shown, void_share = np.empty_like(grains), np.empty_like(grains)
    planes, first_plane, corner = depths.behind(view)
    _average(
        phases,
        ids,
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
        max(_TEXTURE_LENGTH, _SHORTEST * max(structure.voxel_size)),
        texture.seed,
        shown,
        void_share,
    )
    return Face(shown, void_share, phases[0])


def paint_phases(structure: Structure, view: View, region: FaceRegion, subsamples: int) -> Bytes:
    """(R, C) phases over a region of a face, as ``paint_face(...).phases`` has them, for less work."""
    rows, columns = (range(part.start, part.stop) for part in region)
    phases, _, _ = paint(_face_grid(structure, view, _points(subsamples)[0]), (range(1), rows, columns))
    return np.asarray(phases[0])


def _points(count: int) -> list[tuple[float, float]]:
    """Places in a voxel, from its middle, in voxels: one in each of `count` rows and columns."""
    column = {1: (0,), 2: (0, 1), 3: (1, 2, 0), 4: (1, 3, 0, 2)}[count]
    return [((row + 0.5) / count - 0.5, (column[row] + 0.5) / count - 0.5) for row in range(count)]


def _face_grid(structure: Structure, view: View, inset: tuple[float, float]) -> Structure:
    """The structure on the voxels of a face, shifted to one point of each; index (0, 0) is row 0, column 0."""
    _, dy, dx = structure.voxel_size
    z, y, x = structure.origin
    origin = (z + view.z, y + (inset[0] - view.row) * dy, x + (inset[1] - view.column) * dx)
    return replace(structure, shape=(1, *structure.shape[1:]), origin=origin, is_cylinder=False)


@njit(cache=True, nogil=True)
def _average(
    phases: Bytes,
    ids: npt.NDArray[np.uint32],
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
    patch: float,
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
            if variation > 0 and porosity[phases[0, r, c]] > 0:
                field = smooth_field(seed + _TEXTURE_FIELD, z / patch, row * step[1] / patch, column * step[2] / patch)
                local = variation * min(1.0, max(-1.0, 0.5 * field))
            total, voids = 0.0, 0
            for n in range(len(phases)):
                phase = phases[n, r, c]
                if is_void[phase]:
                    voids += 1
                else:
                    share = min(1.0, max(0.0, porosity[phase] * (1 + local)))
                    value = dense[phase] * (1 - share) + filling * share
                    total += value * grains[r, c] if ids[n, r, c] > 0 else value
            if voids > 0:
                behind = filling
                if len(planes) > 0:
                    behind += look_behind(
                        row, column, z, step, mean, is_void, planes, first_plane, corner, slope, attenuation
                    )
                total += voids * behind
            shown[r, c] = total / len(phases)
            void_share[r, c] = voids / len(phases)
