from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voltomo.synthesis.sizes import draw_diameters, draw_ellipsoids, volume_weighted_median


@settings(max_examples=40, deadline=None)
@given(
    count=st.floats(60, 5000),
    spread=st.floats(1.0, 2.5),
    top=st.floats(1.2, 2.5),
)
def test_diameters_have_the_volume_and_the_median_asked_for(count: float, spread: float, top: float) -> None:
    """The spheres hold the volume exactly; D50 is met within 3 % wherever there are 50 particles or more."""
    volume = count * np.pi / 6 * 6.0**3
    diameters = draw_diameters(volume, d50=6.0, spread=spread, limits=(2.1, 6.0 * top))
    assert np.sum(np.pi / 6 * diameters**3) == pytest.approx(volume)
    if len(diameters) >= 50:
        assert volume_weighted_median(diameters, diameters**3) == pytest.approx(6.0, rel=0.03)


def test_diameters_follow_the_log_normal_distribution() -> None:
    """The volume below each diameter is that of the distribution, to half a particle; many particles, wide limits."""
    diameters = np.sort(draw_diameters(1e6, d50=6.0, spread=1.5, limits=(0.6, 60.0)))
    logs = np.log(diameters / 6.0) / np.log(1.5)
    below = np.cumsum(diameters**3) / np.sum(diameters**3)
    for score, share in ((-1.0, 0.1587), (0.0, 0.5), (1.0, 0.8413), (2.0, 0.9772)):  # of a normal distribution
        assert below[np.searchsorted(logs, score) - 1] == pytest.approx(share, abs=0.005)


def test_limits_are_kept() -> None:
    """No diameter lies outside the limits, but for the scaling to the exact volume (under 1 % here)."""
    diameters = draw_diameters(1e5, d50=6.0, spread=2.0, limits=(2.1, 12.0))
    assert 2.1 * 0.99 < diameters.min() < 2.4
    assert 11.0 < diameters.max() < 12.0 * 1.01


def test_equal_particles_have_one_size() -> None:
    """A spread of 1 gives equal particles whose number fits the volume."""
    diameters = draw_diameters(1000.0, d50=3.0, spread=1.0, limits=(1.0, 7.0))
    assert np.ptp(diameters) < 1e-9
    assert len(diameters) == round(1000 / (np.pi / 6 * 27))


def test_median_weighs_by_volume() -> None:
    """Eight balls of diameter 1 weigh as much as one of diameter 2."""
    diameters = np.array([1.0] * 8 + [2.0] + [3.0])
    assert volume_weighted_median(diameters[:9], diameters[:9] ** 3) == 1.0
    assert volume_weighted_median(diameters, diameters**3) == 3.0
    assert volume_weighted_median(np.empty(0), np.empty(0)) == 0.0


def test_ellipsoids_keep_the_volume_and_the_elongation() -> None:
    """Axes multiply to the radius cubed, their ratio stays below the limit, rotations are proper."""
    diameters = np.full(300, 4.0)
    semi_axes, rotations = draw_ellipsoids(diameters, elongation=1.5, rng=np.random.default_rng(1))
    assert np.prod(semi_axes, axis=1) == pytest.approx(8.0)
    assert np.all(semi_axes.max(axis=1) / semi_axes.min(axis=1) <= 1.5)
    assert rotations @ rotations.transpose(0, 2, 1) == pytest.approx(np.broadcast_to(np.eye(3), (300, 3, 3)), abs=1e-12)
    assert np.linalg.det(rotations) == pytest.approx(1)
    # No direction is preferred: the mean of 300 axes of unit length is within four standard errors of zero.
    assert np.abs(rotations.mean(axis=0)).max() < 4 * np.sqrt(1 / 3 / 300)


def test_flat_particles_are_flat() -> None:
    """Without elongation, width over thickness is the flatness, and the volume stays."""
    semi_axes, _ = draw_ellipsoids(np.full(9, 4.0), elongation=1.0, flatness=2.5, rng=np.random.default_rng(1))
    assert semi_axes[:, 1:] / semi_axes[:, :1] == pytest.approx(2.5)
    assert np.prod(semi_axes, axis=1) == pytest.approx(8.0)


@pytest.mark.parametrize("alignment", [0.0, 0.3, 0.7, 0.95])
def test_alignment_is_the_orientation_factor(alignment: float) -> None:
    """The mean of (3 cos²θ − 1) / 2 of 20 000 thin axes is the alignment within its standard error, four times."""
    _, rotations = draw_ellipsoids(
        np.ones(20_000), elongation=1.0, flatness=2.0, alignment=alignment, rng=np.random.default_rng(0)
    )
    factor = 1.5 * rotations[:, 0, 0] ** 2 - 0.5
    assert factor.mean() == pytest.approx(alignment, abs=4 * 0.45 / np.sqrt(20_000))
