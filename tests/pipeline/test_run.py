"""The whole line on small scans: what is made, skipped, refused and replaced."""

from __future__ import annotations

import csv
import errno
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

import voltomo as vt
from voltomo.errors import GateError, InputError, StorageError, StudyError, StudyLockedError
from voltomo.io.study import Study
from voltomo.pipeline import run_verbs
from voltomo.pipeline.run import load_recipe

FILES = {"recipe.yaml", "run.json", "measurements.csv", "measurements.json", "particles.csv", "summary.xlsx"}
FILES |= {"report.html", "methods.md", "figures", "phases.ome.zarr", "particles.ome.zarr", "cracks.ome.zarr"}


@pytest.fixture
def image() -> np.ndarray:
    """A 2D section: bright discs on a dark ground, with noise."""
    y, x = np.mgrid[:120, :140]
    discs = [(30, 30, 18), (80, 40, 22), (60, 100, 25), (100, 110, 15)]
    grey = sum(np.hypot(y - cy, x - cx) < r for cy, cx, r in discs) * 1.0
    return (grey + np.random.default_rng(0).normal(0, 0.1, grey.shape)).astype(np.float32)


class Stages(list[tuple[str, str]]):
    """What the pipeline told."""

    def __call__(self, verb: str, what: str) -> None:
        self.append((verb, what))

    def ran(self) -> list[str]:
        """Stages that were run."""
        return [verb for verb, what in self if what == "finished"]


def test_an_array_becomes_a_study(image: np.ndarray, tmp_path: Path) -> None:
    """Every file of the design is there, and the four discs are four particles."""
    study = vt.run(image, voxel_size="100 nm", output=tmp_path / "study")
    assert {p.name for p in study.folder.iterdir()} >= FILES
    assert len(study.instance_map) == 4
    fractions = [m.value for m in study.measurements.select("area_fraction")]
    assert sum(f for f in fractions if f is not None) == pytest.approx(1)


def test_a_second_run_does_nothing_and_changes_nothing(image: np.ndarray, tmp_path: Path) -> None:
    """All stages are up to date, the tables keep their bytes."""
    first = vt.run(image, voxel_size="100 nm", output=tmp_path / "study")
    before = {p: p.read_bytes() for p in first.folder.glob("*.csv")}
    stages = Stages()
    vt.run(image, voxel_size="100 nm", output=tmp_path / "study", on_stage=stages)
    assert stages.ran() == []
    assert {p: p.read_bytes() for p in first.folder.glob("*.csv")} == before


def test_changed_settings_are_named_and_nothing_is_replaced_without_a_word(image: np.ndarray, tmp_path: Path) -> None:
    """The message says which setting changed; --overwrite replaces the stage and what depends on it, not the import."""
    settings: dict[str, Any] = {"voxel_size": "100 nm", "output": tmp_path / "study"}
    vt.run(image, **settings)
    before = (tmp_path / "study" / "measurements.csv").read_bytes()
    recipe = {"steps": [{"segment": {"method": "threshold", "thresholds": [0.95]}}, "particles", "measure", "report"]}
    with pytest.raises(StudyError, match="method auto → threshold"):
        vt.run(image, recipe, **settings)
    assert (tmp_path / "study" / "measurements.csv").read_bytes() == before
    stages = Stages()
    vt.run(image, recipe, overwrite=True, on_stage=stages, **settings)
    assert stages.ran() == ["segment", "particles", "measure", "report"]
    assert (tmp_path / "study" / "measurements.csv").read_bytes() != before


def test_another_input_into_the_same_study_is_refused(image: np.ndarray, tmp_path: Path) -> None:
    """A study belongs to one scan."""
    vt.run(image, voxel_size="100 nm", output=tmp_path / "study")
    with pytest.raises(StudyError, match="content"):
        vt.run(image + 1, voxel_size="100 nm", output=tmp_path / "study")


def test_from_runs_a_stage_and_those_after_it_again(image: np.ndarray, tmp_path: Path) -> None:
    """The ones before are up to date."""
    vt.run(image, voxel_size="100 nm", output=tmp_path / "study")
    stages = Stages()
    vt.run(image, voxel_size="100 nm", output=tmp_path / "study", start_from="measure", on_stage=stages)
    assert stages.ran() == ["measure", "report"]


def test_an_output_that_somebody_deleted_is_made_again(image: np.ndarray, tmp_path: Path) -> None:
    """Only its stage runs."""
    study = vt.run(image, voxel_size="100 nm", output=tmp_path / "study")
    (study.folder / "measurements.csv").unlink()
    stages = Stages()
    vt.run(image, voxel_size="100 nm", output=tmp_path / "study", on_stage=stages)
    assert stages.ran() == ["measure"]


def test_a_verb_in_a_study_runs_what_depends_on_it_again(image: np.ndarray, tmp_path: Path) -> None:
    """Other particles mean other numbers and another page."""
    vt.run(image, voxel_size="100 nm", output=tmp_path / "study")
    steps = load_recipe({"steps": [{"particles": {"min_diameter": "4 um"}}]}).steps
    with pytest.raises(StudyError, match="min_diameter"):
        run_verbs(tmp_path / "study", steps)
    stages = Stages()
    study = run_verbs(tmp_path / "study", steps, overwrite=True, on_stage=stages)
    assert stages.ran() == ["particles", "measure", "report"]
    assert len(study.instance_map) == 2  # discs of 4.4 and 5.0 um; those of 3.0 and 3.6 um are below 4 um


def test_no_voxel_size_is_refused_with_the_way_out(image: np.ndarray, tmp_path: Path) -> None:
    """The gate names the option, and nothing is written."""
    with pytest.raises(GateError, match="--voxel-size none") as caught:
        vt.run(image, output=tmp_path / "study")
    assert caught.value.gate == "voxel-size"
    assert not (tmp_path / "study").exists()


def test_an_unknown_voxel_size_gives_lengths_in_voxels(image: np.ndarray, tmp_path: Path) -> None:
    """No unit of length in the table, and none in the header of the particles."""
    study = vt.run(image, voxel_size="none", output=tmp_path / "study")
    with study.folder.joinpath("measurements.csv").open(newline="") as stream:
        units = {row["unit"] for row in csv.DictReader(stream)}
    assert not {unit for unit in units if unit.replace("1/", "").startswith(("m", "um"))}
    assert "equivalent_diameter_voxel" in (study.folder / "particles.csv").read_text()


def test_two_runs_into_one_study_at_once_are_refused(image: np.ndarray, tmp_path: Path) -> None:
    """The second run says so and touches nothing."""
    vt.run(image, voxel_size="100 nm", output=tmp_path / "study")
    with Study(tmp_path / "study"), pytest.raises(StudyLockedError, match="another voltomo run"):
        vt.run(image, voxel_size="100 nm", output=tmp_path / "study")


def test_a_full_disk_is_said_and_the_study_continues(
    image: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk runs full in the middle of a stage: one sentence, and after freeing space the same command finishes."""

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("voltomo.pipeline.adapters.write_table", full)
        with pytest.raises(StorageError, match="full"):
            vt.run(image, voxel_size="100 nm", output=tmp_path / "study")
    stages = Stages()
    vt.run(image, voxel_size="100 nm", output=tmp_path / "study", on_stage=stages)
    assert stages.ran() == ["particles", "measure", "report"]


def test_one_phase_only_and_zero_particles_are_results(tmp_path: Path) -> None:
    """A map that is all pore: fraction 1, no particle, a page."""
    tifffile.imwrite(tmp_path / "pore.tif", np.zeros((12, 12, 12), np.uint8))
    (tmp_path / "phases.yaml").write_text(
        "phases:\n- {id: 1, code: 0, name: pore, role: pore}\n- {id: 2, code: 85, name: NMC, role: active}\n"
    )
    study = vt.run(
        recipe={"steps": ["particles", "measure", "report"]},
        segmentation=str(tmp_path / "pore.tif"),
        phases=str(tmp_path / "phases.yaml"),
        voxel_size="100 nm",
        output=tmp_path / "study",
    )
    assert study.measurements.one("porosity").value == 1
    assert len(study.instance_map) == 0
    assert study.report.exists()


def test_unknown_codes_are_refused_with_their_share(tmp_path: Path) -> None:
    """A code that the phase table does not name may be a phase that was forgotten."""
    tifffile.imwrite(tmp_path / "map.tif", np.full((6, 8, 8), 9, np.uint8), photometric="minisblack")
    (tmp_path / "phases.yaml").write_text("phases:\n- {id: 1, code: 1, name: pore, role: pore}\n")
    with pytest.raises(GateError, match="code: 9"):
        vt.run(
            recipe={"steps": ["measure"]},
            segmentation=str(tmp_path / "map.tif"),
            phases=str(tmp_path / "phases.yaml"),
            voxel_size="1 um",
            output=tmp_path / "study",
        )


def test_a_twin_is_scored_against_its_truth(tmp_path: Path) -> None:
    """The scan of a synthetic electrode is referred to, not copied; the page holds the comparison."""
    from voltomo.pipeline import scan_config, synthesize
    from voltomo.stages.synth import SynthConfig

    config = SynthConfig(shape=(56, 56, 56), d50="2 um", cracked=0, hollow=0, seed=1)
    twin = synthesize(config, tmp_path / "twin", scan=scan_config("image"))
    steps = ["segment", "particles", "measure", {"evaluate": {"truth": str(twin.folder)}}, "report"]
    study = vt.run(twin.folder / "volume.ome.zarr", {"steps": steps}, output=tmp_path / "study")
    assert not (study.folder / "volume.ome.zarr").exists()
    scores = json.loads((study.folder / "evaluation.json").read_text())["comparison"]["rows"]
    found = {row["quantity"]: row["measured"] for row in scores}
    assert found["IoU of active"] > 0.8
    assert "Against the truth" in study.report.read_text() or "truth" in study.report.read_text()


def test_the_recipe_in_a_study_runs_from_anywhere(
    image: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Paths in it are absolute: run from another folder, everything is up to date."""
    tifffile.imwrite(tmp_path / "scan.tif", image)
    monkeypatch.chdir(tmp_path)
    study = vt.run("scan.tif", voxel_size="100 nm")
    assert study.folder == Path("scan_study")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    stages = Stages()
    vt.run(recipe=tmp_path / "scan_study" / "recipe.yaml", output=tmp_path / "scan_study", on_stage=stages)
    assert stages.ran() == []


def test_unknown_settings_are_refused(image: np.ndarray, tmp_path: Path) -> None:
    """A misspelt argument is not ignored."""
    with pytest.raises(InputError, match="voxelsize"):
        vt.run(image, voxelsize="64 nm", output=tmp_path / "study")
