from __future__ import annotations

import numpy as np
import pytest

from voltomo.errors import InputError, ShapeError
from voltomo.synthesis.imaging import Sampling
from voltomo.synthesis.imaging.sampling import sample_coarsely


def test_coarse_voxels_are_means() -> None:
    """Each coarse voxel is the mean of the voxels in it; a plane stays a plane."""
    image = np.random.default_rng(0).random((4, 6, 10), dtype=np.float32)
    expected = image.reshape(2, 2, 3, 2, 5, 2).mean(axis=(1, 3, 5))
    assert sample_coarsely(image, Sampling(2)) == pytest.approx(expected, abs=1e-6)
    assert sample_coarsely(image[:1], Sampling(2)).shape == (1, 3, 5)


def test_a_shifted_edge_is_shared_by_area() -> None:
    """Voxels shifted by 0.3 towards the bright side show 0.3 of it at the edge, and the whole area is kept."""
    image = np.zeros((1, 4, 8), np.float32)
    image[:, :, 4:] = 1
    line = sample_coarsely(image, Sampling(shift=(0, 0, 0.3)))[0, 2]
    assert line == pytest.approx([0, 0, 0, 0.3, 1, 1, 1, 1])
    assert sample_coarsely(image, Sampling(shift=(0, 0, -0.3)))[0, 2, 4] == pytest.approx(0.7)


def test_what_cannot_be_sampled_is_refused() -> None:
    """Edges that are no whole number of voxels, voxels of no size, shifts over one voxel."""
    with pytest.raises(ShapeError, match="crop"):
        sample_coarsely(np.zeros((3, 4, 4), np.float32), Sampling(2))
    with pytest.raises(InputError):
        Sampling(0)
    with pytest.raises(InputError):
        Sampling(shift=(2.0, 0, 0))
