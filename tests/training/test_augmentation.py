from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch: pip install 'voltomo[train]'")

from voltomo.errors import InputError
from voltomo.training.augmentation import Augmentation, augment_crop, reading_margin

SIZE = (40, 40)
GEOMETRY = replace(Augmentation(), warp_chance=1.0, grey_chance=0.0)


def _crop(augmentation: Augmentation, seed: int, *, slices: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """A disc whose grey values are its classes, changed."""
    margin = tuple(reading_margin(edge, augmentation) for edge in SIZE)
    y, x = (np.arange(edge + 2 * extra) - extra for edge, extra in zip(SIZE, margin, strict=True))
    disc = (y[:, None] - 15) ** 2 + (x - 22) ** 2 < 100
    grey = np.broadcast_to(disc, (1, slices, *disc.shape)).astype(np.float32)
    labels = np.broadcast_to(disc, (1, *disc.shape)).astype(np.int64)
    return augment_crop(
        grey,
        labels,
        size=SIZE,
        margin=(margin[0], margin[1]),
        augmentation=augmentation,
        rng=np.random.default_rng(seed),
    )


def test_none_gives_the_crop_as_it_is() -> None:
    """Without augmentation, grey values and labels are those of the crop."""
    grey, labels = _crop(Augmentation.none(), 0)
    y, x = np.ogrid[: SIZE[0], : SIZE[1]]
    disc = (y - 15) ** 2 + (x - 22) ** 2 < 100
    assert np.array_equal(grey[0, 0], disc)
    assert np.array_equal(labels[0], disc)


@pytest.mark.parametrize("seed", range(5))
def test_labels_go_where_their_grey_values_go(seed: int) -> None:
    """A bent and turned disc and its labels agree but for the interpolated rim: 5 % of its 314 voxels are few."""
    grey, labels = _crop(GEOMETRY, seed, slices=3)
    assert grey.shape == (1, 3, *SIZE)
    assert labels.shape == (1, *SIZE)
    assert set(np.unique(labels)) <= {0, 1}  # the margin is wide enough: nothing from outside
    assert np.count_nonzero((grey[0, 1] > 0.5) != labels[0]) < 16


def test_beyond_what_was_read_nothing_is_labelled() -> None:
    """A scale that reaches further than the crop finds unlabelled voxels, never invented ones."""
    far = replace(GEOMETRY, scale=(0.5, 0.5), rotation=0.0, warp=0.0, flips=False)
    image = np.ones((1, 1, *SIZE), np.float32)
    _, labels = augment_crop(
        image, np.ones((1, *SIZE), np.int64), size=SIZE, margin=(0, 0), augmentation=far, rng=np.random.default_rng(0)
    )
    assert (labels[0, 20, 20], labels[0, 1, 1]) == (1, -1)


def test_grey_changes_leave_labels_alone() -> None:
    """Everything that only changes grey values returns the labels untouched, and finite grey values."""
    every = Augmentation(flips=False, warp_chance=0, grey_chance=1, artefact_chance=1, wedge=math.radians(30))
    _, plain = _crop(Augmentation.none(), 3)
    for seed in range(3):
        grey, labels = _crop(every, seed, slices=3)
        assert np.array_equal(labels, plain)
        assert np.isfinite(grey).all()
        assert np.abs(grey[0, 0] - plain[0]).max() > 0.01


def test_inversion_turns_half_of_the_crops_around() -> None:
    """Of 40 crops between 4 and 36 are inverted: five standard deviations of a coin are 16."""
    turned = Augmentation(flips=False, warp_chance=0, grey_chance=0, inversion=True)
    inverted = sum(bool(_crop(turned, seed)[0][0, 0, 0, 0] == 1) for seed in range(40))
    assert 4 <= inverted <= 36


def test_the_same_seed_gives_the_same_crop() -> None:
    """Everything is drawn from the generator."""
    every = Augmentation(warp_chance=1, grey_chance=1, artefact_chance=1)
    for one, other in zip(_crop(every, 7), _crop(every, 7), strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize("wrong", [{"warp_chance": 2.0}, {"scale": (1.2, 0.8)}])
def test_impossible_strengths_are_refused(wrong: dict[str, object]) -> None:
    """Chances lie within 0 and 1; intervals rise."""
    with pytest.raises(InputError, match="expected"):
        Augmentation(**wrong)  # type: ignore[arg-type]
