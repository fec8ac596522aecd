"""The commands as a newcomer types them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile

import voltomo
from voltomo.cli import main

Run = Callable[..., tuple[str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """``run("check", path)`` → stdout and stderr of a command that ends well."""

    def call(*arguments: object) -> tuple[str, str]:
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        assert not ended.value.code, captured.err
        return captured.out, captured.err

    return call


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    """A small 3D scan of three balls."""
    z, y, x = np.mgrid[:40, :48, :44]
    grey = np.random.default_rng(0).normal(50, 8, z.shape)
    for cz, cy, cx, r in ((12, 14, 14, 10), (26, 32, 16, 11), (20, 24, 34, 8)):
        grey[(z - cz) ** 2 + (y - cy) ** 2 + (x - cx) ** 2 < r * r] += 100
    tifffile.imwrite(tmp_path / "scan.tif", grey.clip(0, 255).astype(np.uint8))
    return tmp_path / "scan.tif"


def test_the_readme_line_makes_a_report(run: Run, scan: Path, tmp_path: Path) -> None:
    """The last line says where the page is."""
    out, _ = run("run", scan, "--voxel-size", "64 nm", "-o", tmp_path / "study")
    assert out.strip().splitlines()[-1] == f"report: {tmp_path / 'study' / 'report.html'}"
    assert (tmp_path / "study" / "report.html").stat().st_size > 10_000


def test_json_is_for_programs(run: Run, scan: Path, tmp_path: Path) -> None:
    """One object on stdout, one object per line on stderr."""
    out, err = run("run", scan, "--voxel-size", "64 nm", "-o", tmp_path / "study", "--json")
    assert json.loads(out)["status"] == "ok"
    assert all("event" in json.loads(line) for line in err.strip().splitlines())


def test_quiet_says_only_the_result(run: Run, scan: Path, tmp_path: Path) -> None:
    """Nothing on stderr."""
    out, err = run("run", scan, "--voxel-size", "64 nm", "-o", tmp_path / "study", "--quiet")
    assert err == ""
    assert len(out.splitlines()) == 1


def test_a_dry_run_writes_nothing(run: Run, scan: Path, tmp_path: Path) -> None:
    """Stages, time and memory are printed; no folder appears."""
    out, _ = run("run", scan, "--voxel-size", "64 nm", "-o", tmp_path / "study", "--dry-run")
    assert "particles" in out
    assert "of memory (never more than 4 GB)" in out
    assert not (tmp_path / "study").exists()


def test_verbs_one_by_one_make_what_a_run_makes(run: Run, scan: Path, tmp_path: Path) -> None:
    """Segment, particles, measure and report in place give the numbers of `run`."""
    run("run", scan, "--voxel-size", "64 nm", "-o", tmp_path / "one")
    run("segment", scan, "--voxel-size", "64 nm", "-o", tmp_path / "two")
    for verb in ("particles", "measure", "report"):
        run(verb, tmp_path / "two")
    one, two = ((tmp_path / name / "measurements.csv").read_bytes() for name in ("one", "two"))
    assert one == two


def test_init_writes_a_recipe_and_a_phase_table_that_are_valid(run: Run, scan: Path, tmp_path: Path) -> None:
    """The recipe runs as it is on a file of its name."""
    run("init", tmp_path)
    assert "segment" in run("check", tmp_path / "recipe.yaml")[0]
    out, _ = run("run", tmp_path / "recipe.yaml", "-o", tmp_path / "study")
    assert "report" in out


def test_check_says_what_a_file_holds(run: Run, scan: Path) -> None:
    """Shape, type, range, and that the voxel size is missing."""
    out, _ = run("check", scan)
    assert "40 × 48 × 44" in out
    assert "--voxel-size" in out


def test_doctor_finds_this_installation_whole(run: Run) -> None:
    """Every part works where the tests run."""
    out, _ = run("doctor")
    assert "BAD" not in out
    assert "kernels" in out


def test_synth_and_evaluate_score_a_twin_against_itself(run: Run, tmp_path: Path) -> None:
    """Every IoU is 1."""
    run(
        "synth",
        "-o",
        tmp_path / "twin",
        "--size",
        "40",
        "--d50",
        "2 um",
        "--cracked",
        "0",
        "--set",
        "hollow=0",
        "--seed",
        "3",
    )
    out, _ = run("evaluate", tmp_path / "twin", tmp_path / "twin", "--json")
    scores = json.loads(out)["scores"]
    assert {row["value"] for row in scores if row["name"] == "iou"} <= {1.0, None}  # None: no crack was asked for


def test_evaluate_takes_a_label_file_with_other_codes(run: Run, scan: Path, tmp_path: Path) -> None:
    """Codes get their meaning on the command line."""
    run("segment", scan, "--voxel-size", "none", "-o", tmp_path / "study")
    truth = np.where(tifffile.imread(scan) > 100, 7, 3).astype(np.uint8)
    tifffile.imwrite(tmp_path / "truth.tif", truth)
    out, _ = run(
        "evaluate", tmp_path / "study", tmp_path / "truth.tif", "--truth-code", "active=7", "--truth-code", "pore=3"
    )
    assert "active" in out


def test_export_writes_what_another_program_opens(run: Run, scan: Path, tmp_path: Path) -> None:
    """A TIFF of the phases, read back by another library."""
    run("segment", scan, "--voxel-size", "64 nm", "-o", tmp_path / "study")
    run("export", tmp_path / "study", "--what", "phases", "-o", tmp_path / "phases.tif")
    np.testing.assert_array_equal(np.unique(tifffile.imread(tmp_path / "phases.tif")), [1, 2])


def test_the_version_is_the_package_version(run: Run) -> None:
    """So that a report of a problem can name it."""
    assert run("--version")[0].strip() == f"voltomo {voltomo.__version__}"
