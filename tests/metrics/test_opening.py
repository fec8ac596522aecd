from __future__ import annotations

import numpy as np
import pytest
import scipy.ndimage as ndi
from hypothesis import given, settings
from hypothesis import strategies as st

from voltomo.artifacts import PhaseTable
from voltomo.metrics.opening import count_thickness, covering_balls, squared_radii
from voltomo.metrics.sample import Sample
from voltomo.metrics.thickness import measure_thickness
from voltomo.morphology.grid import Grid

UNIT = Grid((1.0, 1.0, 1.0))
Edges = tuple[float, float, float]


def structure(shape: tuple[int, int, int], seed: int, *, outside: bool = False) -> np.ndarray:
    """A smooth random map of two phases, a corner of it outside the field of view if wanted."""
    smooth = ndi.gaussian_filter(np.random.default_rng(seed).standard_normal(shape), 1.5)
    labels = (smooth > np.median(smooth)).astype(np.uint8) + np.uint8(1)
    if outside:
        labels[:, : shape[1] // 3, : shape[2] // 3] = 0
    return labels


def all_balls(squares: np.ndarray, edges: Edges) -> np.ndarray:
    """Every ball laid down, the largest one kept: slow and obvious."""
    found = np.zeros(squares.shape)
    places = np.stack(np.indices(squares.shape), axis=-1)
    steps = np.array(edges) / min(edges)
    for center in np.argwhere(squares > 0):
        covered = (((places - center) * steps) ** 2).sum(axis=-1) < squares[tuple(center)]
        found[covered] = np.maximum(found[covered], squares[tuple(center)])
    return found


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 99), edges=st.sampled_from([(1.0, 1.0, 1.0), (2.0, 1.0, 1.3)]), outside=st.booleans())
def test_no_ball_that_is_left_out_is_missed(seed: int, edges: Edges, outside: bool) -> None:
    """The largest covering balls are those of laying down the ball of every voxel."""
    labels = structure((11, 12, 13), seed, outside=outside)
    squares = squared_radii(labels, Grid(edges))
    np.testing.assert_array_equal(covering_balls(squares, Grid(edges)), all_balls(squares, edges))


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 99), low=st.integers(0, 6), high=st.integers(7, 40))
def test_a_part_of_the_volume_is_as_in_the_whole(seed: int, low: int, high: int) -> None:
    """Balls that reach into a part from everywhere around give what the whole volume gives, for tall volumes too."""
    squares = squared_radii(structure((40, 9, 40), seed), UNIT)
    part = (slice(low, high), slice(2, 7), slice(low, high))
    np.testing.assert_array_equal(covering_balls(squares, UNIT, within=part), covering_balls(squares, UNIT)[part])


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_opening_distribution_is_the_local_thickness(seed: int) -> None:
    """What openings by balls of a radius or more leave is what is at least so thick, radius by radius, exactly.

    On a lattice an opening by a larger ball may leave a voxel that one by a smaller ball takes; the union over larger
    radii is what falls as the radius grows.
    """
    labels = structure((16, 17, 18), seed)
    squares = squared_radii(labels, UNIT)
    thick = covering_balls(squares, UNIT)
    for phase in (1, 2):
        own = labels == phase
        left = np.zeros_like(own)
        for radius_squared in np.unique(squares[own])[::-1]:
            centers = own & (squares >= radius_squared)
            distance = ndi.distance_transform_edt(~centers)
            left |= own & (np.round(distance**2) < radius_squared)
            np.testing.assert_array_equal(left, own & (thick >= radius_squared))


@pytest.mark.parametrize(("width", "expected"), [(3, 4.0), (4, 4.0), (7, 8.0), (8, 8.0)])
def test_a_slit_is_as_wide_as_it_is(width: int, expected: float) -> None:
    """A flat slit comes out exact where its middle lies between voxels, and a voxel wide where it lies on one."""
    labels = np.ones((5, 6, 30), np.uint8)
    labels[:, :, 10 : 10 + width] = 2
    found = 2 * np.sqrt(covering_balls(squared_radii(labels, UNIT), UNIT))
    assert (found[labels == 2] == expected).all()


def test_a_slit_of_anisotropic_voxels_has_its_width_in_meters() -> None:
    """Four voxels of 2 µm along z: 8 µm, whatever the voxels are along y and x."""
    labels = np.ones((20, 8, 8), np.uint8)
    labels[8:12] = 2
    grid = Grid((2e-6, 1e-6, 1e-6))
    squares = squared_radii(labels, grid)
    counts = count_thickness(
        covering_balls(squares, grid), labels, phase_ids=(1, 2), widest=float(squares.max() ** 0.5)
    )[0]
    sample = Sample(PhaseTable.two_class(), labels.shape, labels.size, grid.edges)
    widths = {m.statistic: m.value for m in measure_thickness(counts, sample) if m.phase == sample.phases.by_id(2).name}
    assert widths["D50, volume-weighted"] == pytest.approx(8e-6, rel=1e-12)


@pytest.mark.parametrize("radius", [4.0, 8.0, 12.0])
def test_balls_come_out_less_than_a_voxel_narrow(radius: float, ball) -> None:  # type: ignore[no-untyped-def] # fixture
    """The thickness of a digitised ball is its diameter less 0.8 ± 0.3 voxels: its middle lies on no voxel."""
    errors = []
    for shift in np.random.default_rng(0).random((6, 3)) - 0.5:
        labels = ball(radius, shift=shift)
        thick = covering_balls(squared_radii(labels, UNIT) * (labels == 2), UNIT)
        errors.append(np.median(2 * np.sqrt(thick[labels == 2])) - 2 * radius)
    assert -1.2 < np.mean(errors) < -0.4


def test_a_section_has_discs() -> None:
    """In a plane, a disc of radius 6 covers itself, and distances along z do not count."""
    y, x = np.ogrid[-10:11, -10:11]
    labels = ((y**2 + x**2 < 36).astype(np.uint8) + np.uint8(1))[None]
    grid = Grid((5.0, 1.0, 1.0), dimension=2)
    thick = covering_balls(squared_radii(labels, grid), grid)
    assert (thick[labels == 2] == 36).all()
