"""Blocks are joined along y and x as far as memory goes, so that halos are read less often."""

from __future__ import annotations

import pytest

from voltomo.blocks import BlockPlan
from voltomo.stages.study_workspace import _joined


def read(plan: BlockPlan) -> int:
    """Voxels that all blocks read."""
    total = 0
    for block in plan:
        z, y, x = (axis.stop - axis.start for axis in block.read)
        total += z * y * x
    return total


def test_whole_slices_where_they_fit() -> None:
    """Then nothing is read twice."""
    plan = BlockPlan((256, 512, 512), (128, 128, 128), (0, 100, 100))
    joined = _joined(plan, 128 * 512 * 512)
    assert joined.block_shape == (128, 512, 512)
    assert read(joined) == 256 * 512 * 512


def test_the_widest_blocks_that_fit_where_they_do_not() -> None:
    """A tenth less memory than whole slices need costs a fifth of reading, not ten times as much."""
    plan = BlockPlan((128, 1024, 1024), (128, 128, 128), (0, 160, 128))
    limit = 0.9 * 128 * 1024 * 1024
    joined = _joined(plan, limit)
    assert joined.largest_read <= limit
    assert read(joined) < 1.35 * 128 * 1024 * 1024
    assert read(plan) > 5 * read(joined)


def test_without_a_halo_rows_stay_whole() -> None:
    """Files are read row by row."""
    joined = _joined(BlockPlan((128, 1024, 1024), (128, 128, 128)), 128 * 1024 * 300)
    assert joined.block_shape == (128, 256, 1024)


@pytest.mark.parametrize("limit", [1, 128**3 - 1])
def test_too_little_memory_leaves_the_plan(limit: int) -> None:
    """The workers then say what they need."""
    plan = BlockPlan((256, 256, 256), (128, 128, 128))
    assert _joined(plan, limit) == plan
