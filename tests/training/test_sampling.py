from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch", reason="training needs torch: pip install 'voltomo[train]'")

from voltomo.artifacts.phases import PhaseTable
from voltomo.errors import GateError
from voltomo.learning.normalization import Normalization
from voltomo.learning.pairs import LabelledImage
from voltomo.training import sampling
from voltomo.training.augmentation import Augmentation
from voltomo.training.sampling import IGNORE, CropSampler, class_rows, read_window

PLAIN = Normalization((0.0,), (255.0,))


def _sampler(
    images: list[LabelledImage], phases: PhaseTable, *, neighbors: int = 0, patch: tuple[int, int, int] = (1, 32, 32)
) -> CropSampler:
    return CropSampler(
        images,
        [image.labels > 0 for image in images],
        normalizations=[PLAIN] * len(images),
        phases=phases,
        patch=patch,
        neighbors=neighbors,
        augmentation=Augmentation.none(),
        seed=3,
    )


def test_ids_become_rows_of_the_table(phases: PhaseTable) -> None:
    """Class k is row k of the phase table; unlabelled voxels are left out."""
    rows = class_rows(phases)
    assert (rows[2], rows[5], rows[0], rows[7]) == (0, 1, IGNORE, IGNORE)


@given(st.tuples(*[st.integers(-9, 12)] * 3), st.tuples(*[st.integers(1, 12)] * 3))
@settings(max_examples=30)
def test_a_window_repeats_the_last_voxels(origin: tuple[int, ...], size: tuple[int, ...]) -> None:
    """A window anywhere holds the nearest voxel of the image at each place."""
    grey = np.arange(2 * 5 * 6 * 7, dtype=np.float32).reshape(2, 5, 6, 7)
    image = LabelledImage("i", grey, np.ones((5, 6, 7), np.uint8))
    scale = Normalization((0.0, 0.0), (1000.0, 1000.0))
    places = np.meshgrid(
        *(np.clip(np.arange(o, o + s), 0, n - 1) for o, s, n in zip(origin, size, image.shape, strict=True)),
        indexing="ij",
    )
    assert np.allclose(read_window(image, scale, origin, size), grey[:, places[0], places[1], places[2]] / 1000)


def test_a_batch_depends_on_seed_and_step_only(labelled: Callable[..., LabelledImage], phases: PhaseTable) -> None:
    """Steps can be drawn in any order; a resumed training sees the crops that it would have seen."""
    sampler = _sampler([labelled(1), labelled(2)], phases)
    sampler.batch(0, 4)
    for one, other in zip(sampler.batch(5, 4), _sampler([labelled(1), labelled(2)], phases).batch(5, 4), strict=True):
        assert np.array_equal(one, other)
    assert not np.array_equal(sampler.batch(5, 4)[0], sampler.with_seed(4).batch(5, 4)[0])


def test_rare_phases_are_seen_as_often(labelled: Callable[..., LabelledImage], phases: PhaseTable) -> None:
    """A phase on 9 of 4096 voxels is in at least half of the crops."""
    labels = np.full((1, 64, 64), 2, np.uint8)
    labels[0, 30:33, 30:33] = 5
    image = replace(labelled(1), labels=labels)
    _, classes = _sampler([image], phases).batch(0, 16)
    assert sum(bool((crop == 1).any()) for crop in classes) >= 8


def test_grey_and_classes_of_a_crop_belong_together(labelled: Callable[..., LabelledImage], phases: PhaseTable) -> None:
    """Where the grey is the label, every crop shows it, also of images smaller than the crop."""
    for shape in ((1, 64, 64), (1, 20, 64)):
        image = labelled(1, shape=shape)
        image = replace(image, grey=image.labels[None])
        grey, classes = _sampler([image], phases).batch(0, 8)
        known = classes != IGNORE
        assert known.any(axis=(1, 2, 3)).all()
        assert np.array_equal(np.rint(grey[:, 0] * 255)[known], np.array([2, 5])[classes[known]])


def test_neighbors_are_read_but_not_labelled(labelled: Callable[..., LabelledImage], phases: PhaseTable) -> None:
    """A 2.5D crop has the slices beside the labelled one, repeated at the ends of the volume."""
    image = labelled(1, shape=(3, 32, 32))
    grey = np.broadcast_to(np.arange(3, dtype=np.uint8)[:, None, None] * 100, (1, 3, 32, 32))
    labels = image.labels.copy()
    labels[1:] = 0
    found, classes = _sampler([replace(image, grey=grey, labels=labels)], phases, neighbors=1).batch(0, 2)
    assert (found.shape, classes.shape) == ((2, 1, 3, 32, 32), (2, 1, 32, 32))
    assert np.rint(found[0, 0, :, 0, 0] * 255).tolist() == [0, 0, 100]


def test_a_training_part_with_one_phase_is_refused(labelled: Callable[..., LabelledImage], phases: PhaseTable) -> None:
    """There is nothing to tell apart."""
    image = replace(labelled(1), labels=np.full((1, 64, 64), 5, np.uint8))
    with pytest.raises(GateError, match="fewer than two phases"):
        _sampler([image], phases)


def test_of_many_voxels_a_regular_choice_is_kept(
    labelled: Callable[..., LabelledImage], phases: PhaseTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every third voxel of a phase in order over the slices, whatever the number in each of them."""
    image = labelled(1, shape=(3, 31, 40))
    of_phase = np.flatnonzero(image.labels == 2)
    monkeypatch.setattr(sampling, "_PLACES", -(-of_phase.size // 3))
    kept = _sampler([image], phases)._find_places(2).voxels[0]
    assert np.array_equal(kept, of_phase[::3])
