"""Labels as COCO JSON: polygons and run lengths, one category per phase."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from skimage.draw import polygon

from voltomo.errors import ReadError

__all__ = ["CocoImage", "is_coco", "read_coco", "unpack_counts"]


@dataclass(frozen=True)
class CocoImage:
    """The labels of one image of a COCO file.

    Parameters
    ----------
    name : file name of the image, as stated
    codes : (1, Y, X) int32 array of category ids, 0 where nothing is drawn
    names : {category id: name}
    """

    name: str
    codes: npt.NDArray[np.int32]
    names: Mapping[int, str]


def is_coco(path: Path) -> bool:
    """Whether a file looks like COCO JSON."""
    if path.suffix.lower() != ".json" or not path.is_file():
        return False
    with path.open("rb") as stream:
        return b"{" in stream.read(64).lstrip()[:4] and b'"annotations"' in path.read_bytes()


def read_coco(path: Path) -> tuple[CocoImage, ...]:
    """Category ids of every image in which something is drawn.

    Where outlines overlap, the smaller one lies on top: a crack inside a particle is a crack. Pixels whose center lies
    inside a polygon belong to it; run lengths are taken as they are, column by column.

    Raises
    ------
    ReadError
        If the file is no COCO file, an annotation refers to an unknown image or category, or does not fit its image.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        images = {image["id"]: image for image in content["images"]}
        names = {int(category["id"]): str(category["name"]) for category in content["categories"]}
        drawn: dict[Any, list[tuple[int, npt.NDArray[np.bool_]]]] = {}
        for number, item in enumerate(content["annotations"]):
            where = f"{path}, annotation {item.get('id', number)}"
            if item["image_id"] not in images or int(item["category_id"]) not in names:
                raise ReadError(
                    f"{where}: image {item['image_id']} or category {item['category_id']} is not listed in the file"
                )
            image = images[item["image_id"]]
            mask = _draw(item.get("segmentation"), int(image["height"]), int(image["width"]), where)
            drawn.setdefault(item["image_id"], []).append((int(item["category_id"]), mask))
    except (UnicodeDecodeError, json.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, ReadError):
            raise
        raise ReadError(f"{path} is no complete COCO file: {type(error).__name__} {error}") from error
    if 0 in names:
        names = {code + 1: name for code, name in names.items()}  # 0 has to stay free for what is not drawn
        drawn = {image: [(code + 1, mask) for code, mask in parts] for image, parts in drawn.items()}
    found = []
    for key, parts in drawn.items():
        codes = np.zeros((1, int(images[key]["height"]), int(images[key]["width"])), np.int32)
        for code, mask in sorted(parts, key=lambda part: -int(part[1].sum())):
            codes[0][mask] = code
        found.append(CocoImage(str(images[key]["file_name"]), codes, names))
    return tuple(found)


def _draw(segmentation: Any, height: int, width: int, where: str) -> npt.NDArray[np.bool_]:
    if isinstance(segmentation, list) and segmentation:
        mask = np.zeros((height, width), bool)
        for ring in segmentation:
            points = np.asarray(ring, float)
            if points.ndim != 1 or points.size < 6 or points.size % 2:
                raise ReadError(f"{where}: a polygon needs x, y of three points at least, found {points.size} numbers")
            x, y = points.reshape(-1, 2).T - 0.5  # COCO counts from the pixel's corner
            mask[polygon(y, x, (height, width))] = True  # type: ignore[no-untyped-call]
        return mask
    if isinstance(segmentation, dict):
        if list(segmentation["size"]) != [height, width]:
            raise ReadError(f"{where}: run lengths of an image {segmentation['size']}, expected [{height}, {width}]")
        counts = segmentation["counts"]
        runs = unpack_counts(counts) if isinstance(counts, str) else [int(count) for count in counts]
        if sum(runs) != height * width or min(runs, default=0) < 0:
            raise ReadError(f"{where}: run lengths of {sum(runs)} pixels, expected {height * width}")
        values = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
        return np.asarray(values.reshape(width, height).T)
    raise ReadError(f"{where}: expected a polygon or run lengths as segmentation, found {type(segmentation).__name__}")


def unpack_counts(text: str) -> Sequence[int]:
    """Run lengths from COCO's text form.

    Each number is written in digits of 5 bits, least first, as characters from "0" on; bit 6 says that another digit
    follows, and the sign is that of the last digit. From the fourth number on, the difference to the number two
    before is written.

    Examples
    --------
    >>> unpack_counts("52203")
    [5, 2, 2, 2, 5]
    """
    counts: list[int] = []
    value = shift = 0
    for character in text:
        digit = ord(character) - 48
        value |= (digit & 0x1F) << shift
        shift += 5
        if digit & 0x20:
            continue
        if digit & 0x10:
            value -= 1 << shift
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))
        value = shift = 0
    return counts
