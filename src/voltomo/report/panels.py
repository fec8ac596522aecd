"""Panels: one picture each, with its scale bar, directions and legend, alone or side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from voltomo.report.colors import Rgb
from voltomo.report.drawing import INK, MUTED, new_figure, plain
from voltomo.report.scalebar import bar_length, bar_text

__all__ = ["Panel", "draw_panels"]

Point: TypeAlias = tuple[float, float]
"""(row, column) on a picture."""

_WIDTH = 4.0
_MAX_HEIGHT = 5.5
_TITLE, _STRIP, _GAP = 0.32, 0.42, 0.18
_LEGEND_ROW = 0.24
"""Inches: width and largest height of a picture, its title, the strip below, the gap between two, a line of legend."""


@dataclass(frozen=True)
class Panel:
    """One picture.

    Parameters
    ----------
    title : short, drawn above
    image : (rows, columns, 3) uint8
    spacing : (row, column) distance of the pixels, in m or voxels
    in_meters : False where the voxel size is unknown
    directions : names of the axes that run (down, right); empty for a view in space
    outline : (rows, columns) bool, the field of view, or None
    legend : (label, "#rrggbb") pairs
    lines : ((row, column), (row, column)) pairs, drawn thin
    labels : (row, column, text, side of the text that lies there)
    """

    title: str
    image: Rgb
    spacing: tuple[float, float]
    in_meters: bool
    directions: tuple[str, str] | tuple[()] = ()
    outline: npt.NDArray[np.bool_] | None = None
    legend: tuple[tuple[str, str], ...] = ()
    lines: tuple[tuple[Point, Point], ...] = ()
    labels: tuple[tuple[float, float, str, Literal["left", "center", "right"]], ...] = ()

    @property
    def extent(self) -> tuple[float, float]:
        """(height, width) in m or voxels."""
        rows, columns = self.image.shape[:2]
        return rows * self.spacing[0], columns * self.spacing[1]


def draw_panels(panels: Sequence[Panel]) -> Figure:
    """Figure of the panels in a row, each with its scale bar; legends below."""
    sizes = _picture_sizes(panels)
    title = _TITLE if any(panel.title for panel in panels) else 0.05
    lines = max(len(_legend_lines(panel, width)) for panel, (width, _) in zip(panels, sizes, strict=True))
    tallest = max(height for _, height in sizes)
    below = _STRIP + lines * _LEGEND_ROW
    total_width = sum(width for width, _ in sizes) + _GAP * (len(panels) - 1) + 0.1
    total_height = title + tallest + below
    figure = new_figure(total_width, total_height)
    left = 0.05
    for panel, (width, height) in zip(panels, sizes, strict=True):
        box = (left / total_width, (total_height - title - height) / total_height)
        axes = figure.add_axes((*box, width / total_width, height / total_height))
        _draw_picture(axes, panel)
        strip_bottom = (total_height - title - height - below) / total_height
        strip = figure.add_axes((left / total_width, strip_bottom, width / total_width, below / total_height))
        _draw_strip(strip, panel, width, below)
        left += width + _GAP
    return figure


def _picture_sizes(panels: Sequence[Panel]) -> list[tuple[float, float]]:
    """(width, height) of each picture in inches, in true proportions and all at one scale."""
    extents = [panel.extent for panel in panels]
    scale = min(min(_WIDTH / width, _MAX_HEIGHT / height) for height, width in extents)
    # A stack of a few slices would be a hairline; it is drawn thicker than true only below a tenth of an inch.
    return [(max(width * scale, 0.5), max(height * scale, 0.1)) for height, width in extents]


def _draw_picture(axes: Axes, panel: Panel) -> None:
    """The pixels, the field of view and the title."""
    axes.imshow(panel.image, aspect="auto", interpolation="antialiased")
    axes.set_axis_off()
    axes.set_title(plain(panel.title), fontsize=10, color=INK, loc="left", pad=5)
    for start, end in panel.lines:
        axes.add_line(Line2D((start[1], end[1]), (start[0], end[0]), color=INK, linewidth=0.6, alpha=0.55))
    for row, column, text, side in panel.labels:
        axes.text(column, row, plain(text), fontsize=8, color=MUTED, ha=side, va="center", clip_on=False)
    if panel.outline is not None and min(panel.outline.shape) > 1 and panel.outline.any():
        # Black on white is seen on every grey and every phase colour.
        inside = panel.outline.astype(np.float32)
        axes.contour(inside, levels=[0.5], colors=["white"], linewidths=1.6)
        axes.contour(inside, levels=[0.5], colors=["black"], linewidths=1.0, linestyles="dashed")


def _draw_strip(axes: Axes, panel: Panel, width: float, height: float) -> None:
    """Scale bar, directions and legend under a picture; coordinates are inches from the top left."""
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.set_axis_off()
    extent = panel.extent[1]
    length = bar_length(extent)
    drawn = length / extent * width
    axes.add_patch(Rectangle((0, 0.13), drawn, 0.06, facecolor=INK, edgecolor="none"))
    axes.text(
        drawn + 0.07, 0.16, bar_text(length, in_meters=panel.in_meters), fontsize=9, color=INK, va="center_baseline"
    )
    if panel.directions:
        down, right = panel.directions
        axes.text(width, 0.16, f"{right} →   {down} ↓", fontsize=8, color=MUTED, ha="right", va="center_baseline")
    for line, entries in enumerate(_legend_lines(panel, width)):
        y = _STRIP + (line + 0.35) * _LEGEND_ROW
        for x, label, color in entries:
            axes.add_patch(Rectangle((x, y - 0.06), 0.18, 0.12, facecolor=color, edgecolor=MUTED, linewidth=0.4))
            axes.text(x + 0.24, y, plain(label), fontsize=9, color=INK, va="center_baseline")


def _legend_lines(panel: Panel, width: float) -> list[list[tuple[float, str, str]]]:
    """Legend entries broken into lines: (x in inches, label, colour)."""
    lines: list[list[tuple[float, str, str]]] = []
    x = width
    for label, color in panel.legend:
        label = label if len(label) <= 40 else label[:39] + "…"
        needed = 0.45 + 0.085 * len(label)  # a letter of 9 pt is about 0.085 inch wide
        if not lines or x + needed > width:
            lines.append([])
            x = 0.0
        lines[-1].append((x, label, color))
        x += needed
    return lines
