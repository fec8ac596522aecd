"""Two-point statistics as curves: how alike two places are at a distance, how far straight lines stay in a phase."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from voltomo.artifacts import PALETTE
from voltomo.report.content import AXES, ReportContent
from voltomo.report.drawing import INK, MUTED, new_figure, plain, style_axes
from voltomo.report.pictures import Part, Picture
from voltomo.report.wording import scaled_unit

__all__ = ["correlation_pictures"]

Floats: TypeAlias = npt.NDArray[np.float64]
Curve: TypeAlias = Mapping[str, Any]

_DASHES: dict[str, Any] = {"z": "-", "y": (0, (5, 1.5)), "x": (0, (1, 1)), "": (0, (6, 1.5, 1, 1.5))}
_RADII = 5.0
"""Radii of the largest integral range that the correlation is drawn for: it has died out by 2.5 of them."""
_FLAT = 0.05
"""Without an integral range: drawn up to where every correlation stays below."""
_LEAST = 1e-3
"""Share of the phase down to which lineal paths are drawn: below, single lines count."""
_WIDTH, _HEIGHT = 4.0, 3.3


def correlation_pictures(content: ReportContent) -> dict[str, Picture]:
    """Correlation and lineal path of every phase along every axis, under "correlations"; nothing without curves."""
    found = {
        name: [curve for curve in content.correlations if curve.get("name") == name and curve["axis"]]
        for name in ("correlation", "lineal_path")
    }
    panels = [
        (draw, found[name], alt)
        for name, draw, alt in (
            ("correlation", _correlation, "Correlation of each phase over distance along each axis."),
            ("lineal_path", _lineal_path, "Share of straight lines of a length that lie wholly in each phase."),
        )
        if found[name]
    ]
    if not panels:
        return {}
    caption = _caption(content, found["correlation"])
    parts = []
    for draw, curves, alt in panels:
        figure = new_figure(_WIDTH, _HEIGHT)
        draw(figure.add_axes((0.17, 0.17, 0.79, 0.62)), content, curves)
        parts.append(Part(figure, alt))
    whole = new_figure(_WIDTH * len(panels), _HEIGHT)
    for i, (draw, curves, _) in enumerate(panels):
        draw(whole.add_axes(((i + 0.17) / len(panels), 0.17, 0.79 / len(panels), 0.62)), content, curves)
    return {"correlations": Picture("correlations", "Two-point statistics", caption, tuple(parts), whole)}


def _caption(content: ReportContent, correlations: Sequence[Curve]) -> str:
    sentences = [
        "Left: correlation ρ = (S₂ − ε²)/(ε − ε²) of each phase, 1 where two places a distance apart are always of one "
        "phase, 0 where they know nothing of each other; two phases that fill the region have one curve."
    ]
    if any(curve.get("range_radius") for curve in correlations):
        body, measure = ("ball", "volume") if content.dimension == 3 else ("disc", "area")
        sentences.append(
            f"A dot marks the integral range of a phase, the {measure} that counts as one draw, by the radius of its "
            f"{body}."
        )
    sentences.append(
        "Right: lineal path, the probability that a straight line of a length lies wholly in the phase; at no length "
        "it is the fraction."
    )
    if content.through_plane != "unknown":
        sentences.append(f"The through-plane axis is {content.through_plane}.")
    return " ".join(sentences)


def _correlation(axes: Axes, content: ReportContent, curves: Sequence[Curve]) -> None:
    end = _end_of_correlation(curves)
    scale, printed = _unit(content, end)
    merged = _merged(curves)
    axes.axhline(0, color=MUTED, linewidth=0.6)
    for names, curve in merged:
        distances, values = np.array(curve["distances"]) / scale, np.array(curve["values"])
        color = _color(content, names[0])
        axes.plot(distances, values, color=color, linestyle=_DASHES[curve["axis"]], linewidth=1.5)
    size = 9.0
    for color, radius in {_color(content, names[0]): curve.get("range_radius") for names, curve in merged}.items():
        if radius:
            axes.plot(
                [radius / scale], [0], "o", color=color, markersize=size, markeredgecolor=INK, markeredgewidth=0.6
            )
            size = max(size - 2.5, 4.0)  # those that coincide stay visible
    style_axes(axes, x=f"Distance ({printed})", y="Correlation ρ")
    axes.set_xlim(0, end / scale)
    axes.set_ylim(min(-0.1, *(float(np.min(curve["values"])) for curve in curves if len(curve["values"]) > 1)), 1.02)
    _legend(axes, [(" and ".join(names), _color(content, names[0])) for names, _ in merged], curves)


def _lineal_path(axes: Axes, content: ReportContent, curves: Sequence[Curve]) -> None:
    ends = []
    for curve in curves:
        values = np.array(curve["values"])
        ends.append(float(curve["distances"][int(np.flatnonzero(values > _LEAST * values[0])[-1])]))
    end = max(*ends, *(curve["distances"][min(1, len(curve["distances"]) - 1)] for curve in curves))
    scale, printed = _unit(content, end)
    for curve in curves:
        values = np.array(curve["values"])
        drawn = values > 0
        color, dashes = _color(content, curve["phase"]), _DASHES[curve["axis"]]
        axes.plot(
            np.array(curve["distances"])[drawn] / scale, values[drawn], color=color, linestyle=dashes, linewidth=1.5
        )
    style_axes(axes, x=f"Length of the line ({printed})", y="Lineal path L")
    axes.set_yscale("log")
    axes.set_xlim(0, end / scale)
    axes.set_ylim(_LEAST * min(max(curve["values"]) for curve in curves), 1.0)
    _legend(axes, [(curve["phase"], _color(content, curve["phase"])) for curve in curves], curves)


def _merged(curves: Sequence[Curve]) -> list[tuple[list[str], Curve]]:
    """Curves with the phases that share them: of two phases, one is what the other is not."""
    found: list[tuple[list[str], Curve]] = []
    for curve in curves:
        for names, known in found:
            same = known["axis"] == curve["axis"] and len(known["values"]) == len(curve["values"])
            if same and np.allclose(known["values"], curve["values"], atol=1e-6):
                names.append(str(curve["phase"]))
                break
        else:
            found.append(([str(curve["phase"])], curve))
    return found


def _end_of_correlation(curves: Sequence[Curve]) -> float:
    """Distance at which the plot ends."""
    last = max(float(curve["distances"][-1]) for curve in curves)
    radii = [float(curve["range_radius"]) for curve in curves if curve.get("range_radius")]
    if radii:
        return min(last, _RADII * max(radii))
    ends = []
    for curve in curves:
        above = np.flatnonzero(np.abs(np.array(curve["values"])) > _FLAT)
        ends.append(float(curve["distances"][min(int(above[-1]) + 1, len(curve["distances"]) - 1)]))
    return max(*ends, 0.1 * last)


def _unit(content: ReportContent, end: float) -> tuple[float, str]:
    return scaled_unit(end / 2, "m" if content.voxel_size is not None else "voxel")


def _color(content: ReportContent, phase: str) -> str:
    known = {p.name: p.color for p in content.phase_map.phases} if content.phase_map is not None else {}
    return known.get(phase, PALETTE["other"])


def _legend(axes: Axes, phases: Sequence[tuple[str, str]], curves: Sequence[Curve]) -> None:
    """Phases by color, axes by dashes, over the plot."""
    solid = [Line2D([], [], color=color, linewidth=3, label=plain(name)) for name, color in dict(phases).items()]
    present = [axis for axis in AXES if any(curve["axis"] == axis for curve in curves)]
    dashed = [
        Line2D([], [], color=INK, linestyle=_DASHES[axis], linewidth=1.2, label=f"along {axis}") for axis in present
    ]
    words: dict[str, Any] = {
        "fontsize": 8.5,
        "frameon": False,
        "labelcolor": INK,
        "loc": "lower left",
        "borderaxespad": 0.2,
        "columnspacing": 1.0,
        "handlelength": 1.8,
    }
    first = axes.legend(handles=dashed, ncols=3, bbox_to_anchor=(-0.1, 1.0), **words)
    axes.add_artist(first)
    axes.legend(handles=solid, ncols=3, bbox_to_anchor=(-0.1, 1.1), **words)
