"""Voxels to learn from."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest

from voltomo.artifacts.phases import Phase, PhaseTable
from voltomo.classifiers import sampling
from voltomo.classifiers.features import Features, FeatureSettings
from voltomo.classifiers.sampling import Samples, count_labels, draw_samples
from voltomo.learning.normalization import Normalization
from voltomo.learning.pairs import LabelledImage

PHASES = PhaseTable((Phase(2, "pore", "pore"), Phase(5, "binder", "binder"), Phase(9, "active", "active")))


def make_image(seed: int, shape: tuple[int, int, int] = (1, 96, 96), *, share: float = 1.0) -> LabelledImage:
    """Noise, and labels of three phases at random, the second of them rare, on a `share` of the voxels."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(np.array([2, 5, 9], np.uint8), shape, p=(0.38, 0.04, 0.58))
    labels[rng.random(shape) >= share] = 0
    return LabelledImage(f"image {seed}", rng.normal(size=(1, *shape)).astype(np.float32), labels)


IMAGES = [make_image(1, share=0.5), make_image(2, (1, 70, 130))]
MASKS = [image.labels != 0 for image in IMAGES]
SCALE = Normalization((0.0,), (2.0,))
FEATURES = Features(FeatureSettings(sigmas=(1.0, 2.0), structure=1.0))


def draw(count: int, *, is_balanced: bool = True, **fields: object) -> Samples:
    """Samples of both images."""
    given = {"count": count, "is_balanced": is_balanced, "rng": np.random.default_rng(0)} | fields
    return draw_samples(IMAGES, MASKS, PHASES, FEATURES, [SCALE, SCALE], **given)


def test_phases_are_drawn_alike() -> None:
    """A balanced draw has as many voxels of each phase; an unbalanced one has their shares."""
    assert np.bincount(draw(900).rows).tolist() == [300, 300, 300]
    available = count_labels(IMAGES, MASKS, PHASES)
    shares = np.bincount(draw(2000, is_balanced=False).rows) / 2000
    assert np.allclose(shares, available / available.sum(), atol=1e-3)  # whole voxels of 2000


def test_a_rare_phase_gives_all_that_it_has() -> None:
    """What it lacks comes from the others."""
    available = count_labels(IMAGES, MASKS, PHASES)
    wanted = int(available.min()) * 3 + 600
    rows = np.bincount(draw(wanted).rows)
    assert rows.min() == available.min()
    assert rows.sum() == wanted


@pytest.mark.parametrize("balance", [0.0, 0.5, 1.0])
def test_weights_make_up_for_the_draw(balance: float) -> None:
    """The weights of a phase add up to its labelled share to the power of 1 - balance."""
    samples = draw(900, balance=balance)
    weights = np.bincount(samples.rows, samples.importance)
    available = count_labels(IMAGES, MASKS, PHASES)
    expected = (available / available.sum()) ** (1 - balance)
    assert np.allclose(weights / weights.sum(), expected / expected.sum(), rtol=1e-5)  # float32 weights
    assert samples.importance.mean() == pytest.approx(1, rel=1e-5)


def test_features_are_those_of_the_whole_image(monkeypatch: pytest.MonkeyPatch) -> None:
    """All voxels are drawn: their features are the columns of those of the image, whatever the blocks."""
    monkeypatch.setitem(sampling._CORE, 2, (1, 32, 50))
    samples = draw(10**6)
    expected, rows = [], []
    for image, mask in zip(IMAGES, MASKS, strict=True):
        space = FEATURES.prepare(SCALE.apply(np.asarray(image.grey)))
        expected.append(FEATURES.rows(space, 0, space.rows)[:, mask.ravel()])
        rows.append(np.searchsorted(PHASES.ids, image.labels[mask]))
    found = np.concatenate([samples.features, samples.rows[None]])
    wanted = np.concatenate([np.concatenate(expected, axis=1), np.concatenate(rows)[None]])
    assert np.array_equal(found[:, np.lexsort(found)], wanted[:, np.lexsort(wanted)])


def test_only_blocks_with_labels_are_read() -> None:
    """Of a deep volume with one labelled slice, one slice is read."""
    volume = make_image(3, (9, 40, 40))
    labels = np.zeros_like(volume.labels)
    labels[4] = volume.labels[4]

    class Watched:
        shape, dtype = volume.grey.shape, volume.grey.dtype
        read: ClassVar[list[slice]] = []

        def __getitem__(self, key: tuple[slice, ...]) -> np.ndarray:
            self.read.append(key[1])
            return volume.grey[key]

    image = type(volume)("watched", Watched(), labels)
    rng = np.random.default_rng(0)
    draw_samples([image], [labels != 0], PHASES, FEATURES, [SCALE], count=300, is_balanced=True, rng=rng)
    assert Watched.read == [slice(4, 5)]


def test_no_label_gives_no_sample() -> None:
    """An empty mask is no error here."""
    empty = [np.zeros_like(mask) for mask in MASKS]
    rng = np.random.default_rng(0)
    samples = draw_samples(IMAGES, empty, PHASES, FEATURES, [SCALE] * 2, count=9, is_balanced=False, rng=rng)
    assert samples.count == 0
    assert samples.features.shape == (FEATURES.count, 0)
