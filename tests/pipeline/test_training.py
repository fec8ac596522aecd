"""What a training that was interrupted leaves, and what later calls make of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

pytest.importorskip("torch", reason="training needs torch: pip install 'voltomo[train]'")

from voltomo.errors import InputError, StudyError
from voltomo.io.model_folder import read_model
from voltomo.pipeline.training import Trained, train_from_files
from voltomo.stages.train import TrainConfig

TINY = {
    "network_settings": {"base": 4, "depth": 1},
    "patch": [1, 32, 32],
    "batch": 2,
    "steps": 8,
    "validate_every": 4,
    "precision": "f32",
    "threads": 1,
}
NETWORK = TrainConfig(gap=4, settings=TINY)
PERCEPTRON = TrainConfig(method="mlp", gap=4, settings={"samples": 500, "perceptron": {"steps": 20}})


class KilledError(Exception):
    """Stands for the end of a process."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A labelled slice, and the checkpoint of a training that ended after its first validation."""
    rng = np.random.default_rng(0)
    labels = np.ones((96, 96), np.uint8)
    labels[:, 48:] = 2
    tifffile.imwrite(tmp_path / "grey.tif", (60 * labels + rng.normal(0, 20, labels.shape)).astype(np.uint8))
    tifffile.imwrite(tmp_path / "labels.tif", labels)
    with pytest.raises(KilledError):
        train(tmp_path, NETWORK, kill=True)
    return tmp_path


def train(folder: Path, config: TrainConfig, *, overwrite: bool = False, kill: bool = False) -> Trained:
    """Into ``models/mine``; `kill`: to the first checkpoint."""

    def watch(progress: object) -> None:
        if kill and checkpoint(folder).exists():
            raise KilledError

    grey, labels, output = folder / "grey.tif", folder / "labels.tif", folder / "models" / "mine"
    return train_from_files(grey, labels, output, config, unlabelled="none", overwrite=overwrite, on_progress=watch)


def checkpoint(folder: Path) -> Path:
    """Of the training that was interrupted."""
    return folder / "models" / ".mine.training" / "checkpoint.safetensors"


def other_seed(config: TrainConfig) -> TrainConfig:
    """Another training."""
    return config.model_copy(update={"settings": {**config.settings, "seed": 9}})


def test_it_goes_on(folder: Path) -> None:
    """The model is there, and nothing else is left."""
    train(folder, NETWORK)
    assert [path.name for path in (folder / "models").iterdir()] == ["mine"]


def test_another_training_of_the_same_name_is_refused(folder: Path) -> None:
    """The way out is named; the checkpoint stays."""
    before = checkpoint(folder).read_bytes()
    with pytest.raises(StudyError, match="--overwrite"):
        train(folder, other_seed(NETWORK))
    assert checkpoint(folder).read_bytes() == before


def test_settings_that_make_no_sense_lose_nothing(folder: Path) -> None:
    """Although the training may be overwritten."""
    before = checkpoint(folder).read_bytes()
    with pytest.raises(InputError, match="unknown setting"):
        train(folder, NETWORK.model_copy(update={"settings": {"stepz": 3}}), overwrite=True)
    assert checkpoint(folder).read_bytes() == before


def test_a_model_that_is_there_does_not_keep_the_checkpoint_of_another_training(folder: Path) -> None:
    """Model, interrupted replacement, other settings with --overwrite: begins anew, and ends."""
    train(folder, NETWORK)
    with pytest.raises(KilledError):
        train(folder, other_seed(NETWORK), overwrite=True, kill=True)
    train(folder, NETWORK.model_copy(update={"settings": {**TINY, "steps": 12}}), overwrite=True)
    assert read_model(folder / "models" / "mine").record["recipe"]["settings"]["steps"] == 12
    assert not checkpoint(folder).parent.exists()


def test_a_pixel_classifier_of_the_same_name_leaves_the_network_to_go_on(folder: Path) -> None:
    """It has no checkpoint of its own."""
    train(folder, PERCEPTRON)
    assert checkpoint(folder).exists()
    trained = train(folder, NETWORK, overwrite=True)
    assert not trained.model.is_classifier
    assert not checkpoint(folder).parent.exists()
