from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voltomo.errors import GateError, InputError, ShapeError
from voltomo.learning.temperature import TEMPERATURES, fit_temperature


def _drawn(temperature: float, *, shape: tuple[int, ...] = (3, 4, 50, 100)) -> tuple[np.ndarray, np.ndarray]:
    """Logits, and labels drawn from the softmax of the logits at a temperature."""
    rng = np.random.default_rng(3)
    logits = 4 * rng.normal(size=shape)
    noise = rng.gumbel(size=shape)  # the largest of logit + Gumbel noise is a draw from the softmax
    return logits, 1 + np.argmax(logits / temperature + noise, axis=0)


@pytest.mark.parametrize("truth", [0.5, 1.0, 3.0])
def test_the_temperature_that_drew_the_labels_is_found(truth: float) -> None:
    """Labels drawn at a temperature give it back; 5 % are several standard errors of 20 000 draws."""
    assert fit_temperature(*_drawn(truth)) == pytest.approx(truth, rel=0.05)


@given(st.floats(0.5, 2), st.floats(-5, 5))
@settings(max_examples=10)
def test_the_temperature_scales_with_the_logits(factor: float, shift: float) -> None:
    """Logits times a number need a temperature times the number; a constant added to all classes changes nothing."""
    logits, labels = _drawn(1.5, shape=(3, 400))
    plain = fit_temperature(logits, labels)
    assert fit_temperature(factor * logits + shift, labels) == pytest.approx(factor * plain, rel=1e-6)


def test_logarithms_of_probabilities_serve_as_logits() -> None:
    """Log-softmax differs from the logits by a constant per voxel only."""
    logits, labels = _drawn(2.0)
    log_probabilities = logits - np.log(np.exp(logits).sum(axis=0))
    assert fit_temperature(log_probabilities, labels) == pytest.approx(fit_temperature(logits, labels), rel=1e-9)


def test_unlabelled_voxels_do_not_count() -> None:
    """Zeros in the labels leave the fit to the others, whatever the logits are there."""
    logits, labels = _drawn(2.0)
    some = np.where(np.arange(labels.size).reshape(labels.shape) % 2, labels, 0)
    spoilt = np.where(some == 0, np.nan, logits)
    kept = fit_temperature(logits[:, some > 0], labels[some > 0])
    assert fit_temperature(spoilt, some) == kept


def test_labels_without_an_error_do_not_make_the_model_certain() -> None:
    """All right: the temperature stays finite, and 98 labels are believed to about 99 %, as Platt's rule says."""
    logits = np.zeros((2, 98))
    logits[0] = 1.0
    temperature = fit_temperature(logits, np.ones(98, int))
    # 99 right of 100, and half of the remaining doubt falls on the right class
    assert 1 / (1 + np.exp(-1 / temperature)) == pytest.approx(0.995, abs=1e-6)


def test_a_model_without_idea_goes_to_the_end_of_the_range() -> None:
    """Labels at odds with confident logits ask for an infinite temperature; the range ends it."""
    logits = np.zeros((2, 100))
    logits[0] = 8.0
    assert fit_temperature(logits, np.full(100, 2)) == pytest.approx(TEMPERATURES[1])


@pytest.mark.parametrize(
    ("logits", "labels", "error", "message"),
    [
        (np.zeros((2, 3)), np.zeros(3, int), GateError, "no voxel is labelled"),
        (np.zeros((2, 3)), np.ones(4, int), ShapeError, "one label per voxel"),
        (np.zeros((2, 3)), np.full(3, 3), InputError, "labels 0 to 2"),
        (np.zeros((1, 3)), np.ones(3, int), InputError, "two classes"),
        (np.full((2, 3), -np.inf), np.ones(3, int), GateError, "finite"),
    ],
)
def test_what_cannot_be_fitted_is_refused(
    logits: np.ndarray, labels: np.ndarray, error: type[Exception], message: str
) -> None:
    """No labels, other shapes, unknown classes, one class, and logits that are no numbers."""
    with pytest.raises(error, match=message):
        fit_temperature(logits, labels)
