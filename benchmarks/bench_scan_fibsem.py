"""The virtual FIB-SEM: seconds per slice, memory, and how far from the truth a slice lies after its table was applied.

As asv classes: time, memory and accuracy. As a program::

    python benchmarks/bench_scan_fibsem.py [--slices 256] [--size 256] [--threads 2]
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import time

import numpy as np
from scipy import ndimage
from skimage.registration import phase_cross_correlation

from voltomo.stages.scan_fibsem import FibsemScanConfig, FibsemScanResult, run_fibsem_scan
from voltomo.stages.synth import SynthConfig
from voltomo.stages.workspace import MemoryWorkspace
from voltomo.synthesis import Structure, make_structure

FAMILIES = ["assb", "nmc", "graphite"]
QUIET = {"brightness_drift": 0.0, "brightness_step": 0.0, "curtain": 0.0, "streak": 0.0, "rim": 0.0, "trail": 0.0}


def structure_of(family: str, slices: int, size: int) -> Structure:
    """A structure with the usual numbers of its family."""
    config = SynthConfig(family=family, shape=(slices, size, size), seed=1)
    return make_structure(config.request(), np.random.default_rng(config.seed))


def scan(structure: Structure, threads: int, **settings: object) -> FibsemScanResult:
    """The slices, in as many blocks of whole slices as there are threads."""
    count, *plane = structure.shape
    work = MemoryWorkspace(block_shape=(-(-count // threads), *plane), workers=threads)
    return run_fibsem_scan(structure, FibsemScanConfig(**settings), work)


def residual(structure: Structure, **settings: object) -> float:
    """Largest shift between slices put back by the table and the same slices without drift or marks, pixels.

    Where there are marks, or a view into pores, it holds what these do to the correlation besides.
    """
    result = scan(structure, 1, dose="high", jump_chance=0.2, **settings)
    still = {"drift": 0.0, "jump": 0.0, "jump_chance": 0.2, "dose": "noiseless"}
    ideal = scan(structure, 1, **(settings | QUIET | {"shine_depth": "0 nm"} | still))
    worst = 0.0
    for k, (image, truth) in enumerate(zip(np.asarray(result.stack.data), np.asarray(ideal.stack.data), strict=True)):
        back = ndimage.shift(image.astype(float), (-result.track.dy[k], -result.track.dx[k]), order=3)
        inner = (slice(14, -14), slice(14, -14))
        window = np.outer(*(np.hanning(n) for n in back[inner].shape))
        left, _, _ = phase_cross_correlation(
            window * (truth[inner] - truth.mean()),
            window * (back[inner] - back.mean()),
            upsample_factor=50,
            normalization=None,
        )
        worst = max(worst, float(np.abs(left).max()))
    return worst


class ScanFibsem:
    """Small stacks; `track_residual` is the accuracy of the table in pixels."""

    params = (FAMILIES, [64])
    param_names = ("family", "size")

    def setup(self, family: str, size: int) -> None:
        self.structure = structure_of(family, 16, size)
        scan(self.structure, 1)  # compiles

    def time_scan(self, family: str, size: int) -> None:
        scan(self.structure, 1)

    def peakmem_scan(self, family: str, size: int) -> None:
        scan(self.structure, 1)

    def track_residual(self, family: str, size: int) -> float:
        return residual(structure_of(family, 8, 2 * size), shine_depth="0 nm", **QUIET)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slices", type=int, default=256)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores; ", end="")
    print(
        f"{options.slices} slices of {options.size} x {options.size} voxels, usual settings, {options.threads} threads"
    )
    print(f"{'family':12}{'cold s':>9}{'warm s':>9}{'CPU s':>9}{'ms/slice':>10}{'residual px':>13}{'with marks':>12}")
    for family in FAMILIES:
        small = structure_of(family, 8, 128)
        start = time.perf_counter()
        scan(small, 1)
        cold = time.perf_counter() - start
        structure = structure_of(family, options.slices, options.size)
        start, spent = time.perf_counter(), time.process_time()
        scan(structure, options.threads)
        warm, spent = time.perf_counter() - start, time.process_time() - spent
        left, seen = residual(small, shine_depth="0 nm", **QUIET), residual(small)
        print(
            f"{family:12}{cold:9.2f}{warm:9.2f}{spent:9.2f}{warm / options.slices * 1e3:10.1f}{left:13.3f}{seen:12.3f}"
        )
    print(f"peak memory of the process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB")


if __name__ == "__main__":
    main()
