from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voltomo.blocks import BlockPlan
from voltomo.metrics.boundary_score import near_boundary


def _blobs(seed: int, shape: tuple[int, int, int]) -> np.ndarray:
    """Smooth classes 1 and 2 with some 0 between them."""
    smooth = np.random.default_rng(seed).normal(size=shape).cumsum(0).cumsum(1).cumsum(2)
    return np.digitize(smooth, [-2, 2]).astype(np.uint8)


@pytest.mark.parametrize(("reach", "layers"), [(1.0, 1), (2.0, 2), (3.0, 3)])
def test_layers_on_either_side_of_a_flat_boundary_are_near(reach: float, layers: int) -> None:
    """Reach n takes n layers on each side; the faces of the box make no boundary."""
    labels = np.ones((4, 5, 20), np.uint8)
    labels[..., 10:] = 2
    near = near_boundary(labels, reach)
    assert near.all(axis=(0, 1)).sum() == near.any(axis=(0, 1)).sum() == 2 * layers
    assert near[..., 10 - layers : 10 + layers].all()


@given(st.integers(0, 999), st.floats(0.9, 3))
@settings(max_examples=10)
def test_near_is_what_a_search_of_all_pairs_finds(seed: int, reach: float) -> None:
    """A voxel is near where the search finds a voxel of another class at most `reach` away."""
    labels = _blobs(seed, (3, 6, 7))
    places = np.argwhere(labels > 0)
    expected = np.zeros(labels.shape, bool)
    for place in places:
        others = places[labels[tuple(places.T)] != labels[tuple(place)]]
        expected[tuple(place)] = bool(len(others)) and np.linalg.norm(others - place, axis=1).min() <= reach + 1e-3
    assert np.array_equal(near_boundary(labels, reach), expected)


def test_unlabelled_voxels_make_no_boundary() -> None:
    """A class beside nothing but 0 has no boundary."""
    labels = np.zeros((1, 6, 6), np.uint8)
    labels[:, :3] = 1
    assert not near_boundary(labels, 3.0).any()


def test_blocks_with_a_halo_of_the_reach_change_nothing() -> None:
    """Put together from blocks, the mask is that of the whole."""
    labels = _blobs(1, (8, 12, 11))
    whole, parts = near_boundary(labels, 2.5), np.zeros(labels.shape, bool)
    for block in BlockPlan(labels.shape, (3, 5, 11), 3):
        parts[block.write] = near_boundary(labels[block.read], 2.5)[block.inner]
    assert np.array_equal(parts, whole)
