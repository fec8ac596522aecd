"""The first look at a volume: one pass, one mask, by blocks as in one piece."""

from __future__ import annotations

import numpy as np
import pytest

from voltomo.artifacts import Volume
from voltomo.errors import InputError
from voltomo.stages.inspection import inspect_volume, measure_field, write_mask
from voltomo.stages.workspace import MemoryWorkspace


def drifting():
    """Noisy slices whose frame of NaN moves from slice to slice, as after alignment."""
    values = np.random.default_rng(0).normal(0, 1, (6, 20, 22)).astype(np.float32)
    for z in range(6):
        values[z, : z + 1] = np.nan
        values[z, :, 22 - z :] = np.nan
    return values


@pytest.mark.parametrize("block_shape", [None, (2, 7, 5), (1, 20, 22)])
def test_a_drifting_frame_becomes_the_mask(block_shape):
    """NaN around each slice is outside, voxel by voxel."""
    values = drifting()
    volume, work = Volume.from_array(values), MemoryWorkspace(block_shape)
    mask = np.asarray(write_mask(volume, inspect_volume(volume, work), work))
    np.testing.assert_array_equal(mask, np.isfinite(values))


def test_the_range_is_that_of_the_voxels_inside():
    """Minimum and maximum leave the outside of a cylinder out."""
    yy, xx = np.ogrid[:50, :50]
    values = np.random.default_rng(0).integers(100, 200, (3, 50, 50)).astype(np.uint16)
    values[:, np.hypot(yy - 24.5, xx - 24.5) > 24] = 7
    values[1, 24, 1:9] = 250
    volume, work = Volume.from_array(values), MemoryWorkspace((2, 30, 7))
    mask = write_mask(volume, inspect_volume(volume, work), work)
    field = measure_field(volume, work, mask=mask)
    assert (field.low, field.high) == (100, 250)
    assert field.brightest_share == 8 / np.count_nonzero(mask)


def test_a_channel_that_is_not_there_is_refused():
    """The message counts the channels."""
    with pytest.raises(InputError, match="channel 3 of a volume with 1"):
        inspect_volume(Volume.from_array(drifting()), MemoryWorkspace(), channel=3)
