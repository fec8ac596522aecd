"""A picture of the report: what goes on the page, and what goes into `figures/`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from matplotlib.figure import Figure

from voltomo.report.panels import Panel, draw_panels

__all__ = ["Part", "Picture", "panel_picture"]


@dataclass(frozen=True)
class Part:
    """One image on the page and what it shows in words."""

    figure: Figure
    alt: str


@dataclass(frozen=True)
class Picture:
    """One captioned picture.

    Parameters
    ----------
    name : stem of the files in `figures/`
    heading : shown above it
    caption : what is drawn, from where, and how to read it
    parts : images on the page, side by side where there is room, one below the other on a phone
    whole : the same in one figure, for a paper
    """

    name: str
    heading: str
    caption: str
    parts: tuple[Part, ...]
    whole: Figure


def panel_picture(name: str, heading: str, caption: str, panels: Sequence[Panel], alts: Sequence[str]) -> Picture:
    """Picture of panels: one by one on the page, in a row in the file.

    A single panel has no title on the page, where the heading says the same.
    """
    shown = panels if len(panels) > 1 else [replace(panel, title="") for panel in panels]
    parts = tuple(Part(draw_panels([panel]), alt) for panel, alt in zip(shown, alts, strict=True))
    return Picture(name, heading, caption, parts, draw_panels(panels))
