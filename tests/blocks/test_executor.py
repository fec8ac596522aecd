"""Blocks: every voxel once, halos, order, resume."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import uniform_filter

from voltomo.blocks import Block, BlockLog, BlockPlan, Partial, map_blocks, plan_workers, reduce_blocks
from voltomo.errors import GateError

SHAPE = (13, 17, 11)


@given(st.tuples(*[st.integers(1, 20)] * 3), st.tuples(*[st.integers(1, 9)] * 3), st.integers(0, 4))
def test_blocks_write_every_voxel_exactly_once(
    shape: tuple[int, int, int], block_shape: tuple[int, int, int], halo: int
) -> None:
    """The write regions tile the volume, and the inner regions have their shapes."""
    written = np.zeros(shape, int)
    for block in BlockPlan(shape, block_shape, halo):
        written[block.write] += 1
        assert np.zeros(shape)[block.read][block.inner].shape == written[block.write].shape
    assert (written == 1).all()


@pytest.mark.parametrize("workers", [1, 3])
def test_a_filter_over_blocks_with_a_halo_equals_the_whole(workers: int) -> None:
    """A mean over 5³ voxels needs a halo of 2; inside the volume nothing tells blocks from the whole."""
    volume = np.random.default_rng(0).random(SHAPE)
    out = np.zeros(SHAPE)
    map_blocks(
        lambda _b, x: uniform_filter(x, 5), volume, out=out, plan=BlockPlan(SHAPE, (4, 5, 6), 2), workers=workers
    )
    whole = uniform_filter(volume, 5)
    # Running sums of floats differ in the last bits; nothing else may.
    np.testing.assert_allclose(out[2:-2, 2:-2, 2:-2], whole[2:-2, 2:-2, 2:-2], atol=1e-12)


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_a_reduction_is_merged_in_block_order(workers: int) -> None:
    """The order of merging is that of the blocks for any number of threads, so float sums repeat bit for bit."""

    def number(block: Block, _values: np.ndarray) -> Partial:
        return {"order": np.array([block.number])}

    def append(a: Partial, b: Partial) -> Partial:
        return {"order": np.concatenate([a["order"], b["order"]])}

    plan = BlockPlan(SHAPE, (4, 4, 4))
    merged = reduce_blocks(number, np.zeros(SHAPE), plan=plan, merge=append, workers=workers)
    assert merged["order"].tolist() == list(range(len(plan)))


def test_a_logged_map_computes_only_what_is_missing(tmp_path: Path) -> None:
    """After a failure in the middle, the second call computes the other blocks and the result is whole."""
    volume = np.random.default_rng(1).random(SHAPE)
    out, plan, log = np.zeros(SHAPE), BlockPlan(SHAPE, (4, 8, 8)), BlockLog(tmp_path)
    calls: list[int] = []
    kills = [True, False]

    def double(block: Block, values: np.ndarray) -> np.ndarray:
        if block.number == 5 and kills.pop(0):
            raise RuntimeError("killed")
        calls.append(block.number)
        return 2 * values

    with pytest.raises(RuntimeError, match="killed"):
        map_blocks(double, volume, out=out, plan=plan, log=log)
    map_blocks(double, volume, out=out, plan=plan, log=log)
    assert sorted(calls) == list(range(len(plan)))
    np.testing.assert_array_equal(out, 2 * volume)


def test_a_logged_reduction_uses_its_partial_results_again(tmp_path: Path) -> None:
    """The second call computes nothing and gives the same bits."""
    volume = np.random.default_rng(2).random(SHAPE)
    plan, log = BlockPlan(SHAPE, (5, 5, 5)), BlockLog(tmp_path)

    def total(block: Block, values: np.ndarray) -> Partial:
        return {"sum": np.array(values[block.inner].sum())}

    def forbidden(_block: Block, _values: np.ndarray) -> Partial:
        raise AssertionError("computed again")

    def add(a: Partial, b: Partial) -> Partial:
        return {"sum": np.add(a["sum"], b["sum"])}

    first = reduce_blocks(total, volume, plan=plan, merge=add, log=log)
    second = reduce_blocks(forbidden, volume, plan=plan, merge=add, log=log)
    assert first["sum"] == second["sum"]
    assert float(first["sum"]) == pytest.approx(volume.sum())


def test_an_error_in_a_thread_reaches_the_caller() -> None:
    """A failing block ends the map; it is not swallowed by the pool."""

    def fail(_block: Block, _values: np.ndarray) -> np.ndarray:
        raise GateError("no")

    with pytest.raises(GateError, match="no"):
        map_blocks(fail, np.zeros(SHAPE), out=np.zeros(SHAPE), plan=BlockPlan(SHAPE, (4, 4, 4)), workers=2)


def test_a_block_that_does_not_fit_is_refused_with_what_it_needs() -> None:
    """256³ voxels at 100 bytes do not fit beside the program into 1 GB."""
    plan = BlockPlan((256, 256, 256), (256, 256, 256), 0)
    with pytest.raises(GateError, match="--memory") as caught:
        plan_workers(plan, bytes_per_voxel=100, budget=1_000_000_000, workers=2)
    assert caught.value.gate == "memory"
