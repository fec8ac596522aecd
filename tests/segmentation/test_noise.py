"""The noise of an image: known standard deviations are found."""

from __future__ import annotations

import numpy as np
import pytest

from voltomo.segmentation.noise import count_residuals, noise_from_residuals, residual_rule


@pytest.mark.parametrize(("dtype", "sigma"), [("f8", 0.2), ("u1", 9.0), ("u2", 300.0)])
def test_noise_is_estimated(dtype, sigma):
    """The standard deviation of white noise is found within a few percent, edges or not."""
    values = np.zeros((6, 60, 60))
    values[:, 20:40] = 6 * sigma
    values = values + 8 * sigma + np.random.default_rng(1).normal(0, sigma, values.shape)
    values = values.astype(dtype)
    rule = residual_rule(float(values.min()), float(values.max()))
    counts = count_residuals(values, np.ones(values.shape, np.uint8), rule, inner=(slice(None),) * 3, ends=(-1e9, 1e9))
    # 2e4 correlated residuals fix the median to about 1.5 %; rows along the edges (7 %) raise it by 3 % or so.
    assert noise_from_residuals(counts, rule) == pytest.approx(sigma, rel=0.06)


def test_too_small_for_residuals_gives_no_noise():
    """A line has no second differences in two directions."""
    values = np.zeros((1, 2, 9))
    rule = residual_rule(0.0, 1.0)
    assert (
        noise_from_residuals(
            count_residuals(values, np.ones(values.shape, np.uint8), rule, inner=(slice(None),) * 3, ends=(-1e9, 1e9)),
            rule,
        )
        == 0
    )


def test_saturated_voxels_have_no_say():
    """Where most of an image is clipped to one value, the rest decides."""
    values = np.zeros((4, 60, 60))
    values[:, :, 40:] = np.random.default_rng(0).normal(100, 5, (4, 60, 20))
    rule = residual_rule(0.0, float(values.max()))
    ends = (0.0, float(values.max()))
    counts = count_residuals(values, np.ones(values.shape, np.uint8), rule, inner=(slice(None),) * 3, ends=ends)
    # One column in twenty lies beside the clipped part, with residuals ten times too large.
    assert noise_from_residuals(counts, rule) == pytest.approx(5, rel=0.1)
