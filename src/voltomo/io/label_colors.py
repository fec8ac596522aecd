"""Labels painted in colors: an RGB image and the legend that says which color is which phase."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile
from PIL.PngImagePlugin import PngImageFile

from voltomo.artifacts import UNLABELLED, CodedPhases
from voltomo.errors import GateError, InputError, ReadError
from voltomo.io.png import is_png
from voltomo.io.tiff import is_tiff

__all__ = ["is_color_image", "is_stack_of_planes", "read_colors", "read_grey_codes", "read_planes"]

_PALETTE = 3
_COLORED = (2, 4, 6)
_SHOWN = 8
_LARGEST_RATIO = 2000
"""No compression packs colors tighter: deflate reaches 1032, LZW about 1500."""


def is_color_image(path: Path, *, has_legend: bool = False) -> bool:
    """Whether a PNG or TIFF holds color.

    A PNG with a color table holds codes, and colors only where a legend was given.
    """
    if is_png(path):
        with path.open("rb") as stream:
            start = stream.read(26)
        return len(start) == 26 and (start[25] in _COLORED or (start[25] == _PALETTE and has_legend))
    return _has_colors(path)


def is_stack_of_planes(path: Path) -> bool:
    """Whether a TIFF is called RGB but holds three or four slices.

    So tifffile, and napari through it, stores an 8-bit array of that many slices: one plane per slice, and the shape of
    the array as its description.
    """
    return _has_colors(path, as_planes=True)


def _has_colors(path: Path, *, as_planes: bool = False) -> bool:
    if not is_tiff(path):
        return False
    try:
        with tifffile.TiffFile(path) as file:
            page: Any = file.pages[0]
            is_rgb = page.photometric == tifffile.PHOTOMETRIC.RGB and page.samplesperpixel in (3, 4)
            has_planes = page.planarconfig == tifffile.PLANARCONFIG.SEPARATE and file.is_shaped
    except (tifffile.TiffFileError, struct.error, ValueError, KeyError, IndexError, TypeError):
        return False  # the reader of TIFF will say what is wrong
    return bool(is_rgb and bool(has_planes) == as_planes)


def read_planes(path: Path) -> npt.NDArray[np.uint8]:
    """(Z, Y, X) codes of a stack that is called RGB.

    Raises
    ------
    ReadError
        If the file is damaged.
    """
    try:
        planes = _read_tiff(path)
    except (OSError, ValueError, RuntimeError, KeyError, IndexError, TypeError, ZeroDivisionError) as error:
        if isinstance(error, ReadError):
            raise
        raise ReadError(f"{path} is damaged or truncated ({error})") from error
    return np.asarray(np.moveaxis(planes[0], -1, 0))


def read_grey_codes(path: Path) -> npt.NDArray[np.uint8] | None:
    """(Z, Y, X) codes of an image that is stored in color but holds grey only; None if it holds colors.

    Raises
    ------
    ReadError
        If the file is damaged, or its channels are not 8-bit.
    """
    pixels = _read_pixels(path)
    if not (pixels[..., :3] == pixels[..., :1]).all():
        return None
    return np.asarray(np.where(pixels[..., 3] == 0, 0, pixels[..., 0]) if pixels.shape[-1] == 4 else pixels[..., 0])


def read_colors(path: Path, phases: CodedPhases | None) -> npt.NDArray[np.uint8]:
    """(Z, Y, X) phase ids of an image in color; transparent and, without an entry of its own, black pixels are 0.

    Parameters
    ----------
    path : PNG or TIFF
    phases : its `colors` are the legend; without them the colors of the phase table are

    Raises
    ------
    InputError
        If there is no legend.
    GateError
        If a color is not in the legend.
    ReadError
        If the file is damaged, or its channels are not 8-bit.
    """
    pixels = _read_pixels(path)
    packed = pixels[..., :3].astype(np.int32) @ np.array([1 << 16, 1 << 8, 1], np.int32)
    if pixels.shape[-1] == 4:
        packed[pixels[..., 3] == 0] = 0
    found, where, counts = np.unique(packed, return_inverse=True, return_counts=True)
    legend = {} if phases is None else dict(phases.colors) or {p.color.lower(): p.id for p in phases.table}
    legend = {"#000000": UNLABELLED, **legend}
    unknown = [i for i, color in enumerate(found) if _hex(color) not in legend]
    if unknown:
        unknown.sort(key=lambda i: -counts[i])
        shown = ", ".join(f'"{_hex(found[i])}" ({counts[i] / counts.sum():.2%})' for i in unknown[:_SHOWN])
        more = f" and {len(unknown) - _SHOWN} more" if len(unknown) > _SHOWN else ""
        message = f"{path} is in color and holds {shown}{more}, which "
        if phases is None:
            raise InputError(
                message + "no legend explains. Give --phases phases.yaml with a line such as "
                f'colors: {{"{_hex(found[unknown[0]])}": NMC}}'
            )
        hint = "was it saved as JPEG or with smooth brushes? Paint with hard ones, or " if len(unknown) > _SHOWN else ""
        raise GateError(
            message + f"the legend {sorted(legend)} does not name; {hint}add them to `colors:`", gate="codes"
        )
    ids = np.array([legend[_hex(color)] for color in found], np.uint8)
    return np.asarray(ids[where.reshape(packed.shape)])


def _hex(color: int) -> str:
    return f"#{int(color):06x}"


def _read_pixels(path: Path) -> npt.NDArray[np.uint8]:
    """(Z, Y, X, 3 or 4) colors."""
    try:
        if is_png(path):
            with path.open("rb") as stream, PngImageFile(stream) as image:
                pixels = np.asarray(image.convert("RGBA"))
        else:
            pixels = _read_tiff(path)
    except (
        OSError,
        SyntaxError,
        ValueError,
        RuntimeError,
        KeyError,
        IndexError,
        TypeError,
        ZeroDivisionError,
    ) as error:
        if isinstance(error, ReadError):
            raise
        raise ReadError(f"{path} is damaged or truncated ({error})") from error
    if pixels.dtype != np.uint8 or pixels.ndim not in (3, 4) or 0 in pixels.shape:
        raise ReadError(f"{path} holds colors of shape {pixels.shape} {pixels.dtype}; expected 8-bit RGB slices")
    return pixels if pixels.ndim == 4 else pixels[None]


def _read_tiff(path: Path) -> npt.NDArray[np.uint8]:
    """(Z, Y, X, samples) of all pages."""
    with tifffile.TiffFile(path) as file:
        every: list[Any] = list(file.pages)
        pages = [page for page in every if not page.is_reduced]
        expected = sum(page.nbytes for page in pages)
        if expected > _LARGEST_RATIO * path.stat().st_size:
            raise ReadError(f"{path} promises {expected} bytes of colors, more than it can hold; is it damaged?")
        images = [page.asarray() for page in pages]
        separate = [page.planarconfig == tifffile.PLANARCONFIG.SEPARATE for page in pages]
    return np.stack(
        [np.moveaxis(i, 0, -1) if is_separate else i for i, is_separate in zip(images, separate, strict=True)]
    )
