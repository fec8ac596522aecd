"""The page in a real browser."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-logging=stderr",
)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine (Debian: apt-get install chromium)"),
]

PROBE = """
<script>
window.addEventListener("load", () => {
  const wide = [...document.querySelectorAll("body *")].filter(
    e => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1 && !e.closest(".scroll, pre, nav"));
  parent.postMessage(JSON.stringify({
    inner: innerWidth,
    over: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    broken: [...document.images].filter(i => !i.complete || i.naturalWidth === 0).length,
    wide: wide.map(e => e.tagName + "." + e.className).slice(0, 5),
    text: parseFloat(getComputedStyle(document.querySelector("main p, main td")).fontSize)}), "*");
});
</script>
</body>
"""

# A window is never narrower than 500 pixels, a frame in it is.
FRAME = """<!DOCTYPE html>
<body><iframe src="report.html" style="width: {width}px; height: 800px; border: 0"></iframe>
<script>addEventListener("message", e => document.body.setAttribute("data-probe", e.data));</script></body>
"""


def _run(page: Path, profile: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """Chromium on a page, with an empty profile."""
    assert CHROMIUM is not None
    command = [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", *more, page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)


@pytest.mark.parametrize("width", [390, 1200])
def test_a_page_fits_its_window_and_says_nothing_on_the_console(page: Path, tmp_path: Path, width: int) -> None:
    """On a phone (390 px) and on a desk nothing sticks out, every picture loads, and no error is logged."""
    probed = tmp_path / "report.html"
    probed.write_text(page.read_text(encoding="utf-8").replace("</body>", PROBE), encoding="utf-8")
    frame = tmp_path / "frame.html"
    frame.write_text(FRAME.format(width=width), encoding="utf-8")
    done = _run(frame, tmp_path / "profile", "--window-size=1400,900", "--dump-dom")
    found = re.search(r'data-probe="([^"]*)"', done.stdout)
    assert found, "the probe ran"
    state = json.loads(html.unescape(found[1]))
    assert state["inner"] == width
    assert state["wide"] == []
    assert state["over"] == 0
    assert state["broken"] == 0
    assert state["text"] >= 12, "text is read without zooming"
    assert "CONSOLE" not in done.stderr


def test_a_page_prints(page: Path, tmp_path: Path) -> None:
    """Printing gives a document of a few pages."""
    printed = tmp_path / "report.pdf"
    _run(page, tmp_path / "profile", "--no-pdf-header-footer", f"--print-to-pdf={printed}")
    pages = len(re.findall(rb"/Type\s*/Page\b", printed.read_bytes()))
    assert 2 <= pages <= 20
