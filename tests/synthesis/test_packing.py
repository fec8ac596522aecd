from __future__ import annotations

import numpy as np
import pytest

from voltomo.synthesis.packing import _find_pairs, draw_diameters, draw_ellipsoids, pack, volume_weighted_median


def test_diameters_have_the_volume_and_the_median_asked_for() -> None:
    """The spheres hold the volume exactly, and half of it lies below D50 but for a part of the middle one."""
    diameters = draw_diameters(4e4, d50=6.0, spread=1.5, limits=(2.0, 15.0), rng=np.random.default_rng(0))
    assert np.sum(np.pi / 6 * diameters**3) == pytest.approx(4e4)
    assert volume_weighted_median(diameters, diameters**3) == pytest.approx(6.0, rel=0.03)
    assert np.std(np.log(diameters)) == pytest.approx(np.log(1.5), rel=0.15)  # cut at the limits, so a little less


def test_equal_particles_have_one_size() -> None:
    """A spread of 1 gives equal particles whose number fits the volume."""
    diameters = draw_diameters(1000.0, d50=3.0, spread=1.0, limits=(1.0, 7.0), rng=np.random.default_rng(0))
    assert np.ptp(diameters) < 1e-9
    assert len(diameters) == round(1000 / (np.pi / 6 * 27))


def test_median_weighs_by_volume() -> None:
    """Eight balls of diameter 1 weigh as much as one of diameter 2."""
    diameters = np.array([1.0] * 8 + [2.0] + [3.0])
    assert volume_weighted_median(diameters[:9], diameters[:9] ** 3) == 1.0
    assert volume_weighted_median(diameters, diameters**3) == 3.0
    assert volume_weighted_median(np.empty(0), np.empty(0)) == 0.0


def test_ellipsoids_keep_the_volume_and_the_elongation() -> None:
    """Axes multiply to the radius cubed, their ratio stays below the limit, rotations are proper."""
    diameters = np.full(300, 4.0)
    semi_axes, rotations = draw_ellipsoids(diameters, elongation=1.5, rng=np.random.default_rng(1))
    assert np.prod(semi_axes, axis=1) == pytest.approx(8.0)
    assert np.all(semi_axes.max(axis=1) / semi_axes.min(axis=1) <= 1.5)
    assert rotations @ rotations.transpose(0, 2, 1) == pytest.approx(np.broadcast_to(np.eye(3), (300, 3, 3)), abs=1e-12)
    assert np.linalg.det(rotations) == pytest.approx(1)
    # No direction is preferred: the mean of 300 axes of unit length is within four standard errors of zero.
    assert np.abs(rotations.mean(axis=0)).max() < 4 * np.sqrt(1 / 3 / 300)


def test_packed_spheres_do_not_overlap_below_random_close_packing() -> None:
    """Equal spheres at 0.58 of a periodic box (random close packing is 0.64) keep their distance but for 5 %.

    The relaxation ends after a fixed number of rounds; close to jamming it leaves contacts pressed by some percent.
    """
    box = np.array([30.0, 36.0, 33.0])
    count = round(0.58 * np.prod(box) / (np.pi / 6 * 6**3))
    centers = pack(np.full((count, 3), 3.0), np.tile(np.eye(3), (count, 1, 1)), box=box, rng=np.random.default_rng(0))
    gaps = centers[:, None] - centers
    gaps -= box * np.round(gaps / box)
    distances = np.linalg.norm(gaps, axis=2)[np.triu_indices(count, 1)]
    assert distances.min() > 6.0 * 0.95
    assert np.all((centers >= 0) & (centers <= box))


@pytest.mark.parametrize("edge", [9.0, 13.0, 25.0])
def test_small_boxes_are_packed_too(edge: float) -> None:
    """One, two or more cells along an axis find the same neighbors: no two particles end up on one another."""
    box = np.full(3, edge)
    count = max(2, round(0.4 * edge**3 / (np.pi / 6 * 4**3)))
    centers = pack(np.full((count, 3), 2.0), np.tile(np.eye(3), (count, 1, 1)), box=box, rng=np.random.default_rng(0))
    gaps = centers[:, None] - centers
    gaps -= box * np.round(gaps / box)
    assert np.linalg.norm(gaps, axis=2)[np.triu_indices(count, 1)].min() > 3.9


@pytest.mark.parametrize("box", [(5.0, 5.0, 5.0), (9.0, 30.0, 12.0), (40.0, 35.0, 30.0)])
def test_neighbors_are_those_of_all_pairs(box: tuple[float, float, float]) -> None:
    """The cell list finds each pair that comparing all with all finds, once, in boxes of any number of cells."""
    rng = np.random.default_rng(0)
    edges = np.array(box)
    centers, reach = rng.random((80, 3)) * edges, rng.lognormal(0.0, 0.6, 80)
    found = {tuple(sorted(pair)) for pair in _find_pairs(centers, reach, edges).tolist()}
    gaps = centers[:, None] - centers
    gaps -= edges * np.round(gaps / edges)
    touching = np.linalg.norm(gaps, axis=2) < reach[:, None] + reach
    assert found == {(i, j) for i, j in np.argwhere(touching).tolist() if i < j}
    assert len(_find_pairs(centers, reach, edges)) == len(found)
