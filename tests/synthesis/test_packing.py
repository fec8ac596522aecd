from __future__ import annotations

import numpy as np
import pytest

from voltomo.synthesis.packing import _find_pairs, _overlap, pack
from voltomo.synthesis.sizes import draw_ellipsoids


def _distances(centers: np.ndarray, box: np.ndarray) -> np.ndarray:
    gaps = centers[:, None] - centers
    gaps -= box * np.round(gaps / box)
    return np.linalg.norm(gaps, axis=2)[np.triu_indices(len(centers), 1)]


def test_packed_spheres_do_not_overlap_below_random_close_packing() -> None:
    """Equal spheres at 0.58 of a periodic box (random close packing is 0.64) keep their distance but for 5 %.

    The relaxation ends after a fixed number of rounds; close to jamming it leaves contacts pressed by some percent.
    """
    box = np.array([30.0, 36.0, 33.0])
    count = round(0.58 * np.prod(box) / (np.pi / 6 * 6**3))
    centers = pack(np.full((count, 3), 3.0), np.tile(np.eye(3), (count, 1, 1)), box=box, rng=np.random.default_rng(0))
    assert _distances(centers, box).min() > 6.0 * 0.95
    assert np.all((centers >= 0) & (centers <= box))


@pytest.mark.parametrize("edge", [9.0, 13.0, 25.0])
def test_small_boxes_are_packed_too(edge: float) -> None:
    """One, two or more cells along an axis find the same neighbors: no two particles end up on one another."""
    box = np.full(3, edge)
    count = max(2, round(0.4 * edge**3 / (np.pi / 6 * 4**3)))
    centers = pack(np.full((count, 3), 2.0), np.tile(np.eye(3), (count, 1, 1)), box=box, rng=np.random.default_rng(0))
    assert _distances(centers, box).min() > 3.9


def test_walls_keep_centers_between_them() -> None:
    """With walls along z each center stays in its own range, and particles at the two walls are no neighbors."""
    box, count = np.array([20.0, 25.0, 25.0]), 60
    lows, highs = np.linspace(3, 4, count), np.linspace(16, 17, count)
    semi_axes, turns = np.full((count, 3), 3.0), np.tile(np.eye(3), (count, 1, 1))
    centers = pack(semi_axes, turns, box=box, rng=np.random.default_rng(0), walls=(lows, highs))
    assert np.all((centers[:, 0] >= lows) & (centers[:, 0] <= highs))
    open_along_z = np.array([1e9, 25.0, 25.0])
    assert _distances(centers, open_along_z).min() > 6.0 * 0.95
    # The packing leans on both walls.
    assert np.count_nonzero(centers[:, 0] == lows) > 3
    assert np.count_nonzero(centers[:, 0] == highs) > 3


def test_flat_particles_touch_along_their_normal() -> None:
    """Two equal discs face to face touch at twice their half thickness, side by side at twice their half width."""
    inverse, span = np.diag([1 / 2.0, 1 / 5.0, 1 / 5.0]), np.diag([4.0, 25.0, 25.0])
    for gap, overlap in (((3.0, 0.0, 0.0), 1.0), ((0.0, 9.0, 0.0), 1.0), ((0.0, 0.0, 11.0), -1.0)):
        normal = np.empty(3)
        found = _overlap(inverse, inverse, span, span, np.array(gap), 1.0, normal)
        assert found == pytest.approx(overlap)
        assert normal == pytest.approx(np.array(gap) / np.linalg.norm(gap))


def test_balls_touch_at_the_sum_of_their_radii() -> None:
    """The contact function is exact for balls of any two sizes."""
    small, large = np.eye(3), 4.0 * np.eye(3)
    found = _overlap(small, large / 8, small, large, np.array([0.0, 1.5, 2.0]), 1.0, np.empty(3))
    assert found == pytest.approx(1 + 2 - 2.5)


def test_an_ellipsoid_that_was_moved_by_its_overlap_touches() -> None:
    """Of ellipsoids in any direction, the surfaces do not cross after one push: no sampled point lies in both."""
    rng = np.random.default_rng(0)
    semi_axes, turns = draw_ellipsoids(np.full(40, 2.0), elongation=1.2, flatness=2.0, rng=rng)
    inverse = turns.transpose(0, 2, 1) / semi_axes[:, :, None]
    spans = np.einsum("nij,nj,nkj->nik", turns, semi_axes**2, turns)
    directions = rng.normal(size=(2000, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    for i in range(0, 40, 2):
        gap, normal = rng.normal(size=3), np.empty(3)
        overlap = _overlap(inverse[i], inverse[i + 1], spans[i], spans[i + 1], gap, 1.0, normal)
        if overlap <= 0:
            continue
        moved = gap + overlap * normal
        surface = moved + directions / np.linalg.norm(directions @ inverse[i + 1].T, axis=1, keepdims=True)
        # The push is of first order: a level of 0.93 is 7 % of a radius.
        assert np.linalg.norm(surface @ inverse[i].T, axis=1).min() > 0.93


@pytest.mark.parametrize("box", [(5.0, 5.0, 5.0), (9.0, 30.0, 12.0), (40.0, 35.0, 30.0)])
def test_neighbors_are_those_of_all_pairs(box: tuple[float, float, float]) -> None:
    """The cell list finds each pair that comparing all with all finds, once, in boxes of any number of cells."""
    rng = np.random.default_rng(0)
    edges = np.array(box)
    centers, reach = rng.random((80, 3)) * edges, rng.lognormal(0.0, 0.6, 80)
    found = {tuple(sorted(pair)) for pair in _find_pairs(centers, reach, edges, edges).tolist()}
    gaps = centers[:, None] - centers
    gaps -= edges * np.round(gaps / edges)
    touching = np.linalg.norm(gaps, axis=2) < reach[:, None] + reach
    assert found == {(i, j) for i, j in np.argwhere(touching).tolist() if i < j}
    assert len(_find_pairs(centers, reach, edges, edges)) == len(found)
