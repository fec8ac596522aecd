"""The whole default recipe: seconds, voxels per second and peak memory against the size of the scan.

Each size runs in a process of its own; its peak resident memory, children included, is sampled every 20 ms from
outside. The scan is a synthetic electrode, uint8, made beforehand and not timed. As asv classes: time and memory at a
small size. As a program::

    .venv/bin/python benchmarks/bench_recipe.py                      # 128, 256, 512
    .venv/bin/python benchmarks/bench_recipe.py --sizes 1024 --memory 3GB
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
import tifffile

import voltomo
from voltomo.io.artifacts import StudyArtifacts

SAMPLE_SECONDS = 0.02
WARM_UP = 96


def make_scan(size: int, folder: Path) -> Path:
    """A synthetic scan as one TIFF, uint8."""
    path = folder / f"scan_{size}.tif"
    twin = folder / f"twin_{size}"
    if not path.exists():
        command = [sys.executable, "-m", "voltomo", "synth", "-o", twin, "--size", size, "--scan-set", "dtype=uint8"]
        command += ["--d50", "6 um" if size > 200 else "4 um", "--seed", 1, "--memory", "6GB", "--quiet"]
        subprocess.run([str(part) for part in command], check=True)
        data = StudyArtifacts(twin).volume.data
        with tifffile.TiffWriter(path, bigtiff=True) as writer:
            for z in range(size):
                writer.write(np.asarray(data[0, z]), contiguous=True, photometric="minisblack")
    return path


def run_and_watch(command: list[str]) -> tuple[float, int]:
    """Wall seconds and peak summed resident bytes of a process and its children."""
    begun, peak = time.perf_counter(), 0
    process = psutil.Popen(command)
    while process.poll() is None:
        try:
            family = [process, *process.children(recursive=True)]
            peak = max(peak, sum(member.memory_info().rss for member in family))
        except psutil.NoSuchProcess:
            pass
        time.sleep(SAMPLE_SECONDS)
    if process.returncode:
        raise SystemExit(f"{command} ended with {process.returncode}")
    return time.perf_counter() - begun, peak


def measure(size: int, memory: str, folder: Path) -> dict[str, float]:
    """One run of the default recipe on a cube of `size`."""
    scan = make_scan(size, folder)
    study = folder / f"study_{size}"
    shutil.rmtree(study, ignore_errors=True)
    command = ["run", scan, "--voxel-size", "100 nm", "-o", study, "--memory", memory, "--quiet"]
    seconds, peak = run_and_watch([sys.executable, "-m", "voltomo", *map(str, command)])
    stages = json.loads((study / "run.json").read_text())["stages"]
    row = {"size": size, "seconds": seconds, "peak_bytes": peak, "voxels_per_second": size**3 / seconds}
    return row | {f"{name}_s": stage["seconds"] for name, stage in stages.items()}


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[128, 256, 512])
    parser.add_argument("--memory", default="4GB")
    parser.add_argument("--folder", type=Path, default=None, help="keep scans and studies here")
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    print(f"voltomo {voltomo.__version__}, Python {platform.python_version()}, {os.cpu_count()} cores")
    cold = measure(WARM_UP, options.memory, folder)  # kernels compiled and cached: what follows is warm
    print(f"first run, {WARM_UP}³, compiles what is not cached: {cold['seconds']:.1f} s")
    rows = [measure(size, options.memory, folder) for size in options.sizes]
    stages = [key for key in rows[0] if key.endswith("_s")]
    print("| size | s | Mvoxel/s | peak MB | " + " | ".join(stages) + " |")
    print("|---|" + "---|" * (3 + len(stages)))
    for row in rows:
        cells = [f"{row[stage]:.1f}" for stage in stages]
        speed, peak = row["voxels_per_second"] / 1e6, row["peak_bytes"] / 1e6
        print(f"| {row['size']:.0f}³ | {row['seconds']:.1f} | {speed:.2f} | {peak:.0f} | {' | '.join(cells)} |")


class Recipe:
    """asv: the default recipe at 96³."""

    timeout = 300

    def setup_cache(self) -> str:
        """The scan."""
        folder = Path(tempfile.mkdtemp())
        return str(make_scan(96, folder))

    def time_run(self, scan: str) -> None:
        """Seconds of a whole run."""
        measure(96, "4GB", Path(scan).parent)

    def track_peak_megabytes(self, scan: str) -> float:
        """Peak resident memory."""
        return measure(96, "4GB", Path(scan).parent)["peak_bytes"] / 1e6


if __name__ == "__main__":
    main()
