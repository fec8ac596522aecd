"""The verb segment: exact on phantoms, the same in and out of core, honest about what it cannot see."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tifffile
from pydantic import ValidationError

from voltomo.artifacts import Volume
from voltomo.errors import GateError, InputError, ShapeError
from voltomo.stages.denoise import DenoiseConfig, run_denoise
from voltomo.stages.inspection import inspect_volume, write_mask
from voltomo.stages.segment import SegmentConfig, run_segment
from voltomo.stages.workspace import MemoryWorkspace

BLOCKS = (5, 8, 9)
SHAPE = (12, 20, 22)


def laminate(dtype="f4", *, noise=0.05, seed=0):
    """Layers along x of grey -1 and 1 with little noise, scaled for integers; True in the bright layers."""
    bright = np.broadcast_to((np.arange(SHAPE[2]) // 4) % 2 == 1, SHAPE)
    grey = np.where(bright, 1.0, -1.0) + np.random.default_rng(seed).normal(0, noise, SHAPE)
    if np.dtype(dtype).kind in "iu":
        grey = 100 + 40 * grey
    return grey.astype(dtype), bright


def segment(values, *, mask=None, block_shape=None, channels=None, **config):
    """Segment an array of one channel, or (C, Z, Y, X) with channels."""
    volume = Volume.from_array(values) if channels is None else Volume(values, channels=channels)
    work = MemoryWorkspace(block_shape, workers=2 if block_shape else 1)
    if mask is None and (found := inspect_volume(volume, work)).has_outside:
        mask = write_mask(volume, found, work)
    return run_segment(volume, SegmentConfig(**config), work, mask=mask)


def ids(result):
    """The phase ids as an array."""
    return np.asarray(result.phase_map.data)


@pytest.mark.parametrize("dtype", ["u1", "u2", "i2", "i4", "f4", "f8"])
@pytest.mark.parametrize(
    "config",
    [
        {},
        {"method": "kmeans", "feature": "std"},
        {"method": "hysteresis"},
        {"method": "fractions", "fractions": (12 / 22, 10 / 22)},
        {"denoise": {"method": "nlm"}},
    ],
    ids=["otsu", "kmeans", "hysteresis", "fractions", "nlm"],
)
def test_a_laminate_is_found_to_the_voxel(dtype, config):
    """Grey values 20 standard deviations apart, negative ones among them, give every voxel its phase."""
    values, bright = laminate(dtype)
    result = segment(values, **config)
    np.testing.assert_array_equal(ids(result) == 2, bright)
    assert [phase.name for phase in result.phase_map.phases] == ["pore+binder", "active"]
    assert result.mask is None


def test_cuts_can_be_given():
    """The grey values that a paper states give its phases."""
    values, bright = laminate("u1")
    np.testing.assert_array_equal(ids(segment(values, method="threshold", thresholds=[100])) == 2, bright)


def test_three_classes_come_only_when_asked_for():
    """Three grey levels are two classes by default, and three with names and a warning when asked for."""
    values = np.repeat(np.array([10, 90, 200], np.uint8), 40).reshape(1, 10, 12)
    assert set(np.unique(ids(segment(values)))) == {1, 2}
    result = segment(values, method="multi-otsu")
    np.testing.assert_array_equal(ids(result).ravel(), np.repeat([1, 2, 3], 40))
    assert [phase.role for phase in result.phase_map.phases] == ["pore", "binder", "active"]
    assert any("false shell" in warning for warning in result.warnings)
    np.testing.assert_array_equal(ids(segment(values, classes=3)), ids(result))


def test_a_blurred_edge_makes_a_false_shell():
    """Three grey classes put a middle class around a blurred ball where there is none: the warning is earned."""
    z, y, x = np.mgrid[-10:11, -10:11, -10:11]
    radius = np.sqrt(z**2 + y**2 + x**2)
    ball = 200 / (1 + np.exp((radius - 7) / 0.7)) + np.random.default_rng(0).normal(20, 1, radius.shape)
    middle = ids(segment(ball.astype("f4"), classes=3)) == 2
    assert middle.any()
    assert np.abs(radius[middle] - 7).max() < 2


def test_two_classes_are_not_called_pore():
    """No class is called pore where binder is in it."""
    result = segment(laminate()[0])
    assert not result.phase_map.phases.with_role("pore")


def test_a_phase_table_names_the_classes():
    """Rows are classes by rising grey, with the ids that the user gives."""
    rows = [
        {"id": 7, "name": "void", "role": "pore"},
        {"id": 3, "name": "NMC", "role": "active", "density": "4.7 g/cm3"},
    ]
    values, bright = laminate()
    result = segment(values, phases=rows)
    np.testing.assert_array_equal(ids(result), np.where(bright, 3, 7))
    assert result.phase_map.phases.by_id(3).density == 4700
    assert [grade["id"] for grade in result.histogram["classes"]] == [7, 3]


def test_dark_active_material_is_inverted():
    """With `invert`, the darker class is the active one."""
    values, bright = laminate()
    for method in ("otsu", "hysteresis", "kmeans"):
        np.testing.assert_array_equal(ids(segment(values, method=method, feature="std", invert=True)) == 1, bright)
    fractions = segment(values, method="fractions", fractions=(10 / 22, 12 / 22), invert=True)
    np.testing.assert_array_equal(ids(fractions) == 1, bright)


def test_hysteresis_keeps_what_is_connected_to_something_certain():
    """A faint voxel beside a bright one is kept, a faint one alone is not; diagonals do not connect."""
    values = np.zeros((1, 5, 12), np.uint8)
    values[0, 1, 1:4], values[0, 1, 4] = 60, 200
    values[0, 2, 5] = 60
    values[0, 3, 8:10] = 60
    result = ids(
        segment(values, method="hysteresis", thresholds=[50, 100], block_shape=(1, 3, 4), mask=np.ones((1, 5, 12)))
    )
    expected = np.ones(values.shape, int)
    expected[0, 1, 1:5] = 2
    np.testing.assert_array_equal(result, expected)


def test_kmeans_separates_by_texture_what_grey_alone_cannot():
    """Two regions of nearly one grey and different roughness are told apart better by grey and local spread."""
    rng = np.random.default_rng(0)
    values = rng.normal(100, 1, (1, 60, 60))
    values[:, :, 30:] += rng.normal(0, 12, (1, 60, 30))
    values[:, :, 30:] += 4  # so that Otsu's first assignment knows which side is which
    by_texture = ids(segment(values.astype("f4"), method="kmeans", feature="std"))
    by_grey = ids(segment(values.astype("f4")))
    truth = np.broadcast_to(np.arange(60) >= 30, values.shape) + 1
    assert np.mean(by_texture == truth) > np.mean(by_grey == truth) + 0.1


def test_kmeans_takes_two_channels():
    """Three materials that no channel tells apart alone are three clusters of both."""
    rng = np.random.default_rng(0)
    truth = np.repeat([0, 1, 2], 100).reshape(1, 15, 20)
    both = np.stack([np.array([10.0, 50.0, 50.0])[truth], np.array([5.0, 5.0, 90.0])[truth]])
    both += rng.normal(0, 3, both.shape)
    one = segment(both, channels=("SE", "BSE"), method="kmeans", classes=3, feature="channel")
    groups = [set(ids(one)[truth == k].tolist()) for k in range(3)]
    assert all(len(group) == 1 for group in groups)
    assert len(set.union(*groups)) == 3


NAN_OUTSIDE = "nan"
CONFIGS = {
    "otsu": {},
    "multi-otsu": {"method": "multi-otsu"},
    "triangle": {"method": "triangle"},
    "threshold": {"method": "threshold", "thresholds": [-0.1, 0.1]},
    "fractions": {"method": "fractions", "fractions": (0.3, 0.7)},
    "hysteresis": {"method": "hysteresis"},
    "kmeans mean": {"method": "kmeans", "feature": "mean"},
    "kmeans std": {"method": "kmeans", "feature": "std", "denoise": {"method": "median"}},
    "kmeans gradient": {"method": "kmeans", "feature": "gradient"},
    "nlm": {"denoise": {"method": "nlm"}},
    "gaussian": {"denoise": {"method": "gaussian", "sigma": (0.3, 0.6, 0.6)}},
}


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())
@pytest.mark.parametrize("kind", ["f4", "u2", NAN_OUTSIDE])
def test_blocks_give_the_phases_of_the_whole(config, kind):
    """Phases and record are the same bit for bit, whatever the blocks and threads."""
    values, _ = laminate("f4" if kind == NAN_OUTSIDE else kind, noise=0.6)
    if kind == NAN_OUTSIDE:
        values[:, :3, :] = np.nan
        values[3, :, 18:] = np.nan
    whole, blocks = segment(values, **config), segment(values, block_shape=BLOCKS, **config)
    np.testing.assert_array_equal(ids(whole), ids(blocks))
    assert whole.histogram == blocks.histogram
    assert whole.warnings == blocks.warnings
    if kind == NAN_OUTSIDE:
        np.testing.assert_array_equal(ids(whole) == 0, np.isnan(values))


def test_the_outside_of_a_cylinder_is_no_phase():
    """Corners that hold one value are 0 in the phases and in the mask, and not in the histogram."""
    rng = np.random.default_rng(0)
    values = np.where(rng.random((4, 60, 60)) > 0.5, 150, 80) + rng.normal(0, 5, (4, 60, 60))
    yy, xx = np.ogrid[:60, :60]
    outside = np.hypot(yy - 29.5, xx - 29.5) > 29
    values[:, outside] = 0
    values = values.astype(np.uint8)
    result = segment(values, block_shape=(2, 25, 60))
    np.testing.assert_array_equal(ids(result)[0] == 0, outside)
    np.testing.assert_array_equal(np.asarray(result.mask)[0] == 0, outside)
    assert result.histogram["voxels"] == 4 * np.count_nonzero(~outside)
    assert result.histogram["cuts"][0] == pytest.approx(115, abs=20)
    whole = run_segment(Volume.from_array(values), SegmentConfig(), MemoryWorkspace())
    assert whole.mask is None
    assert ids(whole).min() == 1


def test_a_given_mask_decides():
    """Only voxels inside a given mask are counted and get a phase; NaN outside it does no harm."""
    values, bright = laminate()
    values[:, :, -4:] = np.nan
    values[0, 10, 3] = 1e9
    mask = np.isfinite(values) & (values < 1e6)
    result = segment(values, mask=mask)
    np.testing.assert_array_equal(ids(result), np.where(mask, np.where(bright, 2, 1), 0))
    with pytest.raises(GateError, match="NaN or infinite"):
        segment(values, mask=np.ones(values.shape, np.uint8))
    with pytest.raises(GateError, match="no voxel inside"):
        segment(values, mask=np.zeros(values.shape, np.uint8))
    with pytest.raises(ShapeError):
        segment(values, mask=np.ones((2, 2, 2), np.uint8))


def test_hot_pixels_do_not_spoil_the_bins_of_floats():
    """A few values a million times too large leave the cut where it was."""
    values, bright = laminate("f4")
    clean = segment(values).histogram["cuts"][0]
    values[0, 0, 4] = 1e6
    result = segment(values)
    assert result.histogram["cuts"][0] == pytest.approx(clean, abs=0.1)
    np.testing.assert_array_equal(ids(result) == 2, bright)


def test_denoising_on_the_fly_is_denoising_first():
    """The same phases as from a stored denoised volume."""
    values, _ = laminate("u1", noise=0.6)
    first = run_denoise(Volume.from_array(values), DenoiseConfig(method="nlm"), MemoryWorkspace())
    two_steps = run_segment(first, SegmentConfig(), MemoryWorkspace())
    np.testing.assert_array_equal(ids(segment(values, denoise={"method": "nlm"})), ids(two_steps))


def test_the_record_is_plain_and_complete():
    """The histogram for the report survives JSON and adds up."""
    result = segment(laminate("u2", noise=0.3)[0], denoise={"method": "nlm"})
    record = json.loads(json.dumps(result.histogram))
    assert record == result.histogram
    assert sum(record["counts"]) == record["voxels"] == np.prod(SHAPE)
    assert len(record["edges"]) == len(record["counts"]) + 1 <= 513
    assert sum(grade["share"] for grade in record["classes"]) == pytest.approx(1)
    shares = [np.mean(ids(result) == grade["id"]) for grade in record["classes"]]
    assert [grade["share"] for grade in record["classes"]] == pytest.approx(shares)
    assert 0 < record["separation"] < 1
    assert record["noise"] > 0


def test_glare_is_not_taken_for_active_material_in_silence():
    """A brightest class of saturated voxels is called into question."""
    values = np.random.default_rng(0).normal(110, 8, (1, 80, 80)).clip(0, 255)
    values[:, :, :5] = 255
    result = segment(values.astype(np.uint8))
    assert any("100% of the class active are saturated" in warning for warning in result.warnings)


def test_a_constant_image_is_refused():
    """Nothing to segment is said, not segmented."""
    volume = Volume.from_array(np.full((1, 9, 9), 3, np.uint8))
    with pytest.raises(GateError, match="grey value 3") as caught:
        run_segment(volume, SegmentConfig(), MemoryWorkspace())
    assert caught.value.gate == "constant"


def test_a_channel_that_is_not_there_is_refused():
    """The message counts the channels."""
    with pytest.raises(InputError, match="channel 1"):
        segment(laminate()[0], channel=1)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"method": "threshold"}, "needs `thresholds`"),
        ({"method": "otsu", "thresholds": [1.0]}, "belongs to method"),
        ({"method": "threshold", "thresholds": [2.0, 1.0]}, "must rise"),
        ({"method": "hysteresis", "thresholds": [1.0]}, "two thresholds"),
        ({"method": "fractions"}, "needs `fractions`"),
        ({"method": "triangle", "classes": 3}, "number of classes differs"),
        ({"method": "threshold", "thresholds": [1.0], "classes": 3}, "number of classes differs"),
        ({"methode": "otsu"}, "Extra inputs"),
    ],
)
def test_settings_that_contradict_are_refused(config, message):
    """A config says what does not fit."""
    with pytest.raises(ValidationError, match=message):
        SegmentConfig(**config)


# Data README: plain Otsu against the labels, class 0 = NMC.
OTSU_IOU = {
    "A_1": 0.765,
    "A_200": 0.727,
    "A_400": 0.836,
    "B_103": 0.780,
    "B_510": 0.821,
    "B_929": 0.741,
    "C_394": 0.851,
    "C_546": 0.757,
    "C_698": 0.767,
}


def test_real_slices_reach_the_known_overlap(data):
    """On nine nano-CT slices the default reaches plain Otsu's overlap with the labels, slice by slice."""
    found = {}
    for name in OTSU_IOU:
        active = ids(segment(tifffile.imread(data(f"nmc_nanoct/{name}.tif"))))[0] == 2
        truth = tifffile.imread(data(f"nmc_nanoct/{name}_label.tif")) == 0
        found[name] = np.sum(active & truth) / np.sum(active | truth)
    assert found == pytest.approx(OTSU_IOU, abs=0.001)  # the table has three digits
    assert np.mean(list(found.values())) >= 0.7825


def test_a_real_cell_has_no_outside(data):
    """The noisy corners of a cell's slices are measured air, saturated at 0, and stay."""
    values = tifffile.imread(data("cell_ct/cell_vol_001-050.tif"))[20:30]
    result = segment(values, block_shape=(4, 400, 728))
    assert result.mask is None
