"""Figures without global state: size, type, colours, and the bytes they become."""

from __future__ import annotations

import io
import re
from functools import cache

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font

__all__ = [
    "INK",
    "MUTED",
    "legend_above",
    "new_figure",
    "plain",
    "png_bytes",
    "single_axes",
    "style_axes",
    "svg_text",
]

INK = "#222222"
MUTED = "#6b6b6b"
_RULE = "#d9d9d9"
_DPI = 200
_PLOT = (5.2, 3.1)
"""Width and height of a single plot in inches: its letters stay readable on a phone."""

_RANDOM_ID = re.compile(r"(?<=[\"#])([A-Za-z_\d]*?)([0-9a-f]{10,})(?=[\")])")


def new_figure(width: float, height: float) -> Figure:
    """White figure of a size in inches."""
    figure = Figure(figsize=(width, height), dpi=_DPI, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def style_axes(axes: Axes, *, x: str, y: str) -> None:
    """A calm plot: labels, two thin spines, faint horizontal rules."""
    axes.set_facecolor("white")
    axes.set_xlabel(plain(x), fontsize=10, color=INK)
    axes.set_ylabel(plain(y), fontsize=10, color=INK)
    axes.tick_params(labelsize=9, colors=INK, width=0.6, length=3)
    axes.tick_params(which="minor", width=0.4, length=2)
    axes.grid(visible=True, axis="y", color=_RULE, linewidth=0.6)
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_linewidth(0.6)
        spine.set_color(INK)


def single_axes() -> Axes:
    """The axes of a figure with one plot."""
    figure = new_figure(*_PLOT)
    return figure.add_axes((0.13, 0.18, 0.84, 0.7))


def legend_above(axes: Axes, *, columns: int) -> None:
    """A legend over the plot, where it hides nothing."""
    axes.legend(
        fontsize=9,
        frameon=False,
        labelcolor=INK,
        loc="lower left",
        bbox_to_anchor=(-0.02, 1.0),
        ncols=columns,
        borderaxespad=0.2,
        columnspacing=1.2,
    )


@cache
def _drawable() -> frozenset[int]:
    """Code points that the plot font can draw."""
    return frozenset(get_font(findfont(FontProperties())).get_charmap())


def plain(text: str) -> str:
    """Text that a figure draws as it stands: no formulas, and "?" for what its font cannot draw."""
    known = _drawable()
    drawn = "".join(c if ord(c) in known else "?" for c in text).replace("$", r"\$")
    # A legend leaves out what begins with an underscore.
    return f" {drawn}" if drawn.startswith("_") else drawn


def png_bytes(figure: Figure) -> bytes:
    """PNG of a figure; equal figures give equal bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_DPI, metadata={"Software": None}, pil_kwargs={"compress_level": 6})
    return buffer.getvalue()


def svg_text(figure: Figure) -> str:
    """SVG of a figure; equal figures give equal text.

    Matplotlib salts the ids of an SVG with a random number unless a global setting forbids it; here they are numbered
    in order of appearance instead, so that no global setting is touched.
    """
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", dpi=_DPI, metadata={"Date": None, "Creator": None})
    numbers: dict[str, int] = {}
    return _RANDOM_ID.sub(lambda m: f"{m[1]}{numbers.setdefault(m[0], len(numbers))}", buffer.getvalue())
