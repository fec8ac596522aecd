from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voltomo.blocks import BlockPlan
from voltomo.errors import InputError
from voltomo.metrics.neighbors import count_neighbors
from voltomo.morphology.directions import crofton_directions

OFFSETS = crofton_directions(None, 3).offsets


def obvious(labels: np.ndarray, ids: tuple[int, ...]) -> np.ndarray:
    """Slow co-occurrence by shifted copies."""
    counts = np.zeros((len(OFFSETS), len(ids), len(ids)), np.int64)
    for d, step in enumerate(OFFSETS):
        here = tuple(slice(max(0, -s), n - max(0, s)) for s, n in zip(step, labels.shape, strict=True))
        there = tuple(slice(max(0, s), n - max(0, -s)) for s, n in zip(step, labels.shape, strict=True))
        for i, p in enumerate(ids):
            for j, q in enumerate(ids):
                counts[d, i, j] = np.count_nonzero((labels[here] == p) & (labels[there] == q))
    return counts


@settings(max_examples=25, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 5), st.integers(1, 6), st.sampled_from([1, 2, 63, 64, 65, 130])),
    seed=st.integers(0, 2**32 - 1),
)
def test_counts_equal_shifted_copies(shape: tuple[int, int, int], seed: int) -> None:
    """Packed bits count the same pairs as shifted copies, at every row length around a word, and never id 0."""
    labels = np.random.default_rng(seed).choice(np.array([0, 1, 7, 255], np.uint8), shape)
    np.testing.assert_array_equal(
        count_neighbors(labels, phase_ids=(1, 7, 255), offsets=OFFSETS), obvious(labels, (1, 7, 255))
    )


@settings(max_examples=15, deadline=None)
@given(block_shape=st.tuples(st.integers(1, 6), st.integers(1, 7), st.integers(1, 80)), seed=st.integers(0, 99))
def test_blocks_add_up_to_the_whole(block_shape: tuple[int, int, int], seed: int) -> None:
    """Each pair is counted by exactly one block: blocks with a halo of one add up to the whole."""
    labels = np.random.default_rng(seed).integers(0, 3, (6, 7, 80), np.uint8)
    total = sum(
        count_neighbors(labels[block.read], phase_ids=(1, 2), offsets=OFFSETS, starts=block.inner)
        for block in BlockPlan((6, 7, 80), block_shape, halo=1)
    )
    np.testing.assert_array_equal(total, count_neighbors(labels, phase_ids=(1, 2), offsets=OFFSETS))


def test_an_array_that_is_not_contiguous_is_counted_alike() -> None:
    """A view with strides gives what its copy gives."""
    labels = np.random.default_rng(3).integers(1, 3, (70, 6, 5), np.uint8)
    view = labels.T
    np.testing.assert_array_equal(
        count_neighbors(view, phase_ids=(1, 2), offsets=OFFSETS),
        count_neighbors(view.copy(), phase_ids=(1, 2), offsets=OFFSETS),
    )


@pytest.mark.parametrize(("ids", "offsets"), [((0, 1), [(0, 0, 1)]), ((1, 256), [(0, 0, 1)]), ((1,), [(0, 2, 0)])])
def test_ids_and_offsets_out_of_range_are_refused(ids: tuple[int, ...], offsets: list[tuple[int, int, int]]) -> None:
    """Id 0 is outside the field of view, 256 is no uint8, and a step of 2 leads to no neighbor."""
    with pytest.raises(InputError, match="found"):
        count_neighbors(np.ones((2, 2, 2), np.uint8), phase_ids=ids, offsets=offsets)
