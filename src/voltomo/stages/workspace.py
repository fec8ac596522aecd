"""Where a stage puts its arrays, and how much it may hold at once.

A stage is written once, against `Workspace`. In memory it runs over NumPy arrays in one block; in a study it runs over
Zarr arrays block by block, within a memory budget, and continues after a kill.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import ArrayLike
from voltomo.blocks import BlockPlan, Partial, WritableArray, map_blocks, reduce_blocks
from voltomo.blocks.executor import BlockMap, BlockPartial, ProgressCallback

__all__ = ["MemoryWorkspace", "Workspace"]


class Workspace(Protocol):
    """What a stage may ask for.

    `step` names a piece of the stage's work, unique within the stage; a step that was finished before a kill is not
    repeated. `bytes_per_voxel` is the peak memory of one call of the function per voxel **read**, its inputs and output
    included: it decides block size and threads.
    """

    @property
    def budget(self) -> int | None:
        """Bytes that may be held at once; None for no limit. For the few steps that need a volume whole."""
        ...

    def array(self, name: str, shape: tuple[int, ...], dtype: npt.DTypeLike) -> WritableArray:
        """Array of zeros to write: an artefact ("phases", "particles", "cracks"), or scratch under any other name."""
        ...

    def map(
        self,
        step: str,
        function: BlockMap,
        *sources: ArrayLike,
        out: WritableArray,
        halo: int | tuple[int, int, int] = 0,
        bytes_per_voxel: float,
        whole_slices: bool = False,
    ) -> None:
        """Write ``function(block, *arrays over block.read)`` into `out`; see `voltomo.blocks.map_blocks`.

        `whole_slices` asks for blocks as wide as the volume, where they fit: for a source that is read slice by slice.
        """
        ...

    def reduce(
        self,
        step: str,
        function: BlockPartial,
        *sources: ArrayLike,
        merge: Callable[[Partial, Partial], Partial],
        halo: int | tuple[int, int, int] = 0,
        bytes_per_voxel: float,
    ) -> Partial:
        """Merge ``function(block, *arrays over block.read)``; see `voltomo.blocks.reduce_blocks`."""
        ...

    def remember(self, step: str, compute: Callable[[], Partial]) -> Partial:
        """Named arrays that are computed once and found again after a kill."""
        ...

    def progress_of(self, step: str) -> ProgressCallback | None:
        """Called as ``progress(done, total)`` by a step that is not blockwise; None where nobody listens."""
        ...


@dataclass
class MemoryWorkspace:
    """NumPy arrays in one block; a `block_shape` serves the tests that prove that blocks change nothing."""

    block_shape: tuple[int, int, int] | None = None
    workers: int = 1
    arrays: dict[str, npt.NDArray[Any]] = field(default_factory=dict)
    budget: int | None = None

    def array(self, name: str, shape: tuple[int, ...], dtype: npt.DTypeLike) -> WritableArray:
        """A NumPy array, the same one each time a name is asked for."""
        if name not in self.arrays:
            self.arrays[name] = np.zeros(shape, dtype)
        return self.arrays[name]

    def map(
        self,
        step: str,
        function: BlockMap,
        *sources: ArrayLike,
        out: WritableArray,
        halo: int | tuple[int, int, int] = 0,
        bytes_per_voxel: float,
        whole_slices: bool = False,
    ) -> None:
        """Run over the whole array."""
        map_blocks(function, *sources, out=out, plan=self._plan(sources, halo), workers=self.workers)

    def reduce(
        self,
        step: str,
        function: BlockPartial,
        *sources: ArrayLike,
        merge: Callable[[Partial, Partial], Partial],
        halo: int | tuple[int, int, int] = 0,
        bytes_per_voxel: float,
    ) -> Partial:
        """Run over the whole array."""
        return reduce_blocks(function, *sources, plan=self._plan(sources, halo), merge=merge, workers=self.workers)

    def remember(self, step: str, compute: Callable[[], Partial]) -> Partial:
        """Just compute."""
        return compute()

    def progress_of(self, step: str) -> ProgressCallback | None:
        """Nobody listens."""
        return None

    def _plan(self, sources: tuple[ArrayLike, ...], halo: int | tuple[int, int, int]) -> BlockPlan:
        z, y, x = sources[0].shape
        shape = (int(z), int(y), int(x))
        return BlockPlan(shape, self.block_shape or shape, halo)
