"""Distances and closing on anisotropic voxels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from voltomo.morphology.distance import close_gaps, distance_inside
from voltomo.morphology.grid import Grid

edge = st.floats(0.3, 3.0)


@settings(max_examples=15, deadline=None)
@given(edge, edge, edge, st.integers(0, 99))
def test_distance_is_scipys(dz: float, dy: float, dx: float, seed: int) -> None:
    """Distances equal scipy's exact transform for any voxel shape, to float32."""
    mask = np.random.default_rng(seed).random((6, 7, 8)) < 0.8
    mask[0, 0, 0] = False
    expected = ndimage.distance_transform_edt(mask, (dz, dy, dx))
    np.testing.assert_allclose(distance_inside(mask, Grid((dz, dy, dx))), expected, rtol=1e-5)


def test_nanometres_do_not_underflow() -> None:
    """Voxels of 64 nm in metres give distances in metres."""
    mask = np.ones((1, 1, 9), bool)
    mask[0, 0, 0] = False
    np.testing.assert_allclose(distance_inside(mask, Grid((64e-9,) * 3))[0, 0], np.arange(9) * 64e-9, rtol=1e-6)


@pytest.mark.parametrize("width", [1, 2, 3])
def test_slit_up_to_its_width_is_closed(width: int) -> None:
    """A radius of half the width and half a voxel closes a slit, and one that does not reach its middle does not."""
    mask = np.ones((16, 16, 16), bool)
    mask[:, :, 8 : 8 + width] = False
    grid = Grid((1.0, 1.0, 1.0))
    inner = (slice(3, -3),) * 3
    assert close_gaps(mask, (width + 1) / 2, grid)[inner].all()
    too_small = (width + 1) // 2 - 0.5
    np.testing.assert_array_equal(close_gaps(mask, too_small, grid), mask)


def test_closing_keeps_balls_apart_and_whole() -> None:
    """A convex body stays as it is, whatever the voxel shape."""
    grid = Grid((2.0, 1.0, 1.0))
    z, y, x = np.indices((15, 31, 31))
    mask = (2 * (z - 7)) ** 2 + (y - 15) ** 2 + (x - 15) ** 2 <= 100
    added = close_gaps(mask, 2.0, grid) & ~mask
    # Steps of the lattice: a digitised ball is not quite closed under a digitised ball.
    assert added.sum() < 0.01 * mask.sum()


def test_nothing_is_closed_near_the_border() -> None:
    """A gap between a body and the border of the volume stays open, and a slit is closed up to the radius from it."""
    mask = np.ones((1, 30, 30), bool)
    mask[:, 0] = False
    mask[:, :, 15] = False
    closed = close_gaps(mask, 1.0, Grid((1.0, 1.0, 1.0), 2))[0]
    assert not closed[0].any()
    assert np.flatnonzero(closed[:, 15]).tolist() == list(range(2, 29))


def test_a_plane_has_no_border_along_z() -> None:
    """With Z = 1 distances to the border are those within the plane."""
    mask = np.ones((1, 5, 7), bool)
    distance = distance_inside(mask, Grid((9.0, 1.0, 1.0), 2), ends_at_border=True)
    assert distance[0, 2].tolist() == [1, 2, 3, 3, 3, 2, 1]
    assert np.isinf(distance_inside(mask, Grid((9.0, 1.0, 1.0), 2))).all()
