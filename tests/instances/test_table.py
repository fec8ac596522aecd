"""Shapes of particles against exact answers."""

from __future__ import annotations

import math

import numpy as np
import pytest

from voltomo.artifacts import CRACK, SOLID
from voltomo.blocks import Block, BlockPlan, reduce_blocks
from voltomo.instances.shape import ShapeSums, feret_directions, merge_sums, sum_shapes
from voltomo.instances.table import particle_table
from voltomo.morphology.grid import Grid


def table_of(
    labels: np.ndarray,
    *,
    edges: tuple[float, float, float] = (1.0, 1.0, 1.0),
    cracks: np.ndarray | None = None,
    phases: np.ndarray | None = None,
    block_shape: tuple[int, int, int] | None = None,
) -> dict[str, np.ndarray]:
    """The table of labelled particles, summed over blocks."""
    labels = labels.astype(np.uint32)
    cracks = np.where(labels > 0, SOLID, 0).astype(np.uint8) if cracks is None else cracks
    phases = np.ones(labels.shape, np.uint8) if phases is None else phases
    grid = Grid.of(labels.shape, edges)

    def sums(block: Block, *arrays: np.ndarray) -> ShapeSums:
        return sum_shapes(*arrays, block.inner, origin=block.origin, shape=labels.shape, grid=grid)

    plan = BlockPlan(labels.shape, block_shape or labels.shape, halo=1)
    total = reduce_blocks(sums, labels, cracks, phases, plan=plan, merge=merge_sums)
    return dict(particle_table(total, np.zeros(len(total["ids"]), np.int64), grid))


def ball(
    shape: tuple[int, int, int], center: tuple[float, ...], radii: tuple[float, ...] | float, edges: tuple[float, ...]
) -> np.ndarray:
    """Digitised ellipsoid, lengths in units of the edges."""
    places = np.indices(shape).T * np.array(edges)
    return ((((places - center) / radii) ** 2).sum(axis=-1) <= 1).T


@pytest.mark.parametrize("edges", [(1.0, 1.0, 1.0), (2.0, 1.0, 1.0)])
def test_ball(edges: tuple[float, float, float]) -> None:
    """A ball of 20 voxels radius: volume, surface, sphericity, widths and centre."""
    shape = (int(50 / edges[0]), 50, 50)
    table = table_of(ball(shape, (25.2, 24.6, 24.9), 20.0, edges), edges=edges)
    # Digitised balls of this size: volume within 0.5 %, Crofton surface within 1.5 % (2 % on elongated voxels).
    assert table["equivalent_diameter"][0] == pytest.approx(40, rel=0.005)
    assert table["envelope_volume"][0] == pytest.approx(4 / 3 * math.pi * 8000, rel=0.01)
    assert table["surface_area"][0] == pytest.approx(4 * math.pi * 400, rel=0.02)
    assert table["sphericity"][0] == pytest.approx(1.0, rel=0.02)
    assert table["aspect_ratio"][0] == pytest.approx(1.0, rel=0.01)
    center = [table[f"centroid_{axis}"][0] for axis in "zyx"]
    np.testing.assert_allclose(center, (25.2, 24.6, 24.9), atol=0.05)
    # Widths of voxel boxes exceed those of the ball by at most the diagonal of a voxel.
    assert 39.5 < table["feret_min"][0] <= table["feret_max"][0] < 40 + np.linalg.norm(edges)


def test_ellipsoid_has_its_axes() -> None:
    """Axes 8, 12, 24 turned by 30° in the y-x plane: aspect ratio, direction and longest width."""
    z, y, x = np.indices((30, 60, 60)) - np.array([15, 30, 30])[:, None, None, None]
    u, v = x * math.cos(math.pi / 6) + y * math.sin(math.pi / 6), -x * math.sin(math.pi / 6) + y * math.cos(math.pi / 6)
    table = table_of((z / 8) ** 2 + (v / 12) ** 2 + (u / 24) ** 2 <= 1)
    assert table["aspect_ratio"][0] == pytest.approx(3.0, rel=0.02)
    direction = [table[f"orientation_{axis}"][0] for axis in "zyx"]
    np.testing.assert_allclose(direction, (0, 0.5, math.cos(math.pi / 6)), atol=0.01)
    assert table["feret_max"][0] == pytest.approx(48, abs=math.sqrt(3))
    assert table["feret_min"][0] == pytest.approx(16, abs=math.sqrt(3))


def test_disc_in_a_plane() -> None:
    """A disc of radius 30: area, perimeter and circularity, and no volume."""
    table = table_of(ball((1, 70, 70), (0, 35.3, 34.8), 30.0, (1, 1, 1)), edges=(7.0, 1.0, 1.0))
    assert table["equivalent_diameter"][0] == pytest.approx(60, rel=0.002)
    # Four directions see a circle to within 2 % (Crofton in a plane is exact only in the mean).
    assert table["perimeter"][0] == pytest.approx(60 * math.pi, rel=0.02)
    assert table["circularity"][0] == pytest.approx(1.0, rel=0.04)
    assert "envelope_volume" not in table
    assert not table["touches_edge"][0]


def test_faces_that_cut_a_particle_are_named() -> None:
    """A half ball at the low y face has no surface there, is flagged and has no sphericity."""
    table = table_of(ball((50, 50, 50), (25, -0.5, 25), 20.0, (1, 1, 1)))
    assert table["touches_edge"][0]
    assert table["touches_y_low"][0]
    assert not table["touches_z_low"][0]
    assert np.isnan(table["sphericity"][0])
    assert table["surface_area"][0] == pytest.approx(2 * math.pi * 400, rel=0.03)


def test_field_of_view_cuts_like_the_volume() -> None:
    """Where a particle meets the unknown outside it is flagged and has no surface."""
    labels = ball((50, 50, 50), (25, 25, 25), 20.0, (1, 1, 1))
    phases = np.ones(labels.shape, np.uint8)
    phases[:, :, :25] = 0
    labels &= phases > 0
    table = table_of(labels, phases=phases)
    assert table["touches_mask"][0]
    assert table["touches_edge"][0]
    assert table["surface_area"][0] == pytest.approx(2 * math.pi * 400, rel=0.03)


def test_void_is_part_of_the_envelope() -> None:
    """Solid and envelope differ by the void voxels."""
    labels = ball((30, 30, 30), (15, 15, 15), 12.0, (1, 1, 1))
    void = ball((30, 30, 30), (15, 15, 15), 5.0, (1, 1, 1))
    cracks = np.where(void, CRACK, np.where(labels, SOLID, 0)).astype(np.uint8)
    table = table_of(labels, cracks=cracks)
    assert table["void_fraction"][0] == void.sum() / labels.sum()
    assert table["solid_volume"][0] == labels.sum() - void.sum()


def test_blocks_give_the_same_bits() -> None:
    """Sums over blocks of any shape give the same table to the last bit."""
    rng = np.random.default_rng(0)
    labels = np.kron(rng.integers(0, 9, (3, 4, 5)), np.ones((6, 5, 4), int))
    cracks = np.where(labels > 0, rng.integers(1, 3, labels.shape), 0).astype(np.uint8)
    phases = rng.integers(0, 3, labels.shape).astype(np.uint8)
    expected = table_of(labels, cracks=cracks, phases=phases, edges=(2.0, 1.0, 0.5))
    for block_shape in ((18, 20, 7), (5, 6, 7), (1, 20, 20)):
        found = table_of(labels, cracks=cracks, phases=phases, edges=(2.0, 1.0, 0.5), block_shape=block_shape)
        assert found.keys() == expected.keys()
        for name, column in expected.items():
            np.testing.assert_array_equal(found[name], column)


@pytest.mark.parametrize("dimension", [2, 3])
def test_feret_directions_are_dense(dimension: int) -> None:
    """No direction is farther than 11° (2.6° in a plane) from one of those that widths are taken along."""
    directions = feret_directions(dimension)
    np.testing.assert_allclose(np.linalg.norm(directions, axis=1), 1)
    probe = np.random.default_rng(0).standard_normal((5000, 3))
    if dimension == 2:
        probe[:, 0] = 0
    probe /= np.linalg.norm(probe, axis=1, keepdims=True)
    nearest = np.abs(probe @ directions.T).max(axis=1)
    assert math.degrees(math.acos(min(nearest.min(), 1.0))) < (11.0 if dimension == 3 else 2.6)
