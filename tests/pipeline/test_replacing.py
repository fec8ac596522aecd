"""What a stage left is replaced when its successor is finished, and not before; the recipe always tells what stands."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import voltomo as vt
from voltomo.errors import GateError, StorageError, StudyError
from voltomo.io.artifacts import StudyArtifacts
from voltomo.pipeline import run_verbs, synthesize
from voltomo.pipeline.run import load_recipe
from voltomo.stages.measure import MeasureConfig
from voltomo.stages.recipe import Step
from voltomo.stages.synth import SynthConfig

QUICK = {"transport": "none", "paths": "none", "local_thickness": "none", "conventions": False}
MEASURE = {"measure": QUICK}


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    """A 2D section: two bright discs on a dark ground."""
    y, x = np.mgrid[:64, :72]
    discs = [(20, 20, 12), (44, 50, 14)]
    grey = sum(np.hypot(y - cy, x - cx) < r for cy, cx, r in discs) * 1.0
    return (grey + np.random.default_rng(0).normal(0, 0.1, grey.shape)).astype(np.float32)


@pytest.fixture
def study(image: np.ndarray, tmp_path: Path) -> Path:
    """A study of the image, finished."""
    return do(image, tmp_path / "study", recipe())[0]


def recipe(cut: float = 0.5, smallest: str = "400 nm") -> dict[str, Any]:
    """Two classes by a grey cut, particles, numbers."""
    segment = {"method": "threshold", "thresholds": [cut]}
    return {"steps": [{"segment": segment}, {"particles": {"min_diameter": smallest}}, MEASURE]}


def do(image: np.ndarray, folder: Path, steps: dict[str, Any] | Path, **given: Any) -> tuple[Path, list[str]]:
    """Run; returns the folder and what ran."""
    ran: list[str] = []

    def told(verb: str, what: str) -> None:
        if what == "finished":
            ran.append(verb)

    vt.run(image, steps, output=folder, voxel_size="100 nm", on_stage=told, **given)
    return folder, ran


def contents(study: Path) -> dict[str, bytes]:
    """Every finished file of a study."""
    files = (path for path in study.rglob("*") if path.is_file() and ".voltomo" not in path.parts)
    return {str(path.relative_to(study)): path.read_bytes() for path in files}


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The stage `particles` refuses."""

    def refuse(*_: object, **__: object) -> None:
        raise GateError("these are no particles", gate="test")

    monkeypatch.setattr("voltomo.pipeline.adapters.run_particles", refuse)
    return monkeypatch


def test_a_stage_that_refuses_leaves_everything_as_it_was(
    study: Path, image: np.ndarray, refusing: pytest.MonkeyPatch
) -> None:
    """Not one byte of what is finished changes, the recipe included, so that the old settings are up to date."""
    before = contents(study)
    for answer in (GateError, StorageError):
        with pytest.raises(answer):
            do(image, study, recipe(smallest="1 um"), overwrite=True)
        assert contents(study) == before
        refusing.setattr("voltomo.pipeline.adapters.run_particles", full_disk)
    assert do(image, study, recipe())[1] == []
    assert do(image, study, study / "recipe.yaml")[1] == []


def full_disk(*_: object, **__: object) -> None:
    """What the operating system says."""
    raise OSError(errno.ENOSPC, "No space left on device")


def test_after_a_refusal_midway_the_study_holds_no_numbers_of_other_phases(
    study: Path, image: np.ndarray, refusing: pytest.MonkeyPatch
) -> None:
    """New phases end what was made from the old ones; the recipe goes with them, and the study is continued by it."""
    with pytest.raises(GateError):
        do(image, study, recipe(cut=0.9), overwrite=True)
    left = StudyArtifacts(study)
    assert list(left.records) == ["import", "segment"]
    assert left.records["segment"].config["thresholds"] == [0.9]
    assert not {"particles.csv", "particles.ome.zarr", "measurements.csv"} & {path.name for path in study.iterdir()}
    assert load_recipe(study / "recipe.yaml").config("segment").thresholds == (0.9,)  # type: ignore[union-attr]
    refusing.undo()
    assert do(image, study, study / "recipe.yaml")[1] == ["particles", "measure"]


def test_a_step_that_is_new_and_refused_does_not_enter_the_recipe_of_what_stands(
    study: Path, image: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked for a denoised volume in vain, the study still is what its recipe says."""
    before = contents(study)
    monkeypatch.setattr("voltomo.pipeline.adapters.run_denoise", full_disk)
    with pytest.raises(StorageError):
        run_verbs(study, load_recipe({"steps": ["denoise"]}).steps, overwrite=True)
    assert contents(study) == before
    assert do(image, study, study / "recipe.yaml")[1] == []


def test_a_step_that_was_taken_out_is_not_seen_any_more(image: np.ndarray, tmp_path: Path) -> None:
    """Phases without denoising are those of the raw volume, though the study held a denoised one."""
    steps = recipe(cut=0.95)["steps"][:1]  # noise decides
    folder, _ = do(image, tmp_path / "study", {"steps": [{"denoise": {"method": "gaussian"}}, *steps]})
    denoised = np.asarray(StudyArtifacts(folder).phase_map.data)
    with pytest.raises(StudyError, match="and lose denoise"):
        do(image, folder, {"steps": steps})
    do(image, folder, {"steps": steps}, overwrite=True)
    again = StudyArtifacts(folder)
    assert list(again.records) == ["import", "segment"]
    assert not again.has("denoised")
    raw = StudyArtifacts(do(image, tmp_path / "raw", {"steps": steps})[0]).phase_map
    np.testing.assert_array_equal(again.phase_map.data, raw.data)
    assert (denoised != np.asarray(raw.data)).any()


def test_an_interrupted_study_keeps_the_steps_that_are_to_come(
    image: np.ndarray, tmp_path: Path, refusing: pytest.MonkeyPatch
) -> None:
    """A verb that is run in between does not take them out of the recipe."""
    with pytest.raises(GateError):
        do(image, tmp_path / "study", {"steps": [*recipe()["steps"], "report"]})
    run_verbs(tmp_path / "study", load_recipe({"steps": [MEASURE]}).steps)
    steps = [step.verb for step in load_recipe(tmp_path / "study" / "recipe.yaml").steps]
    assert steps == ["segment", "particles", "measure", "report"]


def test_another_truth_ends_the_numbers_of_the_old_one(tmp_path: Path) -> None:
    """A synthetic study that is made again is not shown with what was measured before."""
    config = SynthConfig(shape=(24, 24, 24), voxel_size="200 nm", d50="2 um", seed=4)
    synthesize(config, tmp_path / "twin")
    run_verbs(tmp_path / "twin", [Step("measure", MeasureConfig.model_validate(QUICK))])
    synthesize(config.model_copy(update={"seed": 5}), tmp_path / "twin", overwrite=True)
    assert list(StudyArtifacts(tmp_path / "twin").records) == ["synth"]
    assert not (tmp_path / "twin" / "measurements.csv").exists()
