"""`voltomo study`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from voltomo.cli import main


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of the command."""
    with pytest.raises(SystemExit) as ended:
        main(["study", *(str(argument) for argument in arguments)])
    captured = capsys.readouterr()
    return int(ended.value.code or 0), captured.out, captured.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "name the folder"),
        (("dilate", "-o", "out"), "come after --bias"),
        (("-o", "out", "--bias", "wide"), "biases"),
        (("-o", "out", "--size", "8"), "size"),
        (("-o", "out", "--size", "32", "--slices", "40"), "no 40 slices"),
    ],
)
def test_requests_that_make_no_sense(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...], words: str,
) -> None:  # fmt: skip
    """A wrong request ends with code 2 and says what is expected; nothing is written."""
    monkeypatch.chdir(tmp_path)
    code, _, error = call(capsys, "label-bias", *arguments)
    assert code == 2
    assert words in error
    assert not (tmp_path / "out").exists()


def test_several_biases_and_settings(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Biases may follow each other after --bias; the study gets them in its own order, and its numbers come as JSON."""
    from voltomo.pipeline import label_bias

    def study(config: object, output: Path, **_: object) -> label_bias.LabelBiasStudy:
        asked.append(config)
        return label_bias.LabelBiasStudy(output / "label_bias.html", {"numbers": []}, ())

    asked: list[object] = []
    monkeypatch.setattr(label_bias, "study_label_bias", study)
    arguments = ("--bias", "erode", "none", "--seeds", "2", "--set", "samples=100", "--json")
    code, out, _ = call(capsys, "label-bias", "-o", tmp_path / "bias", *arguments)
    assert code == 0
    assert json.loads(out)["page"].endswith("label_bias.html")
    assert asked[0].model_dump(include={"biases", "electrodes", "settings"}) == {  # type: ignore[attr-defined]
        "biases": ("none", "erode"),
        "electrodes": 2,
        "settings": {"samples": 100},
    }
