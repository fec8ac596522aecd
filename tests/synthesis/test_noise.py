from __future__ import annotations

import numpy as np
from numba import njit

from voltomo.synthesis.noise import FIELD_BOUND, smooth_field


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
