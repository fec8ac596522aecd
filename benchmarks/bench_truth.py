"""Truth of a synthetic electrode: what it costs beside making it, and how sure its numbers are.

As asv classes: seconds, and the standard error of the resolution bias. As a program::

    python benchmarks/bench_truth.py [--sizes 128 256] [--families nmc li-s] [--seeds 6]

One thread. *Making* is the structure, its phases and its particle ids, in memory. *Truth* is what `find_truth` adds:
counts of voxels and neighbors, and the tiles on the finer grid. The last table checks the standard errors over seeds:
(estimate − window) / standard error of all numbers, which should be about 1 in the root mean square.
"""

from __future__ import annotations

import argparse
import os
import platform
import time

import numpy as np

from voltomo.blocks import BlockPlan
from voltomo.morphology.directions import crofton_directions
from voltomo.stages.structure_truth import find_truth
from voltomo.stages.synth import SynthConfig
from voltomo.stages.workspace import MemoryWorkspace
from voltomo.synthesis import Structure, StructureRequest, find_owners, make_structure, rasterize
from voltomo.synthesis.finer_grid import choose_tiles, count_tiles, count_voxel_grid
from voltomo.synthesis.properties import Property, grid_properties


def prepare(family: str, size: int, seed: int = 0) -> tuple[StructureRequest, Structure, np.ndarray, np.ndarray]:
    """A structure, painted."""
    request = SynthConfig(family=family, shape=(size,) * 3, seed=seed).request()
    structure = make_structure(request, np.random.default_rng(seed))
    region = (slice(0, size),) * 3
    return request, structure, rasterize(structure, region)[0], find_owners(structure, region)


def surface_error(truth: dict) -> float:
    """Standard error of the resolution bias of the largest surface, relative to the surface."""
    rows = [row for row in truth["properties"]["rows"] if row["name"] == "specific_surface_area"]
    largest = max(rows, key=lambda row: row["value"])
    return float(largest["standard_error"] / largest["value"])


def pulls(family: str, size: int, seed: int) -> list[float]:
    """(Estimate from a quarter of the tiles − all tiles) / standard error, of every number."""
    _, structure, phases, _ = prepare(family, size, seed)
    offsets = crofton_directions(structure.voxel_size, 3).offsets
    (block,) = BlockPlan(structure.shape, structure.shape)
    whole = count_voxel_grid(block, phases, ids=structure.phases.ids, offsets=offsets)

    def measure(budget: int) -> tuple[Property, ...]:
        tiles = choose_tiles(structure.shape, factor=2, seed=seed, budget=budget)
        counted = count_tiles(block, phases, structure=structure, tiles=tiles, offsets=offsets)
        return grid_properties(structure, tiles, counted, whole)

    exact, sampled = measure(10**12), measure(8 * size**3 // 4)
    return [
        (one.value - other.value) / one.standard_error
        for one, other in zip(sampled, exact, strict=True)
        if one.standard_error and one.value is not None and other.value is not None
    ]


class Truth:
    """Counting and sampling of one electrode."""

    params = (["nmc", "li-s"], [64, 128])

    def setup(self, family: str, size: int) -> None:
        self.request, self.structure, self.phases, self.ids = prepare(family, size)

    def _find(self) -> dict:
        work = MemoryWorkspace()
        return find_truth(self.structure, self.request, work, phases=self.phases, particles=self.ids)[1]

    def time_truth(self, family: str, size: int) -> None:
        self._find()

    def peakmem_truth(self, family: str, size: int) -> None:
        self._find()

    def track_surface_error(self, family: str, size: int) -> float:
        return surface_error(self._find())


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[128, 256])
    parser.add_argument("--families", nargs="+", default=["nmc", "si-graphite", "li-s"])
    parser.add_argument("--seeds", type=int, default=6)
    arguments = parser.parse_args()
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores")
    for family in arguments.families:  # compile
        request, structure, phases, ids = prepare(family, 32)
        find_truth(structure, request, MemoryWorkspace(), phases=phases, particles=ids)
    print(f"{'family':<12} {'size':>5} {'making s':>9} {'truth s':>8} {'share':>7} {'tiles':>6} {'surface error':>14}")
    for family in arguments.families:
        for size in arguments.sizes:
            start = time.perf_counter()
            request, structure, phases, ids = prepare(family, size)
            made = time.perf_counter()
            _, truth = find_truth(structure, request, MemoryWorkspace(), phases=phases, particles=ids)
            done = time.perf_counter()
            share, tiles = (done - made) / (made - start), truth["properties"]["finer_grid"]["tiles"]
            error = f"{surface_error(truth):.2%}"
            print(
                f"{family:<12} {size:>5} {made - start:>9.2f} {done - made:>8.2f} {share:>7.0%} {tiles:>6} {error:>14}"
            )
    print(f"\nstandard errors, {arguments.seeds} seeds of 64³: (estimate - window) / standard error")
    for family in arguments.families:
        found = np.concatenate([pulls(family, 64, seed) for seed in range(arguments.seeds)])
        rms = np.sqrt(np.mean(found**2))
        print(f"{family:<12} rms {rms:.2f}, beyond 2: {np.mean(np.abs(found) > 2):.1%}")


if __name__ == "__main__":
    main()
