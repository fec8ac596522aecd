"""A model says which slices of a volume it knows least about."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from voltomo.artifacts import Model, Phase, PhaseTable, Volume
from voltomo.classifiers import ClassifierSettings, FeatureSettings, PerceptronSettings, train_classifier
from voltomo.errors import InputError
from voltomo.learning.pairs import LabelledImage
from voltomo.learning.splits import split_labels
from voltomo.stages import next_slices as module
from voltomo.stages.next_slices import find_next_slices

PHASES = PhaseTable((Phase(1, "pore", "pore"), Phase(2, "active", "active")))
STRANGE = range(24, 32)
"""Slices of the volume that nothing like it was labelled of."""


def make_volume(depth: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Grains of two grey levels and their labels; in a slab, the levels are nearly the same."""
    rng = np.random.default_rng(0)
    solid = ndimage.gaussian_filter(rng.normal(size=(depth, 64, 64)), (0, 4, 4)) > 0
    contrast = np.ones((depth, 1, 1))
    contrast[STRANGE.start : STRANGE.stop] = 0.1
    grey = 100 + 80 * contrast * (solid - 0.5) + rng.normal(0, 12, solid.shape)
    return grey.astype(np.float32), solid + np.uint8(1)


@pytest.fixture(scope="module")
def model() -> Model:
    """An ensemble of two small classifiers that know the first slice."""
    grey, labels = make_volume()
    image = LabelledImage("first", grey[None, :1], labels[:1])
    settings = ClassifierSettings(
        features=FeatureSettings(sigmas=(1.0, 2.0), structure=1.0),
        samples=1500,
        members=2,
        perceptron=PerceptronSettings(hidden=(8,), steps=150, batch=128, rate=1e-2),
    )
    return train_classifier([image], split_labels([image], gap=2), PHASES, settings, threads=1)


def test_slices_that_are_files_are_named(model: Model) -> None:
    """Slice 3 of a folder is known to its owner by the name of its file."""
    names = tuple(f"scan_{10 * z:04d}.tif" for z in range(60))
    volume = replace(Volume.from_array(make_volume()[0]), metadata={"slices": names})
    (chosen,) = find_next_slices(volume, model, count=1).chosen
    assert chosen.file == names[chosen.slice]


@pytest.mark.parametrize(("members", "reason"), [(2, "the ensemble disagrees"), (1, "the model expects to be wrong")])
def test_slices_unlike_the_rest_come_first(model: Model, members: int, reason: str) -> None:
    """Two slices of the slab, apart from each other, are chosen before any other one."""
    asked = model if members == 2 else replace(model, members=())
    found = find_next_slices(Volume.from_array(make_volume()[0]), asked, name="scan", count=2)
    first, second = found.chosen
    assert {first.slice, second.slice} <= set(STRANGE)
    assert abs(first.slice - second.slice) > 3  # a twentieth of the volume
    assert first.name == "scan"
    assert first.file == ""
    assert first.reason.startswith(reason)
    doubt = dict(zip(found.numbers, found.doubt, strict=True))
    usual = [share for z, share in doubt.items() if z not in STRANGE]
    assert doubt[second.slice] > 2 * max(usual)


def test_what_is_labelled_is_not_proposed_again(model: Model) -> None:
    """With a label in the middle of the slab, its slices beside that one are passed over."""
    volume = Volume.from_array(make_volume()[0])
    found = find_next_slices(volume, model, count=4, labelled=[27])
    assert all(abs(one.slice - 27) > 3 for one in found.chosen)


def test_large_volumes_are_sampled(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few slices are read where they are large; each sees its neighbors as in the whole volume."""
    grey = make_volume()[0]
    whole = find_next_slices(Volume.from_array(grey), model)
    assert len(whole.numbers) == 48
    monkeypatch.setattr(module, "VOXELS", 12 * 64 * 64)
    few = find_next_slices(Volume.from_array(grey), model)
    assert few.numbers == (2, 7, 12, 17, 22, 27, 32, 37, 42, 47, 52, 57)
    assert few.chosen[0].slice == 27
    numbers, sample, places = module._sample(Volume.from_array(grey), 1)
    assert len(numbers) == 8
    assert sample.shape == (24, 64, 64)
    for number, place in zip(numbers, places, strict=True):
        assert np.array_equal(sample.data[0, place - 1 : place + 2], grey[number - 1 : number + 2])


def test_what_cannot_be_asked_is_refused(model: Model) -> None:
    """One slice leaves no choice; a labelled slice that is not there is a slip."""
    grey = make_volume()[0]
    with pytest.raises(InputError, match="one slice"):
        find_next_slices(Volume.from_array(grey[:1]), model)
    with pytest.raises(InputError, match="0 to 59"):
        find_next_slices(Volume.from_array(grey), model, labelled=[60])
