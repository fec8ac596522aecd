from __future__ import annotations

import numpy as np
import pytest

from voltomo.metrics.resolution import average_boxes, extrapolate, resolution_part, spread_after_coarsening

WIDTHS = [1.0, 1.4, 2.0, 2.7]


def test_boxes_keep_the_mean() -> None:
    """The mean of the boxes is the mean of the voxels; what fills no box is left out."""
    grey = np.random.default_rng(0).random((7, 8, 9))
    coarse = average_boxes(grey, (2, 2, 3))
    assert coarse.shape == (3, 4, 3)
    assert coarse.mean() == pytest.approx(grey[:6, :8, :9].mean(), rel=1e-6)


def test_the_variance_of_a_box_adds_to_that_of_the_blur() -> None:
    """A sharp voxel image has 1/12 already; averaged over 3 voxels an edge has 9/12."""
    assert spread_after_coarsening((1 / 12) ** 0.5, 3) == pytest.approx((9 / 12) ** 0.5)


@pytest.mark.parametrize("power", [1, 2])
def test_the_limit_of_either_law_lies_within_its_standard_error(power: int) -> None:
    """A number that falls with the width of an edge, or its square, is followed back to 10 within one error."""
    trend = extrapolate(WIDTHS, [10 - width**power for width in WIDTHS])
    assert abs(trend.limit - 10) <= trend.standard_error


def test_a_number_that_does_not_change_has_no_error() -> None:
    """No trend, no scatter: the limit is the number."""
    trend = extrapolate(WIDTHS, [3.0] * 4)
    assert trend.limit == pytest.approx(3)
    assert trend.standard_error == pytest.approx(0, abs=1e-12)


def test_a_bias_has_the_sign_of_the_error() -> None:
    """A number that is too small has a negative bias, which counts in the uncertainty since it is not taken off."""
    part = resolution_part(8.0, extrapolate(WIDTHS, [9.0 - w for w in WIDTHS]), "")
    assert part.bias is not None
    assert part.standard_uncertainty is not None
    assert part.bias < 0
    assert part.standard_uncertainty >= abs(part.bias)
