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
from voltomo.io.channels import name_channels
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
        array, metadata = open_image(path)
        has_channels = _axis_names(path).startswith("c")
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, OSError) as error:  # Zarr's for broken JSON
        if isinstance(error, ReadError):
            raise
        raise ReadError(f"{path}: its Zarr metadata cannot be read ({error}); was it copied completely?") from error
    lead = array.shape[0] if has_channels else 1
    spatial = tuple(array.shape[1:] if has_channels else array.shape)
    is_plane = len(spatial) == 2
    z, y, x = (1, *spatial) if is_plane else spatial

    def read(channel: int, region: Region) -> npt.NDArray[Any]:
        key: tuple[Any, ...] = region[1:] if is_plane else region
        try:
            voxels = np.asarray(array[(channel, *key) if has_channels else key])
        except (RuntimeError, ValueError, OSError, KeyError) as error:
            raise ReadError(f"{path}: a chunk of {region} cannot be read ({error})") from error
        voxels = voxels.astype(voxels.dtype.newbyteorder("="), copy=False)
        return voxels[None] if is_plane else voxels

    edges = (1,) * (3 - len(spatial)) + tuple(array.chunks[-len(spatial) :])
    data = RegionArray(
        (int(lead), int(z), int(y), int(x)),
        np.dtype(array.dtype).newbyteorder("="),
        read,
        chunks=(1, int(edges[0]), int(edges[1]), int(edges[2])),
    )
    names = metadata.channels if len(metadata.channels) == lead else name_channels(int(lead))
    labels = () if metadata.phases is None else tuple(metadata.phases.to_rows())
    return Volume(data, metadata.voxel_size, channels=names, metadata={"labels": labels})


def _axis_names(path: Path) -> str:
    """Names of the axes, such as "czyx"; `open_image` has checked that they are there."""
    attributes = dict(zarr.open_group(path, mode="r").attrs)
    ome: Any = attributes.get("ome", attributes)  # 0.5 nests under "ome", 0.4 does not
    return "".join(str(axis["name"]) for axis in ome["multiscales"][0]["axes"])


READER = FormatReader("ome-zarr", (), is_ome_zarr, read_ome_zarr)
