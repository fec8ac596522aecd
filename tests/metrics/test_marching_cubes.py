from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from skimage.measure import marching_cubes, mesh_surface_area

from voltomo.artifacts import Phase, PhaseTable
from voltomo.metrics.marching_cubes import (
    area_table,
    flat_window_response,
    interface_mesh_area,
    measure_meshes,
    mesh_area,
)
from voltomo.metrics.sample import Sample
from voltomo.metrics.surfaces import even_normals
from voltomo.metrics.windows import count_windows

UNIT = (1.0, 1.0, 1.0)


@pytest.mark.parametrize("edges", [UNIT, (2.0, 1.0, 1.5), (1e-7, 5e-8, 5e-8)])
def test_the_area_is_that_of_the_mesh(edges: tuple[float, float, float]) -> None:
    """On a random map, with all 256 configurations, the counted area is that of scikit-image's mesh."""
    labels = np.random.default_rng(0).integers(1, 3, (16, 17, 18), np.uint8)
    scale = max(edges)
    points, triangles, _, _ = marching_cubes(labels, 1.5, spacing=tuple(e / scale for e in edges))
    found = mesh_area(count_windows(labels, phase_ids=(1, 2)).phases[1], edges)
    # Lewiner's ambiguous cases look at the sign of the phase: 0.2 % on noise, where each window is ambiguous.
    assert found == pytest.approx(mesh_surface_area(points, triangles) * scale**2, rel=2e-3)


def test_published_areas_of_an_electrode(data: Callable[[str], Path]) -> None:
    """A three-phase electrode has the areas that TauFactor's notebooks print for marching cubes, to all digits."""
    codes = tifffile.imread(data("electrode_3phase_tau/electrode.tiff"))
    labels = (np.searchsorted([0, 85, 170], codes) + 1).astype(np.uint8)
    phases = count_windows(labels, phase_ids=(1, 2, 3)).phases
    printed = [f"{mesh_area(row, UNIT) / labels.size:.6f}" for row in phases]
    assert printed == ["0.222681", "0.104184", "0.253999"]


def test_flat_surfaces_of_all_orientations() -> None:
    """The response to planes is exact: 1 on the axes, 8.8 % too large on average, +12.8 % at worst."""
    table = area_table(UNIT)
    np.testing.assert_allclose(flat_window_response(table, UNIT, np.eye(3)), 1, rtol=1e-6)
    response = flat_window_response(table, UNIT, even_normals(3))
    assert response.mean() == pytest.approx(1.088, abs=1e-3)
    assert response.max() == pytest.approx(1.128, abs=1e-3)


def test_the_bias_of_a_ball_is_the_predicted_one(ball: Callable[..., np.ndarray]) -> None:
    """A ball faces all ways: its area is too large by the mean response, which smaller voxels do not change."""
    for radius in (16, 32):
        area = mesh_area(count_windows(ball(radius, shift=(0.2, 0.4, 0.1)), phase_ids=(1, 2)).phases[1], UNIT)
        assert area / (4 * math.pi * radius**2) == pytest.approx(1.088, abs=0.003)  # 0.1 % spread over the position


def test_interfaces_add_up_but_for_triple_lines() -> None:
    """Layers of three phases: each interface has its area, and the middle phase that of both."""
    labels = np.repeat(np.array([1, 2, 3], np.uint8), 4)[:, None, None] * np.ones((1, 11, 11), np.uint8)
    counts = count_windows(labels, phase_ids=(1, 2, 3))
    assert [interface_mesh_area(pair, UNIT) for pair in counts.pairs] == pytest.approx([100, 0, 100])
    assert mesh_area(counts.phases[1], UNIT) == pytest.approx(200)


def test_the_bias_is_in_the_budget() -> None:
    """The row says by how much the mesh is too large; a section has no mesh."""
    table = PhaseTable((Phase(1, "pore", "pore"), Phase(2, "solid")))
    labels = np.random.default_rng(0).integers(1, 3, (8, 8, 8), np.uint8)
    row = next(measure_meshes(count_windows(labels, phase_ids=(1, 2)), Sample(table, (8, 8, 8), 512)))
    assert row.parts[0].bias == pytest.approx(row.value * (1 - 1 / 1.088), rel=5e-3)
    section = Sample(table, (1, 8, 8), 64)
    assert not list(measure_meshes(count_windows(labels[:1], phase_ids=(1, 2)), section))
