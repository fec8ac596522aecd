"""The page that compares studies."""

from __future__ import annotations

import csv
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from voltomo.artifacts import InstanceMap, Measurement, Measurements, PhaseMap, PhaseTable, UncertaintyPart, Volume
from voltomo.errors import InputError
from voltomo.metrics.comparison import ParticleRules, compare_measurements, compare_particles, corrected
from voltomo.report.comparison import COMPARISON_COLUMNS, write_comparison
from voltomo.report.comparison_content import ComparedPair, ComparedStudy, ComparisonContent
from voltomo.report.comparison_pictures import draw_comparison
from voltomo.report.content import ReportContent


def _study(label: str, fraction: float, grey: int) -> ComparedStudy:
    rng = np.random.default_rng(grey)
    voxel_size = (1e-7, 1e-7, 1e-7)
    count = 40
    table = {
        "instance_id": np.arange(1, count + 1),
        "equivalent_diameter": rng.lognormal(size=count) * fraction * 1e-5,
        "sphericity": rng.uniform(0.7, 1, count),
        "void_fraction": rng.uniform(0, 0.1, count),
        "touches_edge": np.zeros(count, np.bool_),
    }
    row = Measurement(
        "volume_fraction",
        fraction,
        "1",
        phase="active",
        low=fraction - 0.01,
        high=fraction + 0.01,
        definition="Voxels <of> the phase.",
        parts=(UncertaintyPart("representativity", 0.005),),
    )
    content = ReportContent(
        label,
        volume=Volume.from_array(np.full((3, 40, 50), grey, np.uint8), voxel_size=voxel_size),
        phase_map=PhaseMap(rng.integers(1, 3, (3, 40, 50)).astype(np.uint8), PhaseTable.two_class(), voxel_size),
        instance_map=InstanceMap(np.ones((3, 40, 50), np.uint32), table, voxel_size),
        measurements=Measurements((row,)),
    )
    return ComparedStudy(label, content, (("Segmentation", "otsu"),))


def _content(*studies: ComparedStudy) -> ComparisonContent:
    pairs = []
    for other in studies[1:]:
        found = compare_measurements(studies[0].content.measurements, other.content.measurements)
        tables = [study.content.instance_map.table for study in (studies[0], other) if study.content.instance_map]
        rules = ParticleRules(replicates=100)
        found += compare_particles(tables[0], tables[1], length_unit="m", dimension=3, rules=rules)
        pairs.append(ComparedPair(other.label, corrected(found)))
    return ComparisonContent("A & B", studies, tuple(pairs), flags=("Voxels <differ>.",), settings={"seed": 0})


@pytest.fixture
def content() -> ComparisonContent:
    """Two studies, one of them with a name that is HTML."""
    return _content(_study("<pristine>", 0.5, 10), _study("aged", 0.6, 60))


def test_page_says_what_differs_and_escapes_names(tmp_path: Path, content: ComparisonContent) -> None:
    """The difference that holds is a sentence, names are text, and nothing is loaded from elsewhere."""
    page = write_comparison(tmp_path / "page", content).read_text()
    assert "Volume fraction, active: higher, 0.5000 → 0.6000 (+20 %)" in page
    for text in (
        "&lt;pristine&gt;",
        "Voxels &lt;differ&gt;.",
        "not told apart",
        "Voxels &lt;of&gt; the phase",
        "Segmentation",
    ):
        assert text in page
    assert "<pristine>" not in page
    assert not re.findall(r"(?:src|href)=\"(?!data:|#)", page)
    HTMLParser().feed(page)


def test_tables_hold_every_contrast(tmp_path: Path, content: ComparisonContent) -> None:
    """`comparison.csv` and `comparison.json` carry the same rows as the content."""
    write_comparison(tmp_path, content)
    with (tmp_path / "comparison.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert tuple(rows[0]) == COMPARISON_COLUMNS
    assert len(rows) == len(content.pairs[0].contrasts)
    assert float(rows[0]["difference"]) == pytest.approx(0.1)
    record = json.loads((tmp_path / "comparison.json").read_text())
    assert [row["name"] for row in record["comparisons"][0]["rows"]] == [row["name"] for row in rows]
    assert record["flags"] == ["Voxels <differ>."]


def test_equal_content_gives_equal_bytes(tmp_path: Path, content: ComparisonContent) -> None:
    """No time, path or random id is in the files."""
    one, two = (write_comparison(tmp_path / name, content).read_bytes() for name in ("a", "b"))
    assert one == two


def test_scans_share_one_window_of_grey_values(content: ComparisonContent) -> None:
    """A darker scan is darker in the picture: all black here, beside one that is all white."""
    heading, caption, figure = draw_comparison(content)["scans"]
    assert (heading, "One window" in caption) == ("Scans side by side", True)
    shades = [np.median(np.asarray(axes.get_images()[0].get_array())) for axes in figure.axes if axes.get_images()]
    assert shades == [0, 255]


def test_pictures_of_three_studies(content: ComparisonContent) -> None:
    """Every study has a panel and a line."""
    three = _content(*content.studies, _study("older", 0.7, 90))
    drawn = draw_comparison(three)
    assert set(drawn) == {"scans", "phases", "sizes", "voids", "roundness", "differences"}
    assert len(drawn["sizes"][2].axes[0].get_lines()) == 3


def test_one_study_is_no_comparison(content: ComparisonContent) -> None:
    """A page needs something to compare."""
    with pytest.raises(InputError, match="two studies"):
        ComparisonContent("alone", content.studies[:1], ())
