"""The study folder: lock, staging, commit, foreign folders."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

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


def test_a_stage_that_is_forgotten_takes_its_outputs_with_it(tmp_path: Path) -> None:
    """Outputs of other stages stay."""
    with Study(tmp_path) as study:
        for stage, name in (("segment", "phases"), ("measure", "table.csv")):
            (study.staging(stage, "a") / "out" / name).write_text(name)
            study.commit(stage, record(outputs=(name,)))
        study.forget("measure")
        assert list(study.records()) == ["segment"]
        assert (tmp_path / "phases").exists()
        assert not (tmp_path / "table.csv").exists()


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
