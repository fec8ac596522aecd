from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from voltomo.artifacts import Phase, PhaseTable
from voltomo.metrics.sample import Sample
from voltomo.metrics.surfaces import (
    InterfaceCounts,
    crofton_area,
    crofton_density,
    even_normals,
    face_density,
    flat_response,
    measure_surfaces,
)
from voltomo.morphology.directions import CroftonDirections, crofton_directions

Count = Callable[..., InterfaceCounts]
Body = Callable[..., np.ndarray]

# 2(w1 + 4·w2/√2 + 4·w3/√3) with the weights of 13 directions that Ohser and Mücklich tabulate for the cubic lattice:
# w = 0.045778, 0.036981, 0.035196 per direction and its opposite.
ON_AXIS = 2 * (2 * 0.045778 + 8 * 0.036981 / math.sqrt(2) + 8 * 0.035196 / math.sqrt(3))


def cube(a: int) -> np.ndarray:
    """A cube of edge a (id 2), two voxels of id 1 around it."""
    labels = np.ones((a + 4,) * 3, np.uint8)
    labels[2:-2, 2:-2, 2:-2] = 2
    return labels


@pytest.mark.parametrize("a", [1, 5, 62])
def test_faces_of_a_cube(count_interfaces: Count, a: int) -> None:
    """The face count of a cube is 6a² exactly."""
    labels = cube(a)
    counts = count_interfaces(labels)
    assert face_density(counts.of(1), counts.directions, voxels=labels.size) * labels.size == 6 * a * a


def test_crofton_factor_of_a_flat_surface() -> None:
    """A flat surface on a lattice axis has the tabulated factor, 7.3 % low."""
    response = flat_response(crofton_directions(None, 3), np.eye(3))
    assert response == pytest.approx([ON_AXIS] * 3, abs=2e-5)  # the tabulated weights have six decimals


def test_crofton_area_of_a_cube(count_interfaces: Count) -> None:
    """Each direction sees the cube and its shifted copy: the area follows from their overlap."""
    a = 40
    counts = count_interfaces(cube(a))
    steps = np.abs(counts.directions.offsets)
    apart = 2 * (a**3 - np.prod(a - steps, axis=1))  # voxels in one copy but not in the other
    np.testing.assert_array_equal(counts.of(1), apart)
    area = crofton_area(counts.of(1), counts.directions, voxel_size=None)
    # Edges and corners add up to 3/a of a face: a diagonal step sees (2a - 1) instead of 2a.
    assert area / (6 * a * a) == pytest.approx(ON_AXIS, rel=1 / a)


def test_a_flat_surface_of_any_orientation_is_seen_as_predicted(count_interfaces: Count) -> None:
    """Digitised planes have the response of their orientation: the table in the docs is exact."""
    directions = crofton_directions(None, 3)
    n = 40
    z, y, x = np.indices((n, n, n)) - (n - 1) / 2
    for normal in even_normals(3, 7):
        labels = (normal[0] * z + normal[1] * y + normal[2] * x > 0.123).astype(np.uint8) + np.uint8(1)
        counts = count_interfaces(labels)
        area = crofton_area(counts.of(0), directions, voxel_size=None)
        grid = [np.abs(np.round(g)) for g in (z, y, x)]
        assert all(g.max() == 20 for g in grid)
        # True area of the plane in the box, by counting along the axis that it faces most: one crossing per line.
        axis = int(np.abs(normal).argmax())
        crossings = np.count_nonzero(np.diff(labels, axis=axis))
        true = crossings / np.abs(normal[axis])
        expected = float(flat_response(directions, normal[None])[0])
        # Pairs that leave the box are missing along the rim of the plane: about 1/n of its lines in each direction.
        assert area / true == pytest.approx(expected, rel=2.5 / n)


@pytest.mark.parametrize(("radius", "tolerance"), [(4, 0.02), (8, 0.008), (16, 0.002), (32, 0.001)])
def test_area_of_a_ball(ball: Body, count_interfaces: Count, radius: int, tolerance: float) -> None:
    """4πr² with a bias below 1 % from r = 4 on; tolerances are three spreads over the position of the centre."""
    rng = np.random.default_rng(radius)
    areas = []
    for _ in range(8 if radius < 20 else 2):
        counts = count_interfaces(ball(radius, shift=rng.random(3)))
        areas.append(crofton_area(counts.of(1), counts.directions, voxel_size=None))
    assert np.mean(areas) / (4 * math.pi * radius**2) == pytest.approx(1, abs=tolerance)


def test_faces_of_a_ball_are_three_halves_too_many(ball: Body, count_interfaces: Count) -> None:
    """Voxel faces tend to 3/2 of a smooth isotropic surface, whatever the resolution."""
    for radius in (10, 20, 40):
        counts = count_interfaces(ball(radius))
        faces = face_density(counts.of(1), counts.directions, voxels=1)
        assert faces / (4 * math.pi * radius**2) == pytest.approx(1.5, rel=0.02)  # digitisation of one centred ball


def test_the_error_falls_when_the_voxel_is_halved(ball: Body, count_interfaces: Count) -> None:
    """The bias over random positions falls at least as fast as the voxel, from radius 2 to 16."""
    rng = np.random.default_rng(5)
    bias = []
    for radius in (2, 4, 8, 16):
        areas = []
        for _ in range(400 // radius**2 + 6):
            counts = count_interfaces(ball(radius, shift=rng.random(3)))
            areas.append(crofton_area(counts.of(1), counts.directions, voxel_size=None))
        bias.append(abs(np.mean(areas) / (4 * math.pi * radius**2) - 1))
    order = math.log2(bias[0] / bias[-1]) / 3
    assert order > 1.0


@pytest.mark.parametrize("edges", [(2.0, 1.0, 1.0), (1.0, 2.0, 1.5), (3.0, 1.0, 1.0)])
def test_anisotropic_voxels_see_the_same_ball(ball: Body, count_interfaces: Count, edges: tuple[float, ...]) -> None:
    """One physical ball has one area, however the voxels are cut; balls face all ways, so the weights must be right."""
    radius = 24.0
    counts = count_interfaces(ball(radius, edges=edges, shift=(0.3, 0.1, 0.4)), edges=edges)
    area = crofton_area(counts.of(1), counts.directions, voxel_size=edges)
    assert area / (4 * math.pi * radius**2) == pytest.approx(1, abs=0.01)  # 8 voxels of edge 3 along the radius


@pytest.mark.parametrize("edges", [None, (1e-7, 5e-8, 5e-8), (3.0, 1.0, 2.0)])
@pytest.mark.parametrize("dimension", [2, 3])
def test_the_mean_response_is_one(edges: tuple[float, float, float] | None, dimension: int) -> None:
    """Averaged over all orientations, flat surfaces are seen in full: the estimator is unbiased for isotropic ones."""
    response = flat_response(crofton_directions(edges, dimension), even_normals(dimension))
    assert response.mean() == pytest.approx(1, abs=5e-4)  # 4000 points on the sphere


def test_length_of_a_circle(count_interfaces: Count) -> None:
    """In the plane, four directions give 2πr, and (4/π)·L_A is what a section shows of an isotropic surface."""
    r = 60.0
    y, x = np.ogrid[-64:65, -64:65]
    counts = count_interfaces(((y - 0.2) ** 2 + (x - 0.4) ** 2 <= r * r).astype(np.uint8)[None] + np.uint8(1))
    assert crofton_area(counts.of(1), counts.directions, voxel_size=None) / (2 * math.pi * r) == pytest.approx(
        1, abs=5e-3
    )


def overlapping_spheres(density: float, radius: float, directions: CroftonDirections) -> tuple[float, float, float]:
    """Solid fraction, S_V, and the Crofton sum with the exact covariance at the lags of the voxel lattice.

    Stoyan, Kendall and Mecke, Stochastic Geometry and its Applications (1995), ch. 3: with V = 4πr³/3, two points a
    distance h apart both lie in the pore with probability exp(-λ(2V - K)), where K = V - πr²h + πh³/12 is the overlap
    of two balls.
    """
    volume, h = 4 / 3 * math.pi * radius**3, directions.lengths
    pore = math.exp(-density * volume)
    overlap = volume - math.pi * radius**2 * h + math.pi * h**3 / 12
    crossings = 2 * (pore - np.exp(-density * (2 * volume - overlap)))
    surface = density * 4 * math.pi * radius**2 * pore
    return 1 - pore, surface, 2 * float(np.sum(directions.weights * crossings / h))


def test_overlapping_spheres(boolean_model: Body, count_interfaces: Count) -> None:
    """Boolean model: the closed-form solid fraction and Crofton sum, with no bias from the edge of the box.

    Ten boxes of 64 voxels; the tolerances are three standard errors of their mean, found with 40 seeds.
    """
    rng = np.random.default_rng(11)
    solid, surface = [], []
    for _ in range(10):
        labels = boolean_model(4e-4, 8.0, 64, rng)
        counts = count_interfaces(labels)
        solid.append(np.mean(labels == 2))
        surface.append(crofton_density(counts.of(1), counts.inside, counts.directions))
    fraction, _, seen = overlapping_spheres(4e-4, 8.0, counts.directions)
    assert np.mean(solid) == pytest.approx(fraction, rel=3 * 0.025)
    assert np.mean(surface) == pytest.approx(seen, rel=3 * 0.013)


def test_the_crofton_sum_tends_to_the_surface_of_overlapping_spheres() -> None:
    """What a voxel misses (gaps and ridges thinner than itself) is of first order: halving the voxel halves it."""
    directions = crofton_directions(None, 3)
    bias = []
    for refinement in (1, 2, 4):
        _, surface, seen = overlapping_spheres(4e-4 / refinement**3, 8.0 * refinement, directions)
        bias.append(seen / surface - 1)
    assert bias[0] == pytest.approx(-0.056, abs=1e-3)  # eight voxels per radius, 58 % solid
    assert bias[1] / bias[0] == pytest.approx(0.5, abs=0.03)
    assert bias[2] / bias[1] == pytest.approx(0.5, abs=0.03)


def test_a_laminate_has_one_interface_per_period(count_interfaces: Count) -> None:
    """Layers of four voxels: an interface every four voxels, times the response of a flat surface on the axis."""
    labels = np.broadcast_to((np.arange(64) // 4 % 2 + 1).astype(np.uint8)[:, None, None], (64, 16, 16))
    counts = count_interfaces(labels)
    found = crofton_density(counts.of(0), counts.inside, counts.directions)
    response = float(flat_response(counts.directions, np.array([[1.0, 0.0, 0.0]]))[0])
    assert found == pytest.approx(response * 15 / 63, rel=1e-12)  # 15 interfaces on 63 steps


def test_the_rim_of_the_field_of_view_is_no_interface(count_interfaces: Count) -> None:
    """A mask around a uniform phase has no surface, and one inside a random map leaves its density as it is."""
    noise = np.random.default_rng(0).integers(1, 3, (40, 60, 60), np.uint8)
    y, x = np.ogrid[-30:30, -30:30]
    inside = np.broadcast_to(y * y + x * x < 20**2, noise.shape)
    uniform = count_interfaces(inside.astype(np.uint8))
    assert not uniform.of(0).any()
    masked = count_interfaces(np.where(inside, noise, 0).astype(np.uint8))
    found = crofton_density(masked.of(0), masked.inside, masked.directions)
    # Every second pair differs; 50 000 voxels in 13 directions leave a spread of 0.2 %.
    assert found == pytest.approx(2 * np.sum(masked.directions.weights * 0.5 / masked.directions.lengths), rel=0.006)


def test_shares_of_a_phase_add_up_to_its_surface(count_interfaces: Count) -> None:
    """The interfaces of a phase with each other phase add up to its specific surface area; coverage is their ratio."""
    table = PhaseTable((Phase(1, "pore", "pore"), Phase(2, "NMC", "active"), Phase(3, "CBD", "binder")))
    labels = np.random.default_rng(0).integers(1, 4, (20, 20, 20), np.uint8)
    edges = (2e-7, 1e-7, 1e-7)
    counts = count_interfaces(labels, phase_ids=table.ids, edges=edges)
    numbers = measure_surfaces(counts, Sample(table, (20, 20, 20), 8000, edges), voxels=np.bincount(labels.ravel())[1:])
    by = {(m.name, m.phase, m.phase_2): m.value for m in numbers if m.method.startswith("Crofton")}
    pairs = by["interface_area", "pore", "NMC"], by["interface_area", "NMC", "CBD"]
    assert by["specific_surface_area", "NMC", ""] == pytest.approx(sum(pairs), rel=1e-12)
    assert by["binder_coverage", "NMC", "CBD"] == pytest.approx(pairs[1] / sum(pairs), rel=1e-12)
    assert {m.unit for m in numbers} == {"1/m", "1"}


def test_a_region_one_voxel_thick_is_withheld(count_interfaces: Count) -> None:
    """Where no pair fits along an axis there is no surface to count, and the row says so."""
    table = PhaseTable.two_class()
    labels = np.ones((5, 1, 5), np.uint8)
    numbers = measure_surfaces(count_interfaces(labels), Sample(table, (5, 1, 5), 25), voxels=[25, 0])
    assert {m.status for m in numbers} == {"withheld"}
    assert "one voxel thick" in numbers[0].reason
