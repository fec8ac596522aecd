"""A map of crack widths that shows cracks whole, also those thinner than a voxel."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from voltomo.blocks import Region
from voltomo.errors import InputError
from voltomo.synthesis.carving import fill_widths
from voltomo.synthesis.lattice import every_voxel
from voltomo.synthesis.raster import find_owners
from voltomo.synthesis.structure import Structure

__all__ = ["crack_widths"]


def crack_widths(
    structure: Structure, region: Region, ids: npt.NDArray[np.uint32] | None = None
) -> npt.NDArray[np.uint16]:
    """Width of the widest crack that passes through each voxel.

    Parameters
    ----------
    structure : Structure
    region : slices of global voxel indices; they may reach beyond the window
    ids : (Z, Y, X) particle ids of the region as `rasterize` gives them; found again where they are not given

    Returns
    -------
    (Z, Y, X) uint16, nm; 0 where no crack passes, and outside particles

    Raises
    ------
    InputError
        If the ids have another shape than the region.

    Notes
    -----
    A voxel shows a crack if its centre is nearer to the middle of the crack than half the crack's width plus half the
    voxel's extent along the crack's normal, which for a plane says that voxel and crack meet. Where a crack ends, the
    centre decides. The width of a core void is its mean diameter. Closed voids and pores are no cracks and have none.
    """
    shape = tuple(axis.stop - axis.start for axis in region)
    owner = find_owners(structure, region) if ids is None else ids
    if owner.shape != shape:
        raise InputError(f"ids {owner.shape} and region {shape} differ; were they made for another region?")
    widths = np.zeros(shape, np.uint16)
    fill_widths(structure, every_voxel(region), owner, widths)
    return widths
