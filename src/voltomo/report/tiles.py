"""Small pictures in rows that wrap: one pixel of the image is one pixel of the file, the page scales them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from voltomo.report.colors import Rgb
from voltomo.report.scalebar import bar_length, bar_text
from voltomo.report.templating import data_address

__all__ = ["Tile", "TileRow", "diverging_rgb", "embedded_rows", "positive_rgb"]

_SMALLEST = 96
"""A coarser picture is enlarged by whole pixels to at least this edge, so that a browser does not blur it."""


@dataclass(frozen=True)
class Tile:
    """One small picture.

    Parameters
    ----------
    image : (rows, columns, 3) uint8
    caption : short, below it
    alt : what it shows in words
    """

    image: Rgb
    caption: str
    alt: str


@dataclass(frozen=True)
class TileRow:
    """Pictures of one piece, all at one scale.

    Parameters
    ----------
    heading : above the row; "" for none
    tiles : its pictures
    extent : width of what a picture shows, in m or voxels; 0 for no scale bar
    in_meters : whether the voxel size is known
    """

    heading: str
    tiles: tuple[Tile, ...]
    extent: float = 0.0
    in_meters: bool = False


def embedded_rows(rows: Sequence[TileRow]) -> list[dict[str, Any]]:
    """What the template needs; images as data addresses, the scale bar in percent of the width."""
    return [
        {
            "heading": row.heading,
            "bar": _bar(row),
            "tiles": [
                {
                    "src": data_address(_png(_enlarged(tile.image))),
                    "width": tile.image.shape[1],
                    "height": tile.image.shape[0],
                    "caption": tile.caption,
                    "alt": tile.alt,
                }
                for tile in row.tiles
            ],
        }
        for row in rows
    ]


def positive_rgb(values: npt.NDArray[Any]) -> Rgb:
    """Grey picture from the smallest to the largest value; black where all are equal."""
    low, high = float(values.min()), float(values.max())
    level = (values.astype(np.float64) - low) * (255 / (high - low) if high > low else 0)
    return np.repeat(np.rint(level).astype(np.uint8)[..., None], 3, axis=2)


def diverging_rgb(values: npt.NDArray[Any], *, largest: float) -> Rgb:
    """Blue below zero, white at zero, vermilion above; the ends of the colors at ± `largest`."""
    share = np.clip(values.astype(np.float64) / (largest or 1.0), -1, 1)[..., None]
    white = np.array([255.0, 255.0, 255.0])
    below, above = np.array([0.0, 114.0, 178.0]), np.array([213.0, 94.0, 0.0])  # Okabe and Ito (2008)
    mixed = white + np.abs(share) * (np.where(share < 0, below, above) - white)
    picture: Rgb = np.rint(mixed).astype(np.uint8)
    return picture


def _bar(row: TileRow) -> dict[str, Any] | None:
    if row.extent <= 0:
        return None
    length = bar_length(row.extent)
    return {"percent": f"{100 * length / row.extent:.2f}", "text": bar_text(length, in_meters=row.in_meters)}


def _enlarged(image: Rgb) -> Rgb:
    times = max(1, -(-_SMALLEST // max(image.shape[:2])))
    return np.ascontiguousarray(image.repeat(times, axis=0).repeat(times, axis=1))


def _png(image: Rgb) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG", optimize=False, compress_level=6)
    return stream.getvalue()
