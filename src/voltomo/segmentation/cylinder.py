"""The cross-section of a reconstructed cylinder: a disc with one constant value around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import ConvexHull, QhullError

__all__ = ["Disc", "find_cylinder"]

Array: TypeAlias = npt.NDArray[Any]

SMALLEST_OUTSIDE = 0.01
"""Share of a slice; the corners around an inscribed circle are 0.215."""
SMALLEST_RADIUS = 0.4
"""Of the shorter side of a slice. Reconstruction programs mask with a circle of 0.95 to 1 times half the side."""
SMALLEST_TURN = 0.6
"""Share of the circle that the edge of the field of view must follow; a rectangle touches its circle at the corners."""
MINIMUM_POINTS = 8
EDGE_TOLERANCE = 2.0
"""Pixels between a digitised circle and the fitted one, with room for edge voxels that are constant by chance."""


@dataclass(frozen=True)
class Disc:
    """A circle in the (Y, X) plane: index coordinates of its centre, and its radius in pixels."""

    y: float
    x: float
    radius: float


def find_cylinder(low: Array, high: Array) -> tuple[npt.NDArray[np.bool_] | None, Disc | None, str]:
    """Columns outside a disc that hold one constant value.

    Parameters
    ----------
    low, high : (Y, X) smallest and largest grey value of each column of voxels along z

    Returns
    -------
    outside : (Y, X) bool, or None if there is no such disc
    disc : its circle, or None
    note : what was found, for the report; empty if the corners are not constant
    """
    value = low[0, 0]
    constant = (low == value) & (high == value)
    corners = [(0, 0), (0, -1), (-1, 0), (-1, -1)]
    if min(constant.shape) < 8 or not all(constant[corner] for corner in corners):
        return None, None, ""
    labels, _ = ndimage.label(constant)
    around = np.isin(labels, [labels[corner] for corner in corners])
    share = float(around.mean())
    if share < SMALLEST_OUTSIDE or share > 1 - np.pi * SMALLEST_RADIUS**2 / 2:
        return None, None, ""
    kept = (
        f"{share:.1%} of each slice, joined to its corners, is constantly {value:g} but is not the outside of a disc; "
        "it counts as sample. Give a mask if it is not"
    )
    edge = np.argwhere(~around & ndimage.binary_dilation(around)).astype(np.float64)
    disc = _fit_disc(edge)
    if disc is None or disc.radius < SMALLEST_RADIUS * min(low.shape):
        return None, None, kept
    yy, xx = np.ogrid[: low.shape[0], : low.shape[1]]
    distance = np.hypot(yy - disc.y, xx - disc.x)
    missed = np.mean(~around & (distance > disc.radius + EDGE_TOLERANCE))
    if missed > 0 or _share_of_turn(edge, disc) < SMALLEST_TURN:
        return None, None, kept
    outside = around & (distance > disc.radius - EDGE_TOLERANCE)
    found = (
        f"outside a disc of radius {disc.radius:.1f} voxels around y = {disc.y:.1f}, x = {disc.x:.1f} the volume is "
        f"constantly {value:g}: {outside.mean():.1%} of each slice is outside the field of view"
    )
    return outside, disc, found


def _fit_disc(edge: Array) -> Disc | None:
    """Circle through the outermost points of an edge, (N, 2); None where they lie on no circle.

    In a single slice, voxels inside that hold the outside's value by chance (a clipped grey scale) eat into the disc.
    They never add to it, so that the corners of the convex hull still lie on the circle, but for a few beside a gap.
    """
    if len(edge) < MINIMUM_POINTS:
        return None
    try:
        points = edge[ConvexHull(edge).vertices]
    except QhullError:  # all points on one line
        return None
    while len(points) >= MINIMUM_POINTS:
        disc = _fit_circle(points)
        gap = np.abs(np.hypot(points[:, 0] - disc.y, points[:, 1] - disc.x) - disc.radius)
        if gap.max() <= EDGE_TOLERANCE:
            return disc
        points = points[gap < gap.max()]
    return None


def _share_of_turn(edge: Array, disc: Disc) -> float:
    """Share of the directions from the centre, in 360 steps, in which the edge lies on the circle."""
    y, x = edge[:, 0] - disc.y, edge[:, 1] - disc.x
    on_circle = np.abs(np.hypot(y, x) - disc.radius) <= EDGE_TOLERANCE
    degrees = np.floor(np.degrees(np.arctan2(y[on_circle], x[on_circle]))).astype(np.int64)
    steps = min(360, int(np.pi * disc.radius))  # a small circle has fewer edge voxels than degrees
    return len(np.unique(degrees * steps // 360)) / steps


def _fit_circle(points: Array) -> Disc:
    """Circle through (N, 2) points by least squares on y² + x² = 2ay + 2bx + c."""
    origin = points.mean(axis=0)
    p = points - origin
    design = np.column_stack([2 * p, np.ones(len(p))])
    a, b, c = np.linalg.lstsq(design, (p**2).sum(axis=1), rcond=None)[0]
    return Disc(float(a + origin[0]), float(b + origin[1]), float(np.sqrt(c + a * a + b * b)))
