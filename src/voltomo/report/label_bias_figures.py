"""Pictures of biased labels: the slices with the labels drawn on them, and the errors that follow."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from voltomo.report.colors import colorize, grey_rgb, phase_colors
from voltomo.report.drawing import INK, MUTED, new_figure, plain, style_axes
from voltomo.report.label_bias_content import BIAS_WORDS, UNBIASED, BiasPicture, BiasRow, LabelBiasContent
from voltomo.report.scalebar import bar_length, bar_text

__all__ = ["draw_errors", "draw_slices"]

_COLORS = {"none": INK, "dilate": "#d55e00", "erode": "#0072b2", "jitter": "#cc79a7"}
_MARKS = {"none": "o", "dilate": "^", "erode": "v", "jitter": "s"}
"""Okabe and Ito's colors, and a mark for each: told apart with every color vision, and in print."""
_DRAWN, _TRUE = "#f0e442", "#000000"
"""Lines: the boundary as labelled on the grey slice, the true one on the prediction."""
_SHOWN = 64
"""Pixels along the edges of the piece that is shown: one pixel is then seen."""
_PANEL, _GAP, _TOP, _FOOT, _SIDE = 1.95, 0.1, 0.3, 0.52, 0.28
"""Inches: a picture, the gap between two, title, foot, and the words at the left."""
_ROW, _OFFSET, _HEAD, _UNDER = 0.42, 0.18, 0.6, 0.5
"""Inches of a property; distance of two biases in rows; inches above and below the plot."""
_PERCENT = 100


def draw_slices(content: LabelBiasContent) -> Figure:
    """For each bias the scan with the labels drawn on it, and below it what the model found."""
    count = len(content.pictures)
    width = _SIDE + count * _PANEL + (count - 1) * _GAP + 0.05
    height = _TOP + 2 * _PANEL + _GAP + _FOOT
    figure = new_figure(width, height)
    for column, picture in enumerate(content.pictures):
        piece = _piece(picture)
        left = (_SIDE + column * (_PANEL + _GAP)) / width
        for row in range(2):
            bottom = (_FOOT + (1 - row) * (_PANEL + _GAP)) / height
            axes = figure.add_axes((left, bottom, _PANEL / width, _PANEL / height))
            if row == 0:
                axes.imshow(grey_rgb(piece.grey), interpolation="nearest")
                _outline(axes, piece.labels == content.active, _DRAWN)
                axes.set_title(plain(BIAS_WORDS.get(piece.bias, piece.bias)), fontsize=10, color=INK, loc="left", pad=4)
            else:
                axes.imshow(colorize(piece.found, phase_colors(content.phases)), interpolation="nearest")
                _outline(axes, piece.truth == content.active, _TRUE)
            axes.set_axis_off()
            if column == 0:
                words = "labels on the scan" if row == 0 else "found"
                axes.text(-0.04, 0.5, words, transform=axes.transAxes, rotation=90, fontsize=9, color=INK,
                          ha="right", va="center")  # fmt: skip
    _draw_foot(figure, content, width, height)
    return figure


def _piece(picture: BiasPicture) -> BiasPicture:
    """The middle of a slice."""
    rows, columns = (slice(max(0, (n - _SHOWN) // 2), max(0, (n - _SHOWN) // 2) + _SHOWN) for n in picture.grey.shape)
    parts = (array[rows, columns] for array in (picture.grey, picture.truth, picture.labels, picture.found))
    return BiasPicture(picture.bias, *parts)


def _outline(axes: Axes, mask: npt.NDArray[np.bool_], color: str) -> None:
    """Lines along the pixel edges around a mask."""
    down = np.argwhere(mask[1:] != mask[:-1])
    across = np.argwhere(mask[:, 1:] != mask[:, :-1])
    for points, is_flat in ((down, True), (across, False)):
        starts = points + np.array([0.5, -0.5] if is_flat else [-0.5, 0.5])
        ends = starts + np.array([0, 1] if is_flat else [1, 0])
        # One line broken by nan: a thousand artists would take a minute.
        y, x = (np.stack([starts[:, i], ends[:, i], np.full(len(starts), np.nan)], axis=1).ravel() for i in (0, 1))
        axes.plot(x, y, color=color, linewidth=0.9, solid_capstyle="projecting", scalex=False, scaley=False)


def _draw_foot(figure: Figure, content: LabelBiasContent, width: float, height: float) -> None:
    """Scale bar and legend; coordinates are inches from the top left."""
    axes = figure.add_axes((0, 0, 1, _FOOT / height))
    axes.set_xlim(0, width)
    axes.set_ylim(_FOOT, 0)
    axes.set_axis_off()
    edge = content.voxel_size[2] if content.voxel_size else 1.0
    extent = edge * min(_SHOWN, content.pictures[0].grey.shape[1])
    length = bar_length(extent)
    drawn = length / extent * _PANEL
    axes.add_patch(Rectangle((_SIDE, 0.1), drawn, 0.06, facecolor=INK, edgecolor="none"))
    words = bar_text(length, in_meters=content.voxel_size is not None)
    axes.text(_SIDE + drawn + 0.07, 0.13, words, fontsize=9, color=INK, va="center_baseline")
    active = content.phases.by_id(content.active).name
    handles = [
        Line2D([], [], color=_DRAWN, linewidth=2, label=f"{active} as labelled"),
        Line2D([], [], color=_TRUE, linewidth=1.2, label=f"{active} as it is"),
        *(Patch(facecolor=phase.color, edgecolor=MUTED, linewidth=0.4, label=plain(phase.name))
          for phase in content.phases),
    ]  # fmt: skip
    axes.legend(handles=handles, loc="lower left", bbox_to_anchor=(_SIDE / width - 0.01, 0.0), ncols=len(handles),
                fontsize=9, frameon=False, labelcolor=INK, borderaxespad=0.1, columnspacing=1.1,
                handlelength=1.2)  # fmt: skip


def draw_errors(content: LabelBiasContent) -> Figure:
    """Error of each property against the truth, and against unbiased labels, in percent of the truth."""
    quantities = [rows for rows in content.quantities if rows[0].name != "iou"]
    has_effect = UNBIASED in content.biases and len(content.biases) > 1
    titles = ["against the truth", "against unbiased labels"][: 2 if has_effect else 1]
    left, plot, gap = 1.75, 3.0, 0.25
    width, height = left + len(titles) * plot + (len(titles) - 1) * gap + 0.15, _HEAD + _UNDER + _ROW * len(quantities)
    figure = new_figure(width, height)
    for number, title in enumerate(titles):
        box = ((left + number * (plot + gap)) / width, _UNDER / height, plot / width, _ROW * len(quantities) / height)
        axes = figure.add_axes(box)
        for place, rows in enumerate(quantities):
            _draw_quantity(axes, place, rows, against_truth=number == 0)
        axes.axvline(0, color=INK, linewidth=0.7)
        style_axes(axes, x="Difference (% of the true value)", y="")
        axes.grid(visible=False, axis="y")
        axes.grid(visible=True, axis="x", color="#e4e4e4", linewidth=0.6)
        for place in range(1, len(quantities)):
            axes.axhline(place - 0.5, color="#eeeeee", linewidth=0.6)
        axes.set_yticks(range(len(quantities)), [plain(rows[0].quantity) for rows in quantities] if not number else [])
        axes.tick_params(axis="y", length=0)
        axes.set_ylim(len(quantities) - 0.5, -0.5)
        axes.set_title(title, fontsize=10, color=INK, loc="left", pad=5)
    handles = [
        Line2D([], [], color=_COLORS.get(bias, MUTED), marker=_MARKS.get(bias, "D"), linewidth=0, markersize=5,
               label=BIAS_WORDS.get(bias, bias))
        for bias in content.biases
    ]  # fmt: skip
    above = (-left / plot, 1.0 + 0.28 / (_ROW * len(quantities)))
    figure.axes[0].legend(handles=handles, loc="lower left", bbox_to_anchor=above, ncols=len(handles), fontsize=9,
                          frameon=False, labelcolor=INK, borderaxespad=0.0, handletextpad=0.2,
                          columnspacing=1.2)  # fmt: skip
    return figure


def _draw_quantity(axes: Axes, place: int, rows: Sequence[BiasRow], *, against_truth: bool) -> None:
    """A small mark for each electrode, a large one at their mean."""
    unbiased = next((row for row in rows if row.bias == UNBIASED), None)
    shown = [row for row in rows if against_truth or row.bias != UNBIASED]
    for number, row in enumerate(shown):
        reference = row.truth if against_truth else (unbiased.found if unbiased else ())
        shares = [
            _PERCENT * (found - base) / truth
            for found, base, truth in zip(row.found, reference, row.truth, strict=True)
            if found is not None and base is not None and truth
        ]
        if not shares:
            continue
        y = place + (number - (len(shown) - 1) / 2) * _OFFSET
        color, mark = _COLORS.get(row.bias, MUTED), _MARKS.get(row.bias, "D")
        axes.plot([0, float(np.mean(shares))], [y, y], color=color, linewidth=1.0)
        axes.plot(shares, [y] * len(shares), mark, color=color, markersize=2.6, alpha=0.55, markeredgewidth=0)
        axes.plot([float(np.mean(shares))], [y], mark, color=color, markersize=5.5, markeredgewidth=0)
