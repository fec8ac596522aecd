from __future__ import annotations

import numpy as np
import pytest

from voltomo.synthesis.imaging import Rings
from voltomo.synthesis.imaging.rings import ring_pattern


def _pattern(rings: Rings, shape: tuple[int, int, int], seed: int = 1) -> np.ndarray:
    return ring_pattern(tuple(slice(0, n) for n in shape), rings, shape=shape, seed=seed)[0]


def test_rings_run_around_the_axis() -> None:
    """A pattern around the middle depends on the distance alone: it equals its transpose and its mirror images."""
    pattern = _pattern(Rings(0.1), (3, 61, 61))
    assert np.allclose(pattern, pattern.T)
    assert np.allclose(pattern, pattern[::-1, ::-1])
    assert pattern.std() > 0.03


def test_rings_have_the_stated_deviation() -> None:
    """Over 200 scans the standard deviation in the image is the stated one.

    A patch far from the axis shows 64 columns of which 13 are off: 200 draws give the variance to 4 %.
    """
    rings = Rings(0.1, (32.0, -500.0))
    variance = np.mean([np.mean(_pattern(rings, (1, 64, 64), seed).astype(float) ** 2) for seed in range(200)])
    assert np.sqrt(variance) == pytest.approx(0.1, rel=0.07)


def test_far_from_the_axis_rings_are_straight_lines() -> None:
    """With the axis far outside along x, a column of the patch has one value: arcs bend by less than 0.01 voxel."""
    pattern = _pattern(Rings(0.1, (15.5, -20000.0)), (1, 32, 48))
    assert np.abs(pattern - pattern[16]).max() < 0.01
    assert pattern[16].std() > 0.02


def test_a_part_shows_the_rings_of_the_whole() -> None:
    """Rings belong to their detector columns, whatever is looked at."""
    shape = (1, 50, 60)
    whole = ring_pattern((slice(0, 1), slice(0, 50), slice(0, 60)), Rings(0.1), shape=shape, seed=2)
    part = ring_pattern((slice(0, 1), slice(11, 30), slice(31, 60)), Rings(0.1), shape=shape, seed=2)
    assert np.array_equal(part, whole[:, 11:30, 31:60])
