from __future__ import annotations

import numpy as np
import pytest
import scipy.ndimage as ndi

from voltomo.metrics.boundary_band import IN_PHASE, REST, phase_at_probability, shift_boundary


@pytest.fixture
def labels() -> np.ndarray:
    """Three phases at random with a part outside."""
    found = np.random.default_rng(0).integers(1, 4, (9, 10, 11)).astype(np.uint8)
    found[:, :4, :4] = 0
    return found


def test_a_cube_gains_a_layer_on_each_face() -> None:
    """A cube of n³ voxels becomes n³ + 6n² when it grows, and (n - 2)³ when it shrinks."""
    cube = np.ones((12, 12, 12), np.uint8)
    cube[3:9, 3:9, 3:9] = 2
    grown, shrunk = (int((shift_boundary(cube, 2, shift) == IN_PHASE).sum()) for shift in (1, -1))
    assert (grown, shrunk) == (6**3 + 6 * 6**2, 4**3)


@pytest.mark.parametrize("phase_id", [1, 2, 3])
def test_the_boundary_moves_as_morphology_says(labels: np.ndarray, phase_id: int) -> None:
    """Growing is a dilation by the six neighbors within the field of view; shrinking is the growth of the rest."""
    inside = labels > 0
    phase, rest = labels == phase_id, inside & (labels != phase_id)
    grown = ndi.binary_dilation(phase) & inside
    shrunk = phase & ~ndi.binary_dilation(rest)
    np.testing.assert_array_equal(shift_boundary(labels, phase_id, 1) == IN_PHASE, grown)
    np.testing.assert_array_equal(shift_boundary(labels, phase_id, -1) == IN_PHASE, shrunk)


@pytest.mark.parametrize("shift", [-1, 0, 1])
def test_the_field_of_view_stays(labels: np.ndarray, shift: int) -> None:
    """What is outside stays outside, and is neither phase nor rest."""
    moved = shift_boundary(labels, 2, shift)  # type: ignore[arg-type]
    np.testing.assert_array_equal(moved == 0, labels == 0)
    assert set(np.unique(moved)) == {0, REST, IN_PHASE}


def test_a_lower_probability_gives_more_of_the_phase() -> None:
    """Between 0.3 and 0.7 lie the voxels whose probability does."""
    probability = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    labels = np.ones_like(probability)
    much, little = (phase_at_probability(probability, labels, least) == IN_PHASE for least in (0.3, 0.7))
    assert (much & ~little).sum() == sum(0.3 <= p / 255 < 0.7 for p in range(256))
