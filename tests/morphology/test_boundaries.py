from __future__ import annotations

import numpy as np
import pytest
import scipy.ndimage as ndi

from voltomo.morphology.boundaries import spread_phases


@pytest.fixture
def labels() -> np.ndarray:
    """Three phases at random with a part outside."""
    found = np.random.default_rng(0).integers(1, 4, (7, 10, 11)).astype(np.uint8)
    found[:, :4, :4] = 0
    return found


@pytest.mark.parametrize("along", [(True, True, True), (False, True, True), (True, False, False)])
def test_what_changes_hands_is_a_dilation(labels: np.ndarray, along: tuple[bool, bool, bool]) -> None:
    """The source grows by its face neighbors along the axes asked for, and only into the target."""
    cross = ndi.generate_binary_structure(3, 1)
    for axis, spreads in enumerate(along):
        if not spreads:
            np.moveaxis(cross, axis, 0)[[0, 2]] = False
    grown = ndi.binary_dilation(labels == 1, cross) & (labels == 2)
    moved = spread_phases(labels, [1], [2], along=along)
    np.testing.assert_array_equal(moved != labels, grown)
    assert np.all(moved[grown] == 1)


def test_most_neighbors_decide_and_then_the_smallest_id() -> None:
    """A voxel takes the id of most of its faces; where two ids have as many, the smaller one."""
    labels = np.array([[[9, 3, 9], [3, 2, 1], [9, 1, 9]], [[9, 9, 9], [9, 3, 9], [9, 9, 9]]], np.uint8)
    assert spread_phases(labels, [1, 3], [2])[0, 1, 1] == 3
    assert spread_phases(labels[:1], [1, 3], [2])[0, 1, 1] == 1


def test_blocks_equal_the_whole(labels: np.ndarray) -> None:
    """With a halo of one voxel, two halves give what the whole gives."""
    whole = spread_phases(labels, [1, 2], [3])
    left, right = (spread_phases(labels[..., part], [1, 2], [3]) for part in (slice(0, 7), slice(5, None)))
    np.testing.assert_array_equal(np.concatenate([left[..., :6], right[..., 1:]], axis=2), whole)
