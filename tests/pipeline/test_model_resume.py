"""A segmentation by a model that stops half-way, and is repeated, gives what an undisturbed one gives."""

from __future__ import annotations

import errno
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import zarr
from zarr.storage import LocalStore

import voltomo as vt
from voltomo.artifacts import Model
from voltomo.blocks import BlockLog
from voltomo.errors import StorageError
from voltomo.io.model_folder import write_model
from voltomo.stages import study_workspace

LAYERS = ("phases", "probabilities", "disagreement")
KILLED = """
import json, os, signal, sys
import voltomo as vt
from voltomo.blocks import BlockLog
from voltomo.stages import study_workspace

study_workspace.shard_edge = lambda budget: 64
marked = BlockLog.mark_done

def mark_and_die(log, number):
    marked(log, number)
    if "predict" in log.folder.name:
        os.kill(os.getpid(), signal.SIGKILL)

BlockLog.mark_done = mark_and_die
scan, recipe, output = json.loads(sys.argv[1])
vt.run(scan, recipe, output=output)
"""


@pytest.fixture(scope="module")
def job(
    network_model: Callable[..., Model], tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, dict[str, Any], Path]:
    """A scan of three blocks, a recipe that segments it by an ensemble, and the study of an undisturbed run."""
    folder = tmp_path_factory.mktemp("model")
    members = network_model(depth=1), network_model(depth=1, seed=1)
    model = Model(**{**vars(members[0]), "members": (members[1].weights,), "onnx_members": (members[1].onnx,)})
    write_model(model, folder / "mine")
    grey = np.random.default_rng(0).integers(0, 200, (136, 24, 28)).astype(np.uint8)
    tifffile.imwrite(folder / "scan.tif", grey)
    settings = {"model": str(folder / "mine"), "precision": "f32", "probabilities": True, "disagreement": True}
    recipe = {"steps": [{"segment": settings}]}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(study_workspace, "shard_edge", lambda budget: 64)
        vt.run(folder / "scan.tif", recipe, output=folder / "whole")
    return str(folder / "scan.tif"), recipe, folder / "whole"


@pytest.fixture
def predicted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Blocks that were predicted and written, in blocks of 64 slices."""
    monkeypatch.setattr(study_workspace, "shard_edge", lambda budget: 64)
    numbers: list[int] = []
    marked = BlockLog.mark_done

    def mark(log: BlockLog, number: int) -> None:
        marked(log, number)
        if "predict" in log.folder.name:
            numbers.append(number)

    monkeypatch.setattr(BlockLog, "mark_done", mark)
    return numbers


def test_a_full_disk_is_said_and_nothing_half_written_is_taken(
    job: tuple[str, dict[str, Any], Path], predicted: list[int], tmp_path: Path
) -> None:
    """The disk runs full while a block is written: one sentence, no phases; repeated, only what is missing runs."""
    scan, recipe, whole = job
    written = LocalStore.set

    async def set_until_full(store: LocalStore, key: str, *arguments: Any) -> None:
        if "disagreement" in str(store.root) and predicted:  # phases of the same block are written by then
            raise OSError(errno.ENOSPC, "No space left on device")
        await written(store, key, *arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LocalStore, "set", set_until_full)
        with pytest.raises(StorageError, match=r"is full; free some space and repeat the command"):
            vt.run(scan, recipe, output=tmp_path / "study")
    assert 1 <= len(predicted) < 3
    assert not any((tmp_path / "study" / f"{name}.ome.zarr").exists() for name in LAYERS)
    vt.run(scan, recipe, output=tmp_path / "study")
    assert sorted(predicted) == [0, 1, 2]
    assert_equal_layers(tmp_path / "study", whole)


def test_a_killed_prediction_goes_on(
    job: tuple[str, dict[str, Any], Path], predicted: list[int], tmp_path: Path
) -> None:
    """Kill -9 after the first block: repeated, the other two run, and the study is that of an undisturbed run."""
    scan, recipe, whole = job
    arguments = json.dumps([scan, recipe, str(tmp_path / "study")])
    ended = subprocess.run([sys.executable, "-c", KILLED, arguments], capture_output=True, text=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    vt.run(scan, recipe, output=tmp_path / "study")
    assert len(set(predicted)) == 2
    assert_equal_layers(tmp_path / "study", whole)


def assert_equal_layers(one: Path, two: Path) -> None:
    """Phases, probabilities and disagreement, at every level, voxel by voxel."""
    for name in LAYERS:
        first, second = (zarr.open_group(study / f"{name}.ome.zarr", mode="r") for study in (one, two))
        assert sorted(first.array_keys()) == sorted(second.array_keys())
        for level in first.array_keys():
            np.testing.assert_array_equal(first[level][:], second[level][:], err_msg=f"{name} {level}")
