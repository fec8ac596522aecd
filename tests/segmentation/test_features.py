"""Local features: closed forms, and blind to what lies outside."""

from __future__ import annotations

import numpy as np
import pytest

from voltomo.segmentation.features import local_feature

SHAPE = (5, 6, 7)


def ramp():
    """Grey value 3x + 10."""
    return np.broadcast_to(3.0 * np.arange(SHAPE[2]) + 10, SHAPE).astype(np.float32)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("mean", 3.0 * np.arange(7)[1:-1] + 10),
        ("std", np.full(5, 3 * np.sqrt(2 / 3))),  # of -3, 0, 3
        ("gradient", np.full(5, 3.0)),
    ],
)
def test_a_ramp_has_closed_form_features(kind, expected):
    """Mean, standard deviation and largest difference of a linear grey value."""
    feature = local_feature(ramp(), np.ones(SHAPE, np.uint8), kind)
    # The variance is a difference of squares of 30: float64 leaves 1e-7 of it after the root, float32 output 1e-7.
    np.testing.assert_allclose(feature[2, 3, 1:-1], expected, rtol=1e-6)


@pytest.mark.parametrize("kind", ["mean", "std", "gradient"])
@pytest.mark.parametrize("shape", [SHAPE, (1, 6, 7)])
def test_features_of_a_constant(kind, shape):
    """A constant has its value as mean, and neither spread nor edges, at the faces too."""
    feature = local_feature(np.full(shape, 7, np.uint8), np.ones(shape, np.uint8), kind)
    np.testing.assert_array_equal(feature, 7 if kind == "mean" else 0)


@pytest.mark.parametrize("kind", ["mean", "std", "gradient"])
@pytest.mark.parametrize("outside", [1e9, np.nan, -np.inf])
def test_what_lies_outside_changes_nothing(kind, outside):
    """Voxels outside get 0 and have no influence."""
    inside = np.ones(SHAPE, np.uint8)
    inside[:, 2:4, 3] = 0
    one, two = ramp().copy(), ramp().copy()
    two[inside == 0] = outside
    np.testing.assert_array_equal(local_feature(one, inside, kind), local_feature(two, inside, kind))
    assert not local_feature(two, inside, kind)[inside == 0].any()
