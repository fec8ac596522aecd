"""Connected components out of core."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from voltomo.blocks.components import find_components, label_components, paint_components, tally_components
from voltomo.stages.workspace import MemoryWorkspace


def is_two(data: np.ndarray) -> np.ndarray:
    """The phase that the tests label."""
    return data == 2


def noise(shape: tuple[int, int, int], seed: int, share: float = 0.35) -> np.ndarray:
    """Voxels of phase 2 at random; many components at any connectivity near the percolation threshold."""
    return np.where(np.random.default_rng(seed).random(shape) < share, 2, 1).astype(np.uint8)


def label(data: np.ndarray, connectivity: int, block_shape: tuple[int, int, int] | None = None) -> np.ndarray:
    """Labels written by `label_components`."""
    work = MemoryWorkspace(block_shape)
    out = work.array("labels", data.shape, np.uint32)
    label_components(data, predicate=is_two, runner=work, out=out, connectivity=connectivity)
    return work.arrays["labels"]


@pytest.mark.parametrize(("connectivity", "rank"), [(6, 1), (18, 2), (26, 3)])
@pytest.mark.parametrize("shape", [(13, 17, 11), (1, 23, 19)])
def test_labels_are_those_of_scipy(connectivity: int, rank: int, shape: tuple[int, int, int]) -> None:
    """Labels in raster order equal scipy's, which numbers in raster order too, in a volume and in a plane."""
    data = noise(shape, 1, share={6: 0.35, 18: 0.15, 26: 0.1}[connectivity])
    expected, _ = ndimage.label(data == 2, ndimage.generate_binary_structure(3, rank))
    np.testing.assert_array_equal(label(data, connectivity), expected)


@settings(max_examples=25, deadline=None)
@given(
    st.tuples(st.integers(1, 12), st.integers(1, 12), st.integers(1, 12)),
    st.tuples(st.integers(1, 7), st.integers(1, 7), st.integers(1, 7)),
    st.sampled_from([6, 18, 26]),
    st.integers(0, 99),
)
def test_blocks_change_nothing(
    shape: tuple[int, int, int], block_shape: tuple[int, int, int], connectivity: int, seed: int
) -> None:
    """Any block shape gives the same ids and the same statistics as one block, also over block edges and corners."""
    data = noise(shape, seed, share={6: 0.4, 18: 0.2, 26: 0.15}[connectivity])
    np.testing.assert_array_equal(label(data, connectivity, block_shape), label(data, connectivity))
    whole = find_components(data, predicate=is_two, runner=MemoryWorkspace(), connectivity=connectivity)
    parts = find_components(data, predicate=is_two, runner=MemoryWorkspace(block_shape), connectivity=connectivity)
    for name in ("counts", "bounds", "first", "touches"):
        np.testing.assert_array_equal(getattr(parts, name), getattr(whole, name))


def test_diagonal_chain_joins_over_block_corners() -> None:
    """A body diagonal is one component with 26 neighbours and separate voxels with 18, whatever corner it runs to."""
    for flip in (slice(None), slice(None, None, -1)):
        data = np.ones((8, 8, 8), np.uint8)
        data[np.arange(8), np.arange(8), np.arange(8)] = 2
        data = data[:, flip, :]
        assert label(data, 26, (2, 4, 2)).max() == 1
        assert label(data, 18, (2, 4, 2)).max() == 8


def test_statistics_of_two_boxes() -> None:
    """Count, bounds, first voxel and touched faces of boxes that lie across blocks are exact."""
    data = np.ones((10, 10, 10), np.uint8)
    data[0:5, 2:4, 3:9] = 2
    data[7:9, 7:10, 0:2] = 2
    found = find_components(data, predicate=is_two, runner=MemoryWorkspace((4, 4, 4)))
    assert found.counts.tolist() == [5 * 2 * 6, 2 * 3 * 2]
    assert found.bounds.tolist() == [[0, 2, 3, 4, 3, 8], [7, 7, 0, 8, 9, 1]]
    assert found.first.tolist() == [[0, 2, 3], [7, 7, 0]]
    assert found.touches.tolist() == [
        [True, False, False, False, False, False],
        [False, False, True, False, True, False],
    ]


def test_nothing_to_label_gives_no_components() -> None:
    """An empty phase has zero components and leaves zeros."""
    data = np.ones((4, 5, 6), np.uint8)
    found = find_components(data, predicate=is_two, runner=MemoryWorkspace((2, 2, 2)))
    assert len(found) == 0
    assert not label(data, 6, (2, 2, 2)).any()


def test_painting_writes_a_value_per_component() -> None:
    """Voxels of small components change, all others keep their value."""
    data = np.ones((6, 6, 6), np.uint8)
    data[1:3, 1:5, 1:3] = 2
    data[5, 5, 5] = 2
    work = MemoryWorkspace((3, 3, 3))
    found = find_components(data, predicate=is_two, runner=work)
    small = np.concatenate([[False], found.counts < 4])
    out = work.array("clean", data.shape, np.uint8)
    paint_components(
        found,
        small,
        data,
        predicate=is_two,
        runner=work,
        out=out,
        combine=lambda painted, array: np.where(painted, 1, array).astype(np.uint8),
    )
    expected = data.copy()
    expected[5, 5, 5] = 1
    np.testing.assert_array_equal(work.arrays["clean"], expected)


@pytest.mark.parametrize("block_shape", [None, (4, 5, 6), (13, 17, 3)])
def test_tallies_are_sums_over_each_component(block_shape: tuple[int, int, int] | None) -> None:
    """Marked voxels per component, whatever the blocks, equal sums over the labels."""
    data, other = noise((13, 17, 11), 1), noise((13, 17, 11), 2)

    def first(here: np.ndarray, there: np.ndarray) -> np.ndarray:
        return here == 2

    def marks(here: np.ndarray, there: np.ndarray) -> tuple[np.ndarray, ...]:
        return there == 2, there == 1

    work = MemoryWorkspace(block_shape)
    found = find_components(data, other, predicate=first, runner=work)
    sums = tally_components(found, marks, data, other, predicate=first, runner=work)
    labels = label(data, 6)
    every = range(1, len(found) + 1)
    expected = [ndimage.sum_labels(mask, labels, every) for mask in marks(data, other)]
    np.testing.assert_array_equal(sums, np.stack(expected, axis=1))


def test_tallies_of_no_components_are_empty() -> None:
    """Nothing to count gives no rows."""
    data = np.ones((3, 4, 5), np.uint8)
    found = find_components(data, predicate=is_two, runner=MemoryWorkspace())
    sums = tally_components(found, lambda a: [a == 1], data, predicate=is_two, runner=MemoryWorkspace())
    assert sums.shape == (0, 1)
