"""A model segments a volume, in one block or in many, or says why not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from voltomo.artifacts import Model, Phase, PhaseTable, Volume
from voltomo.errors import GateError, InputError
from voltomo.learning.domain import describe_domain
from voltomo.learning.normalization import measure_normalization
from voltomo.segmentation.histogram import Histogram, bin_rule, count_values
from voltomo.stages.segment_model import ModelSegmentConfig, percentile, run_model_segment
from voltomo.stages.study_workspace import StudyWorkspace
from voltomo.stages.workspace import MemoryWorkspace

MakeModel = Callable[..., Model]
PLAIN = ModelSegmentConfig(precision="f32")


def grains(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Grains of two grey levels with noise, uint16."""
    rng = np.random.default_rng(seed)
    solid = ndimage.gaussian_filter(rng.normal(size=shape), 3) > 0
    return (np.where(solid, 30000, 12000) + 2000 * rng.normal(size=shape)).astype(np.uint16)


def volume(shape: tuple[int, int, int] = (4, 64, 72), **fields: object) -> Volume:
    """Two grey levels, one channel."""
    return Volume.from_array(grains(shape), **fields)


def with_domain(model: Model, grey: np.ndarray) -> Model:
    """The model as if slices of a volume had trained it."""
    normal = measure_normalization(grey[None]).apply(grey[None])
    return replace(model, domain=describe_domain([[normal[:, z]] for z in range(grey.shape[0])]))


@pytest.mark.parametrize(("dimension", "depth"), [(2, 2), (2.5, 1), (3, 1)])
def test_blocks_change_nothing(network_model: MakeModel, dimension: float, depth: int) -> None:
    """Block by block, fewer than 0.1 % of the voxels get another class than in one piece; probabilities follow."""
    model, scan = network_model(dimension, depth=depth), volume((9, 44, 50))
    config = ModelSegmentConfig(precision="f32", probabilities=True, halo="full")
    whole = run_model_segment(scan, model, config, MemoryWorkspace()).phase_map
    blocks = MemoryWorkspace(block_shape=(4, 19, 23), workers=2)
    tiled = run_model_segment(scan, model, config, blocks).phase_map
    assert len(np.unique(whole.data)) > 1
    assert np.mean(tiled.data != whole.data) < 1e-3  # design §4
    difference = np.abs(tiled.probabilities.astype(int) - whole.probabilities)
    assert difference.max() <= 1  # of 255: rounding
    assert np.array_equal(whole.data, 1 + whole.probabilities.argmax(axis=0)) or (
        np.mean(whole.data != 1 + whole.probabilities.argmax(axis=0)) < 0.02  # equal after rounding to 1/255
    )


def test_study_equals_memory(network_model: MakeModel, tmp_path: Path) -> None:
    """In a study, shard by shard within a memory budget and with the halo measured, the phases are the same."""
    model, scan = network_model(), volume((3, 160, 170))
    config = ModelSegmentConfig(precision="f32", probabilities=True)
    whole = run_model_segment(scan, model, config, MemoryWorkspace()).phase_map
    work = StudyWorkspace("segment", tmp_path, None, budget=4_000_000_000, usual_edge=64)
    found = run_model_segment(scan, model, config, work)
    phases = np.asarray(found.phase_map.data[:, :, :])
    assert np.mean(phases != whole.data) < 1e-3  # design §4
    probabilities = np.asarray(found.phase_map.probabilities[:, :, :, :])
    assert np.mean(np.abs(probabilities.astype(int) - whole.probabilities) > 2) < 1e-2
    assert (work.out / "probabilities.ome.zarr").is_dir()


def test_disagreement_of_an_ensemble(network_model: MakeModel) -> None:
    """How far members are apart is kept block by block as in one piece, with averages too; its mean is recorded."""
    one, two = network_model(), network_model(seed=1)
    both, scan = replace(one, members=(two.weights,), onnx_members=(two.onnx,)), volume((3, 44, 50))
    for average in ("none", "flips"):
        config = ModelSegmentConfig(precision="f32", disagreement=True, halo="full", average=average)
        result = run_model_segment(scan, both, config, MemoryWorkspace())
        whole = result.phase_map
        tiled = run_model_segment(scan, both, config, MemoryWorkspace(block_shape=(2, 19, 23), workers=2)).phase_map
        assert whole.disagreement.shape == (1, *whole.shape)
        assert whole.probabilities is None
        assert np.ptp(whole.disagreement) > 10
        assert np.abs(tiled.disagreement.astype(int) - whole.disagreement).max() <= 1  # of 255: rounding
        plain = run_model_segment(scan, both, config.model_copy(update={"disagreement": False}), MemoryWorkspace())
        assert np.array_equal(plain.phase_map.data, whole.data)
        told = result.histogram["model"]["disagreement"]
        assert told == pytest.approx(np.mean(whole.disagreement) / 255)


def test_members_of_an_ensemble(network_model: MakeModel, tmp_path: Path) -> None:
    """Each member's map is what it finds alone, also outside the field of view, block by block and in a study."""
    one, two = network_model(), network_model(seed=1)
    both, scan = replace(one, members=(two.weights,), onnx_members=(two.onnx,)), volume((3, 44, 50))
    mask = np.ones(scan.shape, np.uint8)
    mask[:, :5] = 0
    config = ModelSegmentConfig(precision="f32", members=True, halo="full")
    plain = config.model_copy(update={"members": False})
    alone = [run_model_segment(scan, model, plain, MemoryWorkspace(), mask=mask).phase_map.data for model in (one, two)]
    together = run_model_segment(scan, both, plain, MemoryWorkspace(), mask=mask).phase_map.data
    study = StudyWorkspace("segment", tmp_path, None, budget=4_000_000_000, usual_edge=32)
    for work in (MemoryWorkspace(), MemoryWorkspace(block_shape=(2, 19, 23), workers=2), study):
        found = run_model_segment(scan, both, config, work, mask=mask).phase_map
        assert np.mean(np.asarray(found.data[:, :, :]) != together) < 1e-3  # design §4
        for member, expected in zip(found.members, alone, strict=True):
            assert np.mean(np.asarray(member[:, :, :]) != expected) < 1e-3
    assert np.mean(alone[0] != alone[1]) > 0.1
    assert sorted(path.name for path in (study.out / "members").iterdir()) == ["1.ome.zarr", "2.ome.zarr"]


def test_binder_is_settled_in_blocks_as_in_one_piece(network_model: MakeModel, tmp_path: Path) -> None:
    """With offsets, phases differ from the likeliest ones as the place asks, active material never, members too."""
    table = PhaseTable((Phase(1, "pore", "pore"), Phase(2, "binder", "binder"), Phase(3, "NMC", "active")))
    one, two = (replace(network_model(seed=seed), phases=table) for seed in (0, 1))
    plain, scan = replace(one, members=(two.weights,), onnx_members=(two.onnx,)), volume((3, 44, 50))
    mask = np.ones(scan.shape, np.uint8)
    mask[:, :5] = 0
    config = ModelSegmentConfig(precision="f32", members=True, probabilities=True, halo="full")
    before = run_model_segment(scan, plain, config, MemoryWorkspace(), mask=mask).phase_map
    model = replace(plain, binder_offsets=(0.7, -0.1))
    result = run_model_segment(scan, model, config, MemoryWorkspace(), mask=mask)
    whole = result.phase_map
    assert result.histogram["model"]["binder_offsets"] == [0.7, -0.1]
    for now, then in zip((whole.data, *whole.members), (before.data, *before.members), strict=True):
        changed = now != then
        touching = ndimage.binary_dilation(then == 3) & (then != 3)
        assert 0.001 < np.mean(changed) < 0.5
        assert np.array_equal(now == 3, then == 3)
        assert not (changed & touching & (now == 2)).any()
        assert not (changed & ~touching & (now == 1)).any()
    assert np.array_equal(whole.probabilities, before.probabilities)
    study = StudyWorkspace("segment", tmp_path, None, budget=4_000_000_000, usual_edge=32)
    for work in (MemoryWorkspace(block_shape=(2, 19, 23), workers=2), study):
        found = run_model_segment(scan, model, config, work, mask=mask).phase_map
        for now, then in zip((found.data, *found.members), (whole.data, *whole.members), strict=True):
            assert np.mean(np.asarray(now[:, :, :]) != then) < 1e-3  # design §4


def test_one_network_cannot_disagree(network_model: MakeModel) -> None:
    """The disagreement and the members of a single network are refused with what to do."""
    for asked in ("disagreement", "members"):
        config = ModelSegmentConfig.model_validate({asked: True})
        with pytest.raises(InputError, match=rf"^{asked} .*of an ensemble.*--set members=3"):
            run_model_segment(volume(), network_model(), config, MemoryWorkspace())


def test_record_says_how(network_model: MakeModel) -> None:
    """The record holds the shares of the phases, the engine, the precision, and the normalization of this scan."""
    result = run_model_segment(volume(), network_model(), PLAIN, MemoryWorkspace())
    record = result.histogram
    phases = result.phase_map.data
    assert [row["share"] for row in record["classes"]] == [np.mean(phases == i) for i in (1, 2, 3)]
    assert (record["method"], record["model"]["engine"], record["model"]["precision"]) == ("model", "openvino", "f32")
    low, high = np.percentile(volume().data, (1, 99))
    assert record["model"]["normalization"]["low"][0] == pytest.approx(low, abs=10)  # grey levels are some apart there
    assert record["model"]["normalization"]["high"][0] == pytest.approx(high, abs=10)
    assert any("nobody checked" in warning for warning in result.warnings)


def test_outside_the_field_of_view(network_model: MakeModel) -> None:
    """Voxels outside are 0 and count for nothing, even where they are nan."""
    grey = grains((3, 48, 48)).astype(np.float32)
    mask = np.zeros(grey.shape, np.uint8)
    mask[:, 8:40, 8:40] = 1
    grey[mask == 0] = np.nan
    result = run_model_segment(Volume.from_array(grey), network_model(), PLAIN, MemoryWorkspace(), mask=mask)
    assert ((result.phase_map.data == 0) == (mask == 0)).all()
    assert sum(row["share"] for row in result.histogram["classes"]) == pytest.approx(1)


@pytest.mark.parametrize("average", ["flips", "axes"])
def test_averages(network_model: MakeModel, average: str) -> None:
    """Averages over mirrored images and axes run block by block too."""
    scan = volume((20, 24, 28), voxel_size=(1e-8, 1e-8, 1e-8))
    config = ModelSegmentConfig(precision="f32", average=average, halo="full")
    whole = run_model_segment(scan, network_model(depth=1), config, MemoryWorkspace()).phase_map.data
    work = MemoryWorkspace(block_shape=(12, 16, 28))
    tiled = run_model_segment(scan, network_model(depth=1), config, work).phase_map.data
    assert np.mean(tiled != whole) < 1e-3  # design §4


def test_axes_need_cubic_voxels(network_model: MakeModel) -> None:
    """Slices along other axes are for slice-wise models and cubic voxels."""
    config = ModelSegmentConfig(average="axes")
    with pytest.raises(InputError, match="cubic voxels"):
        run_model_segment(volume(voxel_size=(2e-8, 1e-8, 1e-8)), network_model(), config, MemoryWorkspace())
    with pytest.raises(InputError, match="slice by slice"):
        run_model_segment(volume((1, 64, 64)), network_model(), config, MemoryWorkspace())


def test_other_channels(network_model: MakeModel) -> None:
    """A volume with another number of channels is refused with the names of both; the right one is segmented."""
    two = np.stack([grains((2, 40, 40), seed) for seed in (0, 1)])
    scan = Volume(two, channels=("absorption", "phase"))
    with pytest.raises(InputError, match=r"1 channel\(s\), channel 0; the volume has 2, absorption, phase"):
        run_model_segment(scan, network_model(), PLAIN, MemoryWorkspace())
    assert run_model_segment(scan, network_model(2, 2, depth=1), PLAIN, MemoryWorkspace()).phase_map.shape == (
        2,
        40,
        40,
    )


def test_drift_is_refused_unless_accepted(network_model: MakeModel) -> None:
    """A scan with inverted contrast is refused with up to three differences and the way out; accepted, it is told."""
    grey = grains((6, 128, 128)).astype(np.float32)
    model = with_domain(network_model(), grey)
    other = Volume.from_array(np.exp(grey / 8000))  # another histogram
    same = run_model_segment(Volume.from_array(3 * grey + 7), model, PLAIN, MemoryWorkspace())
    assert same.warnings == ()
    with pytest.raises(GateError, match=r"unlike those that trained.*--accept-drift") as caught:
        run_model_segment(other, model, PLAIN, MemoryWorkspace())
    assert caught.value.gate == "drift"
    accepted = run_model_segment(
        other, model, ModelSegmentConfig(accept_drift=True, precision="f32"), MemoryWorkspace()
    )
    assert any("accepted" in warning for warning in accepted.warnings)
    assert accepted.histogram["model"]["drift"]["distance"] > 1


def test_voxel_size_outside_training(network_model: MakeModel) -> None:
    """Voxels twice as large as in training are drift, a tenth larger are not, unknown ones are told."""
    model = replace(network_model(), voxel_size=((5e-8, 5e-8, 5e-8), (6e-8, 6e-8, 6e-8)))
    with pytest.raises(GateError, match="voxel size 120 nm, in training 50 nm to 60 nm"):
        run_model_segment(volume(voxel_size=(1.2e-7,) * 3), model, PLAIN, MemoryWorkspace())
    run_model_segment(volume(voxel_size=(6.5e-8,) * 3), model, PLAIN, MemoryWorkspace())
    unknown = run_model_segment(volume(), model, PLAIN, MemoryWorkspace())
    assert any("voxel size of this scan is unknown" in warning for warning in unknown.warnings)


def test_percentiles_of_histograms() -> None:
    """Percentiles from a histogram are NumPy's: levels exactly, floats to a bin."""
    rng = np.random.default_rng(0)
    levels = rng.integers(0, 200, 5000).astype(np.uint8)
    floats = rng.normal(size=5000)
    for values in (levels, floats):
        rule = bin_rule(values.dtype, values.min(), values.max())
        counted = Histogram(count_values(values, np.ones(values.shape, np.uint8), rule), rule)
        bin_width = 0.5 if rule.is_exact else (rule.high - rule.low) / rule.count
        for percent in (1, 50, 99):
            assert percentile(counted, percent) == pytest.approx(np.percentile(values, percent), abs=2 * bin_width)
