"""TIFF writers: what ImageJ and Fiji open with the right voxel size, and OME-TIFF.

ImageJ's own description and resolution tags are written into ordinary TIFF below 4 GB and into BigTIFF above. Fiji
opens both; ImageJ without plug-ins opens the first only.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile

from voltomo.artifacts import PhaseTable, Volume
from voltomo.errors import InputError
from voltomo.io.atomic import new_file
from voltomo.io.registry import FormatWriter
from voltomo.io.sweep import sweep_planes

__all__ = ["OME_WRITER", "WRITER", "write_ome_tiff", "write_tiff"]

# Offsets of TIFF have 32 bits; the rest is room for one header per slice.
_LARGEST_CLASSIC = 2**32 - 2**25
# Types that ImageJ shows with their values; 64-bit numbers are not among them.
_IMAGEJ_TYPES = ("uint8", "uint16", "int16", "uint32", "int32", "float32")


def write_tiff(
    volume: Volume, path: Path, *, labels: PhaseTable | None = None, overwrite: bool = False
) -> tuple[Path, ...]:
    """Write a stack with ImageJ's tags, slice by slice.

    Parameters
    ----------
    volume : of an integer type up to 32 bits, or float32
    path : the file
    labels : their colors become the color table of an 8-bit stack
    overwrite : replace an existing file

    Raises
    ------
    InputError
        If ImageJ has no such type.
    """
    data = volume.data
    dtype = np.dtype(data.dtype)
    if dtype.name not in _IMAGEJ_TYPES:
        raise InputError(f"{volume.name} holds {dtype}; ImageJ reads {', '.join(_IMAGEJ_TYPES)}. Use npy, nrrd or hdf5")
    channels, slices, height, width = (int(n) for n in data.shape)
    nbytes = channels * slices * height * width * dtype.itemsize
    keywords: dict[str, Any] = {"photometric": "minisblack"}
    if labels is not None and dtype == np.uint8:
        keywords = {"photometric": "palette", "colormap": _color_table(labels)}
    if volume.voxel_size is not None:
        _, dy, dx = volume.voxel_size
        keywords |= {"resolution": (1e-6 / dx, 1e-6 / dy), "resolutionunit": "none"}
    description = _describe(channels, slices, volume)
    with (
        new_file(path, overwrite=overwrite) as temporary,
        tifffile.TiffWriter(temporary, bigtiff=nbytes > _LARGEST_CLASSIC, byteorder="<") as file,
    ):
        for planes in sweep_planes(data):
            for plane in planes:
                file.write(
                    plane, description=description, metadata=None, software="voltomo", contiguous=True, **keywords
                )
    return (path,)


def _describe(channels: int, slices: int, volume: Volume) -> str:
    """ImageJ's key=value text; it needs no more than these keys."""
    lines = ["ImageJ=1.54f", f"images={channels * slices}"]
    if channels > 1:
        lines += [f"channels={channels}", f"slices={slices}", "hyperstack=true", "mode=grayscale"]
    elif slices > 1:
        lines.append(f"slices={slices}")
    if volume.voxel_size is not None:
        # ImageJ spells the micrometre so, in ASCII; written even where it is 1, which ImageJ itself leaves out.
        lines += ["unit=micron", f"spacing={volume.voxel_size[0] * 1e6:.12g}"]
    return "\n".join([*lines, "loop=false", ""])


def _color_table(labels: PhaseTable) -> npt.NDArray[np.uint16]:
    """(3, 256) 16-bit table; ids without a phase are black."""
    table = np.zeros((3, 256), np.uint16)
    for phase in labels:
        table[:, phase.id] = [257 * level for level in bytes.fromhex(phase.color.removeprefix("#"))]
    return table


def write_ome_tiff(
    volume: Volume, path: Path, *, labels: PhaseTable | None = None, overwrite: bool = False
) -> tuple[Path, ...]:
    """Write an OME-TIFF with physical sizes and channel names, slice by slice; colors of labels are not kept.

    Raises
    ------
    InputError
        If OME has no such type.
    """
    data = volume.data
    dtype = np.dtype(data.dtype)
    if dtype.kind not in "uif" or dtype.name in ("int64", "uint64", "float16"):
        raise InputError(f"{volume.name} holds {dtype}; OME-TIFF holds integers up to 32 bits, float32 and float64")
    metadata: dict[str, Any] = {"axes": "ZCYX", "Channel": {"Name": list(volume.channels)}}
    if volume.voxel_size is not None:
        for axis, edge in zip("ZYX", volume.voxel_size, strict=True):
            metadata |= {f"PhysicalSize{axis}": float(f"{edge * 1e6:.12g}"), f"PhysicalSize{axis}Unit": "µm"}
    channels, slices, height, width = (int(n) for n in data.shape)

    def planes() -> Iterator[npt.NDArray[Any]]:
        for stack in sweep_planes(data):
            yield from stack

    with (
        new_file(path, overwrite=overwrite) as temporary,
        tifffile.TiffWriter(temporary, ome=True, bigtiff=True, byteorder="<") as file,
    ):
        file.write(
            planes(),
            shape=(slices, channels, height, width),
            dtype=dtype,
            photometric="minisblack",
            metadata=metadata,
            software="voltomo",
        )
    return (path,)


WRITER = FormatWriter("tiff", (".tif", ".tiff"), write_tiff)
OME_WRITER = FormatWriter("ome-tiff", (".ome.tif", ".ome.tiff"), write_ome_tiff)
