"""Studies side by side: slices at one scale and in one window of grey values, distributions, and differences."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from voltomo.metrics.comparison import Contrast
from voltomo.report.colors import colorize, grey_rgb, phase_colors
from voltomo.report.comparison_content import ComparedStudy, ComparisonContent
from voltomo.report.comparison_rows import contrast_label
from voltomo.report.drawing import INK, MUTED, legend_above, new_figure, plain, single_axes, style_axes
from voltomo.report.panels import Panel, draw_panels
from voltomo.report.slices import phase_legend
from voltomo.report.views import Cut, read_cut
from voltomo.report.wording import number_text, scaled_unit

__all__ = ["draw_comparison"]

Drawn: TypeAlias = tuple[str, str, Figure]
"""Heading, caption, figure."""

# Okabe and Ito, Color Universal Design (2008); the dashes tell them apart in print.
_STYLES: tuple[tuple[str, Any], ...] = (
    ("#0072b2", "-"),
    ("#d55e00", (0, (5, 1.5))),
    ("#009e73", (0, (1, 1.2))),
    ("#cc79a7", (0, (5, 1.5, 1, 1.5))),
    ("#444444", (0, (3, 3))),
)
_WINDOW = (0.5, 99.5)
_MOST_BARS = 18
"""Differences in one picture: more do not fit a page."""
_LINEAR = 50.0
"""Percent up to which the axis of differences is linear where some are much larger."""
_TICKS = (-100, -50, -25, 0, 25, 50, 100, 200, 500, 1000, 2000, 5000)
_LETTERS = 52
"""Of 8 pt that fit beside the axis of differences."""
_BAR, _MARGIN = 0.31, 0.95
"""Inches: height of one line of the picture of differences, and its head and foot together."""


def draw_comparison(content: ComparisonContent) -> dict[str, Drawn]:
    """Every picture that the studies allow, by name."""
    found: dict[str, Drawn] = {}
    cuts = [(study, read_cut(study.content, "z")) for study in content.studies if study.content.shape is not None]
    grey = [(study, cut) for study, cut in cuts if cut.grey is not None]
    if len(grey) > 1:
        found["scans"] = _scans(grey)
    phases = [(study, cut) for study, cut in cuts if cut.phases is not None]
    if len(phases) > 1:
        found["phases"] = _phases(phases)
    for name, column, label in (
        ("sizes", "equivalent_diameter", "Equivalent diameter"),
        ("voids", "void_fraction", "Cracks and voids, share of the particle"),
        ("roundness", "sphericity", "Sphericity"),
        ("roundness", "circularity", "Circularity"),
    ):
        if drawn := _distribution(content, column, label):
            found[name] = drawn
    if drawn := _differences(content):
        found["differences"] = drawn
    return found


def _scans(cuts: Sequence[tuple[ComparedStudy, Cut]]) -> Drawn:
    """The middle planes as scanned."""
    types = {str(cut.grey.dtype) for _, cut in cuts if cut.grey is not None}
    window, words = None, "The grey values are of different types, so that each plane has its own window."
    if len(types) == 1:
        values = np.concatenate([_shown(cut) for _, cut in cuts])
        low, high = np.percentile(values, _WINDOW)
        window = (float(low), float(high)) if high > low else None
        words = "One window of grey values (0.5th to 99.5th percentile of all planes together)."
    panels = []
    for study, cut in cuts:
        assert cut.grey is not None
        panels.append(_panel(study, cut, grey_rgb(cut.grey, cut.inside, window=window), ()))
    return "Scans side by side", f"Middle planes normal to z, all at one scale. {words}", draw_panels(panels)


def _shown(cut: Cut) -> npt.NDArray[np.float64]:
    """Finite grey values inside the field of view."""
    assert cut.grey is not None
    values = cut.grey if cut.inside is None else cut.grey[cut.inside]
    finite: npt.NDArray[np.float64] = values[np.isfinite(values)].astype(np.float64).ravel()
    return finite


def _phases(cuts: Sequence[tuple[ComparedStudy, Cut]]) -> Drawn:
    """The middle planes as segmented."""
    panels = []
    for study, cut in cuts:
        assert cut.phases is not None
        assert study.content.phase_map is not None
        table = study.content.phase_map.phases
        panels.append(_panel(study, cut, colorize(cut.phases, phase_colors(table)), phase_legend(table)))
    return "Phases side by side", "The same planes after segmentation, all at one scale.", draw_panels(panels)


def _panel(study: ComparedStudy, cut: Cut, image: Any, legend: tuple[tuple[str, str], ...]) -> Panel:
    in_meters = study.content.voxel_size is not None
    return Panel(study.label, image, cut.spacing, in_meters, (cut.rows, cut.columns), cut.inside, legend)


def _distribution(content: ComparisonContent, column: str, label: str) -> Drawn | None:
    """Share of the whole particles up to a value; None unless two studies have the column."""
    samples = [(study.label, _whole(study, column)) for study in content.studies]
    filled = [(name, values) for name, values in samples if len(values)]
    if len(filled) < 2:
        return None
    in_meters = all(study.content.voxel_size is not None for study in content.studies)
    scale, unit = 1.0, ""
    if column == "equivalent_diameter":
        largest = max(float(values.max()) for _, values in filled)
        scale, unit = scaled_unit(largest, "m" if in_meters else "voxel")
    axes = single_axes()
    for i, (name, values) in enumerate(samples):
        if not len(values):
            continue
        color, style = _STYLES[i % len(_STYLES)]
        steps = np.concatenate([[values.min()], np.sort(values)]) / scale
        shares = 100 * np.arange(len(values) + 1) / len(values)
        legend = plain(f"{name} ({len(values)})")
        axes.step(steps, shares, where="post", color=color, linestyle=style, linewidth=1.5, label=legend)
    axes.set_ylim(0, 100)
    style_axes(axes, x=f"{label} ({unit})" if unit else label, y="Share of particles (%)")
    legend_above(axes, columns=2)
    caption = "Share of the whole particles up to each value, every particle counted once. In brackets: their number."
    return label, caption, _figure_of(axes)


def _whole(study: ComparedStudy, column: str) -> npt.NDArray[np.float64]:
    """A column of the particles that do not touch the edge."""
    table = study.content.instance_map.table if study.content.instance_map is not None else {}
    if column not in table:
        return np.empty(0)
    values = np.asarray(table[column], np.float64)
    return values[~np.asarray(table["touches_edge"], np.bool_) & np.isfinite(values)]


def _differences(content: ComparisonContent) -> Drawn | None:
    """Relative differences from the first study with their intervals."""
    lines: dict[str, list[tuple[int, Contrast]]] = {}
    for i, pair in enumerate(content.pairs, start=1):
        for contrast in pair.contrasts:
            is_quantile = contrast.name == "equivalent_diameter" and "D50" not in contrast.statistic
            if contrast.relative is not None and not is_quantile:
                lines.setdefault(contrast_label(content, contrast), []).append((i, contrast))
    chosen = _leading(lines)
    if not chosen:
        return None
    figure = new_figure(8.2, _MARGIN + _BAR * len(chosen))
    height = figure.get_figheight()
    axes = figure.add_axes((0.44, 0.55 / height, 0.53, _BAR * len(chosen) / height))
    axes.axvline(0, color=INK, linewidth=0.8)
    named: set[int] = set()
    for row, (_, entries) in enumerate(chosen):
        for i, contrast in entries:
            assert contrast.relative is not None
            value, low, high = (100 * share for share in contrast.relative)
            color = _STYLES[i % len(_STYLES)][0]
            place = row + 0.22 * (i - (len(content.pairs) + 1) / 2)
            is_apart = contrast.verdict in ("higher", "lower")
            axes.plot([low, high], [place, place], color=color, linewidth=1.6, solid_capstyle="butt")
            label = plain(content.studies[i].label) if i not in named else None
            face = color if is_apart else "white"
            axes.plot([value], [place], "o", color=color, markerfacecolor=face, markersize=5.5, label=label)
            named.add(i)
    axes.set_ylim(len(chosen) - 0.4, -0.6)
    style_axes(axes, x=f"Difference from {content.studies[0].label} (%)", y="")
    axes.set_yticks(range(len(chosen)), [textwrap.fill(plain(label), _LETTERS) for label, _ in chosen], fontsize=8)
    axes.tick_params(axis="y", length=0)
    if max(abs(bound) for bound in axes.get_xlim()) > 2 * _LINEAR:
        axes.set_xscale("symlog", linthresh=_LINEAR, linscale=1.5)
        axes.xaxis.set_major_locator(FixedLocator(_TICKS))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: number_text(value)))
        axes.xaxis.set_minor_locator(NullLocator())
    axes.grid(visible=True, axis="x", color="#d9d9d9", linewidth=0.6)
    axes.tick_params(colors=MUTED, axis="x")
    if len(content.pairs) > 1:
        legend_above(axes, columns=len(content.pairs))
    bent = " Beyond ±50 % the scale is logarithmic." if axes.get_xscale() == "symlog" else ""
    left = f" {len(lines) - len(chosen)} more are in the table." if len(lines) > len(chosen) else ""
    caption = (
        "Differences relative to the first study with their 95 % intervals, each for itself. Filled: apart after the "
        f"correction for all tests of this page; open: not told apart.{bent}{left}"
    )
    return "Differences", caption, figure


_LEADING = (
    "porosity_total",
    "volume_fraction",
    "area_fraction",
    "flawed_share",
    "particle_void_fraction",
    "specific_surface_area",
    "equivalent_diameter_by_particle",
    "equivalent_diameter",
    "sphericity_by_particle",
    "circularity_by_particle",
    "tortuosity_factor",
    "effective_diffusivity_ratio",
    "interface_area",
)


def _leading(lines: dict[str, list[tuple[int, Contrast]]]) -> list[tuple[str, list[tuple[int, Contrast]]]]:
    """The lines that people look for first, then the others, as many as fit."""

    def rank(line: tuple[str, list[tuple[int, Contrast]]]) -> int:
        name = line[1][0][1].name
        return _LEADING.index(name) if name in _LEADING else len(_LEADING)

    return sorted(lines.items(), key=rank)[:_MOST_BARS]


def _figure_of(axes: Axes) -> Figure:
    figure = axes.get_figure(root=True)
    assert figure is not None, "new axes have a figure"
    return figure
