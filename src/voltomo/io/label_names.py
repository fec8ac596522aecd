"""Names of files: which label file belongs to which image, slice and scan."""

from __future__ import annotations

import re
from pathlib import Path

from voltomo.io.registry import readers

__all__ = ["image_stem", "is_label_name", "list_images", "plain_stem", "scan_prefix", "split_slice"]

_LABEL = re.compile(r"[ _.\-]+(labels?|masks?|annotations?|scribbles?)$", re.IGNORECASE)
_SLICE = re.compile(r"(?:^|[ _.\-]+)z[ _\-]?(\d+)$", re.IGNORECASE)
_NUMBER = re.compile(r"[ _.\-]*\d+$")
_LABEL_FORMATS = (".json",)
"""Endings of formats that hold labels and no grey values; `list_images` lists them only if asked to."""


def image_stem(path: Path | str) -> str:
    """Name of a file without its ending, such as "scan" for ``scan.ome.tif``.

    Examples
    --------
    >>> image_stem("in/scan.ome.tif"), image_stem("v1.2_a.png")
    ('scan', 'v1.2_a')
    """
    name = Path(str(path).replace("\\", "/")).name
    known = sorted({*_suffixes(), *_LABEL_FORMATS, ".jpg", ".jpeg", ".bmp"}, key=len, reverse=True)
    ending = next((suffix for suffix in known if name.lower().endswith(suffix)), "")
    stem = name[: len(name) - len(ending)] if ending else name
    return stem[:-4] if stem.lower().endswith(".ome") else stem


def is_label_name(stem: str) -> bool:
    """Whether a name ends like a label file's: ``scan_label``, ``scan-mask``."""
    return _LABEL.search(stem) is not None


def plain_stem(stem: str) -> str:
    """A label file's name without what marks it as one.

    Examples
    --------
    >>> plain_stem("A_1_label"), plain_stem("A_1")
    ('A_1', 'A_1')
    """
    return _LABEL.sub("", stem)


def split_slice(stem: str) -> tuple[str, int | None]:
    """Name of the volume and number of the slice that a label file of one slice belongs to.

    Examples
    --------
    >>> split_slice("scan_z0123"), split_slice("z7"), split_slice("scan")
    (('scan', 123), ('', 7), ('scan', None))
    """
    match = _SLICE.search(stem)
    return (stem, None) if match is None else (stem[: match.start()], int(match[1]))


def scan_prefix(stem: str) -> str:
    """What slices of one scan have in common: the name without its last number.

    Examples
    --------
    >>> scan_prefix("A_200"), scan_prefix("0007")
    ('A', '')
    """
    return _NUMBER.sub("", stem)


def list_images(folder: Path, *, with_labels: bool = False) -> list[Path]:
    """Images and volumes of a folder in the order of their names; hidden files and plain sub-folders left out."""
    suffixes = (*_suffixes(), *(_LABEL_FORMATS if with_labels else ()))
    return sorted(
        item
        for item in folder.iterdir()
        if not item.name.startswith(".")
        and item.name.lower().endswith(suffixes)
        and (item.is_file() or item.name.lower().endswith(".zarr"))
    )


def _suffixes() -> tuple[str, ...]:
    return tuple({suffix for reader in readers().values() for suffix in reader.suffixes} | {".zarr"})
