from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voltomo.errors import InputError
from voltomo.phantoms import Ball, Box, Ellipsoid, Half, SlitBall, Vector, rasterize

VOXEL = (0.7, 0.5, 0.4)
ROTATION = ((0.0, 0.6, 0.8), (1.0, 0.0, 0.0), (0.0, 0.8, -0.6))
SOLIDS = [
    Ball((10, 10, 10), 7.3),
    Ellipsoid((10, 10, 10), (8.0, 5.0, 3.5), ROTATION),
    SlitBall((10, 10, 10), 7.3, 1.9, (1.0, 2.0, 0.5)),
]


def _volume_error(solid: Ball | Ellipsoid | SlitBall, scale: float) -> float:
    """Root mean square over 16 random positions of the relative error of the counted volume, voxels VOXEL · scale."""
    rng = np.random.default_rng(0)
    size = (VOXEL[0] * scale, VOXEL[1] * scale, VOXEL[2] * scale)
    z, y, x = (math.ceil(20 / edge) for edge in size)
    errors = []
    for shift in rng.uniform(-0.5, 0.5, size=(16, 3)) * size:
        moved = replace(solid, center=(10 + shift[0], 10 + shift[1], 10 + shift[2]))
        counted = rasterize(moved, (z, y, x), voxel_size=size).sum(dtype=float) * math.prod(size)
        errors.append(counted / solid.volume - 1)
    return float(np.sqrt(np.mean(np.square(errors))))


@pytest.mark.parametrize(("solid", "order"), list(zip(SOLIDS, (2, 2, 1), strict=True)))
def test_counted_volume_converges_to_the_exact_one(solid: Ball | Ellipsoid | SlitBall, order: int) -> None:
    """Voxels whose centre lies inside add up to the volume; the scatter falls with the square of the voxel edge.

    The number of lattice points in a smooth convex body of radius R scatters by about R around its volume (Kendall
    1948), a relative error of h²; at the flat faces of a slit it is h. With 16 positions the order is off by 0.6.
    """
    coarse, fine = _volume_error(solid, 1.0), _volume_error(solid, 0.4)
    assert coarse < 0.01
    assert math.log(coarse / fine) / math.log(2.5) > order - 0.6


def test_supersampling_gives_the_share_of_each_voxel() -> None:
    """With 6 points per axis a slanted plane through a voxel's center leaves half of it, and the volume gets exact."""
    half = rasterize(Half((1.0, 0.3, 0.2), 0.0), (1, 1, 1), supersample=6)
    assert half[0, 0, 0] == pytest.approx(0.5)
    ball = Ball((8.3, 8.1, 7.9), 6.0)
    fine = rasterize(ball, (17, 17, 17), supersample=6)
    # 6³ points per voxel in a ball of radius 6: about 36 points across a radius, lattice error below 1e-3.
    assert fine.sum(dtype=float) == pytest.approx(ball.volume, rel=1e-3)
    assert 0 < np.count_nonzero((fine > 0) & (fine < 1)) < fine.size


def test_ellipsoid_surface_has_its_known_limits() -> None:
    """The elliptic integrals give the closed forms of ball and spheroids, and scale with the square."""
    assert Ellipsoid((0, 0, 0), (2, 2, 2)).surface == pytest.approx(16 * math.pi)
    e = math.sqrt(1 - 1 / 4)
    oblate = 2 * math.pi * 4 * (1 + (1 - e * e) / e * math.atanh(e))
    assert Ellipsoid((0, 0, 0), (2, 1, 2)).surface == pytest.approx(oblate)
    prolate = 2 * math.pi * (1 + 2 / e * math.asin(e))
    assert Ellipsoid((0, 0, 0), (1, 2, 1)).surface == pytest.approx(prolate)
    assert Ellipsoid((0, 0, 0), (3, 6, 9)).surface == pytest.approx(9 * Ellipsoid((0, 0, 0), (1, 2, 3)).surface)


@given(st.tuples(*[st.floats(0.2, 5.0)] * 3))
@settings(max_examples=30, deadline=None)
def test_ellipsoid_surface_lies_within_bounds(axes: tuple[float, float, float]) -> None:
    """It is at least that of the ball of equal volume (isoperimetric inequality), at most that of a box around it."""
    ellipsoid = Ellipsoid((0, 0, 0), axes)
    radius = math.prod(axes) ** (1 / 3)
    a, b, c = axes
    assert ellipsoid.surface >= 4 * math.pi * radius**2 * (1 - 1e-9)
    assert ellipsoid.surface <= 8 * (a * b + b * c + c * a)


def test_a_box_between_voxel_faces_is_counted_exactly() -> None:
    """A box that ends on voxel faces has its exact volume and surface 6·a²; the first voxel's center is at 0.0."""
    box = Box((0.5, 1.5, -0.5), (3.5, 4.5, 2.5))
    mask = rasterize(box, (6, 6, 6))
    assert mask.sum() == box.volume == 27
    assert box.surface == 54
    assert np.argwhere(mask > 0).min(axis=0).tolist() == [1, 2, 0]


def test_slit_ball_parts_add_up() -> None:
    """Slit and solid make the ball; a thin slit has the volume of a disc and adds its two faces."""
    cut = SlitBall((0, 0, 0), 5.0, 0.01)
    assert cut.volume + cut.slit_volume == pytest.approx(cut.envelope.volume)
    assert cut.slit_volume == pytest.approx(math.pi * 25 * 0.01, rel=1e-5)
    assert cut.surface - cut.envelope.surface == pytest.approx(2 * math.pi * 25, rel=0.01)


def test_plane_area_in_a_ball_is_a_disc() -> None:
    """Through the center it is the great circle; beyond the radius it is nothing."""
    ball = Ball((3, 3, 3), 2.0)
    assert Half((1, 0, 0), 3.0).area_in(ball) == pytest.approx(4 * math.pi)
    assert Half((1, 0, 0), 5.5).area_in(ball) == 0


def test_impossible_shapes_are_refused() -> None:
    """Shapes without a volume say what is wrong."""
    with pytest.raises(InputError, match="radius must be positive"):
        Ball((0, 0, 0), 0.0)
    with pytest.raises(InputError, match="leaves nothing"):
        SlitBall((0, 0, 0), 1.0, 2.0)
    with pytest.raises(InputError, match="orthogonal"):
        Ellipsoid((0, 0, 0), (1, 1, 1), ((1.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)))
    with pytest.raises(InputError, match="at least one point"):
        rasterize(Ball((0, 0, 0), 1.0), (2, 2, 2), supersample=0)


@pytest.mark.parametrize("direction", [(0.0, 0.0, 1.0), (0.3, -0.5, 0.8)], ids=["on axis", "oblique"])
def test_chords_add_up_to_the_volume(direction: Vector) -> None:
    """Chords over a plane across the rays, times the area they stand for, are the volume (1 %: 60 rays a diameter)."""
    tilt = tuple(map(tuple, np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]))
    unit = np.asarray(direction) / np.linalg.norm(direction)
    one = np.cross(unit, (1.0, 0.2, 0.1))
    one /= np.linalg.norm(one)
    two = np.cross(unit, one)
    steps = np.linspace(-10, 10, 201)
    a, b = np.meshgrid(steps, steps)
    for shape in (Ball((1.0, 2.0, 3.0), 3.0), Ellipsoid((1.0, 2.0, 3.0), (5.0, 3.0, 2.0), tilt)):
        z, y, x = (shape.center[i] + a * one[i] + b * two[i] for i in range(3))
        chords = shape.chord(z, y, x, direction=direction)
        assert chords.sum() * 0.1**2 == pytest.approx(shape.volume, rel=0.01)


def test_the_longest_chords_of_an_ellipsoid_are_its_axes() -> None:
    """Through the centre along an axis, the chord is twice the semi-axis, wherever on the line the point is."""
    tilt = np.linalg.qr(np.random.default_rng(2).normal(size=(3, 3)))[0]
    shape = Ellipsoid((0.0, 0.0, 0.0), (5.0, 3.0, 2.0), tuple(map(tuple, tilt)))
    for axis, length in zip(tilt.T, shape.semi_axes, strict=True):
        along = np.array([-7.0, 0.0, 4.0])
        chords = shape.chord(*(along * part for part in axis), direction=tuple(axis))
        assert chords == pytest.approx([2 * length] * 3)
