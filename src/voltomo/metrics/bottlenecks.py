"""How wide a phase is, and how wide the necks are that one must pass to get into it.

A ball of radius r, put wherever it fits, fills a part of the phase; the radius at which it fills half is r_max (the
median of the continuous size distribution). A ball that must come in from one face of the box fills less: the
radius at which it fills half is r_min, as in mercury intrusion. (r_min/r_max)² is the constrictivity [1]_ [2]_.

References
----------
.. [1] Münch and Holzer, Contradicting geometrical concepts in pore size analysis attained with electron microscopy and
   mercury intrusion, J. Am. Ceram. Soc. 91, 4059 (2008), doi 10.1111/j.1551-2916.2008.02736.x.
.. [2] Holzer, Wiedenmann, Münch, Keller, Prestat, Gasser, Robertson and Grobéty, The influence of constrictivity on the
   effective transport properties of porous layers in electrolysis and fuel cells, J. Mater. Sci. 48, 2934 (2013),
   doi 10.1007/s10853-012-6968-z.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import cc3d
import numpy as np
import numpy.typing as npt

from voltomo.morphology.distance import distance_inside
from voltomo.morphology.grid import Grid

__all__ = ["median_entry_radius", "median_radius"]

_HALVINGS = 7
"""Of the interval from 0 to the largest radius; the last is interpolated, right to about a percent."""

Flags = npt.NDArray[np.bool_]
Distances = npt.NDArray[np.float32]


def median_radius(distances: Distances, grid: Grid) -> float:
    """Largest radius at which balls inside a phase fill at least half of it.

    Parameters
    ----------
    distances : (Z, Y, X) float32, of each voxel of the phase to the nearest voxel outside, centre to centre; 0 outside
    grid : the voxel lattice

    Returns
    -------
    float, in the unit of the voxel edges
        Infinite if nothing is outside the phase.
    """
    return _median(distances, grid, lambda fits: fits)


def median_entry_radius(distances: Distances, grid: Grid) -> float:
    """Largest radius at which balls that come in through the low face across the first axis fill at least half.

    Parameters and unit as in `median_radius`; 0 if no ball of a voxel's radius comes that far.
    """

    def reach(fits: Flags) -> Flags:
        parts = cc3d.connected_components(fits, connectivity=6, binary_image=True)
        is_reached = np.zeros(int(parts.max()) + 1, bool)
        is_reached[np.unique(parts[0])] = True
        is_reached[0] = False
        found: Flags = is_reached[parts]
        return found

    return _median(distances, grid, reach)


def _median(distances: Distances, grid: Grid, choose: Callable[[Flags], Flags]) -> float:
    """Radius at which the balls around the chosen centres fill half of the phase."""
    inside = distances > 0
    half = 0.5 * float(np.count_nonzero(inside))
    widest = float(distances.max())
    if math.isinf(widest):
        return math.inf

    def filled(radius: float) -> float:
        centers = choose(distances >= radius)
        if not centers.any():
            return 0.0
        return float(np.count_nonzero((distance_inside(~centers, grid) < radius) & inside))

    low, high = 0.0, widest * (1 + 1e-6)  # of the radius
    at_low, at_high = 2 * half, 0.0
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        content = filled(middle)
        if content >= half:
            low, at_low = middle, content
        else:
            high, at_high = middle, content
    radius = low + (high - low) * (at_low - half) / (at_low - at_high)
    # Distances between centres are half a voxel longer than those to the surface.
    return float(max(0.0, radius - 0.5 * grid.voxel_content ** (1 / 3)))
