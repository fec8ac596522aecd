"""From a few labels to a model that tells phases apart."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from safetensors.numpy import load, save
from scipy import ndimage
from skimage.filters import threshold_otsu

from voltomo.artifacts.model import Model
from voltomo.artifacts.phases import Phase, PhaseTable
from voltomo.classifiers import (
    BoostingSettings,
    ClassifierProgress,
    ClassifierSettings,
    FeatureSettings,
    ForestSettings,
    PerceptronSettings,
    open_classifier,
    train_classifier,
)
from voltomo.errors import GateError, InputError
from voltomo.learning.normalization import Normalization, measure_normalization
from voltomo.learning.pairs import LabelledImage
from voltomo.learning.splits import Split, split_labels

PHASES = PhaseTable((Phase(2, "pore", "pore"), Phase(5, "binder", "binder"), Phase(9, "active", "active")))
GREYS = np.array([0.0, 0.35, 1.0])


def make_image(
    seed: int,
    shape: tuple[int, int, int] = (1, 96, 96),
    *,
    noise: float = 0.2,
    share: float = 1.0,
    gain: float = 1.0,
    **fields: object,
) -> LabelledImage:
    """Blobs of three phases, grey with noise; a `share` of the rows is labelled."""
    rng = np.random.default_rng(seed)
    depth = 3.0 if shape[0] > 1 else 0.0
    field = ndimage.gaussian_filter(rng.normal(size=shape), (depth, 4, 4), mode="wrap")
    rows = np.searchsorted(np.quantile(field, (0.25, 0.4)), field)
    grey = gain * (GREYS[rows] + noise * rng.normal(size=shape))
    labels = np.asarray(PHASES.ids, np.uint8)[rows]
    labels[:, rng.random(shape[1]) >= share] = 0
    return LabelledImage(f"image {seed}", grey[None].astype(np.float32), labels, **fields)


def truth_of(image: LabelledImage) -> np.ndarray:
    """Row of the phase table of every voxel; -1 where it is not labelled."""
    table = np.full(256, -1)
    table[list(PHASES.ids)] = range(len(PHASES))
    return table[image.labels]


SETTINGS = ClassifierSettings(
    features=FeatureSettings(sigmas=(1.0, 2.0, 4.0), structure=2.0),
    samples=3000,
    validation_samples=2000,
    perceptron=PerceptronSettings(hidden=(16, 8), steps=300, batch=128, rate=1e-2),
    forest=ForestSettings(trees=15, depth=8),
    boosting=BoostingSettings(rounds=15, leaves=8, depth=4, rate=0.2),
)
IMAGES = [make_image(1, share=0.6), make_image(2, (1, 80, 120), share=0.6, gain=2.0)]
SPLIT = split_labels(IMAGES, gap=4, seed=0)
METHODS = ("mlp", "forest", "boosting")


def train(
    images: Sequence[LabelledImage], split: Split, settings: ClassifierSettings = SETTINGS, **fields: Any
) -> Model:
    """On one thread: small trees gain nothing from two, and wait for each other where the machine is busy."""
    return train_classifier(images, split, PHASES, settings, **({"threads": 1} | fields))


@pytest.fixture(scope="module")
def models() -> dict[str, Model]:
    """One model of each method."""
    return {name: train(IMAGES, SPLIT, replace(SETTINGS, method=name)) for name in METHODS}


def predict(model: Model, image: LabelledImage) -> np.ndarray:
    """(K, Z, Y, X) logits of an image that is scaled by its own percentiles."""
    grey = np.asarray(image.grey)
    return open_classifier(model)(measure_normalization(grey).apply(grey))


@pytest.mark.parametrize("method", METHODS)
def test_it_finds_the_phases_of_another_image(models: dict[str, Model], method: str) -> None:
    """Of a new image with another gain, far more voxels are right than by the best cuts of its grey values."""
    image = make_image(7, gain=5.0)
    found = predict(models[method], image).argmax(axis=0)
    grey = np.asarray(image.grey[0])
    cuts = np.searchsorted(5 * np.array([0.175, 0.675]), grey)  # halfway between the phases
    right = np.mean(found == truth_of(image))
    # the blobs are four pixels wide: a filter that knows their scale removes most of the noise
    assert right > 0.9
    assert right > np.mean(cuts == truth_of(image)) + 0.05


@pytest.mark.parametrize("method", METHODS)
def test_a_block_with_its_halo_gets_the_answers_of_the_whole(models: dict[str, Model], method: str) -> None:
    """Block by block equals whole, to the bit; threads change nothing."""
    classifier = open_classifier(models[method])
    grey = np.random.default_rng(8).uniform(size=(1, 2, 90, 100)).astype(np.float32)
    whole = classifier(grey)
    _, y, x = classifier.halo
    part = classifier(grey[:, 1:, 40 - y : 60 + y, 50 - x :])
    assert np.array_equal(part[:, 0, y : y + 20, x:], whole[:, 1, 40:60, 50:])
    assert np.array_equal(open_classifier(models[method], threads=2)(grey), whole)


@pytest.mark.parametrize("method", METHODS)
def test_a_model_survives_a_file(models: dict[str, Model], method: str) -> None:
    """Through safetensors and JSON, without anything that runs code, the stored test gives the stored answer."""
    model = models[method]
    again = replace(
        model,
        weights=load(save(dict(model.weights))),
        settings=json.loads(json.dumps(model.settings)),
        record=json.loads(json.dumps(model.record)),
    )
    assert again.record == model.record
    assert again.settings == model.settings
    assert np.array_equal(open_classifier(again)(model.test_input), model.test_output)
    assert Normalization.from_mapping(model.normalization).method == "percentile"


@pytest.mark.parametrize("method", METHODS)
def test_seeds_reproduce_a_training(models: dict[str, Model], method: str) -> None:
    """The same seed gives the same arrays with other threads, another seed gives others."""
    settings = replace(SETTINGS, method=method)
    again = train(IMAGES, SPLIT, settings, threads=2)
    other = train(IMAGES, SPLIT, replace(settings, seed=1))
    first = models[method].weights
    assert all(np.array_equal(again.weights[name], first[name]) for name in first)
    assert any(not np.array_equal(other.weights[name], first[name]) for name in first)


def test_unlabelled_voxels_teach_nothing() -> None:
    """Grey values change far from all labels: the same model."""
    image = make_image(4, (1, 64, 160))
    labels = image.labels.copy()
    labels[:, :, 80:] = 0
    grey = np.asarray(image.grey).copy()
    grey[..., 130:] = grey[..., 130:][..., ::-1]  # beyond the reach of the features; the same percentiles
    models = [
        train([part], split_labels([part], gap=2))
        for part in (LabelledImage("a", image.grey, labels), LabelledImage("a", grey, labels))
    ]
    assert all(np.array_equal(models[0].weights[name], models[1].weights[name]) for name in models[0].weights)


def test_probabilities_mean_what_they_say(models: dict[str, Model]) -> None:
    """On a new image of the same kind, the mean probability of the chosen phase is the share of right voxels."""
    image = make_image(9, (1, 160, 160))
    for method, model in models.items():
        logits = predict(model, image) / model.temperature
        shares = np.exp(logits - logits.max(axis=0))
        shares /= shares.sum(axis=0)
        right = np.mean(shares.argmax(axis=0) == truth_of(image))
        # the phases of one image are some percent easier or harder than those that set the temperature
        assert np.mean(shares.max(axis=0)) == pytest.approx(right, abs=0.04), method


def test_without_held_out_labels_nothing_is_calibrated() -> None:
    """The temperature is 1, and no feature has an importance."""
    none = Split(SPLIT.training, tuple(np.zeros_like(mask) for mask in SPLIT.validation))
    model = train(IMAGES, none)
    assert model.temperature == 1.0
    assert model.record["importances"] == {}


def test_boosting_stops_where_held_out_labels_say(models: dict[str, Model]) -> None:
    """A fast learning rate overfits within 25 rounds; fewer are kept, and the model grown again has as many."""
    fast = BoostingSettings(rounds=25, leaves=16, depth=6, rate=0.8, smallest_leaf=5)
    settings = replace(SETTINGS, method="boosting", boosting=fast)
    kept = train(IMAGES, SPLIT, settings).weights["trees.roots"].size
    again = train(IMAGES, SPLIT, replace(settings, refit=True)).weights["trees.roots"].size
    assert 0 < kept < 75
    assert kept % 3 == 0
    assert again == kept


def test_members_differ_and_one_temperature_is_theirs() -> None:
    """An ensemble has further weights; each member answers differently."""
    model = train(IMAGES, SPLIT, replace(SETTINGS, members=2))
    image = make_image(5)
    one, two = predict(model, image), predict(replace(model, weights=model.members[0], members=()), image)
    assert len(model.members) == 1
    assert not np.array_equal(one, two)
    assert np.mean(one.argmax(axis=0) == two.argmax(axis=0)) > 0.9  # they learnt the same


def test_volumes_and_anisotropic_voxels() -> None:
    """In three dimensions, features reach further in voxels along the fine axes; noise that hides a slice does not."""
    noisy = {"noise": 1.0, "voxel_size": (2e-7, 1e-7, 1e-7)}
    volume, other = make_image(11, (20, 48, 48), **noisy), make_image(12, (20, 48, 48), **noisy)
    features = FeatureSettings(sigmas=(1.0, 2.0, 4.0), structure=2.0, dimension=3)
    split = split_labels([volume], gap=2)
    deep = train([volume], split, replace(SETTINGS, features=features))
    flat = train([volume], split)
    assert deep.settings["features"]["edges"] == [2.0, 1.0, 1.0]
    assert deep.voxel_size == ((2e-7, 1e-7, 1e-7), (2e-7, 1e-7, 1e-7))
    z, y, _ = open_classifier(deep).halo
    assert z < y
    right = [np.mean(predict(model, other).argmax(axis=0) == truth_of(other)) for model in (flat, deep)]
    assert right[1] > right[0] + 0.03  # the neighbouring slices tell what the noise hides


def test_two_channels_are_both_used() -> None:
    """A channel of noise beside the one that shows the phases: the phases are found, and noise has no importance."""
    images = []
    for image in IMAGES:
        noise = np.random.default_rng(3).normal(size=image.grey.shape).astype(np.float32)
        images.append(LabelledImage(image.name, np.concatenate([noise, image.grey]), image.labels))
    model = train(images, SPLIT, SETTINGS, channels=("SE", "BSE"))
    assert model.channels == ("SE", "BSE")
    grey = measure_normalization(np.asarray(images[1].grey)).apply(np.asarray(images[1].grey))
    found = open_classifier(model)(grey).argmax(axis=0)
    assert np.mean((found == truth_of(IMAGES[1]))[SPLIT.validation[1]]) > 0.9  # as with one channel
    importances = model.record["importances"]
    noise = [value for name, value in importances.items() if name.startswith("SE")]
    assert max(importances, key=importances.__getitem__).startswith("BSE")
    assert max(noise) < 0.1 * max(importances.values())  # a few hundred voxels make some of the rest of it useful
    with pytest.raises(InputError, match="2 channel names"):
        train(images, SPLIT, SETTINGS, channels=("BSE",))


def test_progress_counts_to_its_total() -> None:
    """Each part is told once."""
    told: list[ClassifierProgress] = []
    train(IMAGES, SPLIT, replace(SETTINGS, refit=True), on_progress=told.append)
    assert [progress.stage for progress in told] == ["features", "training", "validation", "refit"]
    assert [progress.done for progress in told] == [1, 2, 3, 4]
    assert told[-1].total == 4


def test_what_cannot_be_learnt_is_refused() -> None:
    """A phase without a label, labels without a phase, masks that do not belong, channels that differ."""
    more = PhaseTable((*PHASES, Phase(11, "crack", "crack")))
    with pytest.raises(GateError, match="no label of crack"):
        train_classifier(IMAGES, SPLIT, more, SETTINGS)
    fewer = PhaseTable(PHASES.phases[:2])
    with pytest.raises(InputError, match=r"labels \[9\]"):
        train_classifier(IMAGES, SPLIT, fewer, SETTINGS)
    with pytest.raises(InputError, match="one mask per image"):
        train(IMAGES[:1], SPLIT)
    two = LabelledImage("two", np.concatenate([IMAGES[1].grey] * 2), IMAGES[1].labels)
    with pytest.raises(InputError, match="number of channels"):
        train([IMAGES[0], two], SPLIT)


def test_voxels_of_other_proportions_are_refused() -> None:
    """In three dimensions, features mean another thing in another scan."""
    images = [make_image(i, (8, 40, 40), voxel_size=(i * 1e-7, 1e-7, 1e-7)) for i in (1, 2)]
    settings = replace(SETTINGS, features=replace(SETTINGS.features, dimension=3))
    with pytest.raises(InputError, match="proportions"):
        train(images, split_labels(images, gap=2), settings)


@pytest.mark.parametrize(
    "wrong", [{"method": "svm"}, {"balance": 2.0}, {"samples": 0}, {"members": 0}, {"percentiles": (5.0, 5.0)}], ids=str
)
def test_senseless_settings_are_refused(wrong: dict[str, object]) -> None:
    """Before anything is read."""
    with pytest.raises(InputError):
        ClassifierSettings(**wrong)


def test_models_that_do_not_fit_are_refused(models: dict[str, Model]) -> None:
    """A network, other channels, other features, other phases."""
    model = models["mlp"]
    with pytest.raises(InputError, match="no pixel classifier"):
        open_classifier(replace(model, network="unet", settings={"dimension": 2}))
    with pytest.raises(InputError, match="2 channels"):
        open_classifier(replace(model, channels=("a", "b"), test_input=None, test_output=None))
    with pytest.raises(InputError, match="which features"):
        open_classifier(replace(model, settings={}))
    with pytest.raises(InputError, match="has 2 phases but scores for 3"):
        open_classifier(replace(model, phases=PhaseTable(PHASES.phases[:2]), test_input=None, test_output=None))


def test_scribbles_on_real_slices_beat_otsu(data: Callable[[str], Path]) -> None:
    """One percent of one nano-CT slice, in short strokes, finds more of the NMC of another slice than Otsu's cut."""
    phases = PhaseTable((Phase(1, "NMC", "active"), Phase(2, "CBD", "binder"), Phase(3, "pore", "pore")))
    grey, labels = (tifffile.imread(data(f"nmc_nanoct/A_1{end}.tif")) for end in ("", "_label"))
    rng = np.random.default_rng(0)
    strokes = np.zeros(labels.shape, bool)
    for y, x in zip(rng.integers(0, 499, 150), rng.integers(0, 580, 150), strict=True):
        strokes[y, x : x + 20] = True
    painted = np.where(strokes, labels + 1, 0).astype(np.uint8)
    image = LabelledImage("A_1", grey[None, None], painted[None])
    model = train_classifier(
        [image], split_labels([image], gap=8), phases, replace(SETTINGS, features=FeatureSettings())
    )
    unseen, truth = (tifffile.imread(data(f"nmc_nanoct/A_200{end}.tif")) for end in ("", "_label"))
    ours = predict(model, LabelledImage("A_200", unseen[None, None], painted[None])).argmax(axis=0)[0] == 0
    cut = unseen > threshold_otsu(unseen)

    def overlap(found: np.ndarray) -> float:
        return float(np.sum(found & (truth == 0)) / np.sum(found | (truth == 0)))

    # Otsu reaches 0.73 there, and 0.86 was found; seeds differ by 0.01
    assert overlap(ours) > overlap(cut) + 0.06
