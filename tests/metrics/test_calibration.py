from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voltomo.blocks import BlockPlan
from voltomo.errors import InputError, ShapeError
from voltomo.learning.temperature import fit_temperature
from voltomo.metrics.calibration import (
    LEVELS,
    brier_score,
    calibration_error,
    count_calibration,
    merge_calibration,
    reliability_curve,
)


def _two_classes(called: np.ndarray, is_second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities (2, 1, 1, N) from that of the second class, and labels."""
    second = np.asarray(called, np.float32)[None, None]
    return np.stack([1 - second, second]), (1 + np.asarray(is_second)).astype(np.uint8)[None, None]


def _blobs(seed: int = 0, shape: tuple[int, int, int] = (6, 20, 24)) -> tuple[np.ndarray, np.ndarray]:
    """Softmax of smooth fields for three classes, and labels drawn from it; some unlabelled."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(3, *shape)).cumsum(2).cumsum(3) / 4
    labels = 1 + np.argmax(logits + rng.gumbel(size=logits.shape), axis=0)
    labels[rng.random(shape) < 0.2] = 0
    weights = np.exp(logits - logits.max(axis=0))
    return (weights / weights.sum(axis=0)).astype(np.float32), labels.astype(np.uint8)


def test_probabilities_that_keep_their_word_have_no_error() -> None:
    """Of every 10 voxels called 70 % seven are; of every 10 called 20 % two: error 0, curve on the diagonal."""
    called = np.repeat([0.7, 0.2], 10)
    hits = np.concatenate([np.arange(10) < 7, np.arange(10) < 2])
    counts = count_calibration(*_two_classes(np.tile(called, 50), np.tile(hits, 50)))
    assert calibration_error(counts) == pytest.approx([0, 0], abs=1e-12)
    curve = reliability_curve(counts, 1)
    assert curve.predicted == pytest.approx([0.2, 0.7])
    assert curve.observed == pytest.approx([0.2, 0.7])
    assert curve.voxels.tolist() == [500, 500]


def test_a_known_overconfidence_is_the_error() -> None:
    """Voxels called 95 % of which 75 % are: the error is 0.20 for both classes, the Brier score its closed form."""
    counts = count_calibration(*_two_classes(np.full(400, 0.95), np.arange(400) < 300))
    assert calibration_error(counts) == pytest.approx([0.2, 0.2])
    assert brier_score(counts) == pytest.approx(2 * (0.75 * 0.05**2 + 0.25 * 0.95**2))


def test_brier_score_has_its_landmarks() -> None:
    """0 when certain and right, 2 when certain and wrong, 1 − 1/K without an idea."""
    yes = np.ones(10)
    assert brier_score(count_calibration(*_two_classes(yes, yes > 0))) == 0
    assert brier_score(count_calibration(*_two_classes(yes, yes < 0))) == 2
    assert brier_score(count_calibration(*_two_classes(0.5 * yes, yes > 0))) == 0.5


def test_errors_of_opposite_sign_do_not_cancel() -> None:
    """Half the voxels 0.1 too sure and half 0.1 too timid: the error is 0.1, not 0."""
    called = np.repeat([0.9, 0.6], 1000)
    hits = np.concatenate([np.arange(1000) < 800, np.arange(1000) < 700])
    assert calibration_error(count_calibration(*_two_classes(called, hits)))[1] == pytest.approx(0.1)


def test_bins_hold_equal_numbers_of_voxels() -> None:
    """Probabilities that are all different fill the bins evenly, to the share of one level."""
    called = np.random.default_rng(0).random(60_000)
    curve = reliability_curve(count_calibration(*_two_classes(called, called > 0.5)), 1, bins=12)
    assert len(curve.voxels) == 12
    assert curve.voxels == pytest.approx(np.full(12, 5000), abs=2 * 60_000 / LEVELS)


def test_eight_bit_probabilities_are_counted_exactly() -> None:
    """uint8 and the same number over 255 as a float give the same counts."""
    rng = np.random.default_rng(1)
    stored = rng.integers(0, 256, size=(2, 3, 5, 7)).astype(np.uint8)
    labels = rng.integers(0, 3, size=(3, 5, 7)).astype(np.uint8)
    a, b = count_calibration(stored, labels), count_calibration((stored / 255).astype(np.float32), labels)
    assert np.array_equal(a.voxels, b.voxels)
    assert np.array_equal(a.hits, b.hits)
    assert a.total == np.count_nonzero(labels)


def test_blocks_add_up_to_the_whole() -> None:
    """The counts of blocks sum to those of the volume, bit for bit."""
    probabilities, labels = _blobs()
    whole, parts = count_calibration(probabilities, labels), None
    for block in BlockPlan(labels.shape, (4, 7, 24), 0):
        piece = count_calibration(probabilities[(slice(None), *block.write)], labels[block.write])
        parts = piece if parts is None else merge_calibration(parts, piece)
    assert parts is not None
    assert np.array_equal(parts.voxels, whole.voxels)
    assert np.array_equal(parts.hits, whole.hits)


def test_a_mask_counts_its_voxels_only() -> None:
    """`where` is the same as unlabelling the rest."""
    probabilities, labels = _blobs()
    where = np.random.default_rng(2).random(labels.shape) < 0.5
    masked, rest = (count_calibration(probabilities, labels, where=part) for part in (where, ~where))
    assert np.array_equal(masked.voxels, count_calibration(probabilities, labels * where).voxels)
    assert np.array_equal(merge_calibration(masked, rest).hits, count_calibration(probabilities, labels).hits)


def test_the_fitted_temperature_calibrates_a_model_that_is_too_sure() -> None:
    """Logits three times too large: the error falls from above 0.05 to the chance level of 8 000 voxels, below 0.02."""
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(3, 4, 40, 50))
    labels = (1 + np.argmax(logits + rng.gumbel(size=logits.shape), axis=0)).astype(np.uint8)

    def error(temperature: float) -> float:
        weights = np.exp(3 * logits / temperature)
        return float(calibration_error(count_calibration(weights / weights.sum(axis=0), labels)).mean())

    assert error(1.0) > 0.05
    assert error(fit_temperature(3 * logits, labels)) < 0.02


@given(st.permutations([0, 1, 2]))
@settings(max_examples=5)
def test_renaming_classes_permutes_the_errors(order: list[int]) -> None:
    """An error belongs to a class, not to its number."""
    probabilities, labels = _blobs()
    names = np.zeros(4, np.uint8)
    names[np.array(order) + 1] = [1, 2, 3]
    renamed = count_calibration(probabilities[order], names[labels])
    plain = calibration_error(count_calibration(probabilities, labels))
    assert np.array_equal(calibration_error(renamed), plain[order])


def test_nothing_labelled_has_no_score() -> None:
    """Without labels there is no number, not a zero."""
    counts = count_calibration(np.full((2, 1, 2, 2), 0.5), np.zeros((1, 2, 2), np.uint8))
    assert np.isnan(calibration_error(counts)).all()
    assert np.isnan(brier_score(counts))
    assert len(reliability_curve(counts, 0).voxels) == 0


def test_what_is_no_probability_is_refused() -> None:
    """Logits, nan under a label, labels without a row, and other shapes; nan where nothing is labelled is no matter."""
    labels = np.ones((1, 2, 2), np.uint8)
    with pytest.raises(InputError, match="logits"):
        count_calibration(np.full((2, 1, 2, 2), 3.0), labels)
    with pytest.raises(InputError, match="8 labelled values"):
        count_calibration(np.full((2, 1, 2, 2), np.nan), labels)
    with pytest.raises(InputError, match="label 3"):
        count_calibration(np.full((2, 1, 2, 2), 0.5), labels + 2)
    with pytest.raises(ShapeError, match=r"\(2, 2, 2\)"):
        count_calibration(np.full((2, 2, 2), 0.5), labels)
    assert count_calibration(np.full((2, 1, 2, 2), np.nan), labels * 0).total == 0
