"""Directions and weights of Crofton's formula."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voltomo.morphology.directions import crofton_directions

edge = st.floats(0.2, 5.0)


def test_cubic_weights_are_the_published_ones() -> None:
    """On cubic voxels the three kinds of direction have the tabulated weights of Ohser and Mücklich."""
    directions = crofton_directions(None, 3)
    kind = np.abs(directions.offsets).sum(axis=1)
    expected = np.array([0.0, 0.045778, 0.036981, 0.035196])[kind] * 2
    # Six digits are printed.
    np.testing.assert_allclose(directions.weights, expected, atol=2e-6)
    assert np.bincount(kind).tolist() == [0, 3, 6, 4]


@settings(max_examples=20, deadline=None)
@given(edge, edge, edge, st.sampled_from([2, 3]))
def test_weights_share_out_all_directions(dz: float, dy: float, dx: float, dimension: int) -> None:
    """Whatever the voxel, the weights are positive and sum to 1."""
    directions = crofton_directions((dz, dy, dx), dimension)
    assert directions.weights.min() > 0
    assert directions.weights.sum() == pytest.approx(1.0, abs=1e-12)


@settings(max_examples=10, deadline=None)
@given(edge, edge, edge)
def test_swapping_axes_swaps_weights(dz: float, dy: float, dx: float) -> None:
    """Voxels turned by an axis permutation give the same weights on the turned directions."""
    one = crofton_directions((dz, dy, dx), 3)
    two = crofton_directions((dx, dy, dz), 3)

    def by_direction(directions: object, order: tuple[int, int, int]) -> dict[tuple[int, ...], float]:
        offsets, _, weights = directions  # type: ignore[misc]
        lines = [tuple(o[list(order)] * np.sign(o[list(order)][np.flatnonzero(o[list(order)])[0]])) for o in offsets]
        return dict(zip(lines, weights, strict=True))

    first, second = by_direction(one, (0, 1, 2)), by_direction(two, (2, 1, 0))
    assert first.keys() == second.keys()
    for line, weight in first.items():
        assert second[line] == pytest.approx(weight, rel=1e-6)


@pytest.mark.parametrize("voxel_size", [(1.0, 1.0, 1.0), (3.0, 1.0, 1.0), (0.5, 1.0, 2.0)])
def test_weights_are_solid_angles(voxel_size: tuple[float, float, float]) -> None:
    """Each weight is the share of random directions that are closest to its line."""
    directions = crofton_directions(voxel_size, 3)
    points = np.random.default_rng(0).standard_normal((200_000, 3))
    units = directions.offsets * np.array(voxel_size) / directions.lengths[:, None]
    closest = np.abs(points @ units.T).argmax(axis=1)
    shares = np.bincount(closest, minlength=13) / len(points)
    # Four standard deviations of a share of at most 0.3 among 200000 draws.
    np.testing.assert_allclose(directions.weights, shares, atol=0.004)
