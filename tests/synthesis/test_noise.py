from __future__ import annotations

import numpy as np
import pytest
from numba import njit

from voltomo.synthesis.noise import FIELD_BOUND, lattice_noise, smooth_field, white_noise


@njit
def _sample(places: np.ndarray, seed: int) -> np.ndarray:
    values = np.empty(len(places))
    for i in range(len(places)):
        values[i] = smooth_field(seed, places[i, 0], places[i, 1], places[i, 2])
    return values


def test_a_smooth_field_has_mean_0_and_standard_deviation_1() -> None:
    """Over a million independent places both are met within five standard errors (0.001 and 0.0007)."""
    values = _sample(np.random.default_rng(0).uniform(-1e4, 1e4, (1_000_000, 3)), 3)
    assert abs(values.mean()) < 0.005
    assert abs(values.std() - 1) < 0.0035
    assert np.abs(values).max() < FIELD_BOUND


def test_a_smooth_field_is_nearly_normal() -> None:
    """As much lies below each level as in a normal distribution, within 0.01."""
    values = _sample(np.random.default_rng(1).uniform(-1e4, 1e4, (200_000, 3)), 4)
    for level, share in ((-2, 0.0228), (-1, 0.1587), (0, 0.5), (1, 0.8413), (2, 0.9772)):
        assert abs(np.mean(values < level) - share) < 0.01


def test_a_smooth_field_has_a_correlation_length_of_about_one() -> None:
    """It is the same nearby, alike at a tenth, and independent two lengths away."""
    places = np.random.default_rng(2).uniform(-1e4, 1e4, (100_000, 3))
    values = _sample(places, 3)
    for shift, low, high in ((0.1, 0.95, 1.0), (0.5, 0.3, 0.9), (2.5, -0.02, 0.02)):
        correlation = np.corrcoef(values, _sample(places + np.array([0.0, 0.0, shift]), 3))[0, 1]
        assert low < correlation < high


def test_noise_belongs_to_its_place() -> None:
    """White noise of overlapping regions agrees where they overlap, also below index 0, and differs between seeds."""
    a = white_noise((slice(-3, 5), slice(0, 9), slice(2, 8)), seed=4)
    b = white_noise((slice(0, 7), slice(-2, 4), slice(5, 11)), seed=4)
    assert np.array_equal(a[3:8, 0:4, 3:6], b[0:5, 2:6, 0:3])
    assert not np.array_equal(a, white_noise((slice(-3, 5), slice(0, 9), slice(2, 8)), seed=5))


def test_white_noise_is_normal_and_independent() -> None:
    """Moments of a normal distribution, and no correlation along any axis, each within five standard errors of 10⁶."""
    noise = white_noise((slice(0, 100), slice(0, 100), slice(0, 100)), seed=0).astype(float)
    assert noise.mean() == pytest.approx(0, abs=0.005)
    assert noise.var() == pytest.approx(1, abs=0.007)
    assert np.mean(noise**4) == pytest.approx(3, abs=0.05)
    for axis in range(3):
        shifted = np.roll(noise, 1, axis)
        assert np.mean(noise * shifted) == pytest.approx(0, abs=0.005)


def test_lattice_noise_is_smooth_and_bounded() -> None:
    """Values lie in [-1, 1], change little over a hundredth of the lattice, and are random between nodes far apart."""
    points = np.random.default_rng(0).uniform(-20, 20, size=(2000, 3))
    values = np.array([lattice_noise(3, *point) for point in points])
    steps = np.array([lattice_noise(3, *(point + np.array([0.01, 0, 0]))) for point in points]) - values
    assert np.abs(values).max() <= 1
    assert np.abs(steps).max() < 0.04  # the steepest slope of a smooth step between -1 and 1 is 3
    assert values.mean() == pytest.approx(0, abs=0.05)
    assert values.std() > 0.2
