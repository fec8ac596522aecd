"""Connected components out of core, labels written to Zarr: seconds beside dask-image, and agreement.

As asv classes: speed and memory of our own labelling. As a program, beside the peer, in an environment of its own
(`benchmarks/requirements.txt`, with voltomo installed into it)::

    .venv-bench/bin/python benchmarks/bench_labelling.py [--size 384] [--fast]

The peer runs under each of its schedulers with each chunk size; its best row counts. A chunk as large as the volume is
no longer out of core, and gets a line of its own. Both read the same voxels from an uncompressed Zarr array whose
chunks suit them, and write their labels with the default codec of their writer.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import zarr
from scipy.ndimage import gaussian_filter

from voltomo.blocks import WritableArray
from voltomo.blocks.components import label_components
from voltomo.stages.study_workspace import StudyWorkspace
from voltomo.stages.workspace import MemoryWorkspace

BUDGET = 4_000_000_000


def pore_space(size: int) -> np.ndarray:
    """A periodic pore space of 30 %, with 2 % of its voxels knocked out: one large component and many small ones."""
    edge = size // 3
    smooth = gaussian_filter(np.random.default_rng(3).standard_normal((edge,) * 3), 5, mode="wrap")
    pore = np.tile(smooth < np.quantile(smooth, 0.3), (3, 3, 3))
    pore &= np.random.default_rng(2).random(pore.shape, dtype=np.float32) > 0.02
    return pore.astype(np.uint8)


def is_pore(data: np.ndarray) -> np.ndarray:
    """The phase to label."""
    return data == 1


def label_in_study(source: zarr.Array, folder: Path, workers: int) -> tuple[int, WritableArray]:
    """Our labels, in an array of a study."""
    work = StudyWorkspace("benchmark", folder, None, BUDGET, workers=workers)
    out = work.array("labels", source.shape, np.uint32)
    return len(label_components(source, predicate=is_pore, runner=work, out=out)), out


def label_with_dask(source: zarr.Array, folder: Path, chunk: int, scheduler: str) -> tuple[int, zarr.Array]:
    """dask-image's labels, in a Zarr array."""
    import dask
    import dask.array as da
    from dask_image.ndmeasure import label

    out = zarr.create_array(folder / "labels.zarr", shape=source.shape, chunks=(chunk,) * 3, dtype="i4", overwrite=True)
    labels, count = label(da.from_zarr(source))
    written = da.store(labels, out, lock=False, compute=False)
    kwargs = {} if scheduler == "distributed" else {"scheduler": scheduler, "num_workers": 2}
    _, found = dask.compute(written, count, **kwargs)
    return int(found), out


def same_partition(one: np.ndarray, two: np.ndarray) -> bool:
    """Whether two label arrays differ in nothing but names."""
    pairs = np.unique(np.stack([one.ravel(), two.ravel()]).astype(np.int64), axis=1)
    return len(np.unique(pairs[0])) == len(np.unique(pairs[1])) == pairs.shape[1]


def timed(call: Callable[[], tuple[int, zarr.Array]], repeats: int) -> tuple[float, int, zarr.Array]:
    """Best wall time of some runs, and the last result. What takes more than ten seconds runs once."""
    best = np.inf
    for _ in range(repeats):
        start = time.perf_counter()
        count, labels = call()
        seconds = time.perf_counter() - start
        best = min(best, seconds)
        if seconds > 10:
            break
    return best, count, labels


class Labelling:
    """Two passes in memory, in one block and in blocks."""

    params = ([64, 128], [None, 32])

    def setup(self, size: int, block: int | None) -> None:
        self.data = pore_space(size - size % 3)
        self.work = MemoryWorkspace(None if block is None else (block,) * 3)

    def time_label(self, size: int, block: int | None) -> None:
        self._label()

    def peakmem_label(self, size: int, block: int | None) -> None:
        self._label()

    def _label(self) -> None:
        out = self.work.array("labels", self.data.shape, np.uint32)
        label_components(self.data, predicate=is_pore, runner=self.work, out=out)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=384)
    parser.add_argument("--chunks", type=int, nargs="+", default=[128, 192, 384], help="chunk sizes of the peer")
    parser.add_argument("--fast", action="store_true", help="one repeat")
    arguments = parser.parse_args()
    repeats = 1 if arguments.fast else 3
    data = pore_space(arguments.size - arguments.size % 3)
    versions = {name: importlib.metadata.version(name) for name in ("zarr", "connected-components-3d", "numba")}
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, {data.shape[0]}³ voxels; {versions}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def source(chunk: int) -> zarr.Array:
            array = zarr.create_array(
                folder / f"in{chunk}.zarr", shape=data.shape, chunks=(chunk,) * 3, dtype="u1", compressors=None
            )
            array[:] = data
            return array

        ours = source(128)
        start = time.perf_counter()
        label_in_study(ours, folder / "cold", 2)
        print(f"{'voltomo, cold (numba from its cache)':44s} {time.perf_counter() - start:7.2f} s", flush=True)
        found: dict[int, tuple[float, int, zarr.Array]] = {}
        for workers in (1, 2):
            numbers = iter(range(100))
            found[workers] = timed(
                lambda w=workers, n=numbers: label_in_study(ours, folder / f"study{w}-{next(n)}", w), repeats
            )
            print(
                f"{f'voltomo, {workers} threads':44s} {found[workers][0]:7.2f} s  {found[workers][1]} components",
                flush=True,
            )
        reference = np.asarray(found[2][2][:])
        best = min(seconds for seconds, _, _ in found.values())
        peers = _peers(source, folder, reference, chunks=tuple(arguments.chunks), repeats=repeats)
    cut = [seconds for chunk, seconds in peers if chunk < data.shape[0]]
    whole = [seconds for chunk, seconds in peers if chunk >= data.shape[0]]
    if cut:
        print(
            f"out of core, dask-image at its best {min(cut):.2f} s, voltomo {best:.2f} s: {min(cut) / best:.1f} times"
        )
    if whole:
        print(
            f"in memory, the volume as one chunk of dask-image: {min(whole):.2f} s, {min(whole) / best:.1f} times ours"
        )


def _peers(
    source: Callable[[int], zarr.Array], folder: Path, reference: np.ndarray, *, chunks: tuple[int, ...], repeats: int
) -> list[tuple[int, float]]:
    """Seconds of dask-image under all schedulers; smaller chunks only slow it down (105 s with 96³ of 384³)."""
    try:
        import dask_image  # noqa: F401 - only to see whether the peer is there
        from distributed import Client, LocalCluster
    except ImportError:
        print("dask-image or distributed is not installed: see benchmarks/requirements.txt")
        return []
    seconds = []

    def run(scheduler: str, chunk: int, array: zarr.Array) -> None:
        best, count, labels = timed(lambda: label_with_dask(array, folder, chunk, scheduler), repeats)
        same = same_partition(reference, labels[:])
        print(
            f"{f'dask-image, {scheduler}, chunks of {chunk}':44s} {best:7.2f} s  {count} components, same: {same}",
            flush=True,
        )
        seconds.append((chunk, best))

    for chunk in chunks:
        array = source(chunk) if chunk != 128 else zarr.open_array(folder / "in128.zarr", mode="r")
        for scheduler in ("synchronous", "threads"):
            run(scheduler, chunk, array)
        with (
            LocalCluster(n_workers=2, threads_per_worker=1, memory_limit=None, dashboard_address=None) as cluster,
            Client(cluster),
        ):
            run("distributed", chunk, array)
    return seconds


if __name__ == "__main__":
    main()
