from __future__ import annotations

import math

import numpy as np
import pytest

from voltomo.synthesis.imaging import Brightness
from voltomo.synthesis.imaging.brightness import change_brightness
from voltomo.synthesis.imaging.fields import smooth_field
from voltomo.synthesis.noise import lattice_noise

SHAPE = (20, 41, 41)
WHOLE = tuple(slice(0, n) for n in SHAPE)


def _changed(brightness: Brightness, level: float = 0.6) -> np.ndarray:
    grey = np.full(SHAPE, level, np.float32)
    change_brightness(grey, WHOLE, brightness, shape=SHAPE, seed=2)
    return grey


def test_cupping_takes_its_share_on_the_axis() -> None:
    """The axis loses the stated share, the rim at the radius nothing, a parabola between."""
    grey = _changed(Brightness(cupping=0.2, radius=20.0))
    assert grey[3, 20, 20] == pytest.approx(0.6 * 0.8, abs=1e-6)
    assert grey[3, 20, 40] == pytest.approx(0.6, abs=1e-6)
    assert grey[3, 20, 30] == pytest.approx(0.6 * (1 - 0.2 * 0.75), abs=1e-6)


def test_gain_turns_around_the_middle_grey() -> None:
    """Gain 2 doubles the distance from 0.5, −1 inverts it; the offset comes on top."""
    assert _changed(Brightness(gain=2.0)) == pytest.approx(0.7)
    assert _changed(Brightness(gain=-1.0, offset=0.05)) == pytest.approx(0.45)


def test_drift_along_z_leaves_each_slice_flat() -> None:
    """A drift that is endless in the plane changes whole slices alike, smoothly, and slices differ."""
    grey = _changed(Brightness(drift=0.1, drift_lengths=(8.0, math.inf, math.inf)))
    assert np.ptp(grey, axis=(1, 2)).max() == 0
    assert grey[:, 0, 0].std() > 0.02
    # Within one voxel a smooth step over 8 voxels covers at most 1.5 / 8 of the distance between extremes, 2·2.01·0.1.
    assert np.abs(np.diff(grey[:, 0, 0])).max() < 0.08


@pytest.mark.parametrize("lengths", [(5.0, 5.0, 5.0), (5.0, math.inf, math.inf), (4.0, 7.0, math.inf)])
def test_a_smooth_field_has_deviation_one(lengths: tuple[float, float, float]) -> None:
    """Over 300 seeds, mean 0 and standard deviation 1, however many axes change.

    300 fields of at least 6 independent nodes: the variance is known to 4 %, the mean to 0.025.
    """
    region = (slice(0, 30), slice(0, 28), slice(0, 15))
    fields = [smooth_field(region, lengths=lengths, seed=seed).astype(float) for seed in range(300)]
    assert np.mean([np.mean(field**2) for field in fields]) == pytest.approx(1, abs=0.12)
    assert np.mean([field.mean() for field in fields]) == pytest.approx(0, abs=0.1)


def test_a_smooth_field_is_the_lattice_noise() -> None:
    """The fast field equals the plain function at every voxel, scaled to a standard deviation of 1."""
    region = (slice(-3, 4), slice(2, 9), slice(5, 14))
    field = smooth_field(region, lengths=(2.5, 3.0, 4.0), seed=9)
    plain = np.array(
        [
            [[lattice_noise(9, z / 2.5, y / 3.0, x / 4.0) for x in range(5, 14)] for y in range(2, 9)]
            for z in range(-3, 4)
        ]
    )
    assert field == pytest.approx(plain / math.sqrt((26 / 35) ** 3 / 3), abs=1e-5)


def test_a_smooth_field_belongs_to_its_place() -> None:
    """Parts equal the whole, bit by bit, also below index 0 and where a part is thinner than a cell."""
    whole = smooth_field((slice(-4, 12), slice(0, 20), slice(0, 20)), lengths=(6.0, 7.0, 5.0), seed=1)
    part = smooth_field((slice(2, 3), slice(5, 18), slice(9, 11)), lengths=(6.0, 7.0, 5.0), seed=1)
    assert np.array_equal(part, whole[6:7, 5:18, 9:11])
