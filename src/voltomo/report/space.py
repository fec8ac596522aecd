"""Pictures in space: the phases, and the particles in their colours."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import PhaseTable
from voltomo.report.colors import particle_colors, phase_colors
from voltomo.report.content import AXES, ReportContent
from voltomo.report.panels import Panel, Point
from voltomo.report.pictures import Picture, panel_picture
from voltomo.report.render import View, render
from voltomo.report.scalebar import bar_text
from voltomo.report.views import coarse_step, read_coarse

__all__ = ["space_pictures"]

Corner: TypeAlias = tuple[float, float, float]

MAX_EDGE = 192
"""Voxels along the longest edge of what is rendered: about as many as the picture has pixels to show them."""

_TRANSPARENT = ("pore", "pore+binder", "electrolyte", "crack")
"""Roles that are looked through, so that the solid shows."""

_MARGIN = 12
_LETTER = 16
"""White pixels above and below the rendering, and beside it for every letter of its longest label."""

# Corners and edges in shares (z, y, x) of the box; the corner nearest to the viewer is (0, 1, 1).
_EDGES = (
    ((0, 0, 0), (0, 0, 1)),
    ((0, 0, 0), (0, 1, 0)),
    ((0, 1, 0), (1, 1, 0)),
    ((1, 1, 0), (1, 1, 1)),
    ((1, 1, 1), (1, 0, 1)),
    ((1, 0, 1), (0, 0, 1)),
)


def space_pictures(content: ReportContent) -> dict[str, Picture]:
    """The pictures in space that a volume allows, by name; none of a single section."""
    if content.dimension != 3:
        return {}
    found: dict[str, Picture] = {}
    if content.phase_map is not None:
        found["phases3d"] = _phases(content, content.phase_map.phases)
    if content.instance_map is not None and len(content.instance_map):
        ids, spacing = _coarse(content, "particles")
        view = render(ids, particle_colors(), spacing=spacing)
        words = "The particles in space, each in its own colour."
        found["particles3d"] = _picture(content, "particles3d", "Particles in space", words, view, ())
    return found


def _phases(content: ReportContent, table: PhaseTable) -> Picture:
    """The solid phases; all of them where none is looked through."""
    ids, spacing = _coarse(content, "phases")
    shown = tuple(phase for phase in table if phase.role not in _TRANSPARENT) or tuple(table)
    hidden = [phase.name for phase in table if phase not in shown]
    visible = np.where(np.isin(ids, [phase.id for phase in shown]), ids, 0)
    view = render(visible, phase_colors(table), spacing=spacing)
    words = f"The phases in space: {_listed([phase.name for phase in shown])}."
    if hidden:
        words += f" {_listed(hidden)} {'is' if len(hidden) == 1 else 'are'} looked through."
    legend = tuple((phase.name, phase.color) for phase in shown)
    return _picture(content, "phases3d", "Phases in space", words, view, legend)


def _listed(names: list[str]) -> str:
    return " and ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else "".join(names)


def _coarse(content: ReportContent, name: str) -> tuple[npt.NDArray[Any], tuple[float, float, float]]:
    """Ids of at most `MAX_EDGE` voxels an edge, from the preview where there is one, and the distances between them."""
    assert content.shape is not None
    array = content.previews.get(name, content.arrays()[name])
    step = coarse_step(array.shape, MAX_EDGE)
    ids = read_coarse(array, step)
    z, y, x = (n * d / m for n, d, m in zip(content.shape, content.spacing, ids.shape, strict=True))
    return ids, (z, y, x)


def _picture(
    content: ReportContent, name: str, heading: str, words: str, view: View, legend: tuple[tuple[str, str], ...]
) -> Picture:
    """A rendered view with the box, the lengths of its edges and a scale bar."""
    texts = {
        axis: f"{axis} {bar_text(length, in_meters=content.voxel_size is not None)}"
        for axis, length in zip(AXES, view.box, strict=True)
    }
    margin = (_MARGIN, _LETTER * max(map(len, texts.values())))
    image = np.pad(view.image, (margin[:1] * 2, margin[1:] * 2, (0, 0)), constant_values=255)

    def at(corner: Corner) -> Point:
        row, column = view.place(*corner)
        return row + margin[0], column + margin[1]

    caption = (
        f"{words} The octant nearest to the viewer is cut away. Slice z = 0 is on top. The projection is parallel: the "
        "bar holds for lengths across the line of sight."
    )
    panel = Panel(
        title=heading,
        image=image,
        spacing=(view.pixel, view.pixel),
        in_meters=content.voxel_size is not None,
        legend=legend,
        lines=tuple((at(start), at(end)) for start, end in (*_EDGES, *_cut_edges(*view.cut))),
        labels=_labels(at, texts),
    )
    return panel_picture(name, heading, caption, [panel], [words])


def _cut_edges(z: float, y: float, x: float) -> Iterator[tuple[Corner, Corner]]:
    """Edges of the octant that is cut away, from where its three planes lie, and what is left of the box's edges."""
    inner = (z, y, x)
    yield from (((0, 1, 0), (0, 1, x)), ((0, 0, 1), (0, y, 1)), ((1, 1, 1), (z, 1, 1)))
    for corner in ((0, y, x), (z, 1, x), (z, y, 1)):
        yield inner, corner
    for corner in ((0, 1, x), (0, y, 1)):
        yield (0, y, x), corner
    for corner in ((0, 1, x), (z, 1, 1)):
        yield (z, 1, x), corner
    for corner in ((0, y, 1), (z, 1, 1)):
        yield (z, y, 1), corner


def _labels(
    at: Callable[[Corner], Point], texts: Mapping[str, str]
) -> tuple[tuple[float, float, str, Literal["left", "right"]], ...]:
    """Axis and length of one edge each, outside the box."""
    bottom, side, upright = at((1, 1, 0.5)), at((1, 0.5, 1)), at((0.5, 1, 0))
    return (
        (bottom[0] + 18, bottom[1], texts["x"], "right"),
        (side[0] + 18, side[1] + 6, texts["y"], "left"),
        (upright[0], upright[1] - 10, texts["z"], "right"),
    )
