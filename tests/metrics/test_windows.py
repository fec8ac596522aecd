from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voltomo.blocks import BlockPlan
from voltomo.errors import InputError
from voltomo.metrics.windows import WindowCounts, count_windows


def slow_counts(labels: np.ndarray, ids: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, int]:
    """Configurations per phase and per pair, window by window."""
    phases = np.zeros((len(ids), 256), int)
    pairs = np.zeros((len(ids) * (len(ids) - 1) // 2, 3, 256), int)
    inside = 0
    for z, y, x in np.ndindex(*(n - 1 for n in labels.shape)):
        window = labels[z : z + 2, y : y + 2, x : x + 2].ravel()
        if not np.isin(window, ids).all():
            continue
        inside += 1
        codes = [int(((window == i) << np.arange(8)).sum()) for i in ids]
        for k, code in enumerate(codes):
            phases[k, code] += 1
        for p, (one, two) in enumerate(itertools.combinations(codes, 2)):
            if one and two:
                for row, code in enumerate((one, two, one | two)):
                    pairs[p, row, code] += 1
    return phases, pairs, inside


def random_map(seed: int, shape: tuple[int, int, int] = (5, 6, 7)) -> np.ndarray:
    """Three phases (2, 5, 9), and an outside (0)."""
    rng = np.random.default_rng(seed)
    return np.array([0, 2, 5, 9], np.uint8)[rng.choice(4, shape, p=[0.05, 0.4, 0.4, 0.15])]


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 999))
def test_windows_agree_with_a_slow_count(seed: int) -> None:
    """Configurations of phases and of pairs are those that an obvious loop counts."""
    labels = random_map(seed)
    counts = count_windows(labels, phase_ids=(2, 5, 9))
    phases, pairs, inside = slow_counts(labels, (2, 5, 9))
    np.testing.assert_array_equal(counts.phases, phases)
    np.testing.assert_array_equal(counts.pairs, pairs)
    assert counts.inside[0] == inside


@settings(max_examples=15, deadline=None)
@given(block_shape=st.tuples(st.integers(1, 6), st.integers(1, 7), st.integers(1, 9)), seed=st.integers(0, 99))
def test_windows_of_blocks_add_up(block_shape: tuple[int, int, int], seed: int) -> None:
    """Each window is counted by exactly one block."""
    labels = random_map(seed, (6, 7, 12))
    whole = count_windows(labels, phase_ids=(2, 5, 9))
    parts = [
        count_windows(labels[block.read], phase_ids=(2, 5, 9), starts=block.inner).arrays
        for block in BlockPlan((6, 7, 12), block_shape, halo=1)
    ]
    total = WindowCounts.from_arrays({name: sum(part[name] for part in parts) for name in whole.arrays})
    for name, counts in whole.arrays.items():
        np.testing.assert_array_equal(total.arrays[name], counts)


def test_the_order_of_phases_changes_nothing() -> None:
    """Three phases meet in the same points, in whatever order the table names them."""
    labels = random_map(1)
    one, two = (count_windows(labels, phase_ids=ids) for ids in ((2, 5, 9), (9, 2, 5)))
    np.testing.assert_array_equal(one.triples, two.triples)
    assert one.triples.sum() > 0


def test_a_section_has_no_windows() -> None:
    """One slice holds no window of two."""
    assert count_windows(np.ones((1, 5, 5), np.uint8), phase_ids=(1,)).inside[0] == 0


def test_too_many_phases_are_refused() -> None:
    """A window's phases fit into one word."""
    with pytest.raises(InputError, match="at most 63 phases, found 64"):
        count_windows(np.ones((2, 2, 2), np.uint8), phase_ids=range(1, 65))
