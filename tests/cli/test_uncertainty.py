"""`voltomo uncertainty`: what other operators would have found."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile

from voltomo.cli import main
from voltomo.io.artifacts import StudyArtifacts
from voltomo.pipeline import run

LEAN = {
    "transport": "none",
    "paths": "none",
    "local_thickness": "none",
    "conventions": False,
    "connectivity": [6],
    "uncertainty": {"bands": False},
}


def slab(width: int) -> np.ndarray:
    """A layer of phase 2, so many of 24 planes thick."""
    ids = np.ones((24, 16, 16), np.uint8)
    ids[12 - width // 2 : 12 + width // 2] = 2
    return ids


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Measured from somebody's segmentation; two other files with its ids beside it."""
    for width in (8, 10, 12):
        tifffile.imwrite(tmp_path / f"{width}.tif", slab(width))
    (tmp_path / "phases.yaml").write_text(
        "phases:\n  - {id: 1, code: 1, name: pore, role: pore}\n  - {id: 2, code: 2, name: binder, role: binder}\n"
    )
    recipe = {"steps": [{"measure": LEAN}]}
    files = {"segmentation": str(tmp_path / "10.tif"), "phases": str(tmp_path / "phases.yaml"), "voxel_size": "64 nm"}
    run(None, recipe, output=tmp_path / "study", **files)
    return tmp_path / "study"


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of the command."""
    with pytest.raises(SystemExit) as ended:
        main(["uncertainty", *(str(argument) for argument in arguments)])
    captured = capsys.readouterr()
    return int(ended.value.code or 0), captured.out, captured.err


def operator(study: Path) -> float | None:
    """Standard uncertainty of the operator part of the binder fraction."""
    item = StudyArtifacts(study).measurements.one("volume_fraction", phase="binder")
    return next(part.standard_uncertainty for part in item.parts if part.name == "operator")


def test_annotators_and_boundary_enter_the_measurements(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Layers of 8, 10 and 12 of 24: u = 2/24; a boundary within ± 1 voxel: u = 2/24/√3; other settings stay."""
    folder = study.parent
    code, out, _ = call(capsys, study, "--annotators", folder / "8.tif", folder / "12.tif", "--json")
    assert code == 0
    rows = json.loads(out)["numbers"]
    assert {row["name"] for row in rows} >= {"volume_fraction", "specific_surface_area"}
    assert operator(study) == pytest.approx(2 / 24)
    assert StudyArtifacts(study).records["measure"].config["transport"] == "none"
    code, out, err = call(capsys, study, "--boundary", 1)
    assert code == 0
    assert "u(operator)" in out + err
    assert operator(study) == pytest.approx(2 / 24 / 3**0.5)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--annotators", "nowhere.tif"], "there is no segmentation"),
        (["nowhere.tif"], "come after --annotators"),
        ([], "give either --annotators"),
        (["--annotators", "8.tif", "--boundary", "1"], "give either --annotators"),
    ],
)
def test_bad_requests_say_what_is_wrong(
    study: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    """Exit code 2, in a sentence, and the study stays as it was."""
    before = (study / "measurements.json").read_bytes()
    code, _, err = call(capsys, study, *arguments)
    assert code == 2
    assert words in err
    assert (study / "measurements.json").read_bytes() == before
