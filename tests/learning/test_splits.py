"""Splits of labels: no leak, every phase in both parts, strokes whole."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from scipy import ndimage

from voltomo.errors import GateError, InputError
from voltomo.learning.pairs import LabelledImage
from voltomo.learning.splits import Split, split_labels


def image(labels: np.ndarray, name: str = "a", scan: str = "") -> LabelledImage:
    """An image with these labels, (Y, X) or (Z, Y, X), and no grey."""
    labels = labels if labels.ndim == 3 else labels[None]
    return LabelledImage(name, np.zeros((1, *labels.shape), np.uint8), labels.astype(np.uint8), scan)


def blobs(seed: int, shape: tuple[int, ...] = (96, 96), phases: int = 3) -> np.ndarray:
    """Labels of every voxel, with the texture of grains."""
    grey = ndimage.gaussian_filter(np.random.default_rng(seed).random(shape), 3)
    cuts = np.quantile(grey, np.arange(1, phases) / phases)
    return (np.digitize(grey, cuts) + 1).astype(np.uint8)


def strokes(seed: int, count: int = 24, size: int = 96, phases: int = 3) -> np.ndarray:
    """Short strokes of each phase on an unlabelled slice, apart from each other."""
    rng = np.random.default_rng(seed)
    labels = np.zeros((size, size), np.uint8)
    places = rng.permutation([(y, x) for y in range(4, size - 8, 12) for x in range(4, size - 8, 12)])[:count]
    for number, (y, x) in enumerate(places):
        labels[y : y + 3, x : x + 6] = number % phases + 1
    return labels


def distance_between_parts(split: Split, images: list[LabelledImage]) -> float:
    """Smallest Chebyshev distance between a training and a validation voxel that may show the same spot."""
    smallest = np.inf
    for i, j in itertools.product(range(len(images)), repeat=2):
        if images[i].scan_name != images[j].scan_name or not split.validation[j].any() or not split.training[i].any():
            continue
        held = split.validation[j] if i == j else split.validation[j].any(axis=0)[None]
        trained = split.training[i] if i == j else split.training[i].any(axis=0)[None]
        away = ndimage.distance_transform_cdt(~held, metric="chessboard")
        smallest = min(smallest, away[trained].min())
    return smallest


@pytest.mark.parametrize("gap", [0, 5, 12])
def test_no_validation_pixel_lies_within_the_gap_of_a_training_pixel(gap):
    """In one fully labelled slice, the parts are further apart than the gap."""
    images = [image(blobs(0))]
    split = split_labels(images, gap=gap, seed=1)
    assert distance_between_parts(split, images) > gap


@given(
    seed=st.integers(0, 10**6),
    gap=st.integers(0, 10),
    makers=st.lists(st.sampled_from([blobs, strokes]), min_size=1, max_size=3),
    scans=st.lists(st.sampled_from("AB"), min_size=4, max_size=4),
)
@hypothesis_settings(max_examples=10)
def test_no_split_leaks_within_a_slice_or_between_the_slices_of_a_scan(seed, gap, makers, scans):
    """Whatever is labelled: the parts are labelled, disjoint, and apart, also seen along z."""
    images = [image(make(seed + i), f"{i}", scans[i]) for i, make in enumerate(makers)]
    split = split_labels(images, gap=gap, seed=seed)
    for item, trained, held in zip(images, split.training, split.validation, strict=True):
        assert not (trained & held).any()
        assert item.labels[trained | held].all()
    assert distance_between_parts(split, images) > gap


def test_every_phase_is_in_both_parts_with_about_the_share_asked_for():
    """One slice, also with a phase that covers only a strip: all phases train and validate."""
    labels = blobs(3, (128, 128))
    labels[:, 60:63] = 4
    split = split_labels([image(labels)], share=0.2, gap=4)
    for phase in (1, 2, 3, 4):
        held = (labels[split.validation[0][0]] == phase).sum() / (labels == phase).sum()
        # Windows are told apart by cells of 4 px; a fifth is met within a tenth of all labels.
        assert 0.1 < held < 0.3
        assert (labels[split.training[0][0]] == phase).any()
    assert split.notices == ()
    assert split.share == pytest.approx(0.2, abs=0.08)


def test_strokes_go_to_one_part_as_a_whole():
    """No stroke of a scribbled slice has pixels in both parts, and nearly all strokes are used."""
    labels = strokes(5)
    split = split_labels([image(labels)], gap=0)
    numbers, count = ndimage.label(labels)
    in_training = set(numbers[split.training[0][0]]) - {0}
    in_validation = set(numbers[split.validation[0][0]]) - {0}
    assert not in_training & in_validation
    assert len(in_training | in_validation) == count
    assert split.notices == ()


def test_a_phase_in_a_single_stroke_trains_and_is_told():
    """Such a phase cannot be in both parts; it trains, and the reader learns that it is not validated."""
    labels = strokes(6)
    labels[labels == 3] = 0
    labels[:12, 40:70] = 0
    labels[4:7, 52:58] = 3
    split = split_labels([image(labels)], gap=3)
    assert (labels[split.training[0][0]] == 3).any()
    assert "Phase 3 has no label in the validation part" in split.notices[0]


def test_slices_of_one_scan_are_held_out_at_the_same_place():
    """What is validated in one slice does not train in the next, which shows the same particles."""
    images = [image(blobs(i), f"s{i}", "scan") for i in range(3)]
    split = split_labels(images, gap=2)
    held = np.stack([mask[0] for mask in split.validation])
    assert held.any(axis=(1, 2)).all()
    assert np.array_equal(held[0], held[1])
    assert np.array_equal(held[0], held[2])


def test_whole_scans_are_held_out_where_windows_would_cost_too_much():
    """Small images and a large gap: some scans validate as a whole, the others train as a whole."""
    images = [image(blobs(i, (32, 32)), f"{i}") for i in range(6)]
    split = split_labels(images, gap=20)
    held = [bool(mask.any()) for mask in split.validation]
    assert 0 < sum(held) < 6
    for item, trained, is_held in zip(images, split.training, held, strict=True):
        assert trained.sum() == (0 if is_held else item.labelled)


def test_crops_of_one_scan_are_held_out_together():
    """Crops of several sizes of one scan may overlap: as a whole, they go to one part."""
    images = [image(blobs(i, (32, 32 + i)), f"{i}", "AABB"[i]) for i in range(4)]
    split = split_labels(images, gap=20)
    held = [bool(mask.any()) for mask in split.validation]
    assert held[0] == held[1] != held[2] == held[3]


def test_a_volume_is_split_along_all_axes_with_the_gap():
    """A labelled volume: validation is a box, the gap holds along z too."""
    images = [image(blobs(1, (24, 32, 32)))]
    split = split_labels(images, gap=3)
    assert distance_between_parts(split, images) > 3
    assert split.share == pytest.approx(0.2, abs=0.1)


def test_slabs_around_few_labelled_slices_share_the_window():
    """Slabs of different thickness of one volume are held out at the same pixels."""
    thin, thick = np.zeros((9, 64, 64), np.uint8), np.zeros((15, 64, 64), np.uint8)
    thin[4], thick[6], thick[7] = blobs(0, (64, 64)), blobs(1, (64, 64)), blobs(2, (64, 64))
    images = [image(thin, "v z0-8", "v"), image(thick, "v z20-34", "v")]
    split = split_labels(images, gap=4)
    assert np.array_equal(split.validation[0][4], split.validation[1][7])
    assert distance_between_parts(split, images) > 4


def test_a_seed_reproduces_the_split():
    """The same seed gives the same masks; of several seeds not all agree."""
    images = [image(blobs(0))]
    first, again = (split_labels(images, gap=4, seed=7) for _ in range(2))
    assert np.array_equal(first.validation[0], again.validation[0])
    others = [split_labels(images, gap=4, seed=seed).validation[0] for seed in range(5)]
    assert any(not np.array_equal(first.validation[0], other) for other in others)


def test_many_whole_slices_are_cut_all_the_same():
    """A dozen painted slices of one scan: each has a window to validate on and the rest to train on."""
    images = [image(blobs(i), f"s{i}", "scan") for i in range(12)]
    split = split_labels(images, gap=2)
    assert split.share == pytest.approx(0.2, abs=0.05)
    assert all(mask.any() for mask in (*split.training, *split.validation))


def test_annotators_of_one_image_are_held_out_together():
    """Two people's labels of one image: what validates for one does not train for the other."""
    images = [image(blobs(0), "a"), image(blobs(1), "a")]
    split = split_labels(images, gap=3)
    assert not (split.training[0] & split.validation[1]).any()
    assert distance_between_parts(split, images) > 3


def test_labels_too_small_for_two_parts_are_refused():
    """One small box of labels and a gap larger than it: a gate, with what to do."""
    labels = np.zeros((40, 40), np.uint8)
    labels[10:20, 10:15], labels[10:20, 15:20] = 1, 2
    with pytest.raises(GateError, match="gap of 30 voxels"):
        split_labels([image(labels)], gap=30)


def test_unlabelled_images_and_senseless_requests_are_refused():
    """No label at all is a gate; a share of one or a negative gap is a bad request."""
    with pytest.raises(GateError, match="nothing is labelled"):
        split_labels([image(np.zeros((8, 8)))], gap=1)
    for wrong in ({"share": 1.0, "gap": 1}, {"share": 0.2, "gap": -1}):
        with pytest.raises(InputError, match="expected 0 < share < 1"):
            split_labels([image(blobs(0))], **wrong)
