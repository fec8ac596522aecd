"""The window that a sample is seen through: where it cuts particles, and how often it would cut one of a given size."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from voltomo.metrics.fractions import SliceCounts
from voltomo.metrics.sample import AXES, Sample

__all__ = ["Cylinder", "Face", "Window", "find_window"]

Face: TypeAlias = Literal["z low", "z high", "y low", "y high", "x low", "x high"]
Floats: TypeAlias = npt.NDArray[np.float64]
Integers: TypeAlias = npt.NDArray[np.int64]

_ROUND = 0.02
"""Of the radius: how far the widths of slices may be off those of a cylinder, besides two voxels."""

_FEWEST_VOXELS = 10
"""Radius below which a digitised disc is not told from other shapes."""


@dataclass(frozen=True)
class Cylinder:
    """A round field of view.

    Parameters
    ----------
    axis : along which it runs
    center : of the circle along the two other axes; the first voxel's centre is 0
    radius : in the unit of the voxel edges
    """

    axis: int
    center: tuple[float, float]
    radius: float


@dataclass(frozen=True)
class Window:
    """A box, or a cylinder as high as one.

    Parameters
    ----------
    shape : (Z, Y, X) of the box; an axis of one voxel is not counted
    edges : of the voxels
    ends : faces at which the sample itself ends, such as a free surface or the collector: they cut no particle
    cylinder : None for a box
    """

    shape: tuple[int, int, int]
    edges: tuple[float, float, float] = (1.0, 1.0, 1.0)
    ends: frozenset[Face] = frozenset()
    cylinder: Cylinder | None = None

    def weights(self, boxes: npt.ArrayLike) -> Floats:
        """(N,) Miles-Lantuéjoul weights |W| / |W ⊖ box| of bounding boxes of (N, 3) voxels.

        Window positions per position at which the box lies inside without touching a face that cuts; infinite where
        there is none.
        """
        extents = np.asarray(boxes, np.float64).reshape(-1, 3)
        weights = np.ones(len(extents))
        across = () if self.cylinder is None else _others(self.cylinder.axis)
        with np.errstate(divide="ignore"):
            for axis, n in enumerate(self.shape):
                cutting = sum(f"{AXES[axis]} {side}" not in self.ends for side in ("low", "high"))
                if n == 1 or axis in across or not cutting:
                    continue
                # A box of b voxels that touches neither face starts at 1 to n - b - 1; n - b places touch not one of
                # them, whose other side is the end of the sample.
                weights *= n / np.maximum(n - extents[:, axis] + 1 - cutting, 0)
            if self.cylinder is not None:
                a, b = (extents[:, axis] * self.edges[axis] / 2 for axis in across)
                weights *= math.pi * self.cylinder.radius**2 / _eroded_disc(self.cylinder.radius, a, b)
        return weights

    def holds(self, low: Integers, high: Integers) -> npt.NDArray[np.bool_]:
        """(N,) whether bounding boxes of (N, 3) first and last + 1 voxels touch no face that cuts."""
        inside = np.ones(len(low), np.bool_)
        across = () if self.cylinder is None else _others(self.cylinder.axis)
        for axis, n in enumerate(self.shape):
            if n == 1 or axis in across:
                continue
            inside &= (low[:, axis] > 0) | (f"{AXES[axis]} low" in self.ends)
            inside &= (high[:, axis] < n) | (f"{AXES[axis]} high" in self.ends)
        if self.cylinder is not None:
            furthest = np.zeros(len(low))
            for axis, middle in zip(across, self.cylinder.center, strict=True):
                beyond = np.maximum(np.abs(low[:, axis] - 0.5 - middle), np.abs(high[:, axis] - 0.5 - middle))
                furthest += (beyond * self.edges[axis]) ** 2
            inside &= furthest <= self.cylinder.radius**2
        return inside


def find_window(counts: SliceCounts, sample: Sample, *, ends: frozenset[Face] = frozenset()) -> Window | None:
    """The box or upright cylinder that the field of view is; None if it is neither."""
    if sample.fills_box:
        return Window(sample.shape, sample.edges, ends)
    if sample.dimension == 2:
        return None
    found = (_find_cylinder(counts, sample, axis) for axis in range(3))
    cylinder = next((one for one in found if one is not None), None)
    return None if cylinder is None else Window(sample.shape, sample.edges, ends, cylinder)


def _find_cylinder(counts: SliceCounts, sample: Sample, axis: int) -> Cylinder | None:
    """The cylinder along an axis with these slices, if there is one."""
    slices = [np.asarray(table[:-2].sum(axis=0), np.float64) for table in (counts.z, counts.y, counts.x)]
    if slices[axis].min() != slices[axis].max():
        return None
    one, two = _others(axis)
    area = slices[axis][0] * sample.edges[one] * sample.edges[two]
    radius = math.sqrt(area / math.pi)
    if radius < _FEWEST_VOXELS * max(sample.edges[one], sample.edges[two]):
        return None
    center = []
    for own, other in ((one, two), (two, one)):
        places = np.arange(sample.shape[own])
        middle = float((places * slices[own]).sum() / slices[own].sum())
        seen = slices[own] / sample.shape[axis] * sample.edges[other]
        away = (places - middle) * sample.edges[own]
        expected = 2 * np.sqrt(np.maximum(radius**2 - away**2, 0.0))
        if middle < radius / sample.edges[own] - 1 or middle > sample.shape[own] - radius / sample.edges[own]:
            return None
        # At the rim a chord changes much from voxel to voxel, so that there its end is what must agree.
        allowed = _ROUND * radius + 2 * max(sample.edges[one], sample.edges[two])
        rim = np.abs(away) > radius - allowed
        if (np.abs(seen - expected)[~rim] > allowed).any():
            return None
        center.append(middle)
    return Cylinder(axis, (center[0], center[1]), radius)


def _others(axis: int) -> tuple[int, int]:
    one, two = (other for other in range(3) if other != axis)
    return one, two


def _eroded_disc(radius: float, a: Floats, b: Floats) -> Floats:
    """Area of the places of the middle of rectangles of half edges `a`, `b` that lie in a disc; 0 where none does."""
    fits = a**2 + b**2 < radius**2
    a, b = np.where(fits, a, 0.0), np.where(fits, b, 0.0)
    last = np.sqrt(radius**2 - b**2)

    def under_circle(s: Floats) -> Floats:
        below: Floats = 0.5 * (s * np.sqrt(np.maximum(radius**2 - s**2, 0.0)) + radius**2 * np.arcsin(s / radius))
        return below

    area: Floats = np.where(fits, 4 * (under_circle(last) - under_circle(a) - b * (last - a)), 0.0)
    return area
