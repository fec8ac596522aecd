"""How much of the active material's surface is covered by binder: the false shell, caught in one number.

Where a bright particle meets a dark pore, the scanner blurs the step, and voxels on its slope have the grey of binder.
Cuts of the grey value, and clusters of grey and gradient, then wrap every particle in a shell of binder that is not
there [1]_. Overlap scores hardly notice; the coverage of the active surface by binder does.

References
----------
.. [1] Su et al., Artificial neural network approach for multiphase segmentation of battery electrode nano-CT images,
   npj Comput. Mater. 8 (2022) 30, doi 10.1038/s41524-022-00709-7.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from voltomo.metrics.neighbors import count_neighbors
from voltomo.metrics.surfaces import InterfaceCounts, crofton_density
from voltomo.morphology.directions import crofton_directions

__all__ = ["POINTS", "covered_share", "false_shell", "interfaces_in_plane"]

POINTS = 100
"""Percentage points in 1."""


def interfaces_in_plane(slices: Iterable[npt.NDArray[np.uint8]], *, phase_ids: Sequence[int]) -> InterfaceCounts:
    """Which phases meet within slices, each slice for itself: slices that lie apart, or that were labelled one by one.

    Parameters
    ----------
    slices : (Y, X) uint8 each, phase ids; ids that are not in `phase_ids` form no pairs
    phase_ids : K ids from 1 to 255, the rows of the counts
    """
    directions = crofton_directions(None, 2)
    counts = np.zeros((len(directions.offsets), len(phase_ids), len(phase_ids)), np.int64)
    for labels in slices:
        counts += count_neighbors(labels[None], phase_ids=phase_ids, offsets=directions.offsets)
    return InterfaceCounts(counts, directions)


def covered_share(counts: InterfaceCounts, *, active: int, binder: Sequence[int]) -> float:
    """Share of the surface of the active material that is covered by binder.

    Parameters
    ----------
    counts : pairs of neighboring voxels of K classes
    active : row of the active material
    binder : rows of the binder

    Returns
    -------
    float
        Crofton's area between the active material and the binder / that between the active material and all else;
        nan where the active material has no surface.
    """
    whole = crofton_density(counts.of(active), counts.inside, counts.directions)
    if not whole:
        return math.nan
    covered = sum(crofton_density(counts.between(active, row), counts.inside, counts.directions) for row in binder)
    return covered / whole


def false_shell(result: float, truth: float) -> float:
    """False-shell error in percentage points: |covered share of the result − that of the truth| · 100.

    Examples
    --------
    >>> round(false_shell(0.62, 0.35))
    27
    """
    return POINTS * abs(result - truth)
