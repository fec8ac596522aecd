"""Run a pure array function over the blocks of a volume, and keep what is already done.

The executor knows nothing of the science. A map writes disjoint regions; a reduction merges small named arrays in block
order, whatever the order of execution, so that its result does not depend on the number of threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import ArrayLike
from voltomo.blocks.log import BlockLog, Partial
from voltomo.blocks.regions import Block, BlockPlan

__all__ = ["BlockMap", "BlockPartial", "ProgressCallback", "WritableArray", "map_blocks", "reduce_blocks"]

BlockMap: TypeAlias = Callable[..., npt.NDArray[Any]]
"""``function(block, *arrays) -> array`` over ``block.read``; the halo is cut off by the executor."""

BlockPartial: TypeAlias = Callable[..., Partial]
"""``function(block, *arrays) -> partial``; the arrays cover ``block.read``."""

ProgressCallback: TypeAlias = Callable[[int, int], None]
"""``progress(done, total)`` in blocks."""


class WritableArray(ArrayLike, Protocol):
    """An array whose regions can be assigned: NumPy or Zarr."""

    def __setitem__(self, key: Any, value: Any, /) -> None: ...


def map_blocks(
    function: BlockMap,
    *sources: ArrayLike,
    out: WritableArray,
    plan: BlockPlan,
    workers: int = 1,
    log: BlockLog | None = None,
    progress: ProgressCallback | None = None,
) -> None:
    """Write ``function(block, *regions)`` into `out`, block by block.

    Parameters
    ----------
    function : pure function of the block and one array per source, over ``block.read``
        Returns an array over ``block.read``; it must not change its inputs.
    sources : (Z, Y, X) array-likes of the plan's shape
    out : (Z, Y, X) array that takes region assignment
    plan : the blocks
    workers : threads; useful where `function` releases the GIL
    log : skips the blocks it has, records the others
    progress : called after each block
    """

    def work(block: Block) -> None:
        if log is None or not log.is_done(block.number):
            result = function(block, *_read(sources, block))
            out[block.write] = result[block.inner]
            if log is not None:
                log.mark_done(block.number)

    for done, _ in enumerate(_run(work, plan, workers), start=1):
        if progress is not None:
            progress(done, len(plan))


def reduce_blocks(
    function: BlockPartial,
    *sources: ArrayLike,
    plan: BlockPlan,
    merge: Callable[[Partial, Partial], Partial],
    workers: int = 1,
    log: BlockLog | None = None,
    progress: ProgressCallback | None = None,
) -> Partial:
    """Merge ``function(block, *regions)`` over all blocks, in block order.

    Parameters
    ----------
    function : pure function of the block and one array per source, over ``block.read``; returns named arrays
        Count each voxel once: use ``array[block.inner]``, or pairs that start in it.
    merge : combines the partials so far with the next one
    sources, plan, workers, log, progress : as in `map_blocks`

    Returns
    -------
    dict of arrays
        The merged partial.
    """

    def work(block: Block) -> Partial:
        partial = None if log is None else log.load(block.number)
        if partial is None:
            partial = function(block, *_read(sources, block))
            if log is not None:
                log.store(block.number, partial)
        return partial

    merged: Partial | None = None
    for done, partial in enumerate(_run(work, plan, workers), start=1):
        merged = partial if merged is None else merge(merged, partial)
        if progress is not None:
            progress(done, len(plan))
    assert merged is not None, "a plan has at least one block"
    return merged


def _read(sources: Sequence[ArrayLike], block: Block) -> list[npt.NDArray[Any]]:
    return [np.asarray(source[block.read]) for source in sources]


def _run(work: Callable[[Block], Any], plan: BlockPlan, workers: int) -> Iterator[Any]:
    """Results in block order; at most `workers` blocks are in memory, a finished one waits for its turn."""
    if workers <= 1 or len(plan) == 1:
        for block in plan:
            yield work(block)
        return
    with ThreadPoolExecutor(workers) as pool:
        waiting: dict[int, Future[Any]] = {}
        running: set[Future[Any]] = set()
        blocks, turn = iter(plan), 0
        try:
            while True:
                while len(running) < workers and (upcoming := next(blocks, None)) is not None:
                    waiting[upcoming.number] = pool.submit(work, upcoming)
                    running.add(waiting[upcoming.number])
                if not waiting:
                    return
                _, running = wait(running, return_when=FIRST_COMPLETED) if running else (set(), set())
                while turn in waiting and waiting[turn].done():
                    yield waiting.pop(turn).result()
                    turn += 1
        finally:
            pool.shutdown(cancel_futures=True)
