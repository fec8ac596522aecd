"""How well the boundaries of a result follow those of a truth, and which voxels lie near a boundary.

Everything is counted first and turned into scores afterwards; counts of pieces of a volume add up to those of the
whole.
"""

from __future__ import annotations

import math

import edt
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from voltomo.errors import ShapeError

__all__ = ["boundary_counts", "boundary_f_score", "boundary_halo", "near_boundary"]

Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def boundary_halo(tolerance: float) -> int:
    """Voxels around a block that `boundary_counts` needs: the tolerance, and one to find the boundary."""
    return math.ceil(tolerance) + 1


def boundary_counts(
    truth: npt.NDArray[np.uint8],
    result: npt.NDArray[np.uint8],
    *,
    classes: int,
    tolerance: float,
    inner: tuple[slice, slice, slice] | None = None,
) -> Counts:
    """Boundary voxels of each class, and how many have a counterpart within a tolerance.

    Parameters
    ----------
    truth, result : (Z, Y, X) uint8, classes 1 to `classes`, 0 outside
    tolerance : voxels, between voxel centres
    inner : the part in which boundary voxels are counted; all of it where None

    Returns
    -------
    (classes, 4) int64
        Boundary voxels of the result, those near a boundary voxel of the truth, boundary voxels of the truth, those
        near one of the result.

    Notes
    -----
    A boundary voxel of a class has a face neighbor of another class. The faces of the box, and neighbors outside the
    field of view, make no boundary. Distances count voxels along every axis, also where voxels are not cubes.
    """
    if truth.shape != result.shape:
        raise ShapeError(f"truth {truth.shape} and result {result.shape} differ in shape")
    inner = inner or (slice(None), slice(None), slice(None))
    known = (truth > 0) & (result > 0)
    counts = np.zeros((classes, 4), np.int64)
    for number in range(1, classes + 1):
        found, wanted = (_boundary(labels == number, known) for labels in (result, truth))
        near_wanted, near_found = (_within(edges, tolerance) for edges in (wanted, found))
        counts[number - 1] = [
            np.count_nonzero(found[inner]),
            np.count_nonzero((found & near_wanted)[inner]),
            np.count_nonzero(wanted[inner]),
            np.count_nonzero((wanted & near_found)[inner]),
        ]
    return counts


def boundary_f_score(counts: Counts) -> Floats:
    """F-score of the boundaries per class: harmonic mean of the two matched shares of `boundary_counts` [1]_.

    1.0 where neither map has a boundary of the class, 0.0 where only one has.

    References
    ----------
    .. [1] Csurka, Larlus and Perronnin, What is a good evaluation measure for semantic segmentation?, BMVC (2013),
       doi 10.5244/C.27.32.
    """
    scores = np.zeros(len(counts))
    for row, (found, found_near, wanted, wanted_near) in enumerate(counts.tolist()):
        if found == 0 or wanted == 0:
            scores[row] = float(found == wanted)
            continue
        precision, recall = found_near / found, wanted_near / wanted
        scores[row] = 2 * precision * recall / (precision + recall) if precision + recall > 0 else 0.0
    return scores


def near_boundary(labels: npt.NDArray[np.uint8], reach: float) -> npt.NDArray[np.bool_]:
    """Voxels at most `reach` voxels, centre to centre, from a voxel of another class.

    Parameters
    ----------
    labels : (Z, Y, X) uint8
        0 is outside or unlabelled: it has no boundary and makes none.
    reach : voxels, along every axis, also where voxels are not cubes; a block needs a halo of `reach`, rounded up

    Examples
    --------
    >>> near_boundary(np.array([[[1, 1, 1, 2, 2, 2, 0]]], np.uint8), 2.0).astype(int)
    array([[[0, 1, 1, 1, 1, 0, 0]]])
    """
    near = np.zeros(labels.shape, np.bool_)
    known = labels > 0
    for number in np.flatnonzero(np.bincount(labels.ravel(), minlength=1)).tolist():
        if number:
            here = labels == number
            near |= here & _within(known & ~here, reach)
    return near


def _boundary(inside: npt.NDArray[np.bool_], known: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Voxels with a known face neighbor on the other side."""
    inside = inside & known
    others = known & ~inside
    cross = ndimage.generate_binary_structure(3, 1)
    return np.asarray(inside & ndimage.binary_dilation(others, cross))


def _within(edges: npt.NDArray[np.bool_], tolerance: float) -> npt.NDArray[np.bool_]:
    """Voxels whose centre is at most `tolerance` voxels from a marked one."""
    if not edges.any():
        return np.zeros_like(edges)
    # edt measures to the nearest zero; float32 distances of small integers are exact to far below 1e-3.
    return np.asarray(edt.edt(np.ascontiguousarray(~edges), black_border=False) <= tolerance + 1e-3)
