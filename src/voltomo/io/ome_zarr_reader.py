"""OME-Zarr reader: level 0 of a multiscale image, whoever wrote it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import zarr

from voltomo.artifacts import Volume
from voltomo.blocks import Region
from voltomo.errors import ReadError
from voltomo.io.calibration import describe_axes
from voltomo.io.channels import name_channels
from voltomo.io.flat import check_dtype
from voltomo.io.ome_zarr import open_image
from voltomo.io.regions import RegionArray
from voltomo.io.registry import FormatReader, ReadOptions

__all__ = ["READER", "is_ome_zarr", "read_ome_zarr"]


def is_ome_zarr(path: Path) -> bool:
    """Whether a folder carries Zarr metadata."""
    return path.is_dir() and any((path / name).exists() for name in ("zarr.json", ".zattrs", ".zgroup"))


def read_ome_zarr(path: Path, options: ReadOptions) -> Volume:
    """Open level 0 of an OME-Zarr image of version 0.4 or 0.5.

    Raises
    ------
    ReadError
        If the folder is no such image, or a chunk is damaged when it is read.
    """
    try:
        path = _image_folder(path)
        array, metadata = open_image(path)
        axes = _axis_names(path)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, OSError) as error:  # Zarr's for broken JSON
        if isinstance(error, ReadError):
            raise
        raise ReadError(f"{path}: its Zarr metadata cannot be read ({error}); was it copied completely?") from error
    at = {letter: i for i, letter in enumerate(axes)}
    if array.shape[at.get("t", 0)] > 1 and "t" in at:
        raise ReadError(
            f"{path} is a time series ({describe_axes(axes, array.shape)}); save one time point as an image"
        )
    c, z, y, x = (int(array.shape[at[letter]]) if letter in at else 1 for letter in "czyx")

    def read(channel: int, region: Region) -> npt.NDArray[Any]:
        wanted: dict[str, Any] = {"t": 0, "c": channel, **dict(zip("zyx", region, strict=True))}
        try:
            voxels = np.asarray(array[tuple(wanted[letter] for letter in axes)])
        except (RuntimeError, ValueError, OSError, KeyError) as error:
            raise ReadError(f"{path}: a chunk of {region} cannot be read ({error})") from error
        voxels = voxels.astype(voxels.dtype.newbyteorder("="), copy=False)
        return voxels if "z" in at else voxels[None]

    depth, height, width = (int(array.chunks[at[letter]]) if letter in at else 1 for letter in "zyx")
    dtype = check_dtype(np.dtype(array.dtype), source=path).newbyteorder("=")
    data = RegionArray((c, z, y, x), dtype, read, chunks=(1, depth, height, width))
    names = metadata.channels if len(metadata.channels) == c else name_channels(c)
    labels = () if metadata.phases is None else tuple(metadata.phases.to_rows())
    return Volume(data, metadata.voxel_size, channels=names, metadata={"labels": labels})


def _image_folder(path: Path) -> Path:
    """The image itself, or the first of several where a converter (bioformats2raw) put them into folders 0, 1, ..."""
    attributes = dict(zarr.open_group(path, mode="r").attrs)
    ome: Any = attributes.get("ome", attributes)
    return path / "0" if "multiscales" not in ome and "bioformats2raw.layout" in ome else path


def _axis_names(path: Path) -> str:
    """Names of the axes, such as "czyx"; `open_image` has checked that they are there."""
    attributes = dict(zarr.open_group(path, mode="r").attrs)
    ome: Any = attributes.get("ome", attributes)  # 0.5 nests under "ome", 0.4 does not
    return "".join(str(axis["name"]) for axis in ome["multiscales"][0]["axes"])


READER = FormatReader("ome-zarr", (), is_ome_zarr, read_ome_zarr)
