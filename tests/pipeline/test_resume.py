"""A run that is killed anywhere and repeated gives the study that an uninterrupted run gives."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr

from voltomo.verbs import synth

DRIVER = """
import os, signal, sys
from pathlib import Path
import voltomo.stages.study_workspace as workspace
from voltomo.blocks import BlockLog
from voltomo.io.study import Study
from voltomo.cli import main

workspace.shard_edge = lambda budget: 64          # several blocks in a small volume
folder, kill_after, what = sys.argv[1], int(sys.argv[2]), sys.argv[3]
left = [kill_after]

def counted(method):
    def call(self, *arguments):
        result = method(self, *arguments)
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    return call

if kill_after:
    if what == "block":
        BlockLog.mark_done, BlockLog.store = counted(BlockLog.mark_done), counted(BlockLog.store)
    else:
        Study._write_records = counted(Study._write_records)   # after the outputs moved, before the staging goes
Path(folder + "/recipe.yaml").write_text(RECIPE)
main(["run", folder + "/recipe.yaml", "-o", folder + "/study", "--quiet"])
"""
# The default recipe without what takes long and leaves no more than a file behind.
RECIPE = """
input: {volume: scan.tif, voxel_size: 100 nm}
steps:
  - segment: {}
  - particles: {}
  - measure: {transport: none, paths: none, local_thickness: none, conventions: false}
"""

pytestmark = pytest.mark.slow


def run(folder: Path, *, kill_after: int = 0, what: str = "block") -> int:
    """One run in a process of its own; returns how it ended."""
    command = [sys.executable, "-c", f"RECIPE = {RECIPE!r}\n{DRIVER}", str(folder), str(kill_after), what]
    return subprocess.run(command, capture_output=True, text=True).returncode


@pytest.fixture(scope="module")
def scan() -> np.ndarray:
    """A synthetic electrode of 2 × 2 × 2 blocks."""
    made = synth(shape=(80, 80, 72), d50="2 um", seed=3)
    return np.asarray(made.volume.data)[0]


@pytest.fixture(scope="module")
def reference(scan: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study of a run that nothing interrupts."""
    folder = tmp_path_factory.mktemp("reference")
    tifffile.imwrite(folder / "scan.tif", scan)
    assert run(folder) == 0
    return folder / "study"


def assert_equal_studies(one: Path, two: Path) -> None:
    """Every map and table, voxel by voxel and byte by byte."""
    for name in ("measurements.csv", "measurements.json", "particles.csv", "profiles.json"):
        assert (one / name).read_bytes() == (two / name).read_bytes(), name
    for name in ("volume", "phases", "particles", "cracks"):
        first, second = (zarr.open_group(s / f"{name}.ome.zarr", mode="r") for s in (one, two))
        assert sorted(first.array_keys()) == sorted(second.array_keys())
        for level in first.array_keys():
            np.testing.assert_array_equal(first[level][:], second[level][:], err_msg=f"{name} {level}")


@pytest.mark.parametrize("kill_after", [3, 19, 47])
def test_a_run_killed_in_a_block_and_repeated_gives_the_same_study(
    kill_after: int, scan: np.ndarray, reference: Path, tmp_path: Path
) -> None:
    """Kill -9 after the n-th block; the second run ends well and leaves nothing unfinished."""
    tifffile.imwrite(tmp_path / "scan.tif", scan)
    assert run(tmp_path, kill_after=kill_after) == -signal.SIGKILL
    assert run(tmp_path) == 0
    assert_equal_studies(tmp_path / "study", reference)
    assert [path.name for path in (tmp_path / "study" / ".voltomo").iterdir()] == ["lock"]


def test_a_run_killed_in_every_commit_and_repeated_gives_the_same_study(
    scan: np.ndarray, reference: Path, tmp_path: Path
) -> None:
    """Killed while outputs move into the study, stage after stage, until it gets through."""
    tifffile.imwrite(tmp_path / "scan.tif", scan)
    ends = []
    while not ends or ends[-1] != 0:
        ends.append(run(tmp_path, kill_after=2, what="commit"))
        assert len(ends) < 12, "the run makes no progress"
    assert ends.count(-signal.SIGKILL) >= 2
    assert_equal_studies(tmp_path / "study", reference)
