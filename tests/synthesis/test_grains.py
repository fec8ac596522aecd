"""Grains inside particles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from voltomo.errors import InputError
from voltomo.synthesis import Structure, grain_values

Balls = Callable[..., Structure]
WHOLE = (slice(0, 60),) * 3


def test_a_grain_has_one_value_and_the_stated_size(balls: Balls) -> None:
    """A particle has as many values as grains of the stated size fit its volume, within what its surface cuts.

    A ball of 26 voxels radius holds 144 cells of edge 8; about as many again lie partly in it at its surface.
    """
    structure = balls((60, 60, 60), (30, 30, 30), 26.0, grain_size=8.0)
    values = grain_values(structure, WHOLE)
    inside = values != 0
    grains, sizes = np.unique(values[inside], return_counts=True)
    assert 144 < len(grains) < 300
    # Each grain is in one piece, but for voxels at the tips of corners.
    for grain in grains[sizes > 100][:10]:
        labels, _ = ndimage.label(values == grain)
        assert np.bincount(labels[labels > 0]).max() > 0.97 * np.count_nonzero(labels)
    # Uncut grains have the volume of a cell on average: those whose voxels keep 10 voxels from the surface.
    distance = np.linalg.norm(np.indices((60, 60, 60)) - 30, axis=0)
    core = np.unique(values[distance < 14])
    volumes = [np.count_nonzero(values == grain) for grain in core]
    assert np.mean(volumes) == pytest.approx(8**3, rel=0.15)


def test_values_are_uniform_and_differ_between_particles(balls: Balls) -> None:
    """Over many grains the mean is 0 and the standard deviation 1/√3; two equal particles have other grains."""
    structure = balls((60, 60, 60), [(30, 30, 14), (30, 30, 45)], [13, 13], grain_size=3.0)
    values = grain_values(structure, WHOLE)
    grains = np.unique(values[values != 0])
    assert grains.min() >= -1
    assert grains.max() <= 1
    # Some 1200 independent numbers: their mean scatters by 0.017, the deviation by about half of that.
    assert grains.mean() == pytest.approx(0, abs=0.06)
    assert grains.std() == pytest.approx(3**-0.5, abs=0.03)
    assert not np.array_equal(values[:, :, 4:24], values[:, :, 35:55])


def test_grains_turn_with_their_particle(balls: Balls) -> None:
    """A particle turned by 90° has its grains turned by 90°."""
    structure = balls((60, 60, 60), (30, 30, 30), 26.0, grain_size=8.0)
    turn = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
    turned = replace(structure, particles=replace(structure.particles, rotation=turn[None]))
    values, after = grain_values(structure, WHOLE), grain_values(turned, WHOLE)
    # (y, x) goes to (−x, y) about the centre at index 30; planes 1 to 59 mirror onto themselves.
    inner = np.s_[1:, 1:, 1:]
    assert np.array_equal(after[inner], np.rot90(values[inner], 1, axes=(1, 2))) or np.array_equal(
        after[inner], np.rot90(values[inner], -1, axes=(1, 2))
    )


def test_particles_without_grains_have_no_texture(balls: Balls) -> None:
    """A grain size of 0 gives 0 everywhere, as the outside of particles does."""
    structure = balls((20, 20, 20), (10, 10, 10), 7.0)
    region = (slice(0, 20),) * 3
    assert not grain_values(structure, region).any()
    with_grains = grain_values(replace(structure, grain_size=3.0), region)
    assert with_grains[10, 10, 10] != 0
    assert with_grains[0, 0, 0] == 0


def test_ids_of_another_region_are_refused(balls: Balls) -> None:
    """The shapes of ids and region must agree."""
    with pytest.raises(InputError, match="another region"):
        grain_values(balls((9, 9, 9), (4, 4, 4), 3.0, grain_size=2.0), WHOLE, np.zeros((2, 2, 2), np.uint32))
