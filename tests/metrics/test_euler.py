from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.measure import euler_number as peer

from voltomo.artifacts import Phase, PhaseTable
from voltomo.blocks import BlockPlan
from voltomo.metrics.euler import count_cells, euler_number, measure_euler
from voltomo.metrics.sample import Sample


def euler(body: np.ndarray) -> int:
    """Of the voxels that are true."""
    return int(euler_number(count_cells(body.astype(np.uint8), phase_ids=(1,)))[0])


def test_bodies_of_known_topology() -> None:
    """A ball has 1, two balls 2, a ring 0, a hollow ball 2, a figure of eight -1."""
    z, y, x = np.indices((24, 24, 24)) - 11.5
    ball = z**2 + y**2 + x**2 < 8**2
    ring = (np.hypot(y, x) - 7) ** 2 + z**2 < 2.5**2
    assert euler(ball) == 1
    assert euler(np.concatenate([ball, ball])) == 2
    assert euler(ring) == 0
    assert euler(ball & (z**2 + y**2 + x**2 > 4**2)) == 2
    eight = np.ones((1, 3, 5), bool)
    eight[0, 1, [1, 3]] = False
    assert euler(eight) == -1


@settings(max_examples=25, deadline=None)
@given(
    shape=st.tuples(st.integers(2, 6), st.integers(2, 6), st.sampled_from([2, 63, 64, 65])), seed=st.integers(0, 999)
)
def test_random_maps_agree_with_scikit_image(shape: tuple[int, int, int], seed: int) -> None:
    """By 6 neighbors, any map has the Euler number of an independent implementation."""
    body = np.random.default_rng(seed).random(shape) < 0.5
    assert euler(body) == peer(body, connectivity=1)


@settings(max_examples=15, deadline=None)
@given(block_shape=st.tuples(st.integers(1, 6), st.integers(1, 7), st.integers(1, 80)), seed=st.integers(0, 99))
def test_cells_of_blocks_add_up(block_shape: tuple[int, int, int], seed: int) -> None:
    """Each cell is counted by exactly one block."""
    labels = np.random.default_rng(seed).integers(0, 3, (6, 7, 80), np.uint8)
    total = sum(
        count_cells(labels[block.read], phase_ids=(1, 2), starts=block.inner)
        for block in BlockPlan((6, 7, 80), block_shape, halo=1)
    )
    np.testing.assert_array_equal(total, count_cells(labels, phase_ids=(1, 2)))


@pytest.mark.parametrize(("shape", "method"), [((1, 8, 8), "4 neighbors"), ((8, 8, 8), "6 neighbors")])
def test_the_neighborhood_is_named(shape: tuple[int, int, int], method: str) -> None:
    """A section counts by 4 neighbors, a volume by 6."""
    sample = Sample(PhaseTable((Phase(1, "solid"),)), shape, int(np.prod(shape)))
    found = measure_euler(count_cells(np.ones(shape, np.uint8), phase_ids=(1,)), sample)
    assert [(item.value, item.method) for item in found] == [(1, method)]
