"""The noise of an image: known standard deviations are found."""

from __future__ import annotations

import numpy as np
import pytest

from voltomo.segment.noise import count_residuals, noise_from_residuals, residual_rule


@pytest.mark.parametrize(("dtype", "sigma"), [("f8", 0.2), ("u1", 9.0), ("u2", 300.0)])
def test_noise_is_estimated(dtype, sigma):
    """The standard deviation of white noise is found within a few percent, edges or not."""
    values = np.zeros((6, 60, 60))
    values[:, 20:40] = 6 * sigma
    values = values + 8 * sigma + np.random.default_rng(1).normal(0, sigma, values.shape)
    values = values.astype(dtype)
    rule = residual_rule(float(values.min()), float(values.max()))
    counts = count_residuals(values, np.ones(values.shape, np.uint8), rule, inner=(slice(None),) * 3)
    # 2e4 correlated residuals fix the median to about 1.5 %; rows along the edges (7 %) raise it by 3 % or so.
    assert noise_from_residuals(counts, rule) == pytest.approx(sigma, rel=0.06)


def test_too_small_for_residuals_gives_no_noise():
    """A line has no second differences in two directions."""
    values = np.zeros((1, 2, 9))
    rule = residual_rule(0.0, 1.0)
    assert (
        noise_from_residuals(
            count_residuals(values, np.ones(values.shape, np.uint8), rule, inner=(slice(None),) * 3), rule
        )
        == 0
    )
