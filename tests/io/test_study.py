"""The study folder: lock, staging, commit, foreign folders."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from voltomo.errors import InputError, StudyError, StudyLockedError
from voltomo.io.study import StageRecord, Study


def record(identity: str = "a", outputs: tuple[str, ...] = ("table.csv",)) -> StageRecord:
    """A finished stage."""
    return StageRecord(identity, {"method": "otsu"}, {"method": "otsu"}, outputs)


def test_a_folder_with_other_things_is_refused(tmp_path: Path) -> None:
    """A non-empty folder that is no study stays untouched."""
    (tmp_path / "thesis.txt").write_text("do not lose me")
    with pytest.raises(StudyError, match="not empty"):
        Study(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_second_writer_is_refused_while_the_first_lives(tmp_path: Path) -> None:
    """The lock belongs to the process that holds the study open; another one is told who it is."""
    code = f"from voltomo.io.study import Study; Study({str(tmp_path)!r})"
    with Study(tmp_path):
        result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert result.returncode != 0
        assert "StudyLockedError" in result.stderr
        with pytest.raises(StudyLockedError):
            Study(tmp_path)
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


def test_outputs_appear_only_when_the_stage_is_finished(tmp_path: Path) -> None:
    """Before the commit the study holds nothing of the stage, after it everything and nothing of the staging."""
    with Study(tmp_path) as study:
        staging = study.staging("measure", "a")
        (staging / "out" / "table.csv").write_text("1")
        assert not (tmp_path / "table.csv").exists()
        study.commit("measure", record())
        assert (tmp_path / "table.csv").read_text() == "1"
        assert not staging.exists()
        assert study.records()["measure"].identity == "a"


def test_a_kill_while_outputs_move_is_completed_at_the_next_opening(tmp_path: Path) -> None:
    """The journal is written first: one output moved, one not, then both are there."""
    outputs = ("one.csv", "two.csv")
    with Study(tmp_path) as study:
        staging = study.staging("measure", "a")
        for name in outputs:
            (staging / "out" / name).write_text(name)
        journal = {"stage": "measure", "record": json.loads(json.dumps(record(outputs=outputs).__dict__))}
        (staging / "commit.json").write_text(json.dumps(journal))
        (staging / "out" / "one.csv").rename(tmp_path / "one.csv")
    with Study(tmp_path) as study:
        assert [(tmp_path / name).read_text() for name in outputs] == list(outputs)
        assert "measure" in study.records()


def test_staging_of_another_identity_is_emptied(tmp_path: Path) -> None:
    """What a stage with other settings left behind must not be continued."""
    with Study(tmp_path) as study:
        (study.staging("segment", "a") / "out" / "old").write_text("old")
        assert (study.staging("segment", "a") / "out" / "old").exists()
        assert not (study.staging("segment", "b") / "out" / "old").exists()


OLD = {"segment": ("phases", "probabilities"), "particles": ("table.csv",), "denoise": ("denoised",)}


def finished(folder: Path) -> None:
    """A study whose particles were made from its phases, and whose denoised volume has to do with neither."""
    with Study(folder) as study:
        for stage, outputs in OLD.items():
            out = study.staging(stage, "old") / "out"
            for name in outputs:
                (out / name).mkdir()
                (out / name / "voxels").write_text("old")
            study.commit(stage, record("old", outputs), texts={"recipe.yaml": "old"})


def replace(folder: Path) -> None:
    """Other phases: without probabilities, and with the particles of before gone."""
    with Study(folder) as study:
        out = study.staging("segment", "new") / "out"
        (out / "phases").mkdir()
        (out / "phases" / "voxels").write_text("new")
        study.commit("segment", record("new", ("phases",)), stale=["particles"], texts={"recipe.yaml": "new"})


def test_a_stage_is_replaced_with_what_depended_on_it(tmp_path: Path) -> None:
    """Old outputs go with the stages that made them; those of other stages stay."""
    finished(tmp_path)
    replace(tmp_path)
    with Study(tmp_path, writable=False) as study:
        assert {stage: row.identity for stage, row in study.records().items()} == {"denoise": "old", "segment": "new"}
    assert {path.name for path in tmp_path.iterdir()} == {".voltomo", "run.json", "recipe.yaml", "phases", "denoised"}
    assert (tmp_path / "phases" / "voxels").read_text() == "new"
    assert [path.name for path in (tmp_path / ".voltomo").iterdir()] == ["lock"]


class Killed(BaseException):
    """Stands for kill -9: nothing but the operating system cleans up after it."""


def test_a_kill_at_any_step_of_a_replacement_leaves_no_lie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the step: finished stages are as recorded, nothing old stands beside new phases, reopening completes."""
    for step in range(1, 30):
        folder = tmp_path / str(step)
        finished(folder)
        with monkeypatch.context() as patch:
            left = [step]
            for owner, name in ((Path, "rename"), (Path, "replace"), (Path, "unlink"), (os, "rmdir"), (os, "unlink")):
                patch.setattr(owner, name, killing(getattr(owner, name), left))
            try:
                replace(folder)
            except Killed:
                pass
            else:
                assert step > 10, "the steps were not counted"
                break
        records = Study(folder, writable=False).records()
        voxels = {path.parent.name: path.read_text() for path in folder.glob("*/voxels")}
        for stage, row in records.items():
            assert {voxels[output] for output in row.outputs} == {row.identity}, (step, stage)
        if voxels.get("phases") == "new":
            assert {"table.csv", "probabilities"}.isdisjoint(voxels), step
        if "segment" in records:
            assert (folder / "recipe.yaml").read_text() == records["segment"].identity, step
        has_begun = (folder / ".voltomo" / "segment" / "commit.json").exists() or "particles" not in records
        with Study(folder) as study:
            now = {stage: row.identity for stage, row in study.records().items()}
        unchanged = dict.fromkeys(OLD, "old")
        assert now == ({"denoise": "old", "segment": "new"} if has_begun else unchanged), step
    else:
        pytest.fail("a replacement of more steps than that was not expected")


def killing(method: Callable[..., Any], left: list[int]) -> Callable[..., Any]:
    """The same method, before the n-th call of which the process dies."""

    def call(*arguments: Any, **named: Any) -> Any:
        left[0] -= 1
        if left[0] <= 0:
            raise Killed
        return method(*arguments, **named)

    return call


def test_a_staging_folder_that_was_being_removed_is_never_continued(tmp_path: Path) -> None:
    """Without its mark it is rubbish, even if its log of blocks is still there; it goes with the next opening."""
    with Study(tmp_path) as study:
        folder = study.staging("segment", "a")
        (folder / "logs").mkdir()
        (folder / "identity").unlink()
    with Study(tmp_path) as study:
        assert not folder.exists()
        assert not (study.staging("segment", "a") / "logs").exists()


def test_a_damaged_record_is_reported_not_overwritten(tmp_path: Path) -> None:
    """run.json that is no JSON stops the run and stays as it is."""
    with Study(tmp_path) as study:
        study.staging("segment", "a")
    (tmp_path / "run.json").write_text("{")
    with Study(tmp_path) as study, pytest.raises(StudyError, match=r"run\.json"):
        study.records()
    assert (tmp_path / "run.json").read_text() == "{"


def test_a_request_refused_at_once_leaves_no_folder(tmp_path: Path) -> None:
    """What a refusal made goes; a study that was there, or was interrupted, stays."""

    def end(folder: Path, error: BaseException) -> None:
        with Study(folder) as study:
            study.staging("synth", "a")
            raise error

    with pytest.raises(InputError):
        end(tmp_path / "new", InputError("such an electrode cannot be made"))
    assert not (tmp_path / "new").exists()
    with pytest.raises(KeyboardInterrupt):
        end(tmp_path / "stopped", KeyboardInterrupt())
    with pytest.raises(InputError):
        end(tmp_path / "stopped", InputError("another request"))
    assert (tmp_path / "stopped" / ".voltomo" / "synth").exists()
