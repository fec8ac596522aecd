"""A synthetic electrode as a study: what stands in it, and what can be done with it."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile

from voltomo.errors import InputError, StudyError
from voltomo.pipeline import run_verbs, scan_config, synthesize
from voltomo.stages.measure import MeasureConfig
from voltomo.stages.recipe import Step
from voltomo.stages.segment import SegmentConfig
from voltomo.stages.synth import SynthConfig

SMALL = SynthConfig(shape=(48, 48, 48), voxel_size="100 nm", d50="2 um", crack_width="150 nm", seed=4)


def test_truth_and_scan_are_stages_of_their_own(tmp_path: Path) -> None:
    """A second scan leaves the truth as it is; another structure is refused without --overwrite."""
    study = synthesize(SMALL, tmp_path / "twin", scan=scan_config("image"))
    made = (study.folder / "truth.json").stat().st_mtime_ns
    again = synthesize(SMALL, tmp_path / "twin", scan=scan_config("fibsem", {"dose": "low"}))
    assert set(again.records) == {"synth", "image scan", "fibsem scan"}
    assert (study.folder / "truth.json").stat().st_mtime_ns == made
    with pytest.raises(StudyError, match=r"seed 4 → 5.*--overwrite"):
        synthesize(SMALL.model_copy(update={"seed": 5}), tmp_path / "twin")


def test_raw_scans_are_files_that_others_read(tmp_path: Path) -> None:
    """Projections in Data Exchange, slices as TIFF, and what is true about each."""
    cylinder = SMALL.model_copy(update={"field_of_view": "cylinder"})
    synthesize(cylinder, tmp_path / "twin", scan=scan_config("nanoct", {"angles": 30}))
    with h5py.File(tmp_path / "twin" / "projections.h5") as file:
        assert file["exchange/data"].shape[:2] == (30, 48)
        assert file["exchange/theta"].shape == (30,)
    truth = json.loads((tmp_path / "twin" / "scan_nanoct.json").read_text())
    assert truth["scans"]["absorption"]["center_of_rotation"] > 24
    synthesize(cylinder, tmp_path / "twin", scan=scan_config("fibsem"))
    assert tifffile.imread(tmp_path / "twin" / "slices" / "slice_0000.tif").ndim == 2
    assert (tmp_path / "twin" / "slices" / "drift.csv").read_text().startswith("slice,")


def test_a_synthetic_study_can_be_measured_but_not_segmented(tmp_path: Path) -> None:
    """Its phases are the truth: measuring them agrees with truth.json, replacing them is refused."""
    synthesize(SMALL, tmp_path / "twin")
    config = MeasureConfig(connectivity=(6,), transport="none")
    study = run_verbs(tmp_path / "twin", [Step("measure", config)])
    truth = json.loads((tmp_path / "twin" / "truth.json").read_text())
    binder = study.measurements.one("volume_fraction", phase="binder").value
    assert binder == pytest.approx(truth["volume_fraction"]["binder"])
    with pytest.raises(StudyError, match="holds the truth"):
        run_verbs(tmp_path / "twin", [Step("segment", SegmentConfig())])


def test_a_kill_changes_nothing(tmp_path: Path) -> None:
    """A run that is broken off in the middle ends, repeated, in the same bytes."""
    whole = synthesize(SMALL, tmp_path / "whole", scan=scan_config("image"))

    def stop(stage: str, step: str, done: int, total: int) -> None:
        if (stage, step) == ("image scan", "greys"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        synthesize(SMALL, tmp_path / "broken", scan=scan_config("image"), progress=stop)
    repeated = synthesize(SMALL, tmp_path / "broken", scan=scan_config("image"))
    for name in ("truth.json", "particles.csv", "cracks.csv"):
        assert (whole.folder / name).read_bytes() == (repeated.folder / name).read_bytes()
    assert np.array_equal(whole.volume.data[:], repeated.volume.data[:])


def test_a_scan_is_known_by_name() -> None:
    """None is none; settings without a scan, and an unknown scan, are errors."""
    assert scan_config("none") is None
    with pytest.raises(InputError, match="--scan none makes none"):
        scan_config("none", {"dose": "low"})
    with pytest.raises(InputError, match="choose one of image, nanoct, fibsem"):
        scan_config("pet")
