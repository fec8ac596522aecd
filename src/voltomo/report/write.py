"""`report.html`, `methods.md` and `figures/` of a study."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from voltomo.io.study import storage_errors
from voltomo.report.budget import budget_pictures
from voltomo.report.content import AXES, ReportContent
from voltomo.report.correlations import correlation_pictures
from voltomo.report.curves import curve_pictures
from voltomo.report.drawing import png_bytes, svg_text
from voltomo.report.methods import describe_methods, methods_markdown
from voltomo.report.page import render_page
from voltomo.report.pictures import Picture
from voltomo.report.plots import plot_pictures
from voltomo.report.sizes import size_pictures
from voltomo.report.slices import slice_pictures
from voltomo.report.space import space_pictures
from voltomo.report.views import read_cut

__all__ = ["draw_pictures", "write_report"]


def write_report(folder: Path, content: ReportContent) -> Path:
    """Write the report of a study.

    Equal content gives equal bytes. Each file appears whole, `report.html` last; figures that a former report of the
    same folder left behind are removed.

    Parameters
    ----------
    folder : created if missing
    content : what to show; arrays are read by region

    Returns
    -------
    Path of `report.html`

    Raises
    ------
    StorageError
        If the disk is full or the folder is not writable.
    """
    pictures = draw_pictures(content)
    methods = describe_methods(content)
    page = render_page(content, pictures, methods)
    figures = folder / "figures"
    with storage_errors(folder):
        figures.mkdir(parents=True, exist_ok=True)
        written = set()
        for picture in pictures.values():
            for suffix, data in ((".png", png_bytes(picture.whole)), (".svg", svg_text(picture.whole).encode())):
                path = figures / f"{picture.name}{suffix}"
                _write(path, data)
                written.add(path)
        for old in figures.iterdir():
            if old.suffix in (".png", ".svg") and old not in written:
                old.unlink()
        _write(folder / "methods.md", methods_markdown(content, methods).encode())
        _write(folder / "report.html", page.encode())
    return folder / "report.html"


def draw_pictures(content: ReportContent) -> Mapping[str, Picture]:
    """Every picture that the content allows, by name."""
    if content.shape is None:
        return plot_pictures(content)
    axes = AXES if content.dimension == 3 else ("z",)
    slices = slice_pictures(content, {axis: read_cut(content, axis) for axis in axes})
    sizes = {**size_pictures(content), **curve_pictures(content), **budget_pictures(content)}
    sizes |= correlation_pictures(content)
    return {**slices, **space_pictures(content), **plot_pictures(content), **sizes}


def _write(path: Path, data: bytes) -> None:
    """Write a file that appears whole."""
    temporary = path.with_name(f".{path.name}.part")
    temporary.write_bytes(data)
    temporary.replace(path)
