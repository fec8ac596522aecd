"""Artefacts for training, and the image-domain scan: nanoseconds per voxel of each, and of all together.

As asv classes: speed, and the accuracy of what is asked for. As a program::

    python benchmarks/bench_degrade.py [--size 128] [--scan 256]
"""

from __future__ import annotations

import argparse
import math
import os
import platform
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from voltomo.stages.scan_image import ImageScanConfig, run_image_scan
from voltomo.stages.synth import SynthConfig
from voltomo.stages.workspace import MemoryWorkspace
from voltomo.synthesis.generate import make_structure
from voltomo.synthesis.imaging import (
    Brightness,
    Degradation,
    Noise,
    Optics,
    Rings,
    Sampling,
    Wedge,
    degrade,
    kernel_from_power,
)
from voltomo.synthesis.raster import rasterize

AXIS = (32.0, -200.0)
BLUR = Degradation(optics=Optics(blur=1.5))
NOISE = Degradation(noise=Noise(0.05, 1.5))
ALL = Degradation(
    sampling=Sampling(shift=(0.1, 0.1, 0.1)),
    optics=Optics(blur=1.5, fringe_length=1.0, fringes=10.0, halo=0.3, halo_length=12.0, background=0.2),
    noise=Noise(0.05, kernel=kernel_from_power(np.ones((15, 15, 15)), reach=4)),
    rings=Rings(0.02, AXIS),
    wedge=Wedge(math.radians(40), 0.3),
    brightness=Brightness(0.05, (64.0, 64.0, 64.0), 0.1, 300.0, AXIS, -1.2, 0.1),
)
STEPS = {
    "partial volume: shift of the grid": Degradation(sampling=ALL.sampling),
    "blur": BLUR,
    "blur with fringes": Degradation(optics=Optics(blur=1.5, fringe_length=1.0, fringes=10.0)),
    "halo and shade-off": Degradation(optics=Optics(halo=0.3, halo_length=12.0)),
    "noise, white": Degradation(noise=Noise(0.05)),
    "noise, Gaussian correlation": NOISE,
    "noise, measured spectrum (9³ kernel)": Degradation(noise=ALL.noise),
    "rings": Degradation(rings=ALL.rings),
    "missing wedge": Degradation(wedge=ALL.wedge),
    "cupping, drift, gain": Degradation(brightness=ALL.brightness),
    "all of them": ALL,
}


def phases_as_greys(size: int) -> np.ndarray:
    """Random voxels of two greys: the cost does not depend on what they show."""
    rng = np.random.default_rng(0)
    return np.where(rng.random((size,) * 3) < 0.5, 0.7, 0.22).astype(np.float32)


def seconds(work: Callable[[], object], repeats: int = 3) -> float:
    """Shortest of some runs after a first one, which compiles."""
    work()
    best = math.inf
    for _ in range(repeats):
        begun = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - begun)
    return best


def degrade_several(patch: np.ndarray, count: int, threads: int) -> None:
    """Patches with everything on, by several threads."""
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda seed: degrade(patch, ALL, np.random.default_rng(seed)), range(count)))


class Degrade:
    """One patch with everything on."""

    params = (64, 128)
    param_names = ("size",)

    def setup(self, size: int) -> None:
        self.patch = phases_as_greys(size)
        degrade(self.patch[:8], ALL, np.random.default_rng(0))  # compiles

    def time_all(self, size: int) -> None:
        degrade(self.patch, ALL, np.random.default_rng(0))

    def peakmem_all(self, size: int) -> None:
        degrade(self.patch, ALL, np.random.default_rng(0))

    def track_noise_error(self, size: int) -> float:
        flat = np.full(self.patch.shape, 0.5, np.float32)
        return float(abs(degrade(flat, NOISE, np.random.default_rng(0)).std() / NOISE.noise.std - 1))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--scan", type=int, default=256, help="edge of the scanned volume; 0 for none")
    options = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, NumPy {np.__version__}\n")
    patch, rng = phases_as_greys(options.size), np.random.default_rng(0)
    print(f"| {options.size}³, one thread | ns per voxel |\n|---|---|")
    for name, degradation in STEPS.items():
        spent = seconds(lambda degradation=degradation: degrade(patch, degradation, rng))
        print(f"| {name} | {1e9 * spent / patch.size:.1f} |")
    for threads in (1, 2):
        spent = seconds(lambda threads=threads: degrade_several(patch, 4, threads), 2)
        print(f"\nall of them, {threads} thread(s): {4e-6 * patch.size / spent:.1f} Mvoxel/s")
    if options.scan:
        scan(options.scan)


def scan(size: int) -> None:
    """Seconds of the whole scan."""
    config = SynthConfig(shape=(size, size, size), d50="4 um")
    structure = make_structure(config.request(), np.random.default_rng(0))
    region = (slice(0, size),) * 3
    phases = rasterize(structure, region)[0]
    print(f"\n| scan of {size}³, {len(structure.particles)} particles, in memory | s |\n|---|---|")
    everything = {
        "fringes": 10.0,
        "fringe_length": 1.0,
        "halo": 0.3,
        "missing_wedge": 40.0,
        "drift": 0.03,
        "cupping": 0.1,
    }
    for name, settings in (
        ("supersampling 1", {"supersampling": 1}),
        ("supersampling 2, the default", {}),
        ("supersampling 2, everything on", everything),
        ("supersampling 3", {"supersampling": 3}),
    ):
        scanner = ImageScanConfig.model_validate(settings)
        spent = seconds(lambda scanner=scanner: run_image_scan(structure, phases, scanner, MemoryWorkspace()), 1)
        print(f"| {name} | {spent:.1f} |")


if __name__ == "__main__":
    main()
