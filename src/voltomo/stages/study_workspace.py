"""The workspace of a study: Zarr arrays, blocks within a memory budget, a log of what is done."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy.typing as npt
import psutil

from voltomo.artifacts import ArrayLike
from voltomo.blocks import (
    BlockLog,
    BlockPlan,
    Partial,
    WritableArray,
    map_blocks,
    plan_workers,
    reduce_blocks,
)
from voltomo.blocks.executor import BlockMap, BlockPartial, ProgressCallback
from voltomo.io.ome_zarr import ImageMetadata, create_array, create_image, set_metadata, shard_shape, write_pyramid
from voltomo.io.study import write_text
from voltomo.machine import available_cores
from voltomo.units import VoxelSize

if sys.platform != "win32":
    import resource

__all__ = ["ARTIFACTS", "ProgressSink", "StudyWorkspace", "peak_bytes", "shard_edge"]

ARTIFACTS = {
    "volume": "volume",
    "denoised": "volume",
    "probabilities": "volume",
    "disagreement": "volume",
    "mask": "labels",
    "phases": "labels",
    "particles": "labels",
    "cracks": "labels",
    "crack_widths": "labels",
    "members": "labels",
    "retrained": "labels",
}
"""The arrays that stay in the study, and whether they are volumes with channels or labels; of "members" and "retrained"
there are several, each with a name after a slash."""


class ProgressSink(Protocol):
    """Whoever wants to know how far a stage is."""

    def __call__(self, stage: str, step: str, done: int, total: int) -> None: ...


SLAB_SHARE = 0.25
"""Of the budget, for one block of whole slices, or as wide a one as fits."""


def _joined(plan: BlockPlan, largest_read: float) -> BlockPlan:
    """The same blocks, joined along y and x as far as their reading allows: whole slices where they fit.

    Of the joined blocks that read no more than `largest_read` voxels, those that read least in all, and of these the
    widest, for files that are read row by row; the plan itself where none do.
    """
    _, across_y, across_x = plan.counts
    z, y, x = plan.block_shape
    plans = [
        BlockPlan(plan.shape, (z, y * many_y, x * many_x), plan.halo)
        for many_y in range(1, across_y + 1)
        for many_x in range(1, across_x + 1)
    ]
    fitting = [wide for wide in plans if wide.largest_read <= largest_read]
    return min(fitting, key=lambda wide: (_read_per_slice(wide), *(-n for n in wide.block_shape[:0:-1])), default=plan)


def _read_per_slice(plan: BlockPlan) -> int:
    """Voxels that the blocks of one layer read from a slice, halos included."""
    _, y, x = (
        sum(min(start + edge + around, extent) - max(start - around, 0) for start in range(0, extent, edge))
        for extent, edge, around in zip(plan.shape, plan.block_shape, plan.halos, strict=True)
    )
    return y * x


def shard_edge(budget: int) -> int:
    """Edge of the unit of writing, in voxels: a block with halo must fit into the budget several times."""
    return 256 if budget >= 2_500_000_000 else 128


def peak_bytes() -> int:
    """Largest resident memory that this process had so far."""
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


@dataclass
class StudyWorkspace:
    """Workspace of one stage in a study.

    Parameters
    ----------
    stage : the verb
    folder : staging folder of the stage
    voxel_size : written to the arrays
    budget : bytes that the process may hold
    workers : threads at most
    progress : told after each block
    usual_edge : of the unit of writing, in voxels; that of the budget where None
    """

    stage: str
    folder: Path
    voxel_size: VoxelSize | None
    budget: int
    workers: int = field(default_factory=available_cores)
    progress: ProgressSink | None = None
    usual_edge: int | None = None
    edge: int = field(init=False)

    def __post_init__(self) -> None:
        """Keep the unit of writing that the stage began with, whatever the budget is now."""
        mark = self.folder / "edge"
        if not mark.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            write_text(mark, str(self.usual_edge or shard_edge(self.budget)))
        self.edge = int(mark.read_text(encoding="utf-8"))

    @property
    def out(self) -> Path:
        """Folder of what moves to the study when the stage is finished."""
        return self.folder / "out"

    def array(self, name: str, shape: tuple[int, ...], dtype: npt.DTypeLike) -> WritableArray:
        """A Zarr array, the same one each time a name is asked for, also after a kill."""
        edge = self.edge
        kind = ARTIFACTS.get(name.split("/")[0])
        if kind is None:
            return create_array(self.folder / "scratch" / f"{name}.zarr", shape, dtype, edge=edge)
        metadata = ImageMetadata("volume" if kind == "volume" else "labels", self.voxel_size)
        return create_image(self.out / f"{name}.ome.zarr", shape, dtype, metadata, edge=edge)

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
        """Run block by block; blocks done before a kill are skipped."""
        plan = self._plan(sources, halo)
        if whole_slices:
            plan = _joined(plan, SLAB_SHARE * self.budget / bytes_per_voxel)
            _, y, x = plan.block_shape
            step = f"{step} by {y} x {x}"  # blocks of another shape have other numbers
        map_blocks(
            function,
            *sources,
            out=out,
            plan=plan,
            workers=plan_workers(plan, bytes_per_voxel=bytes_per_voxel, budget=self.budget, workers=self.workers),
            log=self._log(step),
            progress=self.progress_of(step),
        )

    def reduce(
        self,
        step: str,
        function: BlockPartial,
        *sources: ArrayLike,
        merge: Callable[[Partial, Partial], Partial],
        halo: int | tuple[int, int, int] = 0,
        bytes_per_voxel: float,
    ) -> Partial:
        """Run block by block; partial results from before a kill are used again."""
        plan = self._plan(sources, halo)
        return reduce_blocks(
            function,
            *sources,
            plan=plan,
            merge=merge,
            workers=plan_workers(plan, bytes_per_voxel=bytes_per_voxel, budget=self.budget, workers=self.workers),
            log=self._log(step),
            progress=self.progress_of(step),
        )

    def remember(self, step: str, compute: Callable[[], Partial]) -> Partial:
        """Compute once; found again after a kill."""
        log = self._log(step)
        known = log.load(0)
        if known is None:
            known = compute()
            log.store(0, known)
        return known

    def finish(self, name: str, metadata: ImageMetadata) -> None:
        """Write the metadata and the pyramid of an artefact whose level 0 is complete."""
        path = self.out / f"{name}.ome.zarr"
        set_metadata(path, metadata)
        write_pyramid(path, edge=self.edge, workers=self.workers, progress=self.progress_of(f"pyramid of {name}"))

    def _plan(self, sources: tuple[ArrayLike, ...], halo: int | tuple[int, int, int]) -> BlockPlan:
        z, y, x = sources[0].shape
        shape = (int(z), int(y), int(x))
        return BlockPlan(shape, shard_shape(shape, edge=self.edge), halo)

    def _log(self, step: str) -> BlockLog:
        safe = "".join(c if c.isalnum() or c in "-_." else "-" for c in step)
        return BlockLog(self.folder / "logs" / safe)

    def progress_of(self, step: str) -> ProgressCallback | None:
        """Tells the sink of the stage how far a step is."""
        sink = self.progress
        if sink is None:
            return None
        return lambda done, total: sink(self.stage, step, done, total)
