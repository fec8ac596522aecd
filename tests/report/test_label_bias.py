"""The page about biased labels."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from voltomo.artifacts import Phase, PhaseTable
from voltomo.metrics.paired_errors import pair_errors
from voltomo.report.label_bias import summary_lines, write_label_bias
from voltomo.report.label_bias_content import BiasPicture, BiasRow, LabelBiasContent

PHASES = PhaseTable((Phase(1, "pore", "pore"), Phase(2, "NMC", "active")))
TRUTH = (0.50, 0.60)


def _row(bias: str, shift: float, *, name: str = "volume_fraction", unit: str = "1", scale: float = 1.0) -> BiasRow:
    truth = tuple(value * scale for value in TRUTH)
    unbiased = tuple(value + 0.01 * scale for value in truth)
    found = tuple(value + shift * scale * part for value, part in zip(unbiased, (0.9, 1.1), strict=True))
    errors = pair_errors(truth, found, None if bias == "none" else unbiased)
    return BiasRow(bias, name, "NMC", "", "", unit, f"what {name} is", "voxels", truth, found, errors)


@pytest.fixture
def content() -> LabelBiasContent:
    """Two properties of two electrodes under two biases."""
    rows = [
        _row(bias, shift, **words)
        for bias, shift in (("none", 0.0), ("dilate", 0.05))
        for words in ({}, {"name": "specific_surface_area", "unit": "1/m", "scale": 1e6})  # type: ignore[arg-type]
    ]
    grey = np.random.default_rng(0).random((40, 50)).astype(np.float32)
    truth = np.ones((40, 50), np.uint8)
    truth[10:30, 10:30] = 2
    pictures = [BiasPicture(bias, grey, truth, truth, truth) for bias in ("none", "dilate")]
    return LabelBiasContent(rows, pictures, PHASES, 2, (1e-7,) * 3, 1, (0, 1), [("Learned by", "<mlp>")])


def test_page_and_table_say_the_same(tmp_path: Path, content: LabelBiasContent) -> None:
    """Errors and effects stand on the page in display units and in the table in SI units; nothing is loaded."""
    page = write_label_bias(tmp_path, content).read_text(encoding="utf-8")
    assert "+0.0600" in page
    assert "+0.0500 ± 0.0071" in page  # √2 · 0.005
    assert "(+9.1 %)" in page  # 0.05 of 0.55
    assert "1/µm" in page
    assert "&lt;mlp&gt;" in page
    assert 'src="http' not in page
    with (tmp_path / "label_bias.csv").open(encoding="utf-8") as stream:
        rows = {(row["bias"], row["name"]): row for row in csv.DictReader(stream)}
    assert float(rows["dilate", "specific_surface_area"]["error"]) == pytest.approx(6e4)
    assert rows["none", "volume_fraction"]["effect"] == ""
    assert {path.suffix for path in tmp_path.glob("label_bias_*")} == {".png", ".svg"}


def test_what_is_missing_is_said(tmp_path: Path, content: LabelBiasContent) -> None:
    """A number that could not be had in one electrode is named with its reason, and does not become 0."""
    row = content.rows[2]
    found = (None, row.found[1])
    lost = replace(row, found=found, errors=pair_errors(row.truth, found), reasons=("nothing flows", ""))
    rows = [*content.rows[:2], lost, content.rows[3]]
    page = write_label_bias(tmp_path, replace(content, rows=rows)).read_text(encoding="utf-8")
    assert "missing in 1 of 2 electrodes: nothing flows" in page


def test_the_terminal_shows_every_bias(content: LabelBiasContent) -> None:
    """One line for each property, one column for each bias."""
    lines = summary_lines(content.rows)
    assert len(lines) == 3
    assert "no bias" in lines[0]
    assert "too wide" in lines[0]
    assert "1/µm" in lines[2]
