"""The page of a scan and its twin."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from voltomo.artifacts import Volume
from voltomo.report.twin import TwinContent, draw_twin, write_twin


def _row(name: str, source: float | None, twin: float | None, unit: str, **more: Any) -> dict[str, Any]:
    row = {
        "name": name,
        "phase": "",
        "unit": unit,
        "definition": f"what {name} is",
        "source": source,
        "twin": twin,
        "relative_difference": None if not source or twin is None else (twin - source) / source,
        "tolerance": 0.2 if source is not None and twin is not None else None,
        "is_matched": None if source is None or twin is None else abs(twin - source) <= 0.2,
        "reason": "",
    }
    return row | more


def _curves(shift: float) -> dict[str, Any]:
    edges = np.linspace(0, 1, 21)
    return {
        "histogram": {"edges": edges.tolist(), "share": np.full(20, 0.05).tolist()},
        "edge": {"distance": [-2.0, 0.0, 2.0], "grey": [0.2 + shift, 0.5, 0.8]},
        "noise": {"frequency": [0.0, 0.2, 0.4], "power": [1e-3, 1e-4, 0.0], "phase": "active"},
        "sizes": {"diameter": [1e-6, 2e-6, 3e-6], "share": [0.1, 0.5, 1.0], "unit": "m"},
    }


@pytest.fixture
def content() -> TwinContent:
    """A small record with a matched, a missed and a withheld statistic."""
    rng = np.random.default_rng(0)
    volumes = [
        Volume.from_array(rng.random((3, 40, 50)).astype(np.float32), voxel_size=(1e-7,) * 3, name=name)
        for name in ("<scan> & co", "twin")
    ]
    rows = [
        _row("blur", 1.5, 1.6, "voxel"),
        _row("d50", 2e-6, 3e-6, "m", is_matched=False, tolerance=3e-7),
        _row("rings", None, 0.1, "grey", reason="too few circles"),
    ]
    record = {
        "matched": 1,
        "compared": 2,
        "rows": rows,
        "settings": {"blur": 1.4},
        "history": [{"window": [3, 40, 50], "matched": 1, "compared": 2, "missed": ["d50"], "settings": {}}],
        "notes": ["the voxel size is <not> known"],
        "curves": {"source": _curves(0.0), "twin": _curves(0.05)},
    }
    return TwinContent(record, *volumes, title="Twin of a scan", facts=(("Seed", "7"),))


def test_page_and_record_are_written(tmp_path: Path, content: TwinContent) -> None:
    """`twin.json` holds the record, `twin.html` every statistic, its verdict and what was assumed."""
    page = write_twin(tmp_path / "twin", content).read_text()
    assert json.loads((tmp_path / "twin" / "twin.json").read_text()) == content.record
    assert not list((tmp_path / "twin").glob(".*"))
    for text in ("Blur", "D50 of the particles", "missed", "matched", "not compared", "too few circles", "1 of 2"):
        assert text in page
    assert re.search(r"2 *</td>\s*<td class=\"number\">3", page)  # 2 and 3 µm, in one unit
    assert "+50 %" in page


def test_page_loads_nothing_and_escapes_names(tmp_path: Path, content: TwinContent) -> None:
    """Pictures are inside the page, and names of files cannot break it."""
    page = write_twin(tmp_path, content).read_text()
    assert "&lt;scan&gt; &amp; co" in page
    assert "is &lt;not&gt; known" in page
    sources: list[str] = []

    class Finder(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            sources.extend(str(value) for name, value in attrs if name in ("src", "href"))

    Finder().feed(page)
    assert len(sources) == 6  # five pictures and an empty icon
    assert all(source.startswith("data:") for source in sources)


def test_same_content_same_bytes(tmp_path: Path, content: TwinContent) -> None:
    """The page holds no time stamp."""
    assert write_twin(tmp_path / "a", content).read_bytes() == write_twin(tmp_path / "b", content).read_bytes()


def test_missing_curves_leave_their_picture_out(content: TwinContent) -> None:
    """A scan without particles has no size distribution to draw."""
    content.record["curves"]["source"]["sizes"] = {}
    assert draw_twin(content).keys() == {"slices", "histogram", "edge", "noise"}


def test_both_slices_share_one_window(content: TwinContent) -> None:
    """A twin that is brighter looks brighter."""
    _, _, figure = draw_twin(content)["slices"]
    images = [axes.images[0].get_array() for axes in figure.axes if axes.images]
    brighter = TwinContent(
        content.record, content.source, Volume.from_array(np.asarray(content.twin.data)[0] + 0.4), "t"
    )
    _, _, other = draw_twin(brighter)["slices"]
    again = [axes.images[0].get_array() for axes in other.axes if axes.images]
    assert np.array_equal(images[0], again[0])
    assert np.mean(again[1]) > np.mean(images[1]) + 50
