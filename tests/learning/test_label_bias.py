from __future__ import annotations

import numpy as np
import pytest

from voltomo.errors import InputError
from voltomo.learning.label_bias import bias_labels, jitter_boundary, shift_boundary
from voltomo.learning.pairs import LabelledImage


@pytest.fixture
def disc() -> np.ndarray:
    """A disc of phase 2 on phases 1 (left) and 3 (right), with an unlabelled corner that cuts into it."""
    y, x = np.mgrid[:40, :40] - 19.5
    labels = np.where(x < 0, np.uint8(1), np.uint8(3))
    labels[y**2 + x**2 < 12**2] = 2
    labels[:14, :14] = 0
    return labels[None]


def test_a_square_gains_and_loses_a_layer_in_its_plane() -> None:
    """A square of n² pixels becomes n² + 4n when it is drawn wider by one, and (n - 2)² when it is drawn narrower."""
    square = np.ones((3, 12, 12), np.uint8)
    square[1, 3:9, 3:9] = 2
    wide, narrow = (shift_boundary(square, [2], by=by) for by in (1, -1))
    assert (int((wide == 2).sum()), int((narrow == 2).sum())) == (6**2 + 4 * 6, 4**2)
    assert np.all(wide[[0, 2]] == 1), "slices are drawn one by one"


def test_a_cube_moves_in_space() -> None:
    """Not in a plane, a cube of n³ voxels becomes n³ + 6n² and (n - 2)³."""
    cube = np.ones((12, 12, 12), np.uint8)
    cube[3:9, 3:9, 3:9] = 2
    wide, narrow = (shift_boundary(cube, [2], by=by, in_plane=False) for by in (1, -1))
    assert (int((wide == 2).sum()), int((narrow == 2).sum())) == (6**3 + 6 * 6**2, 4**3)


def test_long_edges_are_crossed_later() -> None:
    """With voxels twice as long along z, a boundary has moved one voxel along z when it moved two along x."""
    dot = np.ones((9, 9, 9), np.uint8)
    dot[4, 4, 4] = 2
    moved = shift_boundary(dot, [2], by=2, voxel_size=(2.0, 1.0, 1.0), in_plane=False) == 2
    assert [int(moved[:, 4, 4].sum()), int(moved[4, 4].sum())] == [3, 5]


@pytest.mark.parametrize("by", [-2, -1, 1, 2])
def test_unlabelled_stays_unlabelled(disc: np.ndarray, by: int) -> None:
    """What nobody labelled stays so, and does not push the boundary."""
    moved = shift_boundary(disc, [2], by=by)
    np.testing.assert_array_equal(moved == 0, disc == 0)
    touching = disc[0, 14, 10:14]  # in the disc, below the unlabelled corner
    assert np.all(touching == 2)
    assert np.all(moved[0, 14, 11:14] == 2)


def test_what_a_phase_loses_goes_to_its_neighbor(disc: np.ndarray) -> None:
    """A disc between two phases loses its left rim to the left one and its right rim to the right one."""
    lost = (disc == 2) & (shift_boundary(disc, [2], by=-1) != 2)
    narrow = shift_boundary(disc, [2], by=-1)
    assert set(narrow[..., :18][lost[..., :18]]) == {1}
    assert set(narrow[..., 22:][lost[..., 22:]]) == {3}


def test_phases_that_count_as_one_keep_their_own_boundary() -> None:
    """Two phases drawn wider together take from the third, not from each other."""
    labels = np.array([[[1, 1, 2, 2, 3, 3, 1, 1]]], np.uint8)
    np.testing.assert_array_equal(shift_boundary(labels, [2, 3], by=1), [[[1, 2, 2, 2, 3, 3, 3, 1]]])


def test_jitter_stays_within_its_reach(disc: np.ndarray) -> None:
    """A jittered boundary lies between the narrow and the wide one, and is neither."""
    inner, outer = (shift_boundary(disc, [2], by=by) == 2 for by in (-2, 2))
    moved = jitter_boundary(disc, [2], np.random.default_rng(0), by=2, length=3.0) == 2
    assert np.all(inner <= moved)
    assert np.all(moved <= outer)
    assert inner.sum() < moved.sum() < outer.sum()


def test_jitter_has_no_bias() -> None:
    """A straight boundary moves in and out by equal shares, a third of it stays: mean shift 0 within its scatter."""
    labels = np.ones((64, 64, 8), np.uint8)
    labels[..., 4:] = 2
    width = (jitter_boundary(labels, [2], np.random.default_rng(1), length=2.0) == 2).sum(axis=2) - 4
    assert set(np.unique(width)) == {-1, 0, 1}
    shares = [float((width == step).mean()) for step in (-1, 0, 1)]
    # 4096 places, of which some (4π·2²)^(1/2) = 7 along y are one: 580 independent ones, 0.02 each; three of them.
    np.testing.assert_allclose(shares, 1 / 3, atol=0.06)


def test_jitter_is_smooth_along_the_boundary() -> None:
    """The longer the hand stays on one side, the fewer steps a boundary has."""
    labels = np.ones((1, 256, 8), np.uint8)
    labels[..., 4:] = 2
    steps = []
    for length in (0.0, 2.0, 8.0):
        width = (jitter_boundary(labels, [2], np.random.default_rng(0), length=length) == 2).sum(axis=2)[0]
        steps.append(int(np.count_nonzero(np.diff(width.astype(int)))))
    assert steps[0] > 2 * steps[1] > 4 * steps[2] > 0


def test_biases_by_name(disc: np.ndarray) -> None:
    """Each name gives its labels; no bias gives the labels as they are; the same seed gives the same labels."""
    image = LabelledImage("slice", np.zeros((1, *disc.shape), np.uint8), disc)
    sizes = {}
    for bias in ("none", "dilate", "erode", "jitter"):
        once, again = (bias_labels(image, bias, [2], np.random.default_rng(3)).labels for _ in range(2))
        np.testing.assert_array_equal(once, again)
        sizes[bias] = int((once == 2).sum())
    assert sizes["erode"] < sizes["jitter"] < sizes["dilate"]
    assert sizes["none"] == int((disc == 2).sum())


def test_what_cannot_move_is_refused(disc: np.ndarray) -> None:
    """Unlabelled is no phase, a jitter has no negative size, and biases have names."""
    image = LabelledImage("slice", np.zeros((1, *disc.shape), np.uint8), disc)
    with pytest.raises(InputError, match="0 is no phase"):
        shift_boundary(disc, [0], by=1)
    with pytest.raises(InputError, match="size and a length"):
        jitter_boundary(disc, [2], np.random.default_rng(0), by=-1)
    with pytest.raises(InputError, match="no bias 'wide'"):
        bias_labels(image, "wide", [2], np.random.default_rng(0))  # type: ignore[arg-type]
