"""The field of view: what is outside, what is refused, what is left alone."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from voltomo.errors import GateError
from voltomo.segmentation.field_of_view import conclude, inside_field_of_view, inspect_block, merge_inspections


def inspect(values, *, block_shape=None):
    """Inspect an array block by block."""
    shape = values.shape
    block_shape = block_shape or shape
    starts = itertools.product(*(range(0, n, b) for n, b in zip(shape, block_shape, strict=True)))
    merged = None
    for start in starts:
        stop = [min(s + b, n) for s, b, n in zip(start, block_shape, shape, strict=True)]
        read = tuple(slice(s, e + (axis == 2)) for axis, (s, e) in enumerate(zip(start, stop, strict=True)))
        inner = tuple(slice(0, e - s) for s, e in zip(start, stop, strict=True))
        partial = inspect_block(values[read], inner=inner, start=start, corner=float(values[0, 0, 0]))
        merged = partial if merged is None else merge_inspections(merged, partial, shape=shape)
    return conclude(merged, shape=shape)


def cylinder(dtype="u1", *, radius=28.0, depth=5, size=60, outside=0):
    """Noisy slices, constant outside a disc around their middle; the disc."""
    noise = np.random.default_rng(0).normal(100, 20, (depth, size, size))
    yy, xx = np.ogrid[:size, :size]
    is_outside = np.hypot(yy - (size - 1) / 2, xx - (size - 1) / 2) > radius
    values = np.clip(noise, 1, 254).astype(dtype)
    values[:, is_outside] = outside
    return values, is_outside


@pytest.mark.parametrize("dtype", ["u1", "u2", "f4"])
@pytest.mark.parametrize("depth", [1, 5])
def test_the_outside_of_a_cylinder_is_found(dtype, depth):
    """A constant value around a disc is outside, in a plane and in a volume, to the voxel."""
    values, is_outside = cylinder(dtype, depth=depth)
    found = inspect(values)
    np.testing.assert_array_equal(found.outside, is_outside)
    assert found.disc.radius == pytest.approx(28, abs=0.5)  # a digitised circle is known to half a pixel
    assert (found.disc.y, found.disc.x) == pytest.approx((29.5, 29.5), abs=0.1)
    assert found.voxels_inside == depth * np.count_nonzero(~is_outside)
    assert found.darkest_share < 0.01
    assert "disc" in found.notices[0]
    np.testing.assert_array_equal(inside_field_of_view(values, found)[0] == 0, is_outside)


def test_a_clipped_slice_keeps_its_dark_voxels():
    """Where pores at the rim are clipped to the value of the outside, the disc is found and they stay in the sample."""
    values, is_outside = cylinder("u1", depth=1)
    values[0, 25:36, 3:12] = 0
    values[0, 40:52, 44:52] = 0
    found = inspect(values)
    assert found.disc.radius == pytest.approx(28, abs=0.5)
    # The rim is known to the tolerance of two pixels; everything well inside stays.
    yy, xx = np.ogrid[:60, :60]
    assert not found.outside[np.hypot(yy - 29.5, xx - 29.5) < 25.5].any()
    assert found.outside[is_outside].all()


def test_a_block_gets_its_part_of_the_mask():
    """The mask of a block is the mask of the whole, cut out."""
    values, is_outside = cylinder()
    found = inspect(values)
    part = inside_field_of_view(values[1:3, 5:20, 7:40], found, start=(1, 5, 7))
    np.testing.assert_array_equal(part[1] == 0, is_outside[5:20, 7:40])


@pytest.mark.parametrize("block_shape", [(1, 60, 60), (2, 17, 23), (5, 60, 7)])
@pytest.mark.parametrize("kind", ["u1", "f4", "nan"])
def test_blocks_find_what_the_whole_finds(kind, block_shape):
    """Every number of an inspection is the same whatever the blocks."""
    values, is_outside = cylinder("f4" if kind == "nan" else kind)
    if kind == "nan":
        values[:, is_outside] = np.nan
    whole, blocks = inspect(values), inspect(values, block_shape=block_shape)
    for name in whole.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(whole, name), getattr(blocks, name), err_msg=name)


def test_nan_around_the_sample_is_outside():
    """NaN that reaches the border of the slices becomes the mask, with a notice; drifting margins too."""
    values, is_outside = cylinder("f4")
    values[:, is_outside] = np.nan
    values[2, :, :9] = np.nan
    found = inspect(values)
    assert found.has_nan
    assert found.has_outside
    assert "NaN" in found.notices[0]
    np.testing.assert_array_equal(inside_field_of_view(values, found) == 0, np.isnan(values))


def test_nan_inside_the_sample_is_refused():
    """One NaN in the middle stops the segmentation."""
    values, is_outside = cylinder("f4")
    values[:, is_outside] = np.nan
    values[2, 30, 30] = np.nan
    with pytest.raises(GateError, match="1 of 18000 voxels are NaN inside") as caught:
        inspect(values)
    assert caught.value.gate == "finite"


def test_a_lost_slice_is_refused():
    """A slice of NaN between good ones is no border."""
    values, _ = cylinder("f4")
    values[2] = np.nan
    with pytest.raises(GateError, match="slice 2"):
        inspect(values)


@pytest.mark.parametrize(
    ("value", "message", "gate"),
    [(np.nan, "every voxel is NaN", "finite"), (np.inf, "infinite", "finite"), (3.0, "grey value 3", "constant")],
)
def test_images_without_content_are_refused(value, message, gate):
    """All NaN, infinite, constant: each with its reason."""
    with pytest.raises(GateError, match=message) as caught:
        inspect(np.full((2, 9, 9), value, np.float32))
    assert caught.value.gate == gate


def test_a_cylinder_that_is_constant_inside_too_is_not_taken_apart():
    """A noise-free disc is a phantom: its surroundings are a phase."""
    values = np.full((3, 60, 60), 50, np.uint8)
    yy, xx = np.ogrid[:60, :60]
    values[:, np.hypot(yy - 29.5, xx - 29.5) <= 28] = 200
    found = inspect(values)
    assert not found.has_noise
    assert not found.has_outside
    assert "measure --phases" in found.notices[0]
    assert found.warnings == ()


def test_dark_corners_that_are_no_disc_stay():
    """A constant border of another shape counts as sample, and the report says so."""
    values = np.random.default_rng(0).integers(50, 200, (3, 60, 60)).astype(np.uint8)
    values[:, :8], values[:, -8:], values[:, :, :5], values[:, :, -5:] = 0, 0, 0, 0
    found = inspect(values)
    assert not found.has_outside
    assert "not the outside of a disc" in found.notices[0]


def test_noise_of_small_images_is_no_border():
    """Tiny and ordinary images have no outside."""
    for shape in [(1, 1, 2), (1, 5, 7), (4, 30, 30)]:
        values = np.arange(np.prod(shape)).reshape(shape).astype(np.float32)
        assert not inspect(values).has_outside


def test_saturated_grey_levels_are_reported():
    """More than a percent of the voxels at the largest value make a warning."""
    values = np.clip(np.random.default_rng(0).normal(200, 40, (2, 50, 50)), 0, 255).astype(np.uint8)
    found = inspect(values)
    assert found.brightest_share == pytest.approx(np.mean(values == 255))
    assert any("largest grey value 255" in warning for warning in found.warnings)
