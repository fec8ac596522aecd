"""Colours of grey levels, phases and particles, as 8-bit RGB."""

from __future__ import annotations

import colorsys
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import PALETTE, PhaseTable

__all__ = [
    "CRACK_COLOR",
    "OUTSIDE_COLOR",
    "Rgb",
    "blend",
    "boundaries",
    "colorize",
    "grey_rgb",
    "hex_rgb",
    "particle_colors",
    "phase_colors",
]

Rgb: TypeAlias = npt.NDArray[np.uint8]
"""(..., 3) uint8."""

CRACK_COLOR = PALETTE["crack"]
OUTSIDE_COLOR = "#f2f2f2"
_WINDOW = (0.5, 99.5)
"""Percentiles of the shown plane that become black and white."""

_PARTICLE_COLORS = 1021
"""Colours before they repeat; a prime, so that ids in steps do not meet the same one."""


def hex_rgb(color: str) -> tuple[int, int, int]:
    """Red, green and blue of ``"#rrggbb"``."""
    value = int(color.lstrip("#"), 16)
    return value >> 16, value >> 8 & 255, value & 255


def grey_rgb(
    plane: npt.NDArray[Any], inside: npt.NDArray[np.bool_] | None = None, *, window: tuple[float, float] | None = None
) -> Rgb:
    """Grey picture of a plane; voxels outside the field of view or not finite take the outside colour.

    `window` becomes black and white; without it the 0.5th and 99.5th percentile of the plane do.
    """
    values = plane.astype(np.float32)
    shown = np.isfinite(values)
    if inside is not None:
        shown &= inside
    picture = np.empty((*plane.shape, 3), np.uint8)
    picture[:] = hex_rgb(OUTSIDE_COLOR)
    if shown.any():
        low, high = window or np.percentile(values[shown], _WINDOW)
        scale = 255.0 / (high - low) if high > low else 0.0
        level = np.clip((values[shown] - low) * scale if scale else 127.0 + 0 * values[shown], 0, 255)
        picture[shown] = level.astype(np.uint8)[:, None]
    return picture


def phase_colors(phases: PhaseTable) -> Rgb:
    """(256, 3) colours by phase id; ids that the table does not know stay in the outside colour."""
    colors = np.empty((256, 3), np.uint8)
    colors[:] = hex_rgb(OUTSIDE_COLOR)
    for phase in phases:
        colors[phase.id] = hex_rgb(phase.color)
    return colors


def particle_colors() -> Rgb:
    """Colours by particle id modulo their number, neighbours in id far apart in hue and lightness.

    Hues follow the golden ratio; three lightnesses alternate, so that neighbours differ without colour vision too.
    Row 0 is the outside colour; id `i` takes row ``1 + (i - 1) % (n - 1)``.
    """
    colors = np.empty((_PARTICLE_COLORS + 1, 3), np.uint8)
    colors[0] = hex_rgb(OUTSIDE_COLOR)
    golden = (5**0.5 - 1) / 2
    for i in range(_PARTICLE_COLORS):
        lightness, saturation = ((0.62, 0.65), (0.45, 0.60), (0.76, 0.70))[i % 3]
        red, green, blue = colorsys.hls_to_rgb(i * golden % 1.0, lightness, saturation)
        colors[i + 1] = [round(255 * c) for c in (red, green, blue)]
    return colors


def colorize(ids: npt.NDArray[Any], colors: Rgb) -> Rgb:
    """(rows, columns, 3) picture of ids; colours repeat after the last one, id 0 keeps row 0."""
    count = np.int64(len(colors) - 1)
    rows = np.where(ids == 0, 0, 1 + (ids.astype(np.int64) - 1) % count)
    picture: Rgb = colors[rows]
    return picture


def blend(below: Rgb, above: Rgb, where: npt.NDArray[np.bool_], *, opacity: float) -> Rgb:
    """`above` laid over `below` where asked."""
    picture = below.copy()
    mixed = (1 - opacity) * below[where].astype(np.float32) + opacity * above[where].astype(np.float32)
    picture[where] = np.rint(mixed).astype(np.uint8)
    return picture


def boundaries(ids: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """True on object pixels with a different id to the right, left, above or below."""
    edge: npt.NDArray[np.bool_] = np.zeros(ids.shape, np.bool_)
    down = ids[1:] != ids[:-1]
    right = ids[:, 1:] != ids[:, :-1]
    edge[1:] |= down
    edge[:-1] |= down
    edge[:, 1:] |= right
    edge[:, :-1] |= right
    edge &= ids != 0
    return edge
