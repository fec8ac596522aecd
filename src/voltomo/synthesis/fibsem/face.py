"""What the electron beam meets on one freshly cut face: material on it, and deeper material behind its pores.

Face coordinates are (row, column) in voxels of the structure, 0 at the middle of the first; a view says where on the
specimen they lie. The structure is painted at these very places, so that positions carry no rounding.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
from numba import njit

from voltomo.synthesis.families import CRACK_PHASE, PORE
from voltomo.synthesis.fibsem.yields import RESIN, backscatter_coefficient
from voltomo.synthesis.materials import Material
from voltomo.synthesis.noise import lattice_noise, place_hash, uniform
from voltomo.synthesis.raster import paint
from voltomo.synthesis.structure import Structure

__all__ = ["Depths", "Face", "FaceRegion", "PhaseYields", "View", "find_yields", "paint_face"]

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
FaceRegion = tuple[slice, slice]
"""Rows and columns of a face; they may lie beyond the window."""

_GRAIN_FIELD, _TEXTURE_FIELD = 21, 22
_TEXTURE_LENGTH = 3.0
"""Correlation length of the unresolved pores' share, in voxels: just resolved, as aggregates of carbon black are."""


@dataclass(frozen=True)
class PhaseYields:
    """Electrons thrown back per electron of the beam, by phase id.

    Parameters
    ----------
    dense : (256,) of the material without its unresolved pores
    porosity : (256,) share of unresolved pores
    filling : of what fills open pores: 0 for vacuum
    is_void : (256,) whether a phase is pore or crack
    """

    dense: Floats
    porosity: Floats
    filling: float
    is_void: npt.NDArray[np.bool_]

    @property
    def mean(self) -> Floats:
        """(256,) with the unresolved pores."""
        return np.asarray(self.dense * (1 - self.porosity) + self.filling * self.porosity, np.float32)


def find_yields(materials: Mapping[int, Material], *, is_infiltrated: bool) -> PhaseYields:
    """Yields of the phases of a family.

    Parameters
    ----------
    materials : by phase id; empty space counts as pore
    is_infiltrated : whether resin fills the pores, resolved and unresolved ones
    """
    dense, porosity = np.zeros(256, np.float32), np.zeros(256, np.float32)
    filling = backscatter_coefficient(RESIN) if is_infiltrated else 0.0
    is_void = np.zeros(256, bool)
    is_void[[0, PORE, CRACK_PHASE]] = True
    for phase_id, material in materials.items():
        is_void[phase_id] |= material.formula is None
        dense[phase_id] = backscatter_coefficient(material)
        porosity[phase_id] = material.porosity
    dense[is_void] = filling
    return PhaseYields(dense, porosity, filling, is_void)


@dataclass(frozen=True)
class View:
    """Where a face lies in the specimen.

    Parameters
    ----------
    z : of the face, m from the centre of the structure's first voxel
    row, column : face coordinates of the centre of the structure's first voxel: the drift
    """

    z: float
    row: float
    column: float


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


@dataclass
class Depths:
    """Phases behind the faces, painted plane by plane on the structure's own voxels and kept while they are needed.

    Parameters
    ----------
    structure : the shapes
    reach : how far behind a face is seen, m; 0 sees nothing
    slope : rows by which the line of sight sinks per plane
    """

    structure: Structure
    reach: float
    slope: float
    _planes: dict[int, Bytes] = field(default_factory=dict)
    _region: FaceRegion = (slice(0, 0), slice(0, 0))

    def cover(self, rows: slice, columns: slice) -> None:
        """Set the rows and columns of the structure that the next views look at, those they sink to aside."""
        sunk = math.ceil(abs(self.slope) * (self.reach / self.structure.voxel_size[0] + 1)) + 1
        self._region = (slice(rows.start - 1, rows.stop + sunk), slice(columns.start - 1, columns.stop + 1))
        self._planes.clear()

    def behind(self, view: View) -> tuple[Bytes, int, tuple[int, int]]:
        """(J, R, C) phases of the planes behind a face, the index of the first plane, and the first row and column."""
        dz = self.structure.voxel_size[0]
        first = math.floor(view.z / dz) + 1
        last = math.floor((view.z + self.reach) / dz)
        for known in [index for index in self._planes if index < first]:
            del self._planes[known]
        rows, columns = self._region
        for index in range(first, last + 1):
            if index not in self._planes:
                lattice = (range(index, index + 1), range(rows.start, rows.stop), range(columns.start, columns.stop))
                self._planes[index] = paint(replace(self.structure, is_cylinder=False), lattice)[0][0]
        planes = [self._planes[index] for index in range(first, last + 1)]
        shape = (0, rows.stop - rows.start, columns.stop - columns.start)
        return np.stack(planes) if planes else np.empty(shape, np.uint8), first, (rows.start, columns.start)


def paint_face(
    structure: Structure,
    view: View,
    region: FaceRegion,
    *,
    yields: PhaseYields,
    subsamples: int,
    depths: Depths,
    grain_size: float,
    grain_contrast: float,
    texture: float,
    attenuation: float,
    seed: int,
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
    grain_size : mean width of the grains in a particle, m
    grain_contrast : largest relative change of the yield between grains of different orientation
    texture : relative variation of the share of unresolved pores from place to place
    attenuation : depth at which deeper material has lost all but 1/e of its electrons, m
    seed : of grains and texture

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
        (region[0].start - view.row, region[1].start - view.column),
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
        attenuation,
        grain_size,
        grain_contrast,
        texture,
        seed,
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
    start: tuple[float, float],
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
    texture: float,
    seed: int,
    shown: Floats,
    void_share: Floats,
    middle: Bytes,
) -> None:
    """Mean yield and void share of the points in each voxel; `start` is the specimen's row and column of the first."""
    half = subsamples // 2
    for r in range(shown.shape[0]):
        row = start[0] + r
        for c in range(shown.shape[1]):
            column = start[1] + c
            nearest = (r * subsamples + half, c * subsamples + half)
            middle[r, c] = phases[nearest]
            grain, local = 1.0, 0.0
            owner = ids[nearest]
            if grain_contrast > 0 and owner > 0:
                grain = 1 + grain_contrast * _orientation(
                    seed + _GRAIN_FIELD + 16 * int(owner),
                    z / grain_size,
                    row * step[1] / grain_size,
                    column * step[2] / grain_size,
                )
            if texture > 0 and porosity[middle[r, c]] > 0:
                local = texture * lattice_noise(
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
                    behind += _look_behind(
                        row, column, z, step, mean, is_void, planes, first_plane, corner, slope, attenuation
                    )
                total += voids * behind
            shown[r, c] = total / (subsamples * subsamples)
            void_share[r, c] = voids / (subsamples * subsamples)


@njit(cache=True, nogil=True)
def _look_behind(
    row: float,
    column: float,
    z: float,
    step: npt.NDArray[np.float64],
    mean: Floats,
    is_void: npt.NDArray[np.bool_],
    planes: Bytes,
    first_plane: int,
    corner: tuple[int, int],
    slope: float,
    attenuation: float,
) -> float:
    """Yield of the first material on the line of sight through a pore, attenuated by its depth; 0 if there is none."""
    j = int(np.floor(column + 0.5)) - corner[1]
    for n in range(len(planes)):
        depth = (first_plane + n) * step[0] - z
        i = int(np.floor(row + slope * depth / step[0] + 0.5)) - corner[0]
        phase = planes[n, i, j]
        if not is_void[phase]:
            return mean[phase] * np.exp(-depth / attenuation)
    return 0.0


@njit(cache=True, nogil=True)
def _orientation(seed: int, z: float, y: float, x: float) -> float:
    """Number in [−1, 1] that is constant within a grain: a cell around the nearest of one random point per unit cube."""
    z0, y0, x0 = int(np.floor(z)), int(np.floor(y)), int(np.floor(x))
    best, value = np.inf, 0.0
    for i in range(z0 - 1, z0 + 2):
        for j in range(y0 - 1, y0 + 2):
            for k in range(x0 - 1, x0 + 2):
                gap = max(abs(z - i - 0.5) - 0.5, 0.0) ** 2
                gap += max(abs(y - j - 0.5) - 0.5, 0.0) ** 2 + max(abs(x - k - 0.5) - 0.5, 0.0) ** 2
                if gap >= best:
                    continue  # no point of this cube is nearer
                bits = place_hash(seed, i, j, k)
                dz = z - i - uniform(bits)
                dy = y - j - uniform(place_hash(seed + 1, i, j, k))
                dx = x - k - uniform(place_hash(seed + 2, i, j, k))
                square = dz * dz + dy * dy + dx * dx
                if square < best:
                    best = square
                    value = 2 * uniform(place_hash(seed + 3, i, j, k)) - 1
    return value
