"""Lengths on the voxel lattice."""

from __future__ import annotations

import math

import numpy as np
import pytest

from voltomo.morphology.grid import Grid


def test_plane_ignores_the_slice_thickness() -> None:
    """With Z = 1 areas, diameters and halos are those of the plane."""
    grid = Grid.of((1, 50, 60), (9.0, 2.0, 3.0))
    assert grid.dimension == 2
    assert grid.smallest_edge == 2.0
    assert grid.voxel_content == 6.0
    assert grid.halo(6.0) == (0, 3, 2)
    assert grid.diameter_of_ball(grid.content_of_ball(5.0)) == pytest.approx(5.0)


def test_unknown_voxel_size_counts_voxels() -> None:
    """Without a voxel size edges are 1."""
    assert Grid.of((5, 5, 5), None) == Grid((1.0, 1.0, 1.0), 3)


def test_ball_has_its_volume() -> None:
    """The steps of a ball fill its volume on any lattice, within the error of digitisation (2.3 % here)."""
    grid = Grid((2.0, 1.0, 1.0))
    assert len(grid.ball(10.0)) * grid.voxel_content == pytest.approx(4 / 3 * math.pi * 1000, rel=0.03)
    assert np.linalg.norm(grid.ball(10.0) * grid.edges, axis=1).max() <= 10.0
