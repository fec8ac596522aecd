"""Plots of the phases: the grey histogram with its cuts, and profiles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from voltomo.artifacts import PALETTE
from voltomo.report.content import AXES, ReportContent
from voltomo.report.drawing import INK, MUTED, legend_above, new_figure, plain, single_axes, style_axes
from voltomo.report.pictures import Part, Picture
from voltomo.report.wording import number_text, scaled_unit

__all__ = ["plot_pictures"]

Floats: TypeAlias = npt.NDArray[np.float64]

_LINE_STYLES = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (6, 1.5, 1, 1.5)))
"""Lines differ in dashes as well as in colour."""

_HIDDEN_TAIL = 5e-4
"""Share of the voxels at either end of the histogram that may lie outside the plot."""

_USUAL, _SPIKE = 0.98, 4.0
"""A bin more than 4 times as high as the 98th percentile of all bins is cut off."""


def plot_pictures(content: ReportContent) -> dict[str, Picture]:
    """Every plot that the content allows, by name."""
    found: dict[str, Picture] = {}
    if content.histogram and len(content.histogram.get("counts", ())):
        found["histogram"] = _histogram(content.histogram)
    if any(len(_profile_axis(content, axis)[0]) > 1 for axis in AXES):
        found["profiles"] = _profiles(content)
    return found


def _histogram(record: Mapping[str, Any]) -> Picture:
    """Grey levels, coloured by the class they fall into."""
    counts = np.asarray(record["counts"], np.float64)
    edges = _bin_edges(record, len(counts))
    cuts = [float(cut) for cut in record.get("cuts", ())]
    share = 100 * counts / counts.sum()
    axes = single_axes()
    middles = (edges[1:] + edges[:-1]) / 2
    classes = list(record.get("classes", ()))
    if len(classes) == len(cuts) + 1:
        for i, entry in enumerate(classes):
            inside = np.flatnonzero(np.searchsorted(cuts, middles, side="left") == i)
            if len(inside):
                part, borders = share[inside[0] : inside[-1] + 1], edges[inside[0] : inside[-1] + 2]
                label, color = _class_words(entry, i)
                axes.stairs(part, borders, fill=True, color=color, alpha=0.75, label=label)
    else:
        # Hysteresis and clusters do not follow from the grey level alone, so that no colour by class would be true.
        axes.stairs(share, edges, fill=True, color=MUTED, alpha=0.6, label="all classes")
    for cut in cuts:
        axes.axvline(cut, color=INK, linewidth=1, linestyle=(0, (4, 2)))
    axes.set_xlim(*_shown_range(share, edges, cuts))
    top, beyond = _shown_height(share)
    axes.set_ylim(0, top)
    style_axes(axes, x="Grey level", y="Share of voxels per bin (%)")
    legend_above(axes, columns=2)
    listed = ", ".join(number_text(cut, digits=5) for cut in cuts)
    method = str(record.get("method") or "")
    words = f"Histogram of the grey levels inside the field of view, {len(counts)} bins."
    at = f" Cut{'s' if len(cuts) > 1 else ''} at {listed}{f' ({method})' if method else ''}." if cuts else ""
    caption = words + at + beyond
    figure = axes.get_figure(root=True)
    assert figure is not None
    return Picture("histogram", "Grey levels and cuts", caption, (Part(figure, caption),), figure)


def _bin_edges(record: Mapping[str, Any], count: int) -> Floats:
    """Bin edges, from edges or from the levels in the middle of the bins."""
    edges = np.asarray(record.get("edges", ()), np.float64)
    if len(edges) == count + 1:
        return edges
    levels = np.asarray(record.get("levels", edges), np.float64)
    if len(levels) == 1:
        return np.array([levels[0] - 0.5, levels[0] + 0.5])
    between = (levels[1:] + levels[:-1]) / 2
    return np.concatenate([[2 * levels[0] - between[0]], between, [2 * levels[-1] - between[-1]]])


def _class_words(entry: Any, i: int) -> tuple[str, str]:
    """Legend entry and colour of a grey class."""
    color = list(PALETTE.values())[i % len(PALETTE)]
    if not isinstance(entry, Mapping):
        return plain(str(entry)), color
    name = str(entry.get("name") or f"class {i + 1}")
    share = entry.get("share")
    words = f"{name}, {100 * share:.1f} %" if share is not None else name
    return plain(words), str(entry.get("color") or color)


def _shown_range(share: Floats, edges: Floats, cuts: Sequence[float]) -> tuple[float, float]:
    """Range of grey levels without the thin tails, but with every cut."""
    total = np.cumsum(share) / share.sum()
    low = float(edges[np.searchsorted(total, _HIDDEN_TAIL)])
    high = float(edges[min(int(np.searchsorted(total, 1 - _HIDDEN_TAIL)) + 1, len(edges) - 1)])
    low, high = min([low, *cuts]), max([high, *cuts])
    margin = 0.02 * (high - low)
    return low - margin, high + margin


def _shown_height(share: Floats) -> tuple[float, str]:
    """Height of the plot, and what reaches over it: one saturated grey level must not flatten all others."""
    peak, usual = float(share.max()), float(np.quantile(share[share > 0], _USUAL))
    if peak <= _SPIKE * usual:
        return 1.05 * peak, ""
    height = 1.5 * usual
    over = int((share > height).sum())
    bins = "One bin reaches" if over == 1 else f"{over} bins reach"
    return height, f" {bins} over the plot, the highest {number_text(peak, digits=3)} %."


def _profile_axis(content: ReportContent, axis: str) -> tuple[Floats, dict[str, Floats]]:
    """Positions and the fractions of each phase along an axis; empty where there are none."""
    record = content.profiles.get(axis) or {}
    curves = {str(k): np.array(v, np.float64) for k, v in record.items() if k != "position"}
    if not curves:
        return np.empty(0), {}
    count = len(next(iter(curves.values())))
    given = record.get("position")
    if given is not None:
        return np.array(given, np.float64), curves
    return np.arange(count, dtype=np.float64) * content.spacing[AXES.index(axis)], curves


def _profiles(content: ReportContent) -> Picture:
    """Fraction of each phase in the slices across each axis."""
    shown = [axis for axis in AXES if len(_profile_axis(content, axis)[0]) > 1]
    parts = []
    for axis in shown:
        figure = new_figure(4.0, 2.9)
        _draw_profile(figure.add_axes((0.15, 0.2, 0.82, 0.62)), content, axis)
        parts.append(Part(figure, f"Fraction of each phase along {content.axis_label(axis)}."))
    whole = new_figure(4.0 * len(shown), 2.9)
    for i, axis in enumerate(shown):
        box = ((i + 0.15) / len(shown), 0.2, 0.82 / len(shown), 0.62)
        _draw_profile(whole.add_axes(box), content, axis)
    caption = "Fraction of each phase in the planes across each axis, of the part inside the field of view."
    return Picture("profiles", "Profiles", caption, tuple(parts), whole)


def _draw_profile(axes: Axes, content: ReportContent, axis: str) -> None:
    """One profile; phases differ in colour and dashes."""
    positions, curves = _profile_axis(content, axis)
    unit = "m" if content.voxel_size is not None else "voxel"
    scale, printed = scaled_unit(float(np.abs(positions).max()) or None, unit)
    colors = {p.name: p.color for p in content.phase_map.phases} if content.phase_map is not None else {}
    fallback = list(PALETTE.values())
    for i, (name, values) in enumerate(curves.items()):
        color = colors.get(name, fallback[i % len(fallback)])
        style = _LINE_STYLES[i % len(_LINE_STYLES)]
        axes.plot(positions / scale, values, color=color, linestyle=style, linewidth=1.6, label=plain(name))
    style_axes(axes, x=f"{content.axis_label(axis)} ({printed})", y="Fraction")
    axes.set_ylim(0, 1)
    axes.set_xlim(positions[0] / scale, positions[-1] / scale)
    legend_above(axes, columns=3)
