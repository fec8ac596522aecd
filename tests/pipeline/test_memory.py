"""The promise of ``--memory``: the process stays below it, whatever the volume."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
import tifffile

from voltomo.verbs import synth

RECIPE = """
input: {volume: scan.tif, voxel_size: 100 nm}
steps:
  - segment: {}
  - particles: {}
  - measure: {uncertainty: {transport: false, parts_of_window: none}}
  - report: {}
"""

pytestmark = pytest.mark.slow


def peak_of(command: list[str]) -> tuple[int, int]:
    """Exit code and peak summed resident bytes of a process and its children."""
    process = psutil.Popen(command, stdout=subprocess.DEVNULL)
    peak = 0
    while process.poll() is None:
        try:
            peak = max(peak, sum(p.memory_info().rss for p in [process, *process.children(recursive=True)]))
        except psutil.NoSuchProcess:
            break
        time.sleep(0.02)
    return process.wait(), peak


def test_a_run_stays_below_its_memory(tmp_path: Path) -> None:
    """The default recipe on 17 million voxels in 1 GB, but for what solves transport again on small parts.

    The arrays that the stages write (phases, envelope, voids, distances, basins, particles, cracks) are 19 bytes a
    voxel before compression, 0.32 GB here, beside 0.4 GB of program. The run on 1024³ in 3 GB, where they are 20 GB,
    is in `benchmarks/bench_recipe.py`.
    """
    tile = np.asarray(synth(shape=(64, 128, 128), d50="2 um", scan_settings={"dtype": "uint8"}, seed=5).volume.data)[0]
    mirrored = np.concatenate([tile, tile[::-1]] * 2)
    mirrored = np.concatenate([mirrored, mirrored[:, ::-1]], axis=1)
    tifffile.imwrite(tmp_path / "scan.tif", np.concatenate([mirrored, mirrored[:, :, ::-1]], axis=2))
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(RECIPE)
    options = ["-o", str(tmp_path / "study"), "--memory", "1GB", "--quiet"]
    code, peak = peak_of([sys.executable, "-m", "voltomo", "run", str(recipe), *options])
    assert code == 0
    assert peak < 1_000_000_000
