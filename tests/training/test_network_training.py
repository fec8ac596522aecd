from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install 'voltomo[train]'")

from voltomo.artifacts.model import Model  # noqa: E402 - after the check for torch
from voltomo.artifacts.phases import Phase, PhaseTable  # noqa: E402
from voltomo.errors import ConvergenceError, GateError, InputError, StudyError  # noqa: E402
from voltomo.inference.replay import replay_test  # noqa: E402
from voltomo.learning.pairs import LabelledImage  # noqa: E402
from voltomo.learning.splits import Split, split_labels  # noqa: E402
from voltomo.training import Augmentation, Progress, TrainingSettings, rebuild_network, train_network  # noqa: E402
from voltomo.training import network_training as module  # noqa: E402

Make = Callable[..., LabelledImage]

TINY = TrainingSettings(
    network_settings={"base": 4, "depth": 1},
    patch=(1, 32, 32),
    batch=4,
    steps=12,
    validate_every=4,
    precision="f32",
    threads=1,
    augmentation=Augmentation(warp_chance=0.0, grey_chance=0.3),
)


def _train(images: list[LabelledImage], phases: PhaseTable, settings: TrainingSettings = TINY, **more: Any) -> Model:
    """Without the export, which takes seconds and has its own tests."""
    split = split_labels(images, gap=4, seed=0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "export_onnx", lambda network, **_: b"onnx")
        return train_network(images, split, phases, settings, **more)


def _digest(model: Model) -> str:
    found = hashlib.sha256()
    for weights in (model.weights, *model.members):
        for name in sorted(weights):
            found.update(weights[name].tobytes())
    return found.hexdigest()


def _accuracy(model: Model, image: LabelledImage) -> float:
    """Share of voxels of an unseen image that the torch network gets right."""
    grey = (np.asarray(image.grey[:, 0], np.float32) - model.normalization["low"][0]) / (
        model.normalization["high"][0] - model.normalization["low"][0]
    )
    with torch.no_grad():
        rows = rebuild_network(model)(torch.from_numpy(grey[None]))[0].argmax(0).numpy()
    return float((np.array(model.phases.ids)[rows] == image.labels[0]).mean())


def test_a_few_seconds_beat_the_best_cut_on_an_unseen_image(labelled: Make, phases: PhaseTable) -> None:
    """Noise makes 11 % of the voxels wrong under any cut (60 grey values apart, noise 25); neighbours repair most."""
    settings = replace(TINY, steps=80, validate_every=20)
    model = _train([labelled(1, scan="s"), labelled(2, scan="s")], phases, settings)
    assert _accuracy(model, labelled(3)) > 0.94


def test_strokes_are_enough(labelled: Make, phases: PhaseTable) -> None:
    """A tenth of the rows labelled, the rest unknown, still beats the best cut."""
    images = []
    for seed in (1, 2):
        image = labelled(seed)
        labels = np.where(np.arange(64)[None, :, None] % 10 == 3, image.labels, np.uint8(0))
        images.append(replace(image, labels=labels, scan="s"))
    model = _train(images, phases, replace(TINY, steps=80, validate_every=20))
    assert _accuracy(model, labelled(3)) > 0.92


def test_seeds_repeat_a_training(labelled: Make, phases: PhaseTable) -> None:
    """The same seed gives the same weights to the bit, another one does not; the caller's generator is left alone."""
    images = [labelled(1)]
    torch.manual_seed(5)
    first = torch.rand(1)
    torch.manual_seed(5)
    one = _train(images, phases)
    assert torch.equal(torch.rand(1), first)
    assert _digest(one) == _digest(_train(images, phases))
    assert _digest(one) != _digest(_train(images, phases, replace(TINY, seed=1)))


@pytest.mark.parametrize("ensemble", ["seeds", "snapshots"])
def test_an_interrupted_training_goes_on_to_the_bit(
    labelled: Make, phases: PhaseTable, tmp_path: Path, ensemble: Any
) -> None:
    """Killed after the first, and again in the second network or cycle, it ends with the weights of a whole one."""

    class KilledError(Exception):
        pass

    def kill_at(member: int, step: int) -> Callable[[Progress], None]:
        def watch(progress: Progress) -> None:
            if (progress.member, progress.step) >= (member, step):
                raise KilledError

        return watch

    settings = replace(TINY, members=2, ensemble=ensemble, steps=12)
    images, path = [labelled(1)], tmp_path / "checkpoint"
    whole = _train(images, phases, settings)
    for member, step in [(0, 6), (0, 10), (1, 8)]:
        try:
            _train(images, phases, settings, checkpoint=path, on_progress=kill_at(member, step))
        except KilledError:
            assert path.exists()
    again = _train(images, phases, settings, checkpoint=path)
    assert _digest(again) == _digest(whole)
    assert again.temperature == whole.temperature
    for one, other in zip(again.record["trainings"], whole.record["trainings"], strict=True):
        assert one["curve"] == other["curve"]
        assert one["validations"] == other["validations"]
    with pytest.raises(StudyError, match="other settings"):
        _train(images, phases, replace(settings, seed=9), checkpoint=path)
    other = _train(images, phases, replace(settings, seed=9), checkpoint=path, replace_checkpoint=True)
    assert _digest(other) == _digest(_train(images, phases, replace(settings, seed=9)))


@pytest.mark.parametrize(
    ("network", "settings", "shape", "halo_z"),
    [
        ("unet", {"base": 4, "depth": 1}, (6, 40, 40), 1),
        ("unet", {"base": 4, "depth": 1, "dimension": 3}, (16, 32, 32), 2),
        ("lrcsnet", {"filters": 2}, (1, 40, 40), 0),
    ],
    ids=["2.5D", "3D with thick slices", "lrcsnet"],
)
def test_networks_of_every_kind_become_models(
    labelled: Make,
    phases: PhaseTable,
    network: str,
    settings: dict[str, Any],
    shape: tuple[int, int, int],
    halo_z: int,
) -> None:
    """The stored test replays: rebuilt from weights and settings, the network gives the stored logits."""
    image = labelled(1, shape=shape, channels=2, voxel_size=(2e-7, 1e-7, 1e-7))
    patch = (8, 16, 16) if shape[0] == 16 else (1, 32, 32)
    wanted = replace(TINY, network=network, network_settings=settings, patch=patch, steps=3, validate_every=2)
    model = _train([image], phases, wanted, channels=("absorption", "phase"))
    assert model.channels == ("absorption", "phase")
    assert model.settings["halo"][0] == halo_z
    assert model.voxel_size == ((2e-7, 1e-7, 1e-7),) * 2
    assert model.test_input is not None
    assert model.test_output is not None
    grey = np.repeat(model.test_input, 3, axis=1) if model.dimension == 2.5 else model.test_input
    inputs = grey if model.dimension == 3 else grey.reshape(-1, *grey.shape[2:])
    with torch.no_grad():
        logits = rebuild_network(model)(torch.from_numpy(inputs[None]))[0].numpy()
    np.testing.assert_allclose(logits.reshape(model.test_output.shape), model.test_output, atol=1e-4)


@pytest.mark.parametrize("members", [1, 2])
def test_what_engines_run_gives_the_stored_logits(labelled: Make, phases: PhaseTable, members: int) -> None:
    """Without torch, through ONNX, a network and an ensemble give what they gave in training."""
    image, settings = labelled(1), replace(TINY, steps=4, members=members)
    model = train_network([image], split_labels([image], gap=4, seed=0), phases, settings)
    assert replay_test(model, precision="f32").passed


def test_progress_tells_loss_time_and_pictures(labelled: Make, phases: PhaseTable) -> None:
    """Reports come with rising steps, validations with views, and the last one has no time left."""
    told: list[Progress] = []
    model = _train([labelled(1)], phases, TINY, on_progress=told.append)
    assert [report.step for report in told] == sorted(report.step for report in told)
    scored = [report for report in told if report.validation is not None]
    assert [report.step for report in scored] == [4, 8, 12]
    assert all(report.validation.views for report in scored if report.validation)
    assert told[-1].seconds_left == 0
    rows = model.record["trainings"][0]["validations"]
    assert [row["step"] for row in rows] == [4, 8, 12]
    assert model.record["split"]["gap"] == 4


def test_patience_ends_a_training_that_gains_nothing(labelled: Make, phases: PhaseTable) -> None:
    """With a rate that moves nothing, the second validation without a gain is the last."""
    settings = replace(TINY, learning_rate=1e-12, averaging=0.0, steps=60, patience=2)
    training = _train([labelled(1)], phases, settings).record["trainings"][0]
    assert training["stopped_early"]
    assert len(training["validations"]) < 15


def test_a_transfer_takes_over_what_is_asked_for(labelled: Make, phases: PhaseTable) -> None:
    """A frozen encoder keeps its weights and statistics to the bit; the rest moves; the record says what was reused."""
    start = _train([labelled(1)], phases)
    three = PhaseTable((*phases, Phase(7, "binder", "binder")))
    image = labelled(2)
    labels = image.labels.copy()
    labels[0, ::5] = 7
    settings = replace(TINY, reuse="encoder", freeze="encoder")
    model = _train([replace(image, labels=labels)], three, settings, start=replace(start, name="old"))
    for name, values in model.weights.items():
        if name.startswith("encoder."):
            assert np.array_equal(values, start.weights[name])
    assert model.record["transfer"]["from"] == "old"
    assert all(name.startswith("encoder.") for name in model.record["transfer"]["reused"])


def test_everything_is_reused_but_what_is_there_for_other_phases(labelled: Make, phases: PhaseTable) -> None:
    """With "all", only the rows of a phase that the model does not know begin anew."""
    start = _train([labelled(1)], phases)
    three = PhaseTable((*phases, Phase(7, "binder", "binder")))
    image = labelled(2)
    labels = image.labels.copy()
    labels[0, ::5] = 7
    model = _train([replace(image, labels=labels)], three, replace(TINY, steps=2), start=start)
    assert model.record["transfer"]["fresh"] == []
    assert model.record["transfer"]["fresh_phases"] == ["binder"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"reuse": ("tail.",)}, "cannot reuse"),
        ({"network_settings": {"base": 6, "depth": 1}, "reuse": ("encoder.0.",)}, "another shape"),
        ({"freeze": "decodr"}, "there are decoder, encoder"),
        ({"freeze": "all"}, "nothing to train"),
    ],
)
def test_a_transfer_that_cannot_be_is_refused(
    labelled: Make, phases: PhaseTable, change: dict[str, Any], message: str
) -> None:
    """Unknown layers, other shapes and a wholly frozen network say what to do."""
    start = _train([labelled(1)], phases, replace(TINY, steps=1))
    with pytest.raises(InputError, match=message):
        _train([labelled(2)], phases, replace(TINY, **change), start=start)


def test_a_loss_that_is_no_number_stops_the_training(labelled: Make, phases: PhaseTable) -> None:
    """A rate that throws the weights away is named, and no model comes out."""
    with pytest.raises(ConvergenceError, match="smaller"):
        _train([labelled(1)], phases, replace(TINY, learning_rate=1e30, warm_up=0.0))


def test_ids_without_a_phase_are_refused(labelled: Make) -> None:
    """Labels that the table does not know would be dropped in silence."""
    other = PhaseTable((Phase(2, "pore", "pore"), Phase(3, "NMC", "active")))
    with pytest.raises(InputError, match=r"ids \[5\]"):
        _train([labelled(1)], other)


def test_an_empty_validation_part_is_refused(labelled: Make, phases: PhaseTable) -> None:
    """Without held-out labels nobody knows when to stop or how far to trust the result."""
    image = labelled(1)
    nothing = Split((image.labels > 0,), (np.zeros(image.shape, bool),))
    with pytest.raises(GateError, match="validation part is empty"):
        train_network([image], nothing, phases, TINY)
