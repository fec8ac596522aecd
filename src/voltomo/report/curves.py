"""Size distributions as curves: local thickness, chords, particles and their contacts, spheres behind sections."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from voltomo.artifacts import PALETTE
from voltomo.report.content import AXES, ReportContent
from voltomo.report.drawing import legend_above, new_figure, plain, style_axes
from voltomo.report.pictures import Part, Picture
from voltomo.report.wording import friendly_name, scaled_unit

__all__ = ["curve_pictures"]

Floats: TypeAlias = npt.NDArray[np.float64]
Curve: TypeAlias = Mapping[str, Any]
Panel: TypeAlias = tuple[Callable[[Axes], None], str]
"""Draws one plot, and says what it shows."""

_LINE_STYLES = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (6, 1.5, 1, 1.5)))
_SHOWN = 0.995
"""Share of the distribution that the plot ends at: a few large balls would press the rest into a corner."""
_CLASSES = 24
"""Of a density, at most; each is a whole number of the steps of the curve."""


def curve_pictures(content: ReportContent) -> dict[str, Picture]:
    """Every curve that the content has, by name of the measurement."""
    found: dict[str, Picture] = {}
    for name, draw in (
        ("local_thickness", _thickness),
        ("chord_length", _chords),
        ("equivalent_diameter", _particles),
        ("contact_number", _contacts),
    ):
        curves = [curve for curve in content.curves if curve["name"] == name]
        if curves:
            found[f"{name}_curves"] = draw(content, curves)
    return found


def _thickness(content: ReportContent, curves: Sequence[Curve]) -> Picture:
    measure = "volume" if content.dimension == 3 else "area"
    x = "Local thickness"
    panels: list[Panel] = [
        (
            lambda axes: _cumulative(axes, content, curves, x),
            f"Share of each phase's {measure} up to a local thickness.",
        ),
        (lambda axes: _density(axes, content, curves, x), f"Share of each phase's {measure} per class of thickness."),
    ]
    ball = "ball" if content.dimension == 3 else "disc"
    caption = (
        f"Local thickness of each phase: the largest {ball} inside it that covers a place (the continuous, or opening, "
        f"size distribution). Left: share of the {measure} that is at most so thick; right: share per class."
    )
    return _picture("local_thickness_curves", friendly_name("local_thickness"), caption, panels)


def _chords(content: ReportContent, curves: Sequence[Curve]) -> Picture:
    panels: list[Panel] = []
    for axis in AXES:
        along = [curve for curve in curves if curve["axis"] == axis]
        if along:
            label = f"Chord length along {content.axis_label(axis)}"
            panels.append((_drawn(content, along, label), f"Share of chords up to a length along {axis}."))
    caption = (
        "Chord lengths: share of the straight stretches of each phase that are at most so long, by number. Chords that "
        "the edge cuts count as longer than seen; a curve ends below 1 where the longest are all cut."
    )
    return _picture("chord_length_curves", "Chord lengths", caption, panels)


def _particles(content: ReportContent, curves: Sequence[Curve]) -> Picture:
    x = friendly_name("equivalent_diameter", dimension=content.dimension)
    named = [{**curve, "phase": f"{curve['weighting']}-weighted"} for curve in curves]
    named += [
        {**curve, "phase": "spheres (Saltykov), number-weighted"}
        for curve in content.curves
        if curve["name"] == "unfolded_diameter"
    ]
    panels: list[Panel] = [(_drawn(content, named, x), "Share of the particles up to a diameter.")]
    caption = "Share of the particles that are at most so large, with the edge rule and weights of the table."
    if len(named) > len(curves):
        caption += (
            " Where the curve of the spheres falls, a class came out negative: the small classes carry the errors."
        )
    return _picture("equivalent_diameter_curves", "Particle sizes, cumulative", caption, panels)


def _contacts(content: ReportContent, curves: Sequence[Curve]) -> Picture:
    panels: list[Panel] = [(lambda axes: _bars(axes, content, curves), "Share of the particles by number of contacts.")]
    caption = "How many whole particles touch how many others: share of the particles that have so many contacts."
    return _picture("contact_number_curves", "Contacts per particle", caption, panels)


def _bars(axes: Axes, content: ReportContent, curves: Sequence[Curve]) -> None:
    for curve, color, _ in _styles(content, curves):
        shares = 100 * np.diff(np.array(curve["shares"]), prepend=0.0)
        axes.bar(curve["sizes"], shares, 0.8, color=color, label=plain(str(curve["phase"])))
    style_axes(axes, x="Contacts of a particle", y="Share of the particles (%)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    legend_above(axes, columns=3)


def _drawn(content: ReportContent, curves: Sequence[Curve], label: str) -> Callable[[Axes], None]:
    return lambda axes: _cumulative(axes, content, curves, label)


def _cumulative(axes: Axes, content: ReportContent, curves: Sequence[Curve], label: str) -> None:
    scale, printed = _unit(content, curves)
    for curve, color, style in _styles(content, curves):
        sizes, shares = np.array(curve["sizes"]) / scale, 100 * np.array(curve["shares"])
        axes.plot(sizes, shares, color=color, linestyle=style, linewidth=1.6, label=plain(str(curve["phase"])))
    style_axes(axes, x=f"{label} ({printed})", y="Share up to it (%)")
    axes.set_xlim(0, _end(curves) / scale)
    axes.set_ylim(min(0, *(100 * min(curve["shares"]) for curve in curves)), 102)
    legend_above(axes, columns=3)


def _density(axes: Axes, content: ReportContent, curves: Sequence[Curve], label: str) -> None:
    scale, printed = _unit(content, curves)
    end = _end(curves)
    step = min(curve["sizes"][1] for curve in curves)
    width = step * max(1, round(end / step / _CLASSES))
    edges = np.arange(0.0, end + width, width)
    for curve, color, style in _styles(content, curves):
        # A step of the curve is a class of its own, so that shares are read off and not interpolated.
        up_to = np.interp(edges, curve["sizes"], curve["shares"], right=curve["shares"][-1])
        shares = 100 * np.diff(up_to)
        axes.stairs(
            shares, edges / scale, color=color, linestyle=style, linewidth=1.6, label=plain(str(curve["phase"]))
        )
    style_axes(axes, x=f"{label} ({printed})", y="Share per class (%)")
    axes.set_xlim(0, end / scale)
    legend_above(axes, columns=3)


def _unit(content: ReportContent, curves: Sequence[Curve]) -> tuple[float, str]:
    return scaled_unit(_end(curves) / 2, "m" if content.voxel_size is not None else "voxel")


def _end(curves: Sequence[Curve]) -> float:
    """Size at which the plot ends."""
    ends = []
    for curve in curves:
        shares = np.array(curve["shares"])
        last = int(np.searchsorted(np.maximum.accumulate(shares), _SHOWN * shares.max()))
        ends.append(float(curve["sizes"][min(last + 1, len(shares) - 1)]))
    return max(ends)


def _styles(content: ReportContent, curves: Sequence[Curve]) -> list[tuple[Curve, str, Any]]:
    """Color and dashes of each curve: those of its phase, or one after the other."""
    colors = {p.name: p.color for p in content.phase_map.phases} if content.phase_map is not None else {}
    others = list(PALETTE.values())
    return [
        (curve, colors.get(curve["phase"], others[i % len(others)]), _LINE_STYLES[i % len(_LINE_STYLES)])
        for i, curve in enumerate(curves)
    ]


def _picture(name: str, heading: str, caption: str, panels: Sequence[Panel]) -> Picture:
    parts = []
    for draw, alt in panels:
        figure = new_figure(4.0, 2.9)
        draw(figure.add_axes((0.15, 0.2, 0.8, 0.62)))
        parts.append(Part(figure, alt))
    whole = new_figure(4.0 * len(panels), 2.9)
    for i, (draw, _) in enumerate(panels):
        draw(whole.add_axes(((i + 0.15) / len(panels), 0.2, 0.8 / len(panels), 0.62)))
    return Picture(name, heading, caption, tuple(parts), whole)
