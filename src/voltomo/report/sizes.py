"""The size distribution of the particles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from voltomo.report.content import ReportContent
from voltomo.report.drawing import legend_above, single_axes, style_axes
from voltomo.report.pictures import Part, Picture
from voltomo.report.wording import number_text, scaled_unit

__all__ = ["size_pictures"]

Floats: TypeAlias = npt.NDArray[np.float64]

_NUMBER_COLOR, _VOLUME_COLOR = "#0072b2", "#e69f00"

_SIZE_CLASSES = (6, 24)
"""Fewest and most classes of the size distribution; in between, the square root of the number of particles."""


def size_pictures(content: ReportContent) -> dict[str, Picture]:
    """The number- and volume-weighted size distribution, under "sizes"; nothing without particles."""
    particles = _diameters(content)
    return {"sizes": _sizes(content, particles)} if len(particles.values) else {}


@dataclass(frozen=True)
class _Diameters:
    """The particles whose sizes are drawn.

    Parameters
    ----------
    values : equivalent diameters, in m or voxels
    words : which particles these are
    """

    values: Floats
    words: str


def _diameters(content: ReportContent) -> _Diameters:
    """The particles that the measured distribution stands on: whole ones, or all where no edge rule could be used."""
    table = content.instance_map.table if content.instance_map is not None else {}
    if "equivalent_diameter" not in table:
        return _Diameters(np.empty(0), "")
    every = np.asarray(table["equivalent_diameter"], np.float64)
    drawn = np.isfinite(every) & (every > 0)
    cut = np.asarray(table.get("touches_edge", np.zeros(len(every), np.bool_)), np.bool_) & drawn
    uncorrected = _leading_rule(content).startswith("all particles")
    if not cut.any():
        return _Diameters(every[drawn], f"{_count(drawn)}")
    if uncorrected or not (drawn & ~cut).any():
        return _Diameters(every[drawn], f"{_count(drawn)}, {int(cut.sum())} of them cut by the edge")
    words = f"the {_count(drawn & ~cut)} not cut by the edge, counted without the edge weights of the table"
    return _Diameters(every[drawn & ~cut], words)


def _leading_rule(content: ReportContent) -> str:
    """The edge rule of the first measured size; empty where there is none."""
    rules = (item.method for item in content.measurements.select("equivalent_diameter") if item.value is not None)
    return next(rules, "")


def _count(chosen: npt.NDArray[np.bool_]) -> str:
    """Number of particles, in words."""
    count = int(chosen.sum())
    return f"{count} particle{'' if count == 1 else 's'}"


def _sizes(content: ReportContent, particles: _Diameters) -> Picture:
    """The picture of a distribution that is not empty."""
    unit = "m" if content.voxel_size is not None else "voxel"
    scale, printed = scaled_unit(float(np.median(particles.values)), unit)
    shown = particles.values / scale
    # By definition the measure of a particle goes with the third (in a section: the second) power of the diameter.
    measure = shown**content.dimension
    word = "volume" if content.dimension == 3 else "area"
    low, high = shown.min() / 1.1, shown.max() * 1.1
    classes = int(np.clip(np.sqrt(len(shown)), *_SIZE_CLASSES))
    edges = np.geomspace(low, high, classes + 1)
    axes = single_axes()
    for weights, label, color, fill in (
        (measure, f"{word}-weighted", _VOLUME_COLOR, True),
        (np.ones_like(shown), "number-weighted", _NUMBER_COLOR, False),
    ):
        counts, _ = np.histogram(shown, edges, weights=weights)
        share = 100 * counts / weights.sum()
        axes.stairs(share, edges, fill=fill, color=color, alpha=0.55 if fill else 1, linewidth=1.6, label=label)
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    medians = _mark_medians(axes, content, scale, printed)
    shape = "sphere" if content.dimension == 3 else "circle"
    style_axes(axes, x=f"Equivalent-{shape} diameter ({printed})", y="Share per class (%)")
    legend_above(axes, columns=2)
    caption = f"Size distribution of {particles.words}.{medians}"
    figure = axes.get_figure(root=True)
    assert figure is not None
    return Picture("sizes", "Particle sizes", caption, (Part(figure, caption),), figure)


def _mark_medians(axes: Axes, content: ReportContent, scale: float, printed: str) -> str:
    """Draw the measured D50 of either weighting, and say what the lines are."""
    words = []
    for item in content.measurements.select("equivalent_diameter"):
        if "D50" not in item.statistic or item.value is None or item.method != _leading_rule(content):
            continue
        if "number" in item.statistic:
            color = _NUMBER_COLOR
        elif "volume" in item.statistic or (content.dimension == 2 and "area" in item.statistic):
            color = "#a86f00"  # the fill's orange, darker, so that the line is seen on it
        else:
            continue
        axes.axvline(item.value / scale, color=color, linewidth=1.2, linestyle=(0, (4, 2)))
        words.append(f"{item.statistic} {number_text(item.value / scale)} {printed}")
    return f" Dashed: {'; '.join(words)}, as in the table." if words else ""
