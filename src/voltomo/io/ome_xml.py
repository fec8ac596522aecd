"""The few things of OME-XML that a volume needs.

References
----------
.. [1] OME-TIFF specification, https://ome-model.readthedocs.io
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree as ET

import numpy as np

from voltomo.errors import ReadError
from voltomo.io.calibration import to_meters
from voltomo.io.planes import PlaneOrder, order_planes

__all__ = ["OmeImage", "parse_ome"]


@dataclass(frozen=True)
class OmeImage:
    """The first image of an OME-XML text.

    Parameters
    ----------
    order : pages of the file as (C, Z)
    channels : names, one per channel
    edges : (dz, dy, dx) in m, None where not stated
    size : (Y, X)
    """

    order: PlaneOrder
    channels: tuple[str, ...]
    edges: tuple[float | None, float | None, float | None]
    size: tuple[int, int]


def parse_ome(text: str, *, pages: int, source: str) -> OmeImage:
    """Read the first image described by OME-XML.

    Raises
    ------
    ReadError
        If the XML is broken, describes more planes than the file has, or spreads them over several files.
    """
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise ReadError(f"{source}: its OME-XML defines entities, which OME-XML never does; refused")
    try:
        root = ET.fromstring(text)  # noqa: S314 - entities are refused above
        pixels = next(_children(root, "Image", "Pixels"))
        sizes = {axis: int(pixels.get(f"Size{axis}", "1")) for axis in "XYZCT"}
        letters = [axis for axis in reversed(pixels.get("DimensionOrder", "XYZCT")) if axis not in "XY"]
        lengths = [sizes[letter] for letter in letters]
        dz, dy, dx = (_physical_size(pixels, axis) for axis in "ZYX")
    except (ET.ParseError, StopIteration, ValueError, KeyError) as error:
        raise ReadError(
            f"{source}: its OME-XML cannot be read ({error!r}); save it again, for example in Fiji"
        ) from error
    elements = [child for child in pixels if _tag(child) == "Channel"]
    order = order_planes(letters, lengths, source=source)
    order = PlaneOrder(_follow_tiff_data(pixels, order, letters, sizes, source), order.notices)
    if order.pages.max() >= pages:
        raise ReadError(
            f"{source} describes {order.pages.size} planes but holds {pages}; "
            "a truncated file, or one of several: save the stack as one OME-TIFF"
        )
    count = order.pages.shape[0]
    names = tuple(child.get("Name") or f"channel {i}" for i, child in enumerate(elements))
    if len(names) != count or len(set(names)) != count:
        names = tuple(f"channel {i}" for i in range(count))
    if count == 1 and names[0].startswith("channel "):
        names = ("grey",)
    return OmeImage(order, names, (dz, dy, dx), (sizes["Y"], sizes["X"]))


def _follow_tiff_data(
    pixels: ET.Element, order: PlaneOrder, letters: list[str], sizes: dict[str, int], source: str
) -> np.ndarray[tuple[int, ...], np.dtype[np.intp]]:
    """The (C, Z) page numbers after the TiffData elements, which may name pages in any order."""
    strides = {letter: int(np.prod([sizes[k] for k in letters[i + 1 :]])) for i, letter in enumerate(letters)}
    page_of = np.arange(order.pages.size, dtype=np.intp)
    for block in (child for child in pixels if _tag(child) == "TiffData"):
        uuid = next((child for child in block if _tag(child) == "UUID"), None)
        named = None if uuid is None else uuid.get("FileName")
        if named is not None and named != source.replace("\\", "/").rsplit("/", 1)[-1]:
            raise ReadError(
                f"{source} is one of several OME-TIFF files (it names {named!r}); "
                "expected all slices in one file: save the stack as one OME-TIFF"
            )
        if block.get("IFD") is None:
            continue
        first = sum(int(block.get(f"First{letter}", "0")) * strides[letter] for letter in letters)
        page = int(block.get("IFD", "0"))
        count = int(block.get("PlaneCount", "1"))
        if first + count > len(page_of):
            raise ReadError(f"{source}: its OME-XML places a page outside the {len(page_of)} planes it describes")
        page_of[first : first + count] = np.arange(page, page + count)
    return page_of[order.pages]


def _children(root: ET.Element, *path: str) -> Iterator[ET.Element]:
    for child in root:
        if _tag(child) == path[0]:
            if len(path) == 1:
                yield child
            else:
                yield from _children(child, *path[1:])


def _tag(element: ET.Element) -> str:
    """Name without its namespace."""
    return element.tag.rsplit("}", 1)[-1]


def _physical_size(pixels: ET.Element, axis: str) -> float | None:
    value = pixels.get(f"PhysicalSize{axis}")
    return None if value is None else to_meters(float(value), pixels.get(f"PhysicalSize{axis}Unit", "µm"))
