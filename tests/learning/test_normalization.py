"""Grey values become comparable between scans."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voltomo.errors import GateError, InputError, ShapeError
from voltomo.learning import normalization
from voltomo.learning.normalization import CLIP, Normalization, measure_by_scan, measure_normalization
from voltomo.learning.pairs import LabelledImage


def image(grey: np.ndarray, scan: str = "", name: str = "a") -> LabelledImage:
    """An image without labels."""
    return LabelledImage(name, grey, np.zeros(grey.shape[1:], np.uint8), scan)


def test_percentiles_become_zero_and_one() -> None:
    """Of the values 0 … 100, the 1st and 99th percentile are 1 and 99: 50 becomes exactly one half."""
    ramp = np.arange(101, dtype=np.uint8).reshape(1, 1, 1, 101)
    found = measure_normalization(ramp)
    assert (found.low, found.high) == ((1.0,), (99.0,))
    np.testing.assert_allclose(found.apply(ramp)[0, 0, 0, [1, 50, 99]], [0, 0.5, 1], atol=1e-6)  # float32


@settings(max_examples=20)
@given(gain=st.floats(0.1, 1e4), offset=st.floats(-1e4, 1e4))
def test_gain_and_offset_change_nothing(gain: float, offset: float) -> None:
    """A scan with another brightness and contrast looks the same after normalization."""
    grey = np.random.default_rng(0).normal(size=(1, 2, 16, 16))
    other = gain * grey + offset
    one, two = measure_normalization(grey).apply(grey), measure_normalization(other).apply(other)
    # Offsets of 1e4 beside gains of 0.1 leave 11 digits of the 16 of a double.
    np.testing.assert_allclose(one, two, atol=1e-5)


def test_hot_pixels_are_cut_off() -> None:
    """A zinger moves neither the percentiles nor the normalised values beyond the clip."""
    grey = np.random.default_rng(1).normal(size=(1, 1, 64, 64)).astype(np.float32)
    clean = measure_normalization(grey)
    grey[0, 0, 5, 5] = 1e9
    found = measure_normalization(grey)
    assert found.high[0] == pytest.approx(clean.high[0], rel=0.05)  # 41 of 4096 values lie above
    assert found.apply(grey)[0, 0, 5, 5] == CLIP[1]


def test_nan_outside_the_field_of_view_becomes_zero() -> None:
    """NaN is left out of the percentiles and becomes 0."""
    grey = np.linspace(0, 1, 64, dtype=np.float32).reshape(1, 1, 8, 8)
    grey[0, 0, 0, 0] = np.nan
    assert measure_normalization(grey).apply(grey)[0, 0, 0, 0] == 0


@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.int16, ">u2", np.float16, np.float32, np.float64])
def test_all_dtypes(dtype: str) -> None:
    """Every dtype that a scan may have gives the same normalised values."""
    grey = (np.arange(64) % 2).reshape(1, 1, 8, 8).astype(dtype)
    assert np.array_equal(np.unique(measure_normalization(grey).apply(grey)), [0, 1])


def test_images_of_one_scan_share_their_percentiles() -> None:
    """Two slices of scan A share a range, a slice without a scan has its own; "fixed" is one for all."""
    dark, bright = np.arange(64.0).reshape(1, 1, 8, 8), np.arange(64.0, 128.0).reshape(1, 1, 8, 8)
    images = [image(dark, "A", "a"), image(bright, "A", "b"), image(bright, name="c")]
    first, second, third = measure_by_scan(images)
    assert first == second
    assert third == measure_normalization(bright)
    assert len(set(measure_by_scan(images, method="fixed"))) == 1


class Lazy:
    """An array that is read by region, and remembers the most voxels that were read at once."""

    def __init__(self, values: np.ndarray) -> None:
        self.values, self.shape, self.dtype, self.most = values, values.shape, values.dtype, 0

    def __getitem__(self, key: Any) -> np.ndarray:
        self.most = max(self.most, self.values[key].size)
        return self.values[key]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self[:], dtype)


@pytest.mark.parametrize("shape", [(40, 60, 50), (1, 400, 300), (300, 20, 20)])
def test_large_scans_are_sampled_slice_by_slice(shape: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """About one voxel in twelve is kept, spread over the whole scan; no two slices are read at once.

    The percentiles of 20 000 such values scatter by 0.3; the rest of the tolerance is for how the grid meets
    the corner.
    """
    values = np.random.default_rng(1).normal(100, 10, (1, *shape)).astype(np.float32)
    values[:, shape[0] // 2 :, shape[1] // 2 :] += 30  # a bright corner, which a sample of one end would miss
    one, other = Lazy(values), Lazy(values + 1)
    images = [image(grey, "A", name) for name, grey in (("a", one), ("b", other))]
    whole = measure_by_scan(images)[0]
    monkeypatch.setattr(normalization, "SAMPLED", 240_000)
    assert measure_by_scan(images)[0] == whole  # nothing is left out below the budget, and at it
    one.most = other.most = 0
    monkeypatch.setattr(normalization, "SAMPLED", 20_000)
    sampled = measure_by_scan(images)[0]
    assert one.most == shape[1] * shape[2]
    assert (sampled.low[0], sampled.high[0]) == pytest.approx((whole.low[0], whole.high[0]), abs=2)
    assert (sampled.low, sampled.high) != (whole.low, whole.high)


def test_a_fixed_normalization_holds_for_every_scan() -> None:
    """Another one is measured again on each."""
    images = [image(np.arange(64.0).reshape(1, 1, 8, 8), "A", "a"), image(np.ones((1, 1, 8, 8)), "B", "b")]
    fixed = Normalization((0.0,), (5.0,), "fixed")
    assert fixed.by_scan(images) == (fixed, fixed)
    assert Normalization((0.0,), (5.0,)).by_scan(images[:1]) == measure_by_scan(images[:1])


def test_mapping_round_trip() -> None:
    """What is written to a file is read back equal."""
    found = Normalization((0.0, 1.0), (2.0, 3.0), "fixed", (0.5, 99.5))
    assert Normalization.from_mapping(found.to_mapping()) == found


def test_refusals() -> None:
    """Constant images, nan only, unknown methods, and another number of channels are refused."""
    with pytest.raises(GateError, match="nothing to segment"):
        measure_normalization(np.ones((1, 1, 8, 8)))
    with pytest.raises(GateError, match="no finite"):
        measure_normalization(np.full((1, 1, 8, 8), np.nan))
    with pytest.raises(InputError, match="percentile or fixed"):
        Normalization((0.0,), (1.0,), "z-score")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="must lie below"):
        Normalization((1.0,), (1.0,))
    with pytest.raises(InputError, match="expected a normalization"):
        Normalization.from_mapping({"method": "fixed"})
    with pytest.raises(ShapeError, match="expected 1 channels"):
        Normalization((0.0,), (1.0,)).apply(np.zeros((2, 1, 4, 4)))
