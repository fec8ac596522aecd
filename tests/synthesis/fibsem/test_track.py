from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voltomo.synthesis.fibsem import SliceTrack, Wander, draw_track

VOXEL_SIZE = (20e-9, 10e-9, 10e-9)


def _draw(wander: Wander, *, count: int = 400, seed: int = 0, thickness: float = 20e-9) -> SliceTrack:
    rng = np.random.default_rng(seed)
    return draw_track(count, slice_thickness=thickness, voxel_size=VOXEL_SIZE, wander=wander, rng=rng)


def test_an_ideal_run_lies_on_the_voxels() -> None:
    """With everything off, slice k is at the centre of voxel k, without drift, of gain 1 and offset 0."""
    track = _draw(Wander(), count=5)
    assert track.z == pytest.approx(np.arange(5) * 20e-9)
    assert track.thickness == pytest.approx(np.full(5, 20e-9))
    for name, value in (("dy", 0), ("dx", 0), ("gain", 1), ("offset", 0), ("is_jump", False)):
        assert np.all(getattr(track, name) == value)


def test_slices_of_another_thickness_fill_the_window() -> None:
    """Slices of half a voxel lie a quarter of a voxel before and behind the voxels' centres."""
    assert _draw(Wander(), count=4, thickness=10e-9).z == pytest.approx(np.array([-5, 5, 15, 25]) * 1e-9)


def test_uneven_slices_keep_the_nominal_mean() -> None:
    """Faces are as far apart as the thickness between them says, in order, and the last lies where it should."""
    track = _draw(Wander(thickness_spread=0.3))
    assert np.diff(track.z) == pytest.approx(track.thickness[1:])
    assert np.all(np.diff(track.z) > 0)
    assert track.z[-1] == pytest.approx(399 * 20e-9)
    # 399 numbers give a standard deviation to 1/√(2·399) = 3.5 %; clipping at ±2.7 takes off less than 5 %.
    assert np.std(track.thickness[1:]) / 20e-9 == pytest.approx(0.3, rel=0.15)


def test_only_jumps_move_the_image_where_there_is_no_walk() -> None:
    """The slices that are marked are those at which the drift changes."""
    track = _draw(Wander(jump=3.0, jump_chance=0.05, max_drift=16))
    assert 5 < np.count_nonzero(track.is_jump) < 40
    assert np.array_equal(np.diff(track.dy) != 0, track.is_jump[1:])
    assert np.array_equal(np.diff(track.dx) != 0, track.is_jump[1:])


@given(walk=st.floats(0, 5), jump=st.floats(0, 16), limit=st.floats(0, 16), seed=st.integers(0, 99))
@settings(max_examples=25)
def test_drift_stays_in_its_bounds(walk: float, jump: float, limit: float, seed: int) -> None:
    """However hard it drifts, the image starts at 0 and stays within the bound."""
    wander = Wander(walk=walk, jump=jump, jump_chance=0.3, max_drift=limit)
    track = _draw(wander, count=60, seed=seed)
    assert track.dy[0] == track.dx[0] == 0
    assert max(np.abs(track.dy).max(), np.abs(track.dx).max()) <= limit + 1e-9


def test_steps_hold_until_the_next() -> None:
    """Without slow drift the gain has one value per step."""
    track = _draw(Wander(step=0.05, step_chance=0.02))
    changes = np.count_nonzero(np.diff(track.gain))
    assert 1 <= changes <= 20  # 8 expected
    assert np.std(track.gain) > 0.01


def test_a_track_survives_as_arrays() -> None:
    """What `to_arrays` gives makes the same track."""
    track = _draw(Wander(walk=0.2, jump=3, jump_chance=0.1, thickness_spread=0.1, slow=0.1, step=0.1, step_chance=0.1))
    again = SliceTrack.from_arrays(track.to_arrays())
    for name, values in track.to_arrays().items():
        assert np.array_equal(values, getattr(again, name))
