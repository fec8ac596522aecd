"""TIFF reader: single images, stacks, BigTIFF, OME, ImageJ, 1-bit; strips and tiles are read as a region needs them.

tifffile parses the headers and supplies the decoders of strips and tiles; which bytes are read, and when, is decided
here.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile

from voltomo.artifacts import Volume
from voltomo.blocks import Region
from voltomo.errors import ReadError
from voltomo.io.regions import RegionArray, read_exactly
from voltomo.io.registry import FormatReader, ReadOptions
from voltomo.io.tiff_chain import check_chain
from voltomo.io.tiff_layout import TiffLayout, find_layout

__all__ = ["READER", "TiffPages", "is_tiff", "open_pages", "read_tiff"]

_SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def is_tiff(path: Path) -> bool:
    """Whether a file begins like a TIFF or BigTIFF."""
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        return stream.read(4) in _SIGNATURES


def read_tiff(path: Path, options: ReadOptions) -> Volume:
    """Open a TIFF as a Volume; pages become slices and channels.

    Raises
    ------
    ReadError
        If the file is truncated, holds color, or its pages differ in shape or dtype or from its description.
    """
    file = open_pages(path)
    pages, layout = file.pages, file.layout
    first = pages[0]
    order = layout.order.pages
    for number, page in enumerate(pages):
        if (page.height, page.width, page.dtype) != (first.height, first.width, first.dtype):
            raise ReadError(
                f"{path}: page {number + 1} is {page.height}×{page.width} {page.dtype}, page 1 is "
                f"{first.height}×{first.width} {first.dtype}; expected slices of one shape and type. "
                "Is there a thumbnail or pyramid in the file?"
            )
    shape = (*order.shape, first.height, first.width)

    def read(channel: int, region: Region) -> npt.NDArray[Any]:
        z, y, x = region
        out = np.empty((z.stop - z.start, y.stop - y.start, x.stop - x.start), first.dtype)
        with path.open("rb", buffering=0) as stream:
            for k, number in enumerate(order[channel, z]):
                pages[number].read_into(stream, y, x, out[k], path)
        return out

    data = RegionArray(shape, first.dtype, read, chunks=(1, 1, *first.chunk))
    notices = (*layout.notices, *file.notices)
    return Volume(data, layout.voxel_size, channels=layout.channels, metadata={"notices": notices})


@dataclass(frozen=True)
class _Page:
    """Where one slice lies in the file and how its strips or tiles are decoded.

    `decode` is None where the voxels lie uncompressed in one piece.
    """

    height: int
    width: int
    dtype: np.dtype[Any]
    stored: np.dtype[Any]
    offsets: tuple[int, ...]
    counts: tuple[int, ...]
    chunk: tuple[int, int]
    decode: Callable[..., Any] | None
    tables: dict[str, bytes]
    largest: int | None  # of an image stored with white as zero

    def read_into(self, stream: Any, y: slice, x: slice, out: npt.NDArray[Any], path: Path) -> None:
        """Fill `out` (Y, X) with the rows and columns asked for."""
        if self.decode is None:
            rows = np.empty((y.stop - y.start, self.width), self.stored)
            read_exactly(stream, self.offsets[0] + y.start * self.width * self.stored.itemsize, rows, path)
            out[...] = rows[:, x]
        else:
            for segment in self._segments(y, x):
                self._decode_into(segment, stream, y, x, out, path)
        if self.largest is not None:
            np.subtract(self.largest, out, out=out)

    def _segments(self, y: slice, x: slice) -> Iterator[int]:
        """Numbers of the strips or tiles that a region touches."""
        height, width = self.chunk
        across = -(-self.width // width)
        for row in range(y.start // height, -(-y.stop // height)):
            for column in range(x.start // width, -(-x.stop // width)):
                yield row * across + column

    def _decode_into(self, segment: int, stream: Any, y: slice, x: slice, out: npt.NDArray[Any], path: Path) -> None:
        assert self.decode is not None
        encoded = np.empty(self.counts[segment], np.uint8)
        read_exactly(stream, self.offsets[segment], encoded, path)
        try:
            decoded, place, shape = self.decode(encoded.tobytes(), segment, **self.tables)
        except (RuntimeError, ValueError, KeyError, MemoryError, zlib.error) as error:
            raise ReadError(
                f"{path}: strip or tile {segment} at byte {self.offsets[segment]} is damaged ({error})"
            ) from error
        top, left = place[2], place[3]
        bottom, right = min(top + shape[1], self.height), min(left + shape[2], self.width)
        rows = slice(max(top, y.start), min(bottom, y.stop))
        columns = slice(max(left, x.start), min(right, x.stop))
        inside = out[rows.start - y.start : rows.stop - y.start, columns.start - x.start : columns.stop - x.start]
        inside[...] = decoded[0, rows.start - top : rows.stop - top, columns.start - left : columns.stop - left, 0]


@dataclass(frozen=True)
class TiffPages:
    """The pages of a file and what its tags say about them."""

    pages: tuple[_Page, ...]
    layout: TiffLayout
    notices: tuple[str, ...]


def open_pages(path: Path) -> TiffPages:
    """Parse the headers of a TIFF; no voxel is read.

    Raises
    ------
    ReadError
        If a header or the data it points to is missing, or a page holds colour.
    """
    check_chain(path)
    size = path.stat().st_size
    try:
        with tifffile.TiffFile(path) as file:
            every: list[Any] = list(file.pages)
            found = [page for page in every if not page.is_reduced]
            if not found:
                raise ReadError(f"{path} holds no image")
            pages = tuple(_parse_page(page, path, size, number) for number, page in enumerate(found, start=1))
            description = found[0].description or ""
            tags = {k: found[0].tags[k].value for k in _CALIBRATION if k in found[0].tags}
            notices = _notice_photometric(found[0])
    except (tifffile.TiffFileError, struct.error, ValueError, KeyError, IndexError, TypeError) as error:
        if isinstance(error, ReadError):
            raise
        raise ReadError(f"{path}: its TIFF headers cannot be read ({error}); is it truncated?") from error
    layout = find_layout(description, tags, pages=len(pages), size=(pages[0].height, pages[0].width), source=str(path))
    return TiffPages(_unfold(pages, layout.order.pages.size, path, size), layout, notices)


_CALIBRATION = ("XResolution", "YResolution", "ResolutionUnit", "CZ_SEM", "FEI_SFEG", "FEI_HELIOS")


def _parse_page(page: Any, path: Path, size: int, number: int) -> _Page:
    if page.samplesperpixel != 1:
        kind = getattr(page.photometric, "name", page.photometric)  # a number where the tag is damaged
        raise ReadError(
            f"{path} holds color ({page.samplesperpixel} values a pixel, {kind}); a grey image was "
            "expected. Convert it first: in Fiji, Image > Type > 8-bit"
        )
    if page.dtype is None or page.dtype.kind not in "uifb":
        raise ReadError(f"{path}: page {number} holds {page.dtype or 'an unknown type'}; expected integers or floats")
    if page.imagedepth != 1 or len(page.shape) != 2:
        raise ReadError(f"{path}: page {number} has shape {page.shape}; expected (Y, X)")
    offsets, counts = tuple(page.dataoffsets), tuple(page.databytecounts)
    chunk = tuple(page.chunks) if page.is_tiled else (min(page.rowsperstrip, page.imagelength), page.imagewidth)
    if min(*chunk, page.imagelength, page.imagewidth) < 1:
        raise ReadError(
            f"{path}: page {number} is {page.shape} in strips or tiles of {chunk}; expected none to be empty"
        )
    expected = -(-page.imagelength // chunk[0]) * -(-page.imagewidth // chunk[1])
    if len(offsets) < expected or len(counts) < expected:
        raise ReadError(f"{path}: page {number} lists {len(offsets)} strips or tiles, its size needs {expected}")
    for offset, count in zip(offsets, counts, strict=True):
        if count == 0 or offset == 0:
            raise ReadError(
                f"{path}: a strip or tile of page {number} was never written; was the program that wrote it stopped?"
            )
        if offset + count > size:
            raise ReadError(
                f"{path} is truncated: page {number} needs {offset + count} bytes, the file has {size}; "
                "copy or export it again"
            )
    dtype = np.dtype(np.uint8) if page.dtype.kind == "b" else np.dtype(page.dtype).newbyteorder("=")
    stored = dtype.newbyteorder(page.parent.byteorder)
    in_one_piece = all(a + n == b for a, n, b in zip(offsets, counts, offsets[1:], strict=False))
    plain = page.compression == 1 and page.predictor == 1 and page.fillorder == 1 and not page.is_tiled
    is_flat = plain and in_one_piece and page.bitspersample == 8 * dtype.itemsize
    if is_flat and sum(counts) < page.imagelength * page.imagewidth * dtype.itemsize:
        raise ReadError(
            f"{path}: page {number} is {page.imagelength}×{page.imagewidth} {dtype} and needs "
            f"{page.imagelength * page.imagewidth * dtype.itemsize} bytes; its header lists {sum(counts)}"
        )
    tables = {"jpegtables": page.jpegtables} if page.jpegtables is not None else {}
    white_is_zero = page.photometric == tifffile.PHOTOMETRIC.MINISWHITE and dtype.kind == "u"
    return _Page(
        page.imagelength,
        page.imagewidth,
        dtype,
        stored,
        offsets,
        counts,
        (int(chunk[0]), int(chunk[1])),
        None if is_flat else page.decode,
        tables,
        2**page.bitspersample - 1 if white_is_zero else None,
    )


def _notice_photometric(page: Any) -> tuple[str, ...]:
    if page.photometric == tifffile.PHOTOMETRIC.MINISWHITE:
        return ("stored with white as zero; values were turned round so that brighter is larger",)
    if page.photometric == tifffile.PHOTOMETRIC.PALETTE:
        return ("has a color table; the stored values were read, not the colors",)
    return ()


def _unfold(pages: tuple[_Page, ...], planes: int, path: Path, size: int) -> tuple[_Page, ...]:
    """Headers for slices that follow the first without any: how ImageJ writes stacks over 4 GB."""
    if len(pages) >= planes:
        return pages
    first = pages[0]
    plane = first.height * first.width * first.stored.itemsize
    needed = first.offsets[0] + planes * plane
    if first.decode is not None or needed > size:
        raise ReadError(
            f"{path} is truncated: it describes {planes} slices of {plane} bytes, {needed} in all, and has {size} bytes"
        )
    offset = first.offsets[0]
    return tuple(
        _Page(
            first.height,
            first.width,
            first.dtype,
            first.stored,
            (offset + k * plane,),
            (plane,),
            first.chunk,
            None,
            {},
            first.largest,
        )
        for k in range(planes)
    )


READER = FormatReader("tiff", (".tif", ".tiff", ".btf", ".tf8"), is_tiff, read_tiff)
