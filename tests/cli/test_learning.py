"""`voltomo train`, and `segment` with what it made, as a newcomer types them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile

from voltomo.cli import main
from voltomo.io.artifacts import StudyArtifacts

Run = Callable[..., tuple[int, str, str]]
QUICK = ("--method", "mlp", "--set", "samples=4000", "--set", "perceptron={steps: 200}")
"""A pixel classifier that learns in about a second."""
MARKED = ("--unlabelled", 0, *QUICK)
"""The same, told that 0 is no phase."""


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """``run("train", grey, labels)`` → exit code, stdout, stderr."""

    def call(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return int(ended.value.code or 0), captured.out, captured.err

    return call


def slice_of(seed: int, size: int = 128) -> tuple[np.ndarray, np.ndarray]:
    """A noisy slice of bright discs on a dark ground, and its labels: 1 ground, 2 disc."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size]
    labels = np.ones((size, size), np.uint8)
    for cy, cx in rng.uniform(0, size, (12, 2)):
        labels[np.hypot(y - cy, x - cx) < 12] = 2
    return (60 * labels + rng.normal(0, 25, labels.shape)).clip(0, 255).astype(np.uint8), labels


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """`grey/` with three slices, `labels/` with labels of two of them, a band of each unlabelled."""
    for name in ("grey", "labels"):
        (tmp_path / name).mkdir()
    for seed in range(3):
        grey, labels = slice_of(seed)
        labels[:6] = 0
        tifffile.imwrite(tmp_path / "grey" / f"s_{seed}.tif", grey)
        if seed:
            tifffile.imwrite(tmp_path / "labels" / f"s_{seed}_label.tif", labels)
    return tmp_path


def test_labels_become_a_model_that_segments_the_slice_nobody_labelled(run: Run, folder: Path) -> None:
    """Train, segment with probabilities, judge: better than 0.9 where a plain cut of this noise is not."""
    code, out, err = run(
        "train", folder / "grey", folder / "labels", "-o", folder / "models" / "mine", *MARKED, "--json"
    )
    assert code == 0, err
    scores = json.loads(out)["scores"]
    assert scores["mean_iou"] > scores["fitted_cut"]["mean_iou"]
    code, out, err = run(
        "segment", folder / "grey" / "s_0.tif", "-m", folder / "models" / "mine", "-o", folder / "s", "--probabilities"
    )
    assert code == 0, err
    found = StudyArtifacts(folder / "s").phase_map
    truth = slice_of(0)[1]
    disc = np.asarray(found.data[0]) == 2
    assert (disc & (truth == 2)).sum() / (disc | (truth == 2)).sum() > 0.9
    likely = np.asarray(found.probabilities)
    assert likely.shape == (2, 1, 128, 128)
    assert np.abs(likely.astype(int).sum(axis=0) - 255).max() <= 1
    record = StudyArtifacts(folder / "s").records["segment"].record["histogram"]["model"]
    assert record["name"] == "mine"


def test_an_ensemble_shows_where_it_is_not_of_one_mind(run: Run, folder: Path) -> None:
    """Disagreement is kept in the study, and its mean is in the report; a single model cannot give one: exit 2."""
    scan = folder / "grey" / "s_0.tif"
    train = ("train", folder / "grey", folder / "labels", *MARKED, "--quiet")
    assert run(*train, "-o", folder / "three", "--set", "members=3")[0] == 0
    code, _, err = run("segment", scan, "-m", folder / "three", "-o", folder / "s", "--disagreement")
    assert code == 0, err
    apart = np.asarray(StudyArtifacts(folder / "s").phase_map.disagreement)
    assert apart.shape == (1, 1, 128, 128)
    assert 0 < apart.mean() < apart.max() <= 255
    assert run("report", folder / "s")[0] == 0
    assert f"{apart.mean() / 255:.2%}" in (folder / "s" / "report.html").read_text(encoding="utf-8")
    assert run(*train, "-o", folder / "one")[0] == 0
    code, _, err = run("segment", scan, "-m", folder / "one", "-o", folder / "t", "--disagreement")
    assert code == 2
    assert "--set members=3" in err


def test_the_members_of_an_ensemble_enter_the_numbers(run: Run, folder: Path) -> None:
    """Their maps lie in the study and give its numbers the part of the segmentation; without them, it is taken back.

    A study that holds numbers of other maps is measured again. A histogram has no members: exit 2.
    """
    scan, study = folder / "grey" / "s_0.tif", folder / "s"
    train = ("train", folder / "grey", folder / "labels", *MARKED, "--quiet")
    assert run(*train, "-o", folder / "three", "--set", "members=3")[0] == 0
    code, _, err = run("segment", scan, "-m", folder / "three", "-o", study, "--members", "--voxel-size", "64 nm")
    assert code == 0, err
    assert sorted(path.name for path in (study / "members").iterdir()) == [f"{k}.ome.zarr" for k in (1, 2, 3)]
    lean = ("--set", "local_thickness=none", "--set", "uncertainty={bands: false}")
    assert run("measure", study, *lean)[0] == 0
    opened = StudyArtifacts(study)
    shares = [float(np.mean(np.asarray(member) == 2)) for member in opened.phase_map.members]
    item = opened.measurements.one("area_fraction", phase=opened.phase_map.phases.by_id(2).name)
    part = next(part for part in item.parts if part.name == "segmentation")
    assert part.standard_uncertainty == pytest.approx(np.sqrt(np.sum((np.array(shares) - item.value) ** 2) / 2))
    assert "3 members" in part.note
    assert run("segment", study, "-m", folder / "three")[0] == 2  # the numbers would not be those of the maps any more
    assert run("segment", study, "-m", folder / "three", "--overwrite")[0] == 0
    opened = StudyArtifacts(study)
    assert opened.phase_map.members == ()
    item = opened.measurements.one("area_fraction", phase=item.phase)
    assert next(part for part in item.parts if part.name == "segmentation").standard_uncertainty is None
    assert run("segment", scan, "-o", folder / "t", "--method", "otsu", "--members")[0] == 2


def test_a_model_is_not_replaced_without_a_word(run: Run, folder: Path) -> None:
    """Exit 2, the way out is named, and the model is as it was."""
    request = ("train", folder / "grey", folder / "labels", "-o", folder / "m", *MARKED, "--quiet")
    assert run(*request)[0] == 0
    before = (folder / "m" / "model.yaml").read_bytes()
    code, _, err = run(*request)
    assert code == 2
    assert "--overwrite" in err
    assert (folder / "m" / "model.yaml").read_bytes() == before
    assert run(*request, "--overwrite", "--seed", 1)[0] == 0
    assert (folder / "m" / "model.yaml").read_bytes() != before


def test_labels_whose_zero_may_be_a_phase_are_a_question(run: Run, folder: Path) -> None:
    """Exit 3 with the share of each code; `--unlabelled none` answers it."""
    for path in (folder / "labels").iterdir():
        tifffile.imwrite(path, (slice_of(int(path.stem[2]))[1] - 1).astype(np.uint8))
    request = ("train", folder / "grey", folder / "labels", "-o", folder / "m", *QUICK)
    code, _, err = run(*request)
    assert code == 3
    assert "unlabelled" in err
    assert "%" in err
    assert not (folder / "m").exists()
    assert run(*request, "--unlabelled", "none")[0] == 0


def test_a_setting_that_does_not_exist_is_named_with_its_neighbor(run: Run, folder: Path) -> None:
    """Exit 2."""
    code, _, err = run("train", folder / "grey", folder / "labels", "-o", folder / "m", *MARKED, "--set", "sample=3")
    assert code == 2
    assert "did you mean samples" in err
    assert {path.name for path in folder.iterdir()} == {"grey", "labels"}


def test_another_model_in_the_same_study_is_told(run: Run, folder: Path) -> None:
    """A retrained model of the same name changes the identity of `segment`: exit 2 until --overwrite."""
    model = folder / "m"
    train = ("train", folder / "grey", folder / "labels", "-o", model, *MARKED, "--quiet")
    segment = ("segment", folder / "grey" / "s_0.tif", "-m", model, "-o", folder / "s", "--quiet")
    assert run(*train)[0] == 0
    assert run(*segment)[0] == 0
    assert run(*train, "--overwrite", "--seed", 5)[0] == 0
    code, _, err = run(*segment)
    assert code == 2
    assert "m" in err
    assert run(*segment, "--overwrite")[0] == 0


def test_a_scan_unlike_the_training_scans_is_refused(run: Run, folder: Path) -> None:
    """Inverted contrast: exit 3 with the differences and the flag that accepts."""
    model = folder / "m"
    assert run("train", folder / "grey", folder / "labels", "-o", model, *MARKED, "--quiet")[0] == 0
    grey, _ = slice_of(7)
    tifffile.imwrite(folder / "other.tif", np.random.default_rng(0).permutation(255 - grey.ravel()).reshape(grey.shape))
    code, _, err = run("segment", folder / "other.tif", "-m", model, "-o", folder / "o")
    assert code == 3
    assert "--accept-drift" in err
    code, _, err = run("segment", folder / "other.tif", "-m", model, "-o", folder / "o", "--accept-drift")
    assert code == 0, err


def test_models_are_listed_and_shown(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By name from ./models; a changed file is told, not used."""
    monkeypatch.chdir(folder)
    assert run("train", "grey", "labels", "-o", "models/mine", *MARKED, "--quiet")[0] == 0
    listed = json.loads(run("models", "list", "--json")[1])["models"]
    assert next((row["name"], row["network"]) for row in listed if not row["hidden"]) == ("mine", "mlp")
    shown = json.loads(run("models", "show", "mine", "--json")[1])
    assert [phase["id"] for phase in shown["phases"]] == [1, 2]
    assert shown["scores"]["fitted_cut"]["mean_iou"] < shown["scores"]["mean_iou"]
    assert json.loads(run("models", "test", "mine", "--json")[1])["passed"]
    proposed = json.loads(run("models", "next", "mine", "grey", "-n", 1, "--labelled", "1,s_2.tif", "--json")[1])
    assert [(row["slice"], row["file"]) for row in proposed["next"]] == [(0, "s_0.tif")]
    code, _, err = run("models", "next", "mine", "grey", "--labelled", "first")
    assert (code, "such as 20,200" in err) == (2, True)
    code, _, err = run("models", "export", "mine", "-o", "mine.onnx")
    assert code == 2
    assert "no network" in err
    code, _, err = run("models", "show", "mien")
    assert code == 2
    assert "did you mean mine" in err
    weights = folder / "models" / "mine" / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4] + b"\0\0\0\1")
    code, _, err = run("segment", "grey/s_0.tif", "-m", "mine", "-o", "s")
    assert code == 3
    assert "weights.safetensors" in err


def test_phases_without_names_are_told_with_a_table_to_fill_in(run: Run, folder: Path) -> None:
    """Filled in, the table beside the model gives the next one its names and roles; then nothing is left to tell."""
    model = folder / "mine"
    code, _, err = run("train", folder / "grey", folder / "labels", "-o", model, *MARKED)
    assert code == 0, err
    assert "Nobody said what class 1, class 2 are" in err
    table = model / "phases.yaml"
    assert f"to be filled in: {table}" in err
    rows = table.read_text(encoding="utf-8").replace("name: class 1, role: other", "name: ground, role: pore")
    table.write_text(rows.replace("name: class 2, role: other", "name: NMC, role: active"), encoding="utf-8")
    again = ("train", folder / "grey", folder / "labels", "-o", model, *QUICK, "--phases", table, "--overwrite")
    code, _, err = run(*again)
    assert code == 0, err
    assert "filled in" not in err
    shown = json.loads(run("models", "show", model, "--json")[1])
    assert [(phase["name"], phase["role"]) for phase in shown["phases"]] == [("ground", "pore"), ("NMC", "active")]
    assert "name: NMC, role: active" in table.read_text(encoding="utf-8")


def test_a_run_with_a_model_carries_its_doubt_to_the_numbers(run: Run, folder: Path) -> None:
    """Probabilities give the fractions a part for the segmentation; the report names model and scores."""
    model = folder / "mine"
    assert run("train", folder / "grey", folder / "labels", "-o", model, *MARKED, "--quiet")[0] == 0
    options = ("--voxel-size", "none", "--probabilities", "--quiet")
    code, _, err = run("run", folder / "grey" / "s_0.tif", "-m", model, "-o", folder / "r", *options)
    assert code == 0, err
    rows = json.loads((folder / "r" / "measurements.json").read_text())["measurements"]
    parts = next(row["parts"] for row in rows if row["name"] == "area_fraction")
    assert next(part for part in parts if part["name"] == "segmentation")["standard_uncertainty"] > 0
    page = (folder / "r" / "report.html").read_text()
    assert "Segmented with the model <strong>mine</strong>" in page
    assert "multilayer perceptron" in (folder / "r" / "methods.md").read_text()
