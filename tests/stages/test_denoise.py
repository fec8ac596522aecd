"""The verb denoise: dtype kept, bad voxels refused, the same block by block."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import ndimage

from voltomo.artifacts import Volume
from voltomo.errors import GateError, InputError
from voltomo.stages.denoise import DenoiseConfig, run_denoise
from voltomo.stages.workspace import MemoryWorkspace

SHAPE = (8, 18, 20)
UM = 1e-6


def noisy(dtype="f4", shape=SHAPE):
    """Two halves with white noise."""
    values = np.where(np.arange(shape[-1]) < shape[-1] // 2, 60.0, 160.0) + np.zeros(shape)
    return (values + np.random.default_rng(0).normal(0, 10, shape)).astype(dtype)


@pytest.mark.parametrize("method", ["nlm", "median", "gaussian"])
@pytest.mark.parametrize("dtype", ["u1", "i2", "f4", "f8"])
def test_blocks_give_the_whole(method, dtype):
    """Every voxel is the same bit for bit, whatever the blocks; integers stay integers."""
    volume = Volume.from_array(noisy(dtype))
    whole = run_denoise(volume, DenoiseConfig(method=method), MemoryWorkspace())
    blocks = run_denoise(volume, DenoiseConfig(method=method), MemoryWorkspace((3, 7, 6), workers=2))
    np.testing.assert_array_equal(np.asarray(whole.data), np.asarray(blocks.data))
    assert whole.data.dtype == ("f4" if dtype == "f8" else dtype)
    assert np.asarray(whole.data)[0, :, :, 2:8].std() < 6  # 10 before


def test_none_is_the_volume_itself():
    """The default changes nothing."""
    volume = Volume.from_array(noisy())
    assert run_denoise(volume, DenoiseConfig(), MemoryWorkspace()) is volume


def test_every_channel_is_filtered():
    """Channels with different noise are each judged by themselves."""
    both = np.stack([noisy(), 1000 + 20 * noisy()])
    volume = Volume(both, channels=("SE", "BSE"), voxel_size=(UM, UM, UM))
    result = run_denoise(volume, DenoiseConfig(method="nlm"), MemoryWorkspace())
    assert result.channels == ("SE", "BSE")
    assert result.voxel_size == (UM, UM, UM)
    for channel in (0, 1):
        alone = run_denoise(Volume.from_array(both[channel]), DenoiseConfig(method="nlm"), MemoryWorkspace())
        np.testing.assert_array_equal(np.asarray(result.data)[channel], np.asarray(alone.data)[0])


def test_nan_outside_stays_outside():
    """NaN outside the mask stays there and spreads nowhere."""
    values = noisy()
    values[:, :4] = np.nan
    for method in ("nlm", "median", "gaussian"):
        volume = Volume.from_array(values, mask=np.isfinite(values))
        result = run_denoise(volume, DenoiseConfig(method=method), MemoryWorkspace())
        np.testing.assert_array_equal(np.isnan(np.asarray(result.data)[0]), np.isnan(values))


def test_nan_inside_is_refused():
    """A filter does not hide a broken voxel."""
    values = noisy()
    values[4, 9, 9] = np.nan
    with pytest.raises(GateError, match="1 voxels inside the field of view are NaN"):
        run_denoise(Volume.from_array(values), DenoiseConfig(method="median"), MemoryWorkspace())


def test_a_length_is_turned_into_voxels():
    """A physical sigma smooths less across the coarser axis."""
    config = DenoiseConfig(method="gaussian", sigma="2 um")
    assert config.sigma_in_voxels((4 * UM, 2 * UM, UM)) == pytest.approx((0.5, 1.0, 2.0))
    volume = Volume.from_array(noisy(), voxel_size=(4 * UM, 2 * UM, UM))
    result = np.asarray(run_denoise(volume, config, MemoryWorkspace()).data)[0]
    np.testing.assert_allclose(result, ndimage.gaussian_filter(noisy(), (0.5, 1.0, 2.0)), rtol=1e-5)


def test_a_length_without_voxel_size_is_refused():
    """Nothing is guessed."""
    config = DenoiseConfig(method="gaussian", sigma="2 um")
    with pytest.raises(InputError, match="voxel size is unknown"):
        run_denoise(Volume.from_array(noisy()), config, MemoryWorkspace())


@pytest.mark.parametrize("config", [{"sigma": 0.0}, {"sigma": "2"}, {"sigma": -1}, {"radius": 0}, {"method": "bm4d"}])
def test_settings_without_meaning_are_refused(config):
    """A config says what does not fit."""
    with pytest.raises(ValidationError):
        DenoiseConfig(**config)
