from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from voltomo.artifacts import Phase, PhaseTable
from voltomo.metrics.curvature import gaussian_curvature_integral, mean_curvature_integral, measure_curvature
from voltomo.metrics.lattice_planes import euler_table, lattice_planes, line_response, plane_table
from voltomo.metrics.marching_cubes import flat_window_response
from voltomo.metrics.sample import Sample
from voltomo.metrics.surfaces import InterfaceCounts, even_normals
from voltomo.metrics.windows import count_windows
from voltomo.phantoms import Torus, rasterize

Count = Callable[..., InterfaceCounts]
Body = Callable[..., np.ndarray]
UNIT = (1.0, 1.0, 1.0)


def mean_curvature_of(labels: np.ndarray, edges: tuple[float, float, float] = UNIT) -> float:
    """Of phase 2."""
    return mean_curvature_integral(count_windows(labels, phase_ids=(1, 2)).phases[1], edges)


@pytest.mark.parametrize("edges", [UNIT, (2.0, 1.0, 1.5)])
def test_boxes_follow_from_the_planes_that_meet_them(edges: tuple[float, float, float]) -> None:
    """A box of a·b·c voxels is met by a, a + b - 1 or a + b + c - 2 planes of a family: exact to rounding."""
    labels = np.ones((9, 10, 12), np.uint8)
    labels[2:7, 3:9, 2:9] = 2
    planes = lattice_planes(edges)
    met = np.abs(planes.indices) @ (np.array([5, 6, 7]) - 1) + 1
    expected = 2 * math.pi * np.sum(planes.weights * planes.spacings * met)
    assert mean_curvature_of(labels, edges) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("radius", "tolerance"), [(4, 0.035), (8, 0.015), (16, 0.005), (32, 0.003)])
def test_mean_curvature_of_a_ball(ball: Body, radius: int, tolerance: float) -> None:
    """4πr; the tolerance is the bias (-1.2 % at r = 4, below 0.3 % from r = 8) and two spreads over the position."""
    rng = np.random.default_rng(radius)
    found = [mean_curvature_of(ball(radius, shift=rng.random(3))) for _ in range(4 if radius < 20 else 1)]
    assert np.mean(found) / (4 * math.pi * radius) == pytest.approx(1, abs=tolerance)


def test_anisotropic_voxels_see_the_same_ball(ball: Body) -> None:
    """4πr in voxels twice as high as wide, 12 of them along the radius."""
    edges = (2.0, 1.0, 1.0)
    found = mean_curvature_of(ball(24.0, edges=edges, shift=(0.3, 0.1, 0.4)), edges)
    assert found / (4 * math.pi * 24.0) == pytest.approx(1, abs=0.01)  # 0.4 % spread over the position, in 13 families


def test_a_ring() -> None:
    """2π²R for a torus of any orientation, and no Gaussian curvature: one part and one loop."""
    for axis in ((1.0, 0.0, 0.0), (1.0, 2.0, 0.5)):
        ring = Torus((30.2, 29.9, 30.4), 20.0, 8.0, axis)
        labels = (rasterize(ring, (61, 61, 61)) > 0).astype(np.uint8) + np.uint8(1)
        # Sections by all planes of a normal n have the Euler number 4R·sin(n, axis) / distance, for 13 normals.
        planes = lattice_planes(UNIT)
        sine = np.linalg.norm(np.cross(planes.normals, np.array(axis) / np.linalg.norm(axis)), axis=1)
        expected = 2 * math.pi * np.sum(planes.weights * 4 * ring.major * sine)
        assert expected == pytest.approx(ring.mean_curvature_integral, rel=0.025)
        assert mean_curvature_of(labels) == pytest.approx(expected, rel=0.01)  # 0.4 % spread over the position
        assert gaussian_curvature_integral(count_windows(labels, phase_ids=(1, 2)).phases[1]) == (0.0, 0.0)


def test_gaussian_curvature_counts_bodies() -> None:
    """4π per ball or cavity; two voxels that share an edge only are two bodies by 6 neighbors and one by 26."""
    labels = np.ones((6, 6, 6), np.uint8)
    labels[2, 2, 2] = 2
    assert gaussian_curvature_integral(count_windows(labels, phase_ids=(1, 2)).phases[1])[0] == pytest.approx(
        4 * math.pi
    )
    labels[3, 3, 2] = 2
    six, twenty_six = gaussian_curvature_integral(count_windows(labels, phase_ids=(1, 2)).phases[1])
    assert (six, twenty_six) == pytest.approx((8 * math.pi, 4 * math.pi))


def test_flat_surfaces_have_no_curvature() -> None:
    """Planes of every orientation give 0 to rounding, family by family, and no Euler number."""
    normals = even_normals(3, 50)
    for table in (*plane_table(), *euler_table()):
        np.testing.assert_allclose(flat_window_response(table, UNIT, normals), 0, atol=1e-12)


def test_a_phase_and_its_complement_have_opposite_curvature() -> None:
    """On any map of two phases, the mean curvature changes its sign and the Gaussian one does not."""
    labels = np.random.default_rng(0).integers(1, 3, (9, 8, 7), np.uint8)
    one, two = count_windows(labels, phase_ids=(1, 2)).phases
    assert mean_curvature_integral(one, UNIT) == pytest.approx(-mean_curvature_integral(two, UNIT), abs=1e-9)
    assert gaussian_curvature_integral(one) == pytest.approx(gaussian_curvature_integral(two)[::-1])


@pytest.mark.parametrize("edges", [UNIT, (3.0, 1.0, 2.0)])
def test_lines_of_all_directions_are_seen_in_full(edges: tuple[float, float, float]) -> None:
    """The weights of the families are right on average."""
    response = line_response(lattice_planes(edges), even_normals(3))
    assert response.mean() == pytest.approx(1, abs=5e-4)  # 4000 directions


def test_the_density_of_balls_that_the_box_cuts() -> None:
    """A ball anywhere in and around a box has its curvature per volume of places on average: no bias from the edge."""
    radius, edge, places = 4.0, 14, 24
    rng = np.random.default_rng(3)
    corners = np.stack(np.meshgrid(*[np.arange(0, places, 2)] * 3), axis=-1).reshape(-1, 3)
    found = []
    for center in corners + 2 * rng.random(corners.shape) + (edge - 1 - places) / 2:
        z, y, x = (np.arange(edge).reshape(shape) for shape in ((-1, 1, 1), (1, -1, 1), (1, 1, -1)))
        inside = (z - center[0]) ** 2 + (y - center[1]) ** 2 + (x - center[2]) ** 2 <= radius**2
        found.append(mean_curvature_of(inside.astype(np.uint8) + np.uint8(1)) / (edge - 1) ** 3)
    # 1.2 % bias at this radius, and 1 % from places that are random within a grid of two voxels.
    assert np.mean(found) == pytest.approx(4 * math.pi * radius / places**3, rel=0.03)


def test_rows_of_a_map(ball: Body, count_interfaces: Count) -> None:
    """A ball alone: 1/r on average, with units; a phase without surface has no mean curvature."""
    labels = ball(16)
    table = PhaseTable((Phase(1, "pore", "pore"), Phase(2, "solid"), Phase(3, "none")))
    size = (1e-7,) * 3
    counts = count_interfaces(labels, phase_ids=(1, 2, 3), edges=size)
    sample = Sample(table, labels.shape, labels.size, size)
    rows = {(m.name, m.phase): m for m in measure_curvature(count_windows(labels, phase_ids=table.ids), counts, sample)}
    mean = rows["mean_curvature", "solid"]
    # The box is 39 voxels wide: pairs and windows that fit into it differ by up to three layers.
    assert mean.value == pytest.approx(1 / 1.6e-6, rel=3 / 39)
    assert mean.unit == "1/m"
    assert rows["mean_curvature_integral", "pore"].unit == "1/m^2"
    assert rows["mean_curvature_integral", "pore"].value == pytest.approx(
        -rows["mean_curvature_integral", "solid"].value
    )
    assert rows["gaussian_curvature_integral", "solid"].value * 38**3 * 1e-21 == pytest.approx(4 * math.pi)
    assert rows["mean_curvature", "none"].status == "withheld"
