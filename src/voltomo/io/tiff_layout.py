"""What a TIFF says about its pages: slices, channels and voxel size, from OME, ImageJ, tifffile or plain tags."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from voltomo.errors import ReadError
from voltomo.io.calibration import to_meters, voxel_size_from
from voltomo.io.channels import name_channels
from voltomo.io.ome_xml import parse_ome
from voltomo.io.planes import PlaneOrder, order_planes
from voltomo.units import VoxelSize

__all__ = ["TiffLayout", "find_layout"]

# Densities that scanners, cameras and word processors write whatever was imaged, in dots per inch.
_PRINTING_DPI = (72, 75, 90, 92, 96, 100, 120, 144, 150, 180, 200, 240, 288, 300, 350, 360, 400, 600, 720, 1200, 2400)


@dataclass(frozen=True)
class TiffLayout:
    """How the pages of a file make a volume.

    Parameters
    ----------
    order : page numbers as (C, Z)
    channels : one name per channel
    voxel_size : (dz, dy, dx) in m, or None
    edges : (dz, dy, dx) in m as stated, None where not
    notices : what a user should know
    """

    order: PlaneOrder
    channels: tuple[str, ...]
    voxel_size: VoxelSize | None
    edges: tuple[float | None, float | None, float | None]
    notices: tuple[str, ...]


def find_layout(
    description: str, tags: dict[str, Any], *, pages: int, size: tuple[int, int], source: str
) -> TiffLayout:
    """Layout from the description of the first page and its resolution tags.

    Parameters
    ----------
    description : text of the ImageDescription tag, may be empty
    tags : "XResolution", "YResolution" as (numerator, denominator), "ResolutionUnit" as int, and the dicts that
        tifffile makes of the tags of electron microscopes, where present
    pages : number of pages found; a file with one page may describe more that follow it without headers
    size : (Y, X) of the first page
    source : the file, for messages

    Raises
    ------
    ReadError
        If the description promises what the pages do not hold.
    """
    if description.rstrip().endswith("OME>"):
        image = parse_ome(description, pages=pages, source=source)
        if image.size != size:
            raise ReadError(f"{source}: OME-XML describes (y, x) = {image.size}, the pages hold {size}")
        edges, origin, order, channels = image.edges, "OME-XML", image.order, image.channels
    elif description.startswith("ImageJ="):
        fields = _parse_imagej(description)
        order = _imagej_order(fields, pages, source)
        edges, origin, channels = _imagej_edges(fields, tags), "the ImageJ tag", name_channels(order.pages.shape[0])
    else:
        order = _plain_order(description, pages, size, source)
        edges, origin, channels = _plain_edges(tags), "the TIFF resolution tag", name_channels(order.pages.shape[0])
    in_plane = _microscope_edges(tags)
    if in_plane is not None and None in edges[1:]:
        edges, origin = (edges[0], *in_plane), "the microscope's tag"
    voxel_size, notices = voxel_size_from(edges, slices=order.pages.shape[1], source=origin)
    return TiffLayout(order, channels, voxel_size, edges, (*order.notices, *notices))


def _parse_imagej(description: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in description.splitlines() if "=" in line)


def _imagej_order(fields: dict[str, str], pages: int, source: str) -> PlaneOrder:
    """ImageJ stores channels fastest, then slices, then frames."""
    try:
        sizes = [int(fields.get(key, "1")) for key in ("frames", "slices", "channels")]
        images = int(fields.get("images", pages))
    except ValueError as error:
        raise ReadError(f"{source}: its ImageJ tag is damaged ({error})") from error
    if int(np.prod(sizes)) != images:
        sizes = [1, images, 1]
    if images > pages > 1:
        raise ReadError(f"{source}: its ImageJ tag describes {images} images, the file holds {pages}; is it truncated?")
    return order_planes("TZC", sizes, source=source)


def _imagej_edges(fields: dict[str, str], tags: dict[str, Any]) -> tuple[float | None, float | None, float | None]:
    unit = re.sub(r"\\u([0-9a-fA-F]{4})", lambda match: chr(int(match[1], 16)), fields.get("unit", ""))
    if unit == "inch" or not unit:
        return _plain_edges(tags)
    dy, dx = (to_meters(_per_pixel(tags.get(key)), unit) for key in ("YResolution", "XResolution"))
    unit_y = re.sub(r"\\u([0-9a-fA-F]{4})", lambda match: chr(int(match[1], 16)), fields.get("yunit", unit))
    if unit_y != unit:
        dy = to_meters(_per_pixel(tags.get("YResolution")), unit_y)
    try:
        spacing = abs(float(fields["spacing"]))  # ImageJ writes a negative spacing for some microscopes
    except (KeyError, ValueError):
        return None, dy, dx
    return to_meters(spacing, fields.get("zunit", unit) if "\\u" not in fields.get("zunit", unit) else unit), dy, dx


def _plain_order(description: str, pages: int, size: tuple[int, int], source: str) -> PlaneOrder:
    """Pages are slices unless tifffile's own description says more."""
    try:
        fields = json.loads(description) if description.startswith("{") else {}
        shape = [int(n) for n in fields.get("shape", ())]
    except (ValueError, TypeError, AttributeError):
        shape, fields = [], {}
    if tuple(shape[-2:]) != size:  # no description, another program's JSON, or RGB, which the caller refuses
        return order_planes("Z", [pages], source=source)
    sizes = shape[:-2]
    count = int(np.prod(sizes))
    if count > pages > 1:
        raise ReadError(f"{source}: its description promises {count} slices, the file holds {pages}; is it truncated?")
    if count < pages:
        return order_planes("Z", [pages], source=source)
    names = str(fields.get("axes", ""))[:-2]
    if len(names) != len(sizes):
        if sum(n > 1 for n in sizes) > 1:
            raise ReadError(
                f"{source} holds an array of shape {tuple(shape)} without axis names; expected (Z, Y, X). "
                "Save it with axes 'CZYX', or one channel at a time"
            )
        names = "Z" * len(sizes)
    return order_planes(names, sizes, source=source)


def _plain_edges(tags: dict[str, Any]) -> tuple[float | None, float | None, float | None]:
    """Edges from the resolution tags, where they look like a calibration and not like a printer's density."""
    unit = tags.get("ResolutionUnit", 2)
    per_unit = {2: 0.0254, 3: 0.01}.get(unit) if isinstance(unit, int) else None
    edges = []
    for key in ("YResolution", "XResolution"):
        pixel = _per_pixel(tags.get(key))
        if per_unit is None or pixel is None:
            return None, None, None
        dpi = 0.0254 / (pixel * per_unit)
        if dpi <= 1 or any(abs(dpi / printed - 1) < 0.005 for printed in _PRINTING_DPI):
            return None, None, None
        edges.append(to_meters(pixel * per_unit, "m"))
    return None, edges[0], edges[1]


def _microscope_edges(tags: dict[str, Any]) -> tuple[float, float] | None:
    """(dy, dx) in m from what FEI/Thermo Fisher (in metres) and Zeiss (with a unit) electron microscopes write."""
    try:
        for key in ("FEI_HELIOS", "FEI_SFEG"):
            if key in tags:
                scan = tags[key]["Scan"]
                dy, dx = to_meters(float(scan["PixelHeight"]), "m"), to_meters(float(scan["PixelWidth"]), "m")
                return None if dy is None or dx is None else (dy, dx)
        for name in ("ap_image_pixel_size", "ap_pixel_size"):
            if name in tags.get("CZ_SEM", {}):
                _, value, unit = tags["CZ_SEM"][name]
                pixel = to_meters(float(value), unit)
                return None if pixel is None else (pixel, pixel)
    except (KeyError, TypeError, ValueError):
        return None
    return None


def _per_pixel(resolution: Any) -> float | None:
    """Units per pixel from a rational number of pixels per unit."""
    if not isinstance(resolution, tuple) or len(resolution) != 2 or 0 in resolution:
        return None
    return float(resolution[1] / resolution[0])
