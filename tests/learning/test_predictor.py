"""Neighbouring slices as channels."""

from __future__ import annotations

import numpy as np
import pytest

from voltomo.errors import ShapeError
from voltomo.learning.predictor import stack_neighbors


def test_neighbors_are_channels() -> None:
    """Slice z sees z - 1, z, z + 1 of each channel in turn; the ends are repeated."""
    grey = np.arange(6, dtype=np.float32).reshape(2, 3, 1, 1)
    stacked = stack_neighbors(grey, 1)[..., 0, 0]
    assert stacked.tolist() == [[0, 0, 1, 3, 3, 4], [0, 1, 2, 3, 4, 5], [1, 2, 2, 4, 5, 5]]


def test_no_neighbors_is_a_batch_of_slices() -> None:
    """With a reach of 0, slices become the batch axis."""
    grey = np.arange(24, dtype=np.float32).reshape(2, 3, 2, 2)
    assert np.array_equal(stack_neighbors(grey, 0), grey.swapaxes(0, 1))


def test_needs_four_axes() -> None:
    """A plain volume is refused."""
    with pytest.raises(ShapeError, match="C, Z, Y, X"):
        stack_neighbors(np.zeros((3, 4, 4), np.float32), 1)
