"""A volume larger than memory through a model: seconds and peak memory of `voltomo segment -m nmc-base`.

The scan is a synthetic electrode, uint8, mirrored until it is large enough; it is made beforehand and not timed. The
time holds everything that a user waits for: reading the TIFF, the copy in the study, the histogram, the gate, the
network, and writing the phases::

    .venv/bin/python benchmarks/bench_segment_volume.py --sizes 256 512
    .venv/bin/python benchmarks/bench_segment_volume.py --sizes 1024 --memory 1500MB
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import tifffile
from bench_recipe import make_scan, run_and_watch

TILE = 256


def repeat_scan(size: int, folder: Path) -> Path:
    """A scan of that edge made of mirrored ones, so that there are no steps between them."""
    tile = tifffile.imread(make_scan(min(size, TILE), folder))
    path = folder / f"repeated_{size}.tif"
    times = -(-size // len(tile))

    def mirrored(array: np.ndarray, axis: int) -> np.ndarray:
        other = np.flip(array, axis)
        return np.concatenate([other if i % 2 else array for i in range(times)], axis)

    plane = mirrored(mirrored(tile, 1), 2)[:, :size, :size]
    with tifffile.TiffWriter(path, bigtiff=True) as writer:
        for z in range(size):
            turn, place = divmod(z, len(tile))
            writer.write(plane[-1 - place if turn % 2 else place], contiguous=True, photometric="minisblack")
    return path


def main() -> None:
    """One line per size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=(256, 512))
    parser.add_argument("--memory", default="2GB")
    parser.add_argument("--model", default="nmc-base")
    parser.add_argument("--folder", type=Path, help="of the scans, kept; a temporary one where not given")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for size in given.sizes:
            scan, study = repeat_scan(size, folder), Path(temporary) / f"study_{size}"
            command = [sys.executable, "-m", "voltomo", "segment", str(scan), "-m", given.model, "-o", str(study)]
            seconds, peak = run_and_watch([*command, "--voxel-size", "64 nm", "--memory", given.memory, "--quiet"])
            record = json.loads((study / "run.json").read_text())
            stages = {name: round(stage["seconds"], 1) for name, stage in record["stages"].items()}
            rate = size**3 / seconds / 1e6
            print(f"{size}³: {seconds:.1f} s, {rate:.1f} Mvoxel/s, peak {peak / 1e6:.0f} MB; {stages}", flush=True)


if __name__ == "__main__":
    main()
