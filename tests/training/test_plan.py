from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("torch", reason="training needs torch: pip install 'voltomo[train]'")

from voltomo.errors import InputError
from voltomo.learning.pairs import LabelledImage
from voltomo.training import TrainingSettings, plan_training

Make = Callable[..., LabelledImage]


def test_slices_are_read_in_the_plane_and_volumes_with_their_neighbors(labelled: Make) -> None:
    """Single slices give a 2D network, volumes a 2.5D one, unless something else is asked for."""
    volume = labelled(1, shape=(8, 64, 64))
    assert plan_training([labelled(1)], TrainingSettings()).network_settings["dimension"] == 2
    assert plan_training([volume], TrainingSettings()).network_settings["neighbors"] == 1
    asked = TrainingSettings(network_settings={"dimension": 3})
    assert plan_training([volume], asked).patch == (8, 48, 48)


def test_thick_slices_begin_in_the_plane(labelled: Make) -> None:
    """Slices four times as thick as their pixels are left as they are while y and x are halved twice."""
    volume = labelled(1, shape=(32, 64, 64), voxel_size=(4e-7, 1e-7, 1e-7))
    plan = plan_training([volume], TrainingSettings(network_settings={"dimension": 3}))
    assert plan.network_settings["flat_levels"] == 2
    assert plan.patch == (8, 48, 48)


def test_small_images_get_small_crops_and_shallow_networks(labelled: Make) -> None:
    """A crop is not much larger than the smallest image, and the network not deeper than a crop allows."""
    plan = plan_training([labelled(1, shape=(1, 64, 40)), labelled(2, shape=(1, 300, 300))], TrainingSettings())
    assert plan.patch == (1, 48, 48)
    assert plan.network_settings["depth"] == 2


def test_more_labels_train_longer(labelled: Make) -> None:
    """Steps grow with the labels, and are what is asked for where they are."""
    few = plan_training([labelled(1)], TrainingSettings()).steps
    many = plan_training([labelled(1, shape=(1, 1000, 1000))], TrainingSettings()).steps
    assert few < many
    assert plan_training([labelled(1)], TrainingSettings(steps=7)).steps == 7


def test_what_has_learned_already_is_trained_shorter_and_more_gently(labelled: Make) -> None:
    """A training that begins from another model takes fewer steps at a lower rate, the lower the fewer labels."""
    few, many = [labelled(1)], [labelled(1, shape=(1, 1000, 1000))]
    fresh, begun, begun_many = (
        plan_training(few, TrainingSettings()),
        plan_training(few, TrainingSettings(), is_started=True),
        plan_training(many, TrainingSettings(), is_started=True),
    )
    assert begun.steps < begun_many.steps < fresh.steps
    assert begun.learning_rate < begun_many.learning_rate < fresh.learning_rate
    assert plan_training(few, TrainingSettings(learning_rate=0.01), is_started=True).learning_rate == 0.01


def test_every_given_value_stays(labelled: Make) -> None:
    """What is given is not worked out."""
    settings = TrainingSettings(
        network_settings={"base": 6, "depth": 1}, patch=(1, 24, 32), batch=3, steps=9, validate_every=2
    )
    plan = plan_training([labelled(1)], settings)
    assert (plan.patch, plan.batch, plan.steps, plan.validate_every) == ((1, 24, 32), 3, 9, 2)
    assert (plan.network_settings["base"], plan.network_settings["depth"]) == (6, 1)


def test_a_deep_patch_needs_a_network_for_volumes(labelled: Make) -> None:
    """Crops of several slices and a 2D network contradict each other."""
    with pytest.raises(InputError, match="patch of one slice"):
        plan_training([labelled(1)], TrainingSettings(patch=(4, 32, 32)))


def test_images_must_agree_on_channels(labelled: Make) -> None:
    """One network reads a fixed number of channels."""
    with pytest.raises(InputError, match="same number of channels"):
        plan_training([labelled(1), labelled(2, channels=2)], TrainingSettings())


@pytest.mark.parametrize(
    "wrong",
    [
        {"loss": "dice"},
        {"precision": "f16"},
        {"steps": 0},
        {"learning_rate": 0.0},
        {"averaging": 1.0},
        {"patch": (0, 3, 3)},
        {"members": 0},
        {"ensemble": "none"},
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    """The message says what was expected and found."""
    with pytest.raises(InputError, match=r"expected .* found"):
        TrainingSettings(**wrong)
