from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from voltomo.errors import GateError, InputError
from voltomo.learning.normalization import measure_by_scan
from voltomo.learning.pairs import LabelledImage
from voltomo.segmentation.fitted_cut import fit_cut


def _image(grey: np.ndarray, labels: np.ndarray) -> LabelledImage:
    return LabelledImage("one", grey[None, None], labels[None].astype(np.uint8))


def _noisy(seed: int, classes: int = 3, dtype: type = np.uint8) -> LabelledImage:
    """Classes 1 to `classes` at rising grey with noise that mixes them; some unlabelled."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes + 1, size=(30, 40))
    grey = np.clip(60 * np.maximum(labels, 1) + 20 * rng.normal(size=labels.shape), 0, 255).astype(dtype)
    return _image(grey, labels)


def _iou(result: np.ndarray, labels: np.ndarray, phase: int) -> float:
    known = labels > 0
    mine, true = (result == phase) & known, labels == phase
    return float(np.sum(mine & true) / np.sum(mine | true))


@given(st.integers(0, 10**6))
@settings(max_examples=10)
def test_no_other_cut_overlaps_more(seed: int) -> None:
    """Of all grey levels, tried one by one, none has a better IoU of the brightest phase."""
    image = _noisy(seed, classes=2)
    grey, labels = np.asarray(image.grey)[0], image.labels
    fitted = fit_cut([image])
    best = max(_iou(np.where(grey > level, 2, 1), labels, 2) for level in range(-1, 256))
    assert fitted.iou[1] == pytest.approx(best)
    assert _iou(fitted.apply(grey), labels, 2) == pytest.approx(best)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_the_scores_are_those_of_the_map_that_the_cuts_make(dtype: type) -> None:
    """Three phases: two rising cuts, each IoU as counted on the cut image; floats to the width of a bin."""
    image = _noisy(1, dtype=dtype)
    fitted = fit_cut([image])
    assert fitted.phases == (1, 2, 3)
    assert fitted.cuts[0] < fitted.cuts[1]
    result = fitted.apply(np.asarray(image.grey)[0])
    for phase, score in zip(fitted.phases, fitted.iou, strict=True):
        assert _iou(result, image.labels, phase) == pytest.approx(score, abs=0 if dtype is not np.float32 else 5e-3)


def test_phases_are_ordered_by_grey_not_by_number() -> None:
    """A dark phase 2 and a bright phase 1: the cut has 2 below and 1 above."""
    fitted = fit_cut([_image(np.array([[10, 10, 200, 200]], np.uint8), np.array([[2, 2, 1, 1]]))])
    assert fitted.phases == (2, 1)
    assert fitted.iou == (1, 1)
    assert fitted.apply(np.array([0, 255], np.uint8)).tolist() == [2, 1]


def test_masks_choose_the_labels_that_count() -> None:
    """A mask that leaves the second half out fits the first half alone."""
    image = _noisy(2)
    half = np.zeros(image.shape, bool)
    half[:, :15] = True
    alone = _image(np.asarray(image.grey)[0, 0, :15], image.labels[0, :15])
    assert fit_cut([image], masks=[half]) == fit_cut([alone])


def test_normalization_brings_scans_together() -> None:
    """Two scans of one sample at other gains: raw grey cannot be cut for both, normalised grey can."""
    one = _noisy(3, dtype=np.float32)
    two = LabelledImage("two", 3 * np.asarray(one.grey) + 100, one.labels)
    scales = measure_by_scan([one, two])
    together, alone = fit_cut([one, two], normalizations=scales), fit_cut([one], normalizations=scales[:1])
    assert together.cuts == pytest.approx(alone.cuts, abs=1e-4)  # rounding of float32
    assert fit_cut([one, two]).iou[2] < together.iou[2] - 0.1


def test_a_real_fit_beats_otsu(data: Callable[[str], Path]) -> None:
    """On a nano-CT slice the fitted cut has 0.84 of NMC where Otsu has the table's 0.765."""
    grey = tifffile.imread(data("nmc_nanoct/A_1.tif"))
    codes = tifffile.imread(data("nmc_nanoct/A_1_label.tif"))
    fitted = fit_cut([_image(grey, np.where(codes == 0, 2, 1))])
    assert fitted.iou[1] > 0.8
    assert fitted.phases == (1, 2)


def test_what_cannot_be_cut_is_refused() -> None:
    """One phase, no phase, one grey value, nan under a label, a channel that is not there."""
    grey, labels = np.array([[1.0, 2.0, 3.0]], np.float32), np.array([[1, 1, 2]])
    with pytest.raises(GateError, match="two phases"):
        fit_cut([_image(grey, labels * 0 + 1)])
    with pytest.raises(GateError, match="none"):
        fit_cut([_image(grey, labels * 0)])
    with pytest.raises(GateError, match="grey value 1"):
        fit_cut([_image(grey * 0 + 1, labels)])
    with pytest.raises(InputError, match="1 labelled voxels"):
        fit_cut([_image(np.array([[1.0, 2.0, np.nan]], np.float32), labels)])
    with pytest.raises(InputError, match="channel 1"):
        fit_cut([_image(grey, labels)], channel=1)
