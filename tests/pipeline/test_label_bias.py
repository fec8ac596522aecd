"""The study of label bias, small."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from voltomo.errors import GateError, InputError
from voltomo.pipeline.label_bias import LabelBiasStudy, study_label_bias
from voltomo.stages.label_bias import LabelBiasConfig

# Plain round particles that a scan of the highest dose resolves: what the labels do is then not lost in noise.
CONFIG = LabelBiasConfig(
    size=40,
    electrodes=1,
    slices=2,
    dose="high",
    biases=("none", "dilate", "erode"),
    settings={"samples": 4000, "validation_samples": 500, "perceptron": {"steps": 200}},
    electrode={"cracked": 0, "hollow": 0, "grain_size": "0 um", "d50": "1.6 um"},
)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, LabelBiasStudy]:
    """One electrode under three biases."""
    folder = tmp_path_factory.mktemp("label_bias") / "bias"
    return folder, study_label_bias(CONFIG, folder)


def test_labels_too_wide_give_a_phase_too_large(study: tuple[Path, LabelBiasStudy]) -> None:
    """The model repeats what it was shown: NMC grows with wide labels and shrinks with narrow ones."""
    rows = {(row.bias, row.name, row.phase): row for row in study[1].rows}
    effect = {bias: rows[bias, "volume_fraction", "NMC"].errors.effect for bias in ("dilate", "erode")}
    assert effect["dilate"] > 0.03
    assert effect["erode"] < -0.03
    iou = {bias: rows[bias, "iou", "NMC"].found[0] for bias in CONFIG.biases}
    assert iou["none"] > max(iou["dilate"], iou["erode"])
    fractions = [rows["dilate", "volume_fraction", phase].found[0] for phase in ("pore", "NMC", "binder")]
    assert sum(fractions) == pytest.approx(1)


def test_every_number_says_what_it_is(study: tuple[Path, LabelBiasStudy]) -> None:
    """Each number has a unit, a definition, the truth and how many electrodes it is of."""
    folder, found = study
    values = json.loads((folder / "label_bias.json").read_text(encoding="utf-8"))
    assert values == json.loads(json.dumps(found.values))
    assert len(values["numbers"]) == 3 * 9
    for number in values["numbers"]:
        assert number["unit"] in ("1", "1/m")
        assert number["definition"]
        assert len(number["truth"]) == len(number["found"]) == 1
    assert values["share_of_labels_changed"]["none"] == [0]
    assert 0.05 < values["share_of_labels_changed"]["dilate"][0] < 0.4


def test_what_is_finished_is_found_again(study: tuple[Path, LabelBiasStudy]) -> None:
    """A run that was interrupted is made again, the others are not; the study is the same."""
    folder, found = study
    (folder / "runs" / "seed0-erode.json").unlink()
    told: list[tuple[str, str]] = []
    again = study_label_bias(CONFIG, folder, on_run=lambda name, what, _i, _n: told.append((name, what)))
    assert told == [
        ("seed0-none", "up to date"),
        ("seed0-dilate", "up to date"),
        ("seed0-erode", "started"),
        ("seed0-erode", "finished"),
    ]
    assert again.values["numbers"] == found.values["numbers"]


def test_other_settings_are_not_mixed_in(study: tuple[Path, LabelBiasStudy], tmp_path: Path) -> None:
    """Runs of another study, and folders with other things, are refused."""
    with pytest.raises(InputError, match="other settings"):
        study_label_bias(CONFIG.model_copy(update={"slices": 1}), study[0])
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="not empty"):
        study_label_bias(CONFIG, tmp_path, overwrite=True)
    assert (tmp_path / "runs" / "notes.txt").exists()


def test_runs_stay_until_others_are_finished(
    study: tuple[Path, LabelBiasStudy], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked to replace them by runs that are refused, the study keeps what it has."""

    def refuse(*_: object, **__: object) -> None:
        raise GateError("too few labels", gate="test")

    before = {path.name: path.read_bytes() for path in study[0].rglob("*") if path.is_file()}
    monkeypatch.setattr("voltomo.pipeline.label_bias.run_label_bias", refuse)
    with pytest.raises(GateError):
        study_label_bias(CONFIG.model_copy(update={"by": 2}), study[0], overwrite=True)
    assert {path.name: path.read_bytes() for path in study[0].rglob("*") if path.is_file()} == before
