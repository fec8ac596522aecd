"""The grains of which particles consist, as numbers for a scanner's contrast."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from voltomo.blocks import Region
from voltomo.errors import InputError
from voltomo.synthesis.grain_walls import GRAIN_FIELD, PER_PARTICLE, cell_of_seed, gather_seeds, nearest_seed
from voltomo.synthesis.lattice import every_voxel, origin_and_step, starts_and_steps
from voltomo.synthesis.noise import place_hash, uniform
from voltomo.synthesis.raster import find_owners
from voltomo.synthesis.structure import Structure

__all__ = ["grain_values"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


def grain_values(
    structure: Structure, region: Region, ids: npt.NDArray[np.uint32] | None = None
) -> npt.NDArray[np.float32]:
    """One random number per grain, for grey levels that depend on its orientation.

    Parameters
    ----------
    structure : Structure
    region : slices of global voxel indices; they may reach beyond the window
    ids : (Z, Y, X) particle ids of the region as `rasterize` gives them; found again where they are not given

    Returns
    -------
    (Z, Y, X) float32 in [−1, 1], uniform over grains; 0 outside particles and where the structure has no grains

    Raises
    ------
    InputError
        If the ids have another shape than the region.
    """
    shape = tuple(axis.stop - axis.start for axis in region)
    values = np.zeros(shape, np.float32)
    if structure.grain_size <= 0:
        return values
    owner = find_owners(structure, region) if ids is None else ids
    if owner.shape != shape:
        raise InputError(f"ids {owner.shape} and region {shape} differ; were they made for another region?")
    _fill_values(
        starts_and_steps(every_voxel(region)),
        *origin_and_step(structure),
        structure.particles.center,
        np.ascontiguousarray(structure.particles.rotation.transpose(0, 2, 1) / structure.grain_size),
        structure.seed + GRAIN_FIELD,
        owner,
        values,
    )
    return values


@njit(cache=True, nogil=True)
def _fill_values(
    axes: Integers,
    origin: Floats,
    step: Floats,
    centers: Floats,
    to_lattice: Floats,
    seed: int,
    owner: npt.NDArray[np.uint32],
    values: npt.NDArray[np.float32],
) -> None:
    seeds, cell = np.empty((27, 3)), np.full(4, np.iinfo(np.int64).min)
    point, offset, place = np.empty(3), np.empty(3), np.empty(3, np.int64)
    for z in range(owner.shape[0]):
        for y in range(owner.shape[1]):
            for x in range(owner.shape[2]):
                row = int(owner[z, y, x]) - 1
                if row < 0:
                    continue
                offset[0] = origin[0] + (axes[0, 0] + z * axes[0, 1]) * step[0] - centers[row, 0]
                offset[1] = origin[1] + (axes[1, 0] + y * axes[1, 1]) * step[1] - centers[row, 1]
                offset[2] = origin[2] + (axes[2, 0] + x * axes[2, 1]) * step[2] - centers[row, 2]
                for k in range(3):
                    point[k] = (
                        to_lattice[row, k, 0] * offset[0]
                        + to_lattice[row, k, 1] * offset[1]
                        + to_lattice[row, k, 2] * offset[2]
                    )
                own = seed + PER_PARTICLE * row
                gather_seeds(own, row, point, cell, seeds)
                cell_of_seed(nearest_seed(point, seeds), cell, place)
                values[z, y, x] = 2 * uniform(place_hash(own + 1, place[0], place[1], place[2])) - 1
