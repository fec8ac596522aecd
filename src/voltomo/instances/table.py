"""The particle table: one row per particle, from sums over its voxels."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import ParticleTable
from voltomo.instances.shape import ShapeSums, feret_directions
from voltomo.morphology.directions import crofton_directions
from voltomo.morphology.grid import Grid

__all__ = ["particle_table"]


def particle_table(
    sums: ShapeSums,
    contacts: npt.NDArray[np.int64],
    grid: Grid,
    *,
    contact_area: npt.NDArray[np.float64] | None = None,
) -> ParticleTable:
    """Columns of the particle table.

    Lengths are in m, areas in m², volumes in m³; where the voxel size is unknown in voxels and their powers.

    Parameters
    ----------
    sums : of `voltomo.instances.shape.sum_shapes` over the whole volume
    contacts : (N,) number of particles that touch each particle
    grid : the voxel lattice
    contact_area : (N,) area over which each particle touches others; not in a plane

    Returns
    -------
    dict of (N,) arrays

        ========================  ==============================================================================
        instance_id               1 to N
        centroid_z, _y, _x        centre of the envelope; voxel centres, the first one of the volume is 0
        box_z_low ... box_x_high  first and last + 1 voxel of the bounding box (indices)
        envelope_voxels           voxels with cracks and closed voids
        void_fraction             share of the envelope that is crack or void
        equivalent_diameter       of the ball (in a plane: disc) with the content of the envelope
        touches_edge              cut by the border of the volume or of the field of view
        touches_z_low ...         by which face of the volume; `touches_mask`: by the field of view
        feret_max, feret_min      largest and smallest width among fixed directions, voxel boxes included
        aspect_ratio              longest to shortest axis of the ellipsoid with the same second moments
        orientation_z, _y, _x     unit vector of its longest axis; the first component that is not 0 is positive
        contacts                  particles that share a face of active material
        contact_area              area of all these contacts by Crofton's formula; in a volume
        envelope_volume, solid_volume, surface_area, sphericity              in a volume
        envelope_area, solid_area, perimeter, circularity                    in a plane
        ========================  ==============================================================================

    Notes
    -----
    Surfaces are those of the envelope, by Crofton's formula in 13 directions (4 in a plane). What is cut by the border
    of the volume or of the field of view has no surface there. Sphericity is π^(1/3) (6 V)^(2/3) / S [1]_, circularity
    4 π A / P²; both are not a number for particles that touch an edge, and digitisation can lift them slightly over 1.

    References
    ----------
    .. [1] H. Wadell, Volume, shape, and roundness of rock particles, J. Geol. 40 (1932) 443, doi 10.1086/623964.
    """
    voxels = np.asarray(sums["voxels"], np.float64)
    solid = voxels - np.asarray(sums["void_voxels"], np.float64)
    content, solid_content = voxels * grid.voxel_content, solid * grid.voxel_content
    surface = _surface(sums, grid)
    center, axes, aspect = _moments(sums, grid)
    feret = _widths(sums, grid)
    edges: npt.NDArray[np.bool_] = np.array(sums["edges"], np.bool_)
    if grid.dimension == 2:
        edges[:, [0, 3]] = False
    is_cut = edges.any(axis=1)
    table: dict[str, npt.NDArray[np.generic]] = {"instance_id": np.asarray(sums["ids"], np.uint32)}
    table |= {f"centroid_{axis}": center[:, i] for i, axis in enumerate("zyx")}
    for i, axis in enumerate("zyx"):
        table[f"box_{axis}_low"] = np.asarray(sums["low"])[:, i]
        table[f"box_{axis}_high"] = np.asarray(sums["high"])[:, i] + 1
    table["envelope_voxels"] = np.asarray(sums["voxels"])
    table["void_fraction"] = np.asarray(sums["void_voxels"], np.float64) / voxels
    table["equivalent_diameter"] = grid.diameter_of_ball(content)
    if grid.dimension == 3:
        sphericity = np.cbrt(math.pi) * np.cbrt(6 * content) ** 2 / np.where(is_cut, np.nan, surface)
        names = ("envelope_volume", "solid_volume", "surface_area", "sphericity")
    else:
        sphericity = 4 * math.pi * content / np.where(is_cut, np.nan, surface) ** 2
        names = ("envelope_area", "solid_area", "perimeter", "circularity")
    table |= dict(zip(names, (content, solid_content, surface, sphericity), strict=True))
    table |= {"feret_max": feret.max(axis=1, initial=0.0), "feret_min": feret.min(axis=1, initial=np.inf)}
    table["aspect_ratio"] = aspect
    table |= {f"orientation_{axis}": axes[:, i] for i, axis in enumerate("zyx")}
    table["contacts"] = contacts
    if contact_area is not None:
        table["contact_area"] = contact_area
    table["touches_edge"] = np.asarray(is_cut)
    faces = [f"touches_{axis}_{side}" for side in ("low", "high") for axis in "zyx"]
    table |= {name: edges[:, i] for i, name in enumerate([*faces, "touches_mask"])}
    return table


def _surface(sums: ShapeSums, grid: Grid) -> npt.NDArray[np.float64]:
    """Surface area, in a plane perimeter, of each particle by Crofton's formula."""
    _, lengths, weights = crofton_directions(grid.edges, grid.dimension)
    factor = 2.0 if grid.dimension == 3 else math.pi / 2
    share = weights * grid.voxel_content / lengths
    return factor * (np.asarray(sums["crossings"], np.float64) @ share)


def _moments(
    sums: ShapeSums, grid: Grid
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Centre (N, 3), unit vector of the longest axis (N, 3) and aspect ratio (N,) of each particle."""
    count = np.maximum(np.asarray(sums["voxels"], np.float64), 1)[:, None]
    center = np.asarray(sums["first_moments"], np.float64) / count
    zz, yy, xx, zy, zx, yx = (np.asarray(sums["second_moments"], np.float64) / count).T
    second = np.stack([zz, zy, zx, zy, yy, yx, zx, yx, xx], axis=1).reshape(-1, 3, 3)
    # A voxel is a box, not a point: 1/12 of its squared edge.
    covariance = second - center[:, :, None] * center[:, None, :] + np.eye(3) / 12
    covariance *= np.outer(grid.edges, grid.edges)
    first = grid.axes[0]
    values, vectors = np.linalg.eigh(covariance[:, first:, first:])
    longest = np.zeros((len(count), 3))
    longest[:, first:] = vectors[:, :, -1]
    lead = longest[np.arange(len(count)), (np.abs(longest) > 1e-9).argmax(axis=1)]
    return center * grid.edges, longest * np.where(lead < 0, -1.0, 1.0)[:, None], np.sqrt(values[:, -1] / values[:, 0])


def _widths(sums: ShapeSums, grid: Grid) -> npt.NDArray[np.float64]:
    """(N, F) width of each particle along each direction, from the boxes of its voxels."""
    reach = np.asarray(sums["reach"], np.float64)
    box = (np.abs(feret_directions(grid.dimension)) * grid.edges).sum(axis=1)
    return np.asarray(reach[:, 0::2] + reach[:, 1::2] + box)
