from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from voltomo.artifacts import Model, Phase, PhaseTable, Volume
from voltomo.errors import GateError
from voltomo.learning.label_bias import shift_boundary
from voltomo.learning.pairs import LabelledImage
from voltomo.stages.retrain import RetrainConfig, run_retrain
from voltomo.stages.segment_model import ModelSegmentConfig
from voltomo.stages.train import TrainConfig, run_train
from voltomo.stages.workspace import MemoryWorkspace

TWO = PhaseTable((Phase(1, "pore", "pore"), Phase(2, "NMC", "active")))
RECIPE = TrainConfig(method="mlp", gap=2, settings={"samples": 3000, "perceptron": {"steps": 150}})
MOVED = RetrainConfig(grey="grey", labels="labels", boundary=1, jittered=1)


@pytest.fixture(scope="module")
def scene() -> tuple[Volume, list[LabelledImage], Model]:
    """A blurred, noisy slice of blobs with its true labels, and a small perceptron that learned from them."""
    rng = np.random.default_rng(5)
    solid = ndimage.gaussian_filter(rng.standard_normal((1, 96, 96)), (0, 4, 4)) > 0
    grey = ndimage.gaussian_filter(solid.astype(np.float32), (0, 1, 1)) + 0.1 * rng.standard_normal(solid.shape)
    volume = Volume.from_array(grey.astype(np.float32))
    own = [LabelledImage("slice", volume.data, np.where(solid, 2, 1).astype(np.uint8))]
    return volume, own, run_train(own, TWO, RECIPE).model


def share(phase_map: np.ndarray) -> float:
    """Of NMC."""
    return float((np.asarray(phase_map) == 2).mean())


def test_labels_that_are_too_wide_give_maps_that_are_too_wide(
    scene: tuple[Volume, list[LabelledImage], Model],
) -> None:
    """NMC drawn narrower, as drawn and wider gives shares in that order, about as far apart as the labels themselves.

    Labels as drawn give the same model again, so that no map is made; the recipe in the record is all it takes.
    """
    volume, own, model = scene
    found = run_retrain(volume, model, own, MOVED, ModelSegmentConfig(), MemoryWorkspace())
    drawn, narrower, wider, jittered = found.retrained.maps
    assert (drawn.kind, drawn.phase_map) == ("as drawn", None)
    assert [one.kind for one in (narrower, wider, jittered)] == ["narrower", "wider", "jittered"]
    assert [row.get("file") for row in found.record["variants"]] == [None, "1", "2", "3"]
    assert "mlp retrained on 4 label variants" in found.retrained.how
    low, high = (share(one.phase_map.data) for one in (narrower, wider) if one.phase_map is not None)
    truth = share(own[0].labels)
    assert low < truth < high
    changed = [row["changed"] for row in found.record["variants"][1:3]]
    # A blurred edge leaves the classifier some freedom: within a third of what was painted.
    assert high - low == pytest.approx(sum(changed), rel=1 / 3)


def test_a_model_without_its_recipe_is_refused(scene: tuple[Volume, list[LabelledImage], Model]) -> None:
    """Nobody can repeat a training that is not described."""
    volume, own, model = scene
    bare = replace(model, record={})
    with pytest.raises(GateError, match="does not say how it was trained"):
        run_retrain(volume, bare, own, MOVED, ModelSegmentConfig(), MemoryWorkspace())


def test_models_and_maps_from_before_a_kill_are_used_again(scene: tuple[Volume, list[LabelledImage], Model]) -> None:
    """A model that is kept is not trained again; others follow the annotators, by name."""
    volume, own, model = scene
    asked: list[str] = []

    def keep(name: str, _make: object) -> Model:
        asked.append(name)
        return model

    config = RetrainConfig(grey="grey", labels="labels", annotators=("anna",))
    work = MemoryWorkspace()
    kept = ModelSegmentConfig(disagreement=True, members=True)  # as an ensemble segmented the study: maps need neither
    found = run_retrain(volume, model, own, config, kept, work, others={"anna": own}, keep=keep)
    assert asked == ["0", "1"]
    assert [one.who for one in found.retrained.maps] == ["", "anna"]
    assert share(work.arrays["retrained/1"]) == pytest.approx(share(own[0].labels), abs=0.05)


@pytest.mark.parametrize("told", [{}, {"annotators": ("a",), "boundary": 1}])
def test_either_annotators_or_a_boundary(told: dict[str, object]) -> None:
    """A retraining without variants, or with two kinds of them, is refused."""
    with pytest.raises(ValueError, match="give either"):
        RetrainConfig.model_validate({"grey": "g", "labels": "l", **told})


@pytest.mark.slow
def test_networks_go_on_from_the_model(scene: tuple[Volume, list[LabelledImage], Model]) -> None:
    """A network is fine-tuned on each set of labels, also on those as drawn, and moves towards what it is shown."""
    pytest.importorskip("torch", reason="networks are trained with torch: pip install 'voltomo[train]'")
    volume, own, _ = scene
    small = {"network_settings": {"base": 8, "depth": 2}, "patch": [1, 48, 48], "batch": 4, "steps": 60, "threads": 1}
    model = run_train(own, TWO, TrainConfig(method="unet", gap=2, settings=small)).model
    wide = [replace(own[0], labels=shift_boundary(own[0].labels, [2], by=3), annotator="anna")]
    config = RetrainConfig(grey="grey", labels="labels", annotators=("anna",))
    work = MemoryWorkspace()
    found = run_retrain(volume, model, own, config, ModelSegmentConfig(), work, others={"anna": wide})
    assert "unet fine-tuned for 60 steps on 2 label variants" in found.retrained.how
    drawn, anna = (share(work.arrays[f"retrained/{number}"]) for number in (0, 1))
    painted = share(wide[0].labels) - share(own[0].labels)
    assert anna - drawn > painted / 2  # a short training goes most of the way
