"""The files of a report."""

import hashlib
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from voltomo.artifacts import Phase, PhaseMap, PhaseTable, Volume
from voltomo.report import ReportContent, write_report

Make = Callable[..., ReportContent]


class _Loads(HTMLParser):
    """Collects every address that a browser would load by itself, and the tags it met."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.tags: list[str] = []
        self.images_without_alt = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        found = dict(attrs)
        self.images_without_alt += tag == "img" and not found.get("alt")
        for name, value in attrs:
            loads = name in ("src", "srcset", "data", "poster", "background", "action", "xlink:href")
            if loads or (name == "href" and tag != "a"):
                self.addresses.append(value or "")


def _parsed(page: Path) -> _Loads:
    parser = _Loads()
    parser.feed(page.read_text(encoding="utf-8"))
    return parser


@pytest.mark.parametrize("pages", ["page", "page_of_section"])
def test_a_page_loads_nothing_from_elsewhere(request: pytest.FixtureRequest, pages: str) -> None:
    """Every address that a browser loads by itself is inside the page; links that a reader may follow are no loads."""
    page: Path = request.getfixturevalue(pages)
    parsed = _parsed(page)
    assert parsed.addresses, "a report has pictures"
    assert all(address.startswith("data:") for address in parsed.addresses)
    text = page.read_text(encoding="utf-8")
    assert not re.search(r"@import|url\(", text)
    assert "script" not in parsed.tags


def test_every_picture_is_described_in_words(page: Path) -> None:
    """No image of the page lacks its alternative text."""
    assert _parsed(page).images_without_alt == 0


def test_equal_content_gives_equal_bytes(make_content: Make, page: Path, tmp_path: Path) -> None:
    """Two reports of one content are the same files, figures included."""

    def digest(folder: Path) -> dict[str, str]:
        return {
            str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }

    first, second = digest(page.parent), digest(write_report(tmp_path, make_content()).parent)
    assert first == second
    assert {"report.html", "methods.md", "figures/triptych.png", "figures/triptych.svg"} <= set(first)
    assert not any(name.endswith(".part") for name in first)


def test_what_users_write_is_text_not_markup(make_content: Make, tmp_path: Path) -> None:
    """Names of files and phases, commands and warnings with HTML in them are shown as they were typed."""
    evil = "<script>alert(1)</script>"
    plain = make_content(dimension=2)
    assert plain.phase_map is not None
    phases = PhaseTable((Phase(1, f"{evil}$", "pore"), Phase(2, "a & b", "active")))
    page = write_report(
        tmp_path,
        make_content(
            dimension=2,
            title=evil,
            volume=Volume.from_array(np.zeros(plain.shape, np.uint8), name=evil),
            phase_map=PhaseMap(plain.phase_map.data, phases),
            warnings=(evil,),
            steps=[{"verb": evil, "config": {evil: evil}}],
            provenance={"command": evil, "inputs": [{"name": evil}], "versions": {evil: evil}, "date": evil},
            truth={"rows": [{"quantity": evil, "measured": 1.0, "truth": 1.0, "unit": evil}], "note": evil},
        ),
    )
    text = page.read_text(encoding="utf-8")
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "script" not in _parsed(page).tags


def test_figures_of_a_former_report_do_not_stay(make_content: Make, tmp_path: Path) -> None:
    """A figure that no longer belongs to the content is removed; files of other kinds are left alone."""
    write_report(tmp_path, make_content(dimension=2))
    assert (tmp_path / "figures" / "triptych.png").exists()
    (tmp_path / "figures" / "notes.txt").write_text("mine")
    write_report(tmp_path, ReportContent("Numbers only"))
    assert not (tmp_path / "figures" / "triptych.png").exists()
    assert (tmp_path / "figures" / "notes.txt").read_text() == "mine"


def test_a_report_without_arrays_still_shows_its_numbers(make_content: Make, tmp_path: Path) -> None:
    """Measurements alone make a page."""
    full = make_content()
    page = write_report(tmp_path, ReportContent("Numbers only", measurements=full.measurements))
    text = page.read_text(encoding="utf-8")
    assert "0.9611" in text
    assert "<img" not in text
