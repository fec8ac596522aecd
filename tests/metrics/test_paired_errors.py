from __future__ import annotations

import math

import numpy as np
import pytest

from voltomo.errors import InputError
from voltomo.metrics.paired_errors import pair_errors


def test_differences_are_formed_sample_by_sample() -> None:
    """Samples that differ widely say exactly what a method does if it does the same to each of them."""
    truth = [0.2, 0.5, 0.9]
    reference = [value + 0.1 for value in truth]
    found = pair_errors(truth, [value + 0.03 for value in reference], reference)
    assert found.error == pytest.approx(0.13)
    assert found.effect == pytest.approx(0.03)
    assert found.effect_deviation == pytest.approx(0, abs=1e-12)
    assert found.truth == pytest.approx(np.mean(truth))


def test_the_scatter_is_that_of_a_sample() -> None:
    """The standard deviation has n - 1 in it: of errors 1 and 3 it is √2."""
    found = pair_errors([0, 0], [1, 3])
    assert (found.error, found.error_deviation) == (2, pytest.approx(math.sqrt(2)))
    assert found.effect is None


def test_missing_numbers_are_left_out_and_counted() -> None:
    """A sample without a finite number counts nowhere; the others are summarized without it."""
    found = pair_errors([1.0, 2.0, 3.0], [1.5, None, 3.5], [math.inf, 2.0, 3.0])
    assert (found.samples, found.error, found.error_deviation) == (2, 0.5, 0.0)
    assert (found.effect_samples, found.effect, found.effect_deviation) == (1, 0.5, None)


def test_no_number_is_no_summary() -> None:
    """Where nothing was measured there is no mean, not 0."""
    found = pair_errors([1.0], [None])
    assert (found.samples, found.truth, found.error, found.error_deviation) == (0, None, None, None)


def test_lengths_have_to_agree() -> None:
    """Numbers that cannot be paired are refused."""
    with pytest.raises(InputError, match="one number per sample"):
        pair_errors([1.0, 2.0], [1.0])
