"""`voltomo uncertainty`: what other operators would have found."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from scipy.ndimage import gaussian_filter

from voltomo.cli import main
from voltomo.io.artifacts import StudyArtifacts
from voltomo.pipeline import load_recipe, run, run_verbs
from voltomo.pipeline.training import train_from_files
from voltomo.stages.train import TrainConfig

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


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A noisy slice, its labels, a model that learned from them, and a study that the model segmented."""
    folder = tmp_path_factory.mktemp("retrain")
    rng = np.random.default_rng(5)
    solid = gaussian_filter(rng.standard_normal((80, 80)), 4) > 0
    grey = gaussian_filter(solid.astype(np.float32), 1) + 0.1 * rng.standard_normal(solid.shape)
    tifffile.imwrite(folder / "scan.tif", grey.astype(np.float32))
    tifffile.imwrite(folder / "labels.tif", solid.astype(np.uint8) + 1)
    tifffile.imwrite(folder / "anna.tif", np.roll(solid, 1).astype(np.uint8) + 1)
    (folder / "phases.yaml").write_text(
        "phases:\n  - {id: 1, code: 1, name: pore, role: pore}\n  - {id: 2, code: 2, name: NMC, role: active}\n"
    )
    config = TrainConfig(method="mlp", gap=2, settings={"samples": 3000, "perceptron": {"steps": 100}})
    pair = (folder / "scan.tif", {"me": folder / "labels.tif"})
    train_from_files(*pair, folder / "model", config, phases=folder / "phases.yaml")
    recipe = {"steps": [{"segment": {"model": str(folder / "model")}}, {"measure": LEAN}]}
    run(folder / "scan.tif", recipe, output=folder / "study", voxel_size="64 nm")
    return folder


def test_retraining_enters_the_measurements(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Labels narrower, wider and jittered train models whose maps give u; two annotators give a range.

    The budget says how, the maps lie in the study, and `measure` finds them again.
    """
    files = ("--retrain", trained / "scan.tif", trained / "labels.tif", "--phases", trained / "phases.yaml")
    code, out, _ = call(capsys, trained / "study", *files, "--seeds", 1, "--json")
    assert code == 0
    rows = json.loads(out)["numbers"]
    assert all(row["operator"] > 0 for row in rows)
    item = StudyArtifacts(trained / "study").measurements.one("area_fraction", phase="NMC")
    note = next(part.note for part in item.parts if part.name == "operator")
    assert note.startswith("mlp retrained on 4 label variants")
    assert sorted(path.name for path in (trained / "study" / "retrained").iterdir()) == [
        f"{number}.ome.zarr" for number in (1, 2, 3)
    ]
    again = run_verbs(trained / "study", load_recipe({"steps": [{"measure": LEAN}]}).steps, overwrite=True)
    assert again.measurements.one("area_fraction", phase="NMC").parts == item.parts
    code, out, _ = call(capsys, trained / "study", *files, "--annotators", trained / "anna.tif", "--json")
    assert code == 0
    assert all(row["operator"] is None and row["range"] is not None for row in json.loads(out)["numbers"])


def test_labels_that_did_not_train_the_model_are_refused(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, naming what differs, before anything of the study is replaced; the same for a model that changed."""
    before = (trained / "study" / "measurements.json").read_bytes()
    files = ("--retrain", trained / "scan.tif", trained / "anna.tif", "--phases", trained / "phases.yaml")
    code, _, err = call(capsys, trained / "study", *files)
    assert code == 2
    assert "not the labels that trained the model" in err
    assert "has other labels" in err
    page = trained / "model" / "training.html"
    kept = page.read_bytes()
    page.write_bytes(kept + b" ")
    code, _, err = call(capsys, trained / "study", *files)
    page.write_bytes(kept)
    assert code == 2
    assert "replaced or altered since" in err
    assert (trained / "study" / "measurements.json").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--retrain", "8.tif", "10.tif"], "was not segmented by a model"),
        (["--boundary", "1", "--seeds", "2"], "--seeds belongs to --retrain"),
        (["--retrain", "8.tif", "nowhere.tif"], "there is no file or folder"),
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
    files = [str(study.parent / word) if word in ("8.tif", "10.tif") else word for word in arguments]
    code, _, err = call(capsys, study, *files)
    assert code == 2
    assert words in err
    assert (study / "measurements.json").read_bytes() == before
