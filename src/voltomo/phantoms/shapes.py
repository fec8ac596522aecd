"""Shapes whose volume and surface are known exactly.

Lengths are metres, or voxels with a voxel size of (1, 1, 1). Positions are (z, y, x); index coordinates refer to voxel
centres: the centre of the first voxel is at 0.0, so `n` voxels of edge `d` fill −d/2 to (n − ½)·d.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import special

from voltomo.errors import InputError

__all__ = ["Ball", "Box", "Ellipsoid", "Half", "Shape", "SlitBall", "Torus", "Vector"]

Vector: TypeAlias = tuple[float, float, float]
Floats: TypeAlias = npt.NDArray[np.float64]
Bools: TypeAlias = npt.NDArray[np.bool_]


class Shape(Protocol):
    """A solid with exact answers."""

    @property
    def volume(self) -> float: ...

    @property
    def surface(self) -> float: ...

    def contains(self, z: Floats, y: Floats, x: Floats) -> Bools:
        """Whether points lie inside; the coordinates broadcast against one another."""
        ...


@dataclass(frozen=True)
class Ball:
    """A ball.

    Examples
    --------
    >>> round(Ball((0, 0, 0), 1).volume, 4), round(Ball((0, 0, 0), 1).surface, 4)
    (4.1888, 12.5664)
    """

    center: Vector
    radius: float

    def __post_init__(self) -> None:
        _check_positive("radius", self.radius)

    @property
    def volume(self) -> float:
        return 4 / 3 * math.pi * self.radius**3

    @property
    def surface(self) -> float:
        return 4 * math.pi * self.radius**2

    @property
    def mean_curvature_integral(self) -> float:
        """Of (κ₁ + κ₂)/2 over the surface."""
        return 4 * math.pi * self.radius

    def contains(self, z: Floats, y: Floats, x: Floats) -> Bools:
        """Whether points lie inside."""
        cz, cy, cx = self.center
        return np.asarray((z - cz) ** 2 + (y - cy) ** 2 + (x - cx) ** 2 < self.radius**2)

    def chord(self, z: Floats, y: Floats, x: Floats, *, direction: Vector) -> Floats:
        """Length inside of the lines through points, along a direction: 2·√(r² − d²) at the distance d from the centre.

        Examples
        --------
        >>> Ball((0, 0, 0), 5).chord(np.array([0.0, 3.0, 6.0]), np.zeros(3), np.zeros(3), direction=(0, 0, 1))
        array([10.,  8.,  0.])
        """
        return _chord((z, y, x), direction, self.center, (self.radius,) * 3, np.eye(3))


@dataclass(frozen=True)
class Torus:
    """A ring: all points closer than `minor` to a circle.

    Parameters
    ----------
    center : (z, y, x)
    major : radius of the circle
    minor : < major
    axis : direction through the hole

    Examples
    --------
    >>> ring = Torus((0, 0, 0), 2, 1)
    >>> round(ring.volume, 4), round(ring.surface, 4), round(ring.mean_curvature_integral, 4)
    (39.4784, 78.9568, 39.4784)
    """

    center: Vector
    major: float
    minor: float
    axis: Vector = (1.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        _check_positive("minor", self.minor)
        if self.minor >= self.major:
            raise InputError(f"a ring has minor < major, found {self.minor:g} and {self.major:g}")

    @property
    def volume(self) -> float:
        """By Pappus: the cross-section times the way of its centre."""
        return 2 * math.pi**2 * self.major * self.minor**2

    @property
    def surface(self) -> float:
        return 4 * math.pi**2 * self.major * self.minor

    @property
    def mean_curvature_integral(self) -> float:
        """Of (κ₁ + κ₂)/2 over the surface: the curvature around the axis adds up to nothing."""
        return 2 * math.pi**2 * self.major

    def contains(self, z: Floats, y: Floats, x: Floats) -> Bools:
        """Whether points lie inside."""
        u = np.asarray(self.axis) / np.linalg.norm(self.axis)
        dz, dy, dx = z - self.center[0], y - self.center[1], x - self.center[2]
        along = u[0] * dz + u[1] * dy + u[2] * dx
        around = np.sqrt(np.maximum(dz**2 + dy**2 + dx**2 - along**2, 0))
        return np.asarray((around - self.major) ** 2 + along**2 < self.minor**2)


@dataclass(frozen=True)
class Ellipsoid:
    """An ellipsoid.

    Parameters
    ----------
    center : (z, y, x)
    semi_axes : three lengths, along the columns of `rotation`
    rotation : (3, 3) orthogonal matrix in (z, y, x), row by row; the axes of the grid where it is None
    """

    center: Vector
    semi_axes: Vector
    rotation: tuple[Vector, Vector, Vector] | None = None

    def __post_init__(self) -> None:
        _check_positive("semi_axes", *self.semi_axes)
        matrix = np.eye(3) if self.rotation is None else np.asarray(self.rotation)
        if not np.allclose(matrix @ matrix.T, np.eye(3), atol=1e-9):
            raise InputError("expected an orthogonal rotation matrix; its rows must be unit vectors at right angles")

    @property
    def volume(self) -> float:
        return 4 / 3 * math.pi * math.prod(self.semi_axes)

    @property
    def surface(self) -> float:
        """Area by Legendre's elliptic integrals; see Bowman, Introduction to elliptic functions (1953)."""
        c, b, a = sorted(self.semi_axes)
        if math.isclose(a, c, rel_tol=1e-9):
            return 4 * math.pi * a * a
        phi = math.acos(c / a)
        m = (a * a * (b * b - c * c)) / (b * b * (a * a - c * c))
        first, second = float(special.ellipkinc(phi, m)), float(special.ellipeinc(phi, m))
        sine = math.sin(phi)
        return 2 * math.pi * (c * c + a * b / sine * (second * sine**2 + first * math.cos(phi) ** 2))

    def contains(self, z: Floats, y: Floats, x: Floats) -> Bools:
        """Whether points lie inside."""
        offset = (z - self.center[0], y - self.center[1], x - self.center[2])
        rotation = np.eye(3) if self.rotation is None else np.asarray(self.rotation)
        level = sum(
            ((axis[0] * offset[0] + axis[1] * offset[1] + axis[2] * offset[2]) / length) ** 2
            for axis, length in zip(rotation.T, self.semi_axes, strict=True)
        )
        return np.asarray(level < 1)

    def chord(self, z: Floats, y: Floats, x: Floats, *, direction: Vector) -> Floats:
        """Length inside of the lines through points, along a direction."""
        rotation = np.eye(3) if self.rotation is None else np.asarray(self.rotation)
        return _chord((z, y, x), direction, self.center, self.semi_axes, rotation)


@dataclass(frozen=True)
class Box:
    """A box along the axes of the grid, from `low` to `high`; a cube has the surface 6·a²."""

    low: Vector
    high: Vector

    def __post_init__(self) -> None:
        _check_positive("high - low", *self._edges)

    @property
    def _edges(self) -> Vector:
        a, b, c = (top - bottom for bottom, top in zip(self.low, self.high, strict=True))
        return a, b, c

    @property
    def volume(self) -> float:
        return math.prod(self._edges)

    @property
    def surface(self) -> float:
        a, b, c = self._edges
        return 2 * (a * b + b * c + c * a)

    def contains(self, z: Floats, y: Floats, x: Floats) -> Bools:
        """Whether points lie inside."""
        inside = [(low <= p) & (p < high) for p, low, high in zip((z, y, x), self.low, self.high, strict=True)]
        return np.asarray(inside[0] & inside[1] & inside[2])


@dataclass(frozen=True)
class SlitBall:
    """A ball cut through its centre by a slit of known width: a particle cracked into two.

    `contains`, `volume` and `surface` are those of the solid; `slit_volume` is that of the slit within the ball.

    Parameters
    ----------
    center : (z, y, x)
    radius, width : lengths, width < 2·radius
    normal : direction across the slit
    """

    center: Vector
    radius: float
    width: float
    normal: Vector = (1.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        _check_positive("radius", self.radius)
        _check_positive("width", self.width)
        if self.width >= 2 * self.radius:
            raise InputError(f"a slit {self.width:g} wide leaves nothing of a ball of radius {self.radius:g}")

    @property
    def envelope(self) -> Ball:
        """The ball without its slit."""
        return Ball(self.center, self.radius)

    @property
    def slit_volume(self) -> float:
        return math.pi * self.width * (self.radius**2 - self.width**2 / 12)

    @property
    def volume(self) -> float:
        return self.envelope.volume - self.slit_volume

    @property
    def surface(self) -> float:
        """Two caps and two discs."""
        caps = self.envelope.surface - 2 * math.pi * self.radius * self.width
        return caps + 2 * math.pi * (self.radius**2 - self.width**2 / 4)

    def contains(self, z: Floats, y: Floats, x: Floats) -> Bools:
        """Whether points lie in the solid."""
        n = np.asarray(self.normal) / np.linalg.norm(self.normal)
        across = n[0] * (z - self.center[0]) + n[1] * (y - self.center[1]) + n[2] * (x - self.center[2])
        return np.asarray(self.envelope.contains(z, y, x) & (np.abs(across) >= self.width / 2))


@dataclass(frozen=True)
class Half:
    """The half space ``normal · p < offset``: a plane of any orientation, for surface estimators.

    It has no volume or surface of its own; `area_in` gives the area of the plane within a ball.
    """

    normal: Vector
    offset: float

    def contains(self, z: Floats, y: Floats, x: Floats) -> Bools:
        """Whether points lie in the half space."""
        n = np.asarray(self.normal) / np.linalg.norm(self.normal)
        return np.asarray(n[0] * z + n[1] * y + n[2] * x < self.offset)

    def area_in(self, ball: Ball) -> float:
        """Area of the plane within a ball: a disc."""
        n = np.asarray(self.normal) / np.linalg.norm(self.normal)
        height = float(n @ np.asarray(ball.center)) - self.offset
        return math.pi * max(0.0, ball.radius**2 - height**2)


def _chord(
    point: tuple[Floats, Floats, Floats], direction: Vector, center: Vector, semi_axes: Vector, rotation: Floats
) -> Floats:
    """Length inside an ellipsoid of lines through points: the two roots of |q + s·e|² = 1, in its own coordinates."""
    unit = np.asarray(direction, np.float64) / np.linalg.norm(direction)
    offset = [p - c for p, c in zip(point, center, strict=True)]
    q = [sum(axis[i] * offset[i] for i in range(3)) / n for axis, n in zip(rotation.T, semi_axes, strict=True)]
    e = rotation.T @ unit / np.asarray(semi_axes)
    square = float(e @ e)
    mixed = e[0] * q[0] + e[1] * q[1] + e[2] * q[2]
    root = mixed**2 - square * (q[0] ** 2 + q[1] ** 2 + q[2] ** 2 - 1)
    return np.asarray(2 * np.sqrt(np.maximum(root, 0)) / square)


def _check_positive(name: str, *lengths: float) -> None:
    if not all(math.isfinite(length) and length > 0 for length in lengths):
        raise InputError(f"{name} must be positive, found {', '.join(f'{length:g}' for length in lengths)}")
