"""The first look at a volume: one pass, one mask, by blocks as in one piece."""

from __future__ import annotations

import numpy as np
import pytest

from voltomo.artifacts import Volume
from voltomo.errors import GateError, InputError, ShapeError
from voltomo.stages.inspection import find_field_of_view, inspect_volume, measure_field, write_mask
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
    assert field.end_shares == (np.count_nonzero(values == 100) / field.voxels, 8 / field.voxels)
    assert field.voxels == np.count_nonzero(mask)


def test_a_given_mask_lets_broken_voxels_out():
    """NaN inside the sample is no obstacle where the user's mask leaves it out; "none" refuses it."""
    values = drifting()
    values[3, 10, 10] = np.nan
    volume, work = Volume.from_array(values), MemoryWorkspace((2, 7, 22))
    field, _ = find_field_of_view(volume, work, mask=np.isfinite(values) * 255)
    np.testing.assert_array_equal(np.asarray(field.mask), np.isfinite(values))
    for how in ("auto", "none"):
        with pytest.raises(GateError, match="NaN"):
            find_field_of_view(volume, MemoryWorkspace(), mask=how)
    with pytest.raises(ShapeError, match="cropped"):
        find_field_of_view(volume, MemoryWorkspace(), mask=np.ones((2, 2, 2)))


def test_none_takes_everything():
    """The outside of a cylinder counts where the user says so, and nothing is said about it."""
    yy, xx = np.ogrid[:50, :50]
    values = np.random.default_rng(0).integers(100, 200, (3, 50, 50)).astype(np.uint16)
    values[:, np.hypot(yy - 24.5, xx - 24.5) > 24] = 7
    field, remarks = find_field_of_view(Volume.from_array(values), MemoryWorkspace(), mask="none")
    assert (field.mask, field.low, field.voxels) == (None, 7, values.size)
    assert not any("disc" in remark for remark in remarks)
    found, notices = find_field_of_view(Volume.from_array(values), MemoryWorkspace())
    assert found.low == 100
    assert "disc" in notices[0]


def test_a_channel_that_is_not_there_is_refused():
    """The message counts the channels."""
    with pytest.raises(InputError, match="channel 3 of a volume with 1"):
        inspect_volume(Volume.from_array(drifting()), MemoryWorkspace(), channel=3)
