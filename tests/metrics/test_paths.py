"""Shortest ways and bottlenecks against exact answers."""

from __future__ import annotations

import math

import numpy as np
import pytest

from voltomo.artifacts import Phase, PhaseTable
from voltomo.metrics.path_tortuosity import measure_paths, solve_paths
from voltomo.metrics.paths import find_distances
from voltomo.metrics.sample import Sample

CUBES = (1.0, 1.0, 1.0)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_straight_ways_are_as_long_as_the_box(axis: int) -> None:
    """In an empty box, whatever the voxel, and in a channel of one voxel."""
    empty = solve_paths(np.ones((6, 7, 8), np.uint8), 1, axis=axis, edges=(2.0, 1.0, 0.5))
    assert empty.tortuosity == pytest.approx(1, rel=1e-6)
    assert (empty.wide, empty.reached) == (math.inf, 1)
    channel = np.full((9, 9, 9), 2, np.uint8)
    channel[np.s_[4, 4, :] if axis == 2 else np.s_[4, :, 4] if axis == 1 else np.s_[:, 4, 4]] = 1
    assert solve_paths(channel, 1, axis=axis).tortuosity == pytest.approx(1, rel=1e-6)


def test_a_channel_at_45_degrees_is_longer_by_the_root_of_two() -> None:
    """A staircase of voxels that share faces: steps across the edges, not along them."""
    n = 40
    inside = np.zeros((n, n + 1, 1), bool)
    for z in range(n):
        inside[z, z : z + 2] = True
    last = find_distances(inside, CUBES)[-1][inside[-1]]
    assert last.min() + 0.5 == pytest.approx(n * math.sqrt(2), rel=0.02)


def test_the_way_around_a_wall_is_right_within_two_percent() -> None:
    """From face to edge of the wall and on to the other face: two straight lines, in any direction."""
    n, hole = 60, 12
    inside = np.ones((n, 80, 1), bool)
    inside[n // 2, hole:] = False
    found = find_distances(inside, CUBES)[-1, :, 0].astype(float) + 0.5
    for y in (30, 50, 70):
        exact = n / 2 + math.hypot(n / 2, y - hole + 1)  # straight to the hole, then past the edge
        assert found[y] == pytest.approx(exact, rel=0.02)


def test_corners_that_touch_are_no_way() -> None:
    """What a current does not pass, a way does not."""
    inside = np.zeros((4, 4, 1), bool)
    inside[:2, :2] = inside[2:, 2:] = True
    assert np.isinf(find_distances(inside, CUBES)[-1]).all()
    paths = solve_paths(np.where(inside, 1, 2).astype(np.uint8), 1, axis=0)
    assert paths.tortuosity == math.inf
    rows = list(measure_paths(paths, _sample((4, 4, 1)), phase="pore", axis="z"))
    assert [row.status for row in rows] == ["withheld", "withheld"]


def test_a_straight_tube_has_no_bottleneck() -> None:
    """Balls enter wherever they fit: exactly 1."""
    y, x = np.ogrid[:21, :21]
    tube = np.broadcast_to((y - 10) ** 2 + (x - 10) ** 2 <= 7.3**2, (24, 21, 21))
    paths = solve_paths(np.where(tube, 1, 2).astype(np.uint8), 1, axis=0)
    assert paths.narrow == paths.wide
    # Balls of up to 7.3 fit; half of the disc is filled by all of them.
    assert paths.wide == pytest.approx(7.3, abs=1)


def test_a_neck_sets_the_constrictivity() -> None:
    """Two chambers behind a neck of half their radius: a quarter, within the voxel's error of the radii."""
    y, x = np.ogrid[:31, :31]
    distance = np.hypot(y - 15, x - 15)
    radii = np.r_[np.full(6, 6.0), np.full(50, 12.0)]
    body = distance[None] <= radii[:, None, None] + 0.2
    paths = solve_paths(np.where(body, 1, 2).astype(np.uint8), 1, axis=0, edges=(2e-7,) * 3)
    assert paths.wide == pytest.approx(12 * 2e-7, abs=2e-7)
    assert paths.narrow == pytest.approx(6 * 2e-7, abs=2e-7)
    (length, neck) = measure_paths(paths, _sample(body.shape), phase="pore", axis="z")
    assert length.value == pytest.approx(1, abs=0.05)
    assert neck.value == pytest.approx(0.25, abs=0.06)


def _sample(shape: tuple[int, ...]) -> Sample:
    z, y, x = shape
    return Sample(PhaseTable((Phase(1, "pore", "pore"),)), (z, y, x), z * y * x)
