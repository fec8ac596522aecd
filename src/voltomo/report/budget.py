"""The uncertainty budgets of the numbers people look for first, drawn in variance."""

from __future__ import annotations

from collections.abc import Iterator

from matplotlib.axes import Axes

from voltomo.artifacts import Measurement
from voltomo.metrics.uncertainty import COVERAGE_FACTOR, combined, missing_parts, variance_shares
from voltomo.report.content import ReportContent
from voltomo.report.drawing import INK, legend_above, new_figure, plain, style_axes
from voltomo.report.pictures import Part, Picture
from voltomo.report.wording import friendly_name, number_text

__all__ = ["budget_pictures"]

_MAIN = (
    "porosity",
    "volume_fraction",
    "area_fraction",
    "specific_surface_area",
    "boundary_length",
    "tortuosity_factor",
    "equivalent_diameter",
)
_MOST = 12
_COLORS = {
    "segmentation": "#0072b2",
    "operator": "#56b4e9",
    "representativity": "#e69f00",
    "resolution": "#d55e00",
    "discretization": "#009e73",
    "sampling": "#f0e442",
    "solver": "#cc79a7",
}
"""Okabe and Ito's colors; a part that is not here is grey."""
_OTHER = "#999999"
_WIDTH, _ROW, _AROUND = 7.4, 0.3, 1.15
"""Inches: width, height of a row, and what lies above and below the rows."""


def budget_pictures(content: ReportContent) -> dict[str, Picture]:
    """Shares of the variance of the main numbers, under "budget"; nothing where no part was estimated."""
    rows = list(_main_numbers(content))[:_MOST]
    return {"budget": _budget(content, rows)} if rows else {}


def _main_numbers(content: ReportContent) -> Iterator[Measurement]:
    """The leading method of each main number whose budget holds a standard uncertainty."""
    for name in _MAIN:
        seen: set[tuple[str, str]] = set()
        for item in content.measurements.select(name):
            key = item.phase, item.axis
            if key in seen or not item.value or (name == "equivalent_diameter" and "D50" not in item.statistic):
                continue
            seen.add(key)
            if variance_shares(item.parts):
                yield item


def _budget(content: ReportContent, rows: list[Measurement]) -> Picture:
    """One bar for each number, a piece for each part."""
    height = _AROUND + _ROW * len(rows)
    figure = new_figure(_WIDTH, height)
    axes = figure.add_axes((0.45, 0.62 / height, 0.4, _ROW * len(rows) / height))
    _draw_bars(axes, rows)
    axes.set_yticks(range(len(rows)), [plain(_label(content, item)) for item in rows])
    style_axes(axes, x="Share of the variance (%)", y="")
    axes.grid(visible=False)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlim(0, 100)
    legend_above(axes, columns=3)
    absent = dict.fromkeys(name for item in rows for name in missing_parts(item.parts))
    lower = f" Missing from some or all: {', '.join(absent)}; the totals are lower limits." if absent else ""
    caption = (
        "Where the uncertainty of the main numbers comes from: share of each estimated part in the sum of squares. At "
        f"the right {COVERAGE_FACTOR} standard uncertainties of the sum, relative to the number.{lower} Sensitivity "
        "bands are no part of it."
    )
    return Picture("budget", "Uncertainty budgets", caption, (Part(figure, caption),), figure)


def _draw_bars(axes: Axes, rows: list[Measurement]) -> None:
    """Pieces from left to right; each part is named once in the legend."""
    named: set[str] = set()
    for place, item in enumerate(rows):
        left = 0.0
        for name, share in variance_shares(item.parts).items():
            label = None if name in named else plain(name)
            named.add(name)
            axes.barh(place, 100 * share, 0.66, left, color=_COLORS.get(name, _OTHER), label=label)
            left += 100 * share
        u = combined(item.parts)
        assert u is not None, "only numbers with an estimated part are drawn"
        assert item.value is not None, "only numbers with a value are drawn"
        total = f"±{number_text(100 * COVERAGE_FACTOR * u / abs(item.value), digits=2)} %"
        axes.text(103, place, total, fontsize=9, color=INK, va="center")


def _label(content: ReportContent, item: Measurement) -> str:
    """Quantity, phase and axis, short enough for a tick."""
    name = friendly_name(item.name, dimension=item.dimension).split(",")[0]
    axis = content.axis_label(item.axis) if item.axis else ""
    statistic = "D50" if item.name == "equivalent_diameter" else ""
    return ", ".join(word for word in (name, statistic, item.phase, axis) if word)
