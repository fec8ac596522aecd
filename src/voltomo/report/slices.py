"""Pictures of planes: raw, segmented and overlay, orthogonal cuts, particles, cracks."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from voltomo.artifacts import CRACK, OUTSIDE, SOLID, PhaseTable
from voltomo.report.colors import (
    CRACK_COLOR,
    OUTSIDE_COLOR,
    Rgb,
    blend,
    boundaries,
    colorize,
    grey_rgb,
    hex_rgb,
    particle_colors,
    phase_colors,
)
from voltomo.report.content import ReportContent
from voltomo.report.panels import Panel
from voltomo.report.pictures import Picture, panel_picture
from voltomo.report.views import Cut

__all__ = ["slice_pictures"]

_OVERLAY = 0.32
"""Opacity of the phase colours over the grey: structure stays visible through them."""


def slice_pictures(content: ReportContent, cuts: Mapping[str, Cut]) -> dict[str, Picture]:
    """Every picture of planes that the content allows, by name."""
    first = cuts["z"]
    found: dict[str, Picture] = {}
    if first.grey is not None or first.phases is not None:
        found["triptych"] = _triptych(content, first)
        if content.dimension == 3:
            found["cuts"] = _orthogonal_cuts(content, cuts)
    if first.particles is not None:
        found["particles"] = _particles(content, first)
    if first.cracks is not None:
        found["cracks"] = _cracks(content, first)
    return found


def _where(content: ReportContent, cut: Cut) -> str:
    """Which plane is shown, in words."""
    if content.dimension == 2:
        return "the whole image"
    return f"plane {cut.axis} = {cut.index} of 0 to {cut.count - 1}"


def _panel(content: ReportContent, cut: Cut, title: str, image: Rgb, legend: tuple[tuple[str, str], ...] = ()) -> Panel:
    """A panel with the geometry of a cut."""
    return Panel(
        title=title,
        image=image,
        spacing=cut.spacing,
        in_meters=content.voxel_size is not None,
        directions=(cut.rows, cut.columns),
        outline=cut.inside,
        legend=legend,
    )


def phase_legend(phases: PhaseTable) -> tuple[tuple[str, str], ...]:
    """(name, colour) of every phase."""
    return tuple((phase.name, phase.color) for phase in phases)


def _outside_note(cut: Cut) -> str:
    """How the field of view is drawn, if it does not fill the plane."""
    return (
        ""
        if cut.inside is None
        else " The dashed line is the edge of the field of view; nothing outside it is counted."
    )


_WINDOW_NOTE = "Grey levels from the 0.5th to the 99.5th percentile of the plane span black to white."


def _overlay_image(content: ReportContent, cut: Cut) -> Rgb:
    """Phase colours over the grey, or alone where there is no grey."""
    if cut.phases is None or content.phase_map is None:
        assert cut.grey is not None
        return grey_rgb(cut.grey, cut.inside)
    colored = colorize(cut.phases, phase_colors(content.phase_map.phases))
    if cut.grey is None:
        return colored
    return blend(grey_rgb(cut.grey, cut.inside), colored, cut.phases != OUTSIDE, opacity=_OVERLAY)


def _triptych(content: ReportContent, cut: Cut) -> Picture:
    """Raw, segmented, overlay; only those there are."""
    panels, alts, words = [], [], []
    where = _where(content, cut)
    if cut.grey is not None:
        panels.append(_panel(content, cut, "Raw", grey_rgb(cut.grey, cut.inside)))
        alts.append(f"Raw grey levels, {where}.")
        words.append(_WINDOW_NOTE)
    if cut.phases is not None and content.phase_map is not None:
        phases = content.phase_map.phases
        legend = phase_legend(phases)
        names = ", ".join(phase.name for phase in phases)
        panels.append(_panel(content, cut, "Segmented", colorize(cut.phases, phase_colors(phases)), legend))
        alts.append(f"Phases in colour ({names}), {where}.")
        if cut.grey is not None:
            panels.append(_panel(content, cut, "Overlay", _overlay_image(content, cut), legend))
            alts.append(f"Phase colours over the grey levels, {where}.")
    caption = f"{where[0].upper()}{where[1:]}. {' '.join(words)}{_outside_note(cut)}".strip()
    heading = "Raw, segmented, overlay" if len(panels) == 3 else panels[0].title
    return panel_picture("triptych", heading, caption, panels, alts)


def _orthogonal_cuts(content: ReportContent, cuts: Mapping[str, Cut]) -> Picture:
    """The three middle planes."""
    legend = phase_legend(content.phase_map.phases) if content.phase_map is not None else ()
    panels = [
        _panel(content, cut, f"Normal to {content.axis_label(axis)}", _overlay_image(content, cut), legend)
        for axis, cut in cuts.items()
    ]
    alts = [f"Plane normal to {content.axis_label(axis)}, {_where(content, cut)}." for axis, cut in cuts.items()]
    planes = ", ".join(f"{axis} = {cut.index}" for axis, cut in cuts.items())
    outlined = next((cut for cut in cuts.values() if cut.inside is not None), cuts["z"])
    caption = f"The middle planes {planes}, in true proportions.{_outside_note(outlined)}"
    return panel_picture("cuts", "Three orthogonal cuts", caption, panels, alts)


def _ground(cut: Cut) -> Rgb:
    """What particles and cracks are drawn on: the grey, lightened, or white."""
    if cut.grey is not None:
        return grey_rgb(cut.grey, cut.inside)
    assert cut.particles is not None or cut.cracks is not None
    shape = cut.particles.shape if cut.particles is not None else cut.cracks.shape  # type: ignore[union-attr]
    return np.full((*shape, 3), hex_rgb(OUTSIDE_COLOR), np.uint8)


def _particles(content: ReportContent, cut: Cut) -> Picture:
    """Every particle in its own colour, with outlines."""
    assert cut.particles is not None
    where = _where(content, cut)
    colored = colorize(cut.particles, particle_colors())
    ground = _ground(cut)
    opacity = 0.55 if cut.grey is not None else 1.0
    image = blend(ground, colored, cut.particles != 0, opacity=opacity)
    edge = boundaries(cut.particles)
    image[edge] = hex_rgb("#1a1a1a")
    shown = len(np.unique(cut.particles[cut.particles != 0]))
    plural = "" if shown == 1 else "s"
    words = f"{shown} particle{plural} " + (f"cut by {where}" if content.dimension == 3 else "in the image")
    caption = f"{words}. Colours only tell neighbours apart; black lines are particle boundaries.{_outside_note(cut)}"
    return panel_picture("particles", "Particles", caption, [_panel(content, cut, "Particles", image)], [f"{words}."])


def _cracks(content: ReportContent, cut: Cut) -> Picture:
    """Cracks and voids inside particles, over the grey."""
    assert cut.cracks is not None
    where = _where(content, cut)
    image = _ground(cut)
    for code, color, opacity in ((SOLID, "#e6d5a8", 0.45), (CRACK, CRACK_COLOR, 0.9)):
        flat = np.empty_like(image)
        flat[:] = hex_rgb(color)
        image = blend(image, flat, cut.cracks == code, opacity=opacity)
    if cut.particles is not None:
        image[boundaries(cut.particles) & (cut.cracks != CRACK)] = hex_rgb("#1a1a1a")
    legend = (("crack or void", CRACK_COLOR), ("solid", "#e6d5a8"))
    none = "" if (cut.cracks == CRACK).any() else " This plane holds none."
    caption = f"Voxels inside particles that count as crack or void, {where}.{none}{_outside_note(cut)}"
    panel = _panel(content, cut, "Cracks and voids inside particles", image, legend)
    return panel_picture("cracks", "Cracks and voids", caption, [panel], [caption])
