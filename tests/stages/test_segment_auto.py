"""Nobody named a method: the base model where the scan is like what trained it, else Otsu; the record says why."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile

import voltomo as vt
from voltomo.artifacts import PhaseTable, Volume
from voltomo.errors import GateError
from voltomo.inference.replay import replay_test
from voltomo.io.model_lookup import BASE_MODELS, load_model
from voltomo.metrics.agreement import confusion_matrix, iou
from voltomo.stages import segment
from voltomo.stages.segment import BASE_MODEL, SegmentConfig, chosen_config, run_segment
from voltomo.stages.workspace import MemoryWorkspace

AUTO = SegmentConfig(method="auto")


def active_iou(labels: np.ndarray, truth: np.ndarray) -> float:
    """Of active material against the rest; both boolean."""
    return float(iou(confusion_matrix(1 + truth.astype(np.uint8), 1 + labels.astype(np.uint8), classes=2))[1])


@pytest.fixture(scope="module")
def twin() -> vt.Twin:
    """A synthetic electrode that trained nothing, and a scan of it with uneven brightness and texture."""
    scan = {"drift": 0.08, "drift_width": 50.0, "texture": 0.06, "texture_length": 8.0, "halo": 0.3, "seed": 90_001}
    return vt.synth("nmc", shape=(8, 192, 192), seed=90_001, scan_settings=scan)


def test_the_base_model_is_small_replays_and_knows_synthetic_electrodes_only() -> None:
    """Its folder stays below 8 MB, its stored test comes out, and every training image is synthetic."""
    folder = BASE_MODELS / BASE_MODEL
    assert sum(file.stat().st_size for file in folder.iterdir()) < 8e6
    model = load_model(BASE_MODEL, (BASE_MODELS,))
    assert replay_test(model).passed
    assert all(image["name"].startswith("electrode_") for image in model.record["data"])
    assert model.phases.with_role("active")
    assert model.licence


def test_a_scan_like_its_training_goes_to_the_base_model(twin: vt.Twin) -> None:
    """The record names the model; active material is found better than by Otsu."""
    assert twin.volume is not None
    found = run_segment(twin.volume, AUTO, MemoryWorkspace())
    assert found.histogram["choice"] == {"tried": BASE_MODEL, "reason": ""}
    assert found.histogram["model"]["name"] == BASE_MODEL
    assert chosen_config(AUTO, found.histogram).model == BASE_MODEL
    assert found.phase_map.phases == PhaseTable.two_class()  # what it knows of binder does not carry over
    truth = np.asarray(twin.phase_map.data) == twin.phase_map.phases.with_role("active")[0].id
    otsu = run_segment(twin.volume, SegmentConfig(), MemoryWorkspace())
    by_model = active_iou(np.asarray(found.phase_map.data) == 2, truth)
    assert by_model > active_iou(np.asarray(otsu.phase_map.data) == 2, truth)


def test_another_kind_of_image_goes_to_otsu_with_the_reason() -> None:
    """Stripes are no electrode: the largest differences are named, and the phases are Otsu's."""
    stripes = (np.indices((4, 128, 128))[2] % 8 < 4).astype(np.float32)
    image = Volume.from_array(stripes + 0.01 * np.random.default_rng(0).normal(size=stripes.shape))
    found = run_segment(image, AUTO, MemoryWorkspace())
    assert "unlike those that trained the model nmc-base" in found.histogram["choice"]["reason"]
    assert found.histogram["method"] == "otsu"
    assert chosen_config(AUTO, found.histogram) == SegmentConfig()
    assert np.array_equal(np.asarray(found.phase_map.data), 1 + (stripes > 0.5))


def test_several_channels_go_to_otsu(twin: vt.Twin) -> None:
    """The base model reads one channel."""
    assert twin.volume is not None
    grey = np.asarray(twin.volume.data)
    found = run_segment(Volume(np.concatenate([grey, grey]), channels=("one", "other")), AUTO, MemoryWorkspace())
    assert "reads one channel" in found.histogram["choice"]["reason"]


def test_a_package_without_models_goes_to_otsu(twin: vt.Twin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing breaks where somebody removed the model to save space."""
    assert twin.volume is not None
    monkeypatch.setattr(segment, "BASE_MODELS", tmp_path)
    found = run_segment(twin.volume, AUTO, MemoryWorkspace())
    assert "there is no model 'nmc-base'" in found.histogram["choice"]["reason"]


def test_other_refusals_are_not_swallowed() -> None:
    """A constant image is refused, not handed on to Otsu."""
    with pytest.raises(GateError, match="nothing to segment"):
        run_segment(Volume.from_array(np.ones((2, 64, 64), np.float32)), AUTO, MemoryWorkspace())


@pytest.mark.parametrize("scan", ["A", "B", "C"])
def test_without_any_label_it_is_above_otsu_on_real_scans(data: Callable[[str], Path], scan: str) -> None:
    """Mean intersection over union of the active material over the labelled slices of a nano-CT scan."""
    names = {"A": ("A_1", "A_200", "A_400"), "B": ("B_103", "B_510", "B_929"), "C": ("C_394", "C_546", "C_698")}[scan]
    grey = [tifffile.imread(data(f"nmc_nanoct/{name}.tif")) for name in names]
    truth = [tifffile.imread(data(f"nmc_nanoct/{name}_label.tif")) == 0 for name in names]
    found = run_segment(Volume.from_array(np.stack(grey)), AUTO, MemoryWorkspace())
    assert found.histogram["choice"]["reason"] == ""  # the gate accepts all three
    otsu = [run_segment(Volume.from_array(one[None]), SegmentConfig(), MemoryWorkspace()) for one in grey]
    by_model = [active_iou(np.asarray(found.phase_map.data)[z] == 2, truth[z]) for z in range(3)]
    by_otsu = [active_iou(np.asarray(otsu[z].phase_map.data)[0] == 2, truth[z]) for z in range(3)]
    assert np.mean(by_model) > np.mean(by_otsu)
