"""The virtual X-ray scanner: seconds, operations and memory of a scan, and the error of its projections.

As asv classes: speed, memory, and the error of path lengths through a ball. As a program::

    python benchmarks/bench_scan_xray.py [--size 256] [--angles 360] [--threads 2] [--distance "0 um"]
"""

from __future__ import annotations

import argparse
import os
import platform
import time

import numpy as np

from voltomo.phantoms import Ball, rasterize
from voltomo.stages.scan_xray import XrayScanConfig, run_xray_scan
from voltomo.stages.study_workspace import peak_bytes
from voltomo.stages.synth import SynthConfig
from voltomo.stages.workspace import MemoryWorkspace
from voltomo.synthesis.generate import make_structure
from voltomo.synthesis.structure import Structure
from voltomo.synthesis.xray.projector import LANES, project_slab


def cylinder(size: int) -> Structure:
    """A cathode with particles a fifth of its width."""
    config = SynthConfig(shape=size, voxel_size="64 nm", d50=f"{64 * size / 5:.0f} nm", field_of_view="cylinder")
    return make_structure(config.request(), np.random.default_rng(0))


class Timed(MemoryWorkspace):
    """A workspace that notes the seconds of each step, on the clock and of all processors."""

    def map(self, step: str, *args: object, **options: object) -> None:
        start = time.perf_counter(), time.process_time()
        super().map(step, *args, **options)
        spent = time.perf_counter() - start[0], time.process_time() - start[1]
        self.seconds = getattr(self, "seconds", {}) | {step: spent}


def crossings(size: int, angles: int, factor: int) -> float:
    """Voxels that the rays of a scan cross: a ray in a circle crosses 4/π per voxel of its length, on average."""
    rays = angles * factor * size * factor * size
    return rays * (np.pi / 4 * factor * size) * 4 / np.pi


def chord_error(size: int) -> float:
    """Mean error of path lengths through a ball, in voxels, over 16 angles."""
    middle = 0.5 * (size - 1)
    ball = Ball((0.5 * (LANES - 1), middle, middle), 0.4 * size)
    slab = (rasterize(ball, (LANES, size, size)) > 0).astype(np.uint8).transpose(1, 2, 0).copy()
    directions, offsets = np.linspace(0.01, 3, 16), np.arange(size) - middle
    out = np.zeros((16, 1, LANES, size), np.float32)
    project_slab(
        slab,
        ids=np.array([1], np.uint8),
        weights=np.ones((1, 1), np.float32),
        directions=directions,
        offsets=np.broadcast_to(offsets, (16, size)),
        out=out,
        rows=slice(0, LANES),
    )
    z = np.arange(LANES, dtype=float)[:, None]
    errors = []
    for i, angle in enumerate(directions):
        y, x = middle + offsets * np.sin(angle), middle + offsets * np.cos(angle)
        exact = ball.chord(z, y, x, direction=(0.0, float(np.cos(angle)), float(-np.sin(angle))))
        errors.append(np.abs(out[i, 0] - exact).mean())
    return float(np.mean(errors))


class Scan:
    """A scan without fringes and with them."""

    params = ([64], ["0 um", "100 um"])
    param_names = ("size", "distance")

    def setup(self, size: int, distance: str) -> None:
        self.structure = cylinder(size)
        self.config = XrayScanConfig(angles=size, distance=distance)
        run_xray_scan(self.structure, self.config.model_copy(update={"angles": 1}), MemoryWorkspace())  # compiles

    def time_scan(self, size: int, distance: str) -> None:
        run_xray_scan(self.structure, self.config, MemoryWorkspace())

    def peakmem_scan(self, size: int, distance: str) -> None:
        run_xray_scan(self.structure, self.config, MemoryWorkspace())

    def track_chord_error(self, size: int, distance: str) -> float:
        return chord_error(size)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--angles", type=int, default=360)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--contrast", default="absorption", choices=["absorption", "zernike", "both"])
    parser.add_argument("--distance", default="0 um")
    options = parser.parse_args()
    structure = cylinder(options.size)
    config = XrayScanConfig(angles=options.angles, contrast=options.contrast, distance=options.distance)
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, {options.threads} threads")
    print(f"{options.size}^3 voxels, {options.angles} angles, {config.supersampling} rays and voxels per pixel edge")
    start = time.perf_counter()
    run_xray_scan(structure, config.model_copy(update={"angles": 2, "flats": 1, "darks": 1}), MemoryWorkspace())
    print(f"cold, with 2 angles: {time.perf_counter() - start:.1f} s")
    # Blocks along the first axis only: a share of the angles, or of the sample's slices, per thread.
    wide = 10 * options.size
    blocks = (-(-options.angles // (2 * options.threads)), wide, wide)
    work = Timed(block_shape=blocks, workers=options.threads)
    result = run_xray_scan(structure, config, work)
    print(f"{'step':28}{'clock s':>9}{'CPU s':>9}")
    spent = work.seconds | {"all": tuple(map(sum, zip(*work.seconds.values(), strict=True)))}
    for step, (clock, processor) in spent.items():
        print(f"{step:28}{clock:9.2f}{processor:9.2f}")
    count = len(result.stacks) * crossings(options.size, options.angles, config.supersampling)
    seconds = sum(s[1] for step, s in work.seconds.items() if step.endswith("projections"))
    print(f"{count:.2e} voxels crossed by rays, {seconds / count * 1e9:.2f} ns of one core each, noise included")
    for name, stack in result.stacks.items():
        print(f"{name}: {stack.shape} projections")
    print(f"peak memory {peak_bytes() / 1e9:.2f} GB")
    print(f"mean error of chords through a ball on {2 * options.size}^3: {chord_error(2 * options.size):.3f} voxels")


if __name__ == "__main__":
    main()
