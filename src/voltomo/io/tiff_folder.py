"""Reader of a folder of TIFF slices, one image per file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import Volume
from voltomo.blocks import Region
from voltomo.errors import ReadError
from voltomo.io.calibration import voxel_size_from
from voltomo.io.regions import RegionArray
from voltomo.io.registry import FormatReader, ReadOptions
from voltomo.io.slices import TIFF, list_slices, order_slices
from voltomo.io.tiff import open_pages, read_tiff

__all__ = ["READER", "is_tiff_folder", "read_tiff_folder"]


def is_tiff_folder(path: Path) -> bool:
    """Whether a folder holds TIFF files."""
    return path.is_dir() and bool(list_slices(path, TIFF))


def read_tiff_folder(path: Path, options: ReadOptions) -> Volume:
    """Open a folder of slices as a Volume; every header is read, no voxel.

    Raises
    ------
    ReadError
        If a slice is missing, damaged, holds several pages, or differs from the first in shape or dtype.
    """
    files, notices = order_slices(path, list_slices(path, TIFF))
    if len(files) == 1:
        return read_tiff(files[0], options)
    opened = []
    for file in files:
        if file.stat().st_size == 0:
            raise ReadError(f"{file} is empty (0 bytes); was the copy or the export interrupted?")
        pages = open_pages(file)
        if len(pages.pages) != 1:
            raise ReadError(
                f"{file} holds {len(pages.pages)} slices; expected one per file in a folder. Name a file instead"
            )
        opened.append(pages)
    first = opened[0].pages[0]
    for file, pages in zip(files, opened, strict=True):
        page = pages.pages[0]
        if (page.height, page.width, page.dtype) != (first.height, first.width, first.dtype):
            raise ReadError(
                f"{file} is {page.height}×{page.width} {page.dtype}, {files[0].name} is {first.height}×{first.width} "
                f"{first.dtype}; expected slices of one shape and type"
            )

    def read(channel: int, region: Region) -> npt.NDArray[Any]:
        z, y, x = region
        out = np.empty((z.stop - z.start, y.stop - y.start, x.stop - x.start), first.dtype)
        for k in range(z.start, z.stop):
            with files[k].open("rb", buffering=0) as stream:
                opened[k].pages[0].read_into(stream, y, x, out[k - z.start], files[k])
        return out

    data = RegionArray((1, len(files), first.height, first.width), first.dtype, read, chunks=(1, 1, *first.chunk))
    layout = opened[0].layout
    voxel_size, missing = voxel_size_from(layout.edges, slices=len(files), source=f"{files[0].name}")
    names = tuple(file.name for file in files)
    return Volume(data, voxel_size, metadata={"notices": (*notices, *opened[0].notices, *missing), "slices": names})


READER = FormatReader("tiff-folder", (), is_tiff_folder, read_tiff_folder)
