"""Looking into a trained network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from voltomo.artifacts.model import Model
from voltomo.artifacts.phases import PhaseTable
from voltomo.errors import InputError, ShapeError
from voltomo.learning.normalization import Normalization
from voltomo.learning.pairs import LabelledImage
from voltomo.learning.splits import Split, split_labels
from voltomo.networks import NetworkEntry, build_network, register_network, registry, resolve_settings
from voltomo.networks.contract import NetworkSettings, settings_mapping
from voltomo.training import Augmentation
from voltomo.training.insight import augmented_crops, explain_training, look_inside

Make = Callable[..., LabelledImage]

NORMALIZATION = {"method": "percentile", "percentiles": [1.0, 99.0], "low": [0.0], "high": [255.0]}


class Linear(nn.Module):
    """Two features of every voxel, 3 g and −4 g, and two logits: the first feature, and twice the second."""

    multiple = (1, 1, 1)
    halo = (0, 0, 0)

    def __init__(self, settings: NetworkSettings, *, channels: int, classes: int) -> None:
        super().__init__()
        self.encoder = nn.Conv2d(channels, 2, 1, bias=False)
        self.head = nn.Conv2d(2, classes, 1, bias=False)
        with torch.no_grad():
            self.encoder.weight.copy_(torch.tensor([3.0, -4.0]).reshape(2, 1, 1, 1))
            self.head.weight.copy_(torch.tensor([[1.0, 0.0], [0.0, 2.0]]).reshape(2, 2, 1, 1))

    def forward(self, grey: torch.Tensor) -> torch.Tensor:
        return self.head(self.encoder(grey))


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Two threads on tiny images wait for each other more than they work."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def linear() -> Iterator[str]:
    """The name of a network whose answers are known."""
    register_network(NetworkEntry("linear", NetworkSettings, Linear))
    yield "linear"
    registry._entries.pop("linear")


def _model(phases: PhaseTable, network: str, *, channels: int = 1, **settings: Any) -> Model:
    """A network with its first weights."""
    torch.manual_seed(0)
    built = build_network(network, settings, channels=channels, classes=len(phases))
    return Model(
        name="m",
        network=network,
        settings=settings_mapping(resolve_settings(network, settings), built),  # type: ignore[arg-type]
        phases=phases,
        channels=tuple(f"c{k}" for k in range(channels)),
        normalization=NORMALIZATION,
        weights={name: value.numpy().copy() for name, value in built.state_dict().items()},
    )


def test_saliency_of_a_linear_network_is_its_weight(phases: PhaseTable, linear: str) -> None:
    """Logits 3 g and −8 g: evidence, the logit less the mean of both, changes by 5.5 and −5.5 everywhere."""
    grey = np.random.default_rng(0).random((1, 1, 20, 30)).astype(np.float32)
    seen = look_inside(_model(phases, linear), grey, np.zeros((1, 20, 30), np.uint8))
    assert np.allclose(seen.saliency[0], 5.5)
    assert np.allclose(seen.saliency[1], -5.5)


def test_activations_are_what_the_layer_answers(phases: PhaseTable, linear: str) -> None:
    """The channel with the larger spread, −4 g, comes first; the logits are not shown."""
    grey = np.random.default_rng(0).random((1, 1, 20, 30)).astype(np.float32)
    (layer,) = look_inside(_model(phases, linear), grey, np.zeros((1, 20, 30), np.uint8)).activations
    assert (layer.layer, layer.channels, layer.numbers) == ("encoder", 2, (1, 0))
    assert np.allclose(layer.maps, [-4 * grey[0, 0], 3 * grey[0, 0]])


def test_features_on_a_line_have_one_component(phases: PhaseTable, linear: str) -> None:
    """(3 g, −4 g) lies on a line: all variance along the first component, distances 5 times those of g."""
    grey = np.random.default_rng(0).random((1, 1, 20, 30)).astype(np.float32)
    labels = np.where(grey[0] > 0.5, 5, 2).astype(np.uint8)
    labels[:, 10:] = 0
    features = look_inside(_model(phases, linear), grey, labels).features
    assert features is not None
    assert features.shares == pytest.approx((1.0, 0.0), abs=1e-9)
    assert features.channels == 2
    assert len(features.points) == 300  # the labelled ones; unlabelled voxels are not sampled
    first = features.points[:, 0]
    assert np.ptp(first) == pytest.approx(5 * np.ptp(grey[0, 0, :10]), rel=1e-5)
    assert (first[features.labels == 5].min() - first[features.labels == 2].max()) * np.sign(
        first[features.labels == 5].mean()
    ) > -1e-5  # bright and dark do not overlap on the line


def test_prediction_and_labels_carry_phase_ids(phases: PhaseTable, linear: str) -> None:
    """Class k of the network is row k of the table, whose ids are 2 and 5."""
    grey = np.full((1, 1, 8, 8), 0.5, np.float32)
    grey[..., 4:] = -0.5
    seen = look_inside(_model(phases, linear), grey, np.full((1, 8, 8), 5, np.uint8))
    assert (seen.prediction[:, :4] == 2).all()
    assert (seen.prediction[:, 4:] == 5).all()


def test_unlabelled_windows_have_no_features(phases: PhaseTable, linear: str) -> None:
    """Without labels there is nothing to color a cloud by."""
    seen = look_inside(_model(phases, linear), np.ones((1, 1, 8, 8), np.float32), np.zeros((1, 8, 8), np.uint8))
    assert seen.features is None


@pytest.mark.parametrize(
    ("network", "settings", "layers"),
    [
        ("unet", {"base": 4, "depth": 2}, 5),
        ("unet", {"base": 4, "depth": 2, "stem": 2}, 5),
        ("unet", {"base": 4, "depth": 2, "dimension": 2.5, "neighbors": 1}, 5),
        ("unet", {"base": 4, "depth": 1, "dimension": 3}, 3),
        ("lrcsnet", {"filters": 2}, 5),
        ("segnet", {"base": 2}, 5),
        ("patchnet", {"filters": 2, "patch": 16, "hidden": 2}, 0),  # its patches are no image of the window
    ],
)
def test_every_network_can_be_looked_into(
    phases: PhaseTable, labelled: Make, network: str, settings: dict[str, Any], layers: int
) -> None:
    """All shapes belong to the window, two channels and a size that is no multiple included."""
    shape = (5, 50, 43)
    image = labelled(0, shape=shape, channels=2)
    grey = (image.grey / np.float32(255)).astype(np.float32)
    seen = look_inside(_model(phases, network, channels=2, **settings), grey, image.labels)
    assert seen.grey.shape == seen.labels.shape == seen.prediction.shape == (50, 43)
    assert seen.saliency.shape == (2, 50, 43)
    assert np.abs(seen.saliency).max() > 0
    assert np.isfinite(seen.saliency).all()
    assert np.allclose(seen.saliency.sum(axis=0), 0, atol=1e-4 * np.abs(seen.saliency).max())  # evidences add up to 0
    assert len(seen.activations) == layers
    assert all(np.isfinite(one.maps).all() and one.maps.ndim == 3 for one in seen.activations)
    if layers:
        assert seen.features is not None
        assert set(np.unique(seen.features.labels)) == {2, 5}


def test_large_images_are_cut_to_a_window(phases: PhaseTable, linear: str) -> None:
    """A slice of any size costs the same: its middle 256 × 256 voxels."""
    grey = np.arange(400 * 300, dtype=np.float32).reshape(1, 1, 400, 300)
    seen = look_inside(_model(phases, linear), grey, np.zeros((1, 400, 300), np.uint8))
    assert np.array_equal(seen.grey, grey[0, 0, 72:328, 22:278])


def test_what_cannot_be_looked_into_is_refused(phases: PhaseTable, linear: str) -> None:
    """A pixel classifier has no layers, and labels of another shape are no labels of the window."""
    model = _model(phases, linear)
    with pytest.raises(ShapeError, match="expected grey values"):
        look_inside(model, np.zeros((1, 1, 8, 8), np.float32), np.zeros((1, 8, 9), np.uint8))
    classifier = Model("c", "mlp", {}, phases, ("grey",), NORMALIZATION, {})
    with pytest.raises(InputError, match="pixel classifier"):
        look_inside(classifier, np.zeros((1, 1, 8, 8), np.float32), np.zeros((1, 8, 8), np.uint8))


def test_a_training_is_explained_on_its_validation_part(phases: PhaseTable, labelled: Make) -> None:
    """The window lies where labels validate; those that train are not shown as labels, and seeds repeat it."""
    images = [labelled(0, shape=(1, 96, 96)), labelled(1, shape=(1, 96, 96))]
    split = split_labels(images, gap=4, seed=0)
    model = _model(phases, "unet", base=4, depth=2).with_record(
        settings={"augmentation": {"warp_chance": 1.0, "scale": [0.9, 1.1]}}, plan={"patch": [1, 32, 32]}
    )
    seen, again = (explain_training(model, images, split) for _ in range(2))
    which = next(number for number, image in enumerate(images) if image.name == seen.name)
    assert np.array_equal(seen.labels > 0, split.validation[which][0])
    assert seen.augmented is not None
    assert again.augmented is not None
    assert seen.augmented.grey.shape == (8, 32, 32)
    assert np.array_equal(seen.augmented.grey, again.augmented.grey)
    assert np.array_equal(seen.saliency, again.saliency)


def test_the_first_and_last_slice_of_a_volume_can_be_explained(phases: PhaseTable, labelled: Make) -> None:
    """A network that sees neighbours is shown the slice that validates, also where it has them on one side only."""
    image = labelled(0, shape=(4, 48, 48))
    model = _model(phases, "unet", base=4, depth=1, dimension=2.5, neighbors=1)
    for z in (0, 3):
        mask = np.zeros(image.shape, bool)
        mask[z, 8:30, 8:30] = True
        split = Split((~mask,), (mask,))
        seen = explain_training(model, [image], split)
        assert np.array_equal(seen.labels > 0, mask[z])
        assert seen.augmented is None  # the record does not say how crops were changed


def test_the_first_crop_is_unchanged(labelled: Make) -> None:
    """It stands in the image as it is; without augmentation all crops are equal to it."""
    image = labelled(0, shape=(1, 96, 96))
    split = split_labels([image], gap=4, seed=0)
    scale = (Normalization((0.0,), (255.0,)),)
    crops = augmented_crops([image], split, Augmentation.none(), normalizations=scale, edges=(32, 32))
    assert (crops.grey == crops.grey[0]).all()
    assert (crops.labels == crops.labels[0]).all()
    whole = np.lib.stride_tricks.sliding_window_view(image.grey[0, 0] / np.float32(255), (32, 32))
    places = np.argwhere(np.isclose(whole, crops.grey[0], atol=1e-6).all(axis=(2, 3)))
    assert len(places) == 1
    y, x = places[0]
    window = (0, slice(y, y + 32), slice(x, x + 32))
    assert np.array_equal(crops.labels[0], np.where(split.training[0][window], image.labels[window], 0))
    changed = augmented_crops([image], split, Augmentation(), normalizations=scale, edges=(32, 32))
    assert np.array_equal(changed.grey[0], crops.grey[0])
    assert len(np.unique(changed.grey.reshape(8, -1), axis=0)) > 4  # now and then nothing is drawn
    mirrored = Augmentation(warp_chance=0, grey_chance=0)
    flipped = augmented_crops([image], split, mirrored, normalizations=scale, edges=(32, 32))
    assert np.array_equal(
        np.sort(flipped.grey.reshape(8, -1)), np.sort(crops.grey.reshape(8, -1))
    )  # moved, not changed
