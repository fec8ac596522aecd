"""HDF5 reader: one 2D to 5D dataset, with ilastik's axis tags and ImageJ's element size where they are present."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from voltomo.artifacts import Volume
from voltomo.blocks import Region
from voltomo.errors import InputError, ReadError
from voltomo.io.calibration import describe_axes, to_meters
from voltomo.io.channels import name_channels
from voltomo.io.flat import as_czyx, check_dtype
from voltomo.io.hdf5_links import Location, find_datasets, locate_dataset
from voltomo.io.regions import RegionArray
from voltomo.io.registry import FormatReader, ReadOptions
from voltomo.units import VoxelSize

__all__ = ["READER", "is_hdf5", "read_hdf5"]

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_SHOWN = 12


def is_hdf5(path: Path) -> bool:
    """Whether a file begins like HDF5."""
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        return stream.read(8) == _SIGNATURE


def read_hdf5(path: Path, options: ReadOptions) -> Volume:
    """Open one dataset: the one named, or the only volume in the file.

    Axes follow `axistags`; without them they are (Y, X), (Z, Y, X) or (C, Z, Y, X).

    Raises
    ------
    InputError
        If there are several volumes and none was named, or there is none of that name; the message lists them.
    ReadError
        If the file is damaged, the dataset was never written, or a link leads out of the folder.
    """
    try:
        place = _choose(path, options.dataset)
        with h5py.File(place.file, "r") as file:
            return _describe(file[place.name], place, path)
    except (OSError, RuntimeError) as error:
        if isinstance(error, ReadError | InputError):
            raise
        raise ReadError(f"{path} cannot be read as HDF5 ({error}); is it truncated?") from error


def _choose(path: Path, name: str | None) -> Location:
    if name is not None:
        return locate_dataset(path, name)
    found = find_datasets(path)
    volumes = [item for item in found if sum(n > 1 for n in item.shape) >= 3]
    if len(volumes) == 1:
        return volumes[0].location
    images = [item for item in found if sum(n > 1 for n in item.shape) == 2]
    if not volumes and len(images) == 1:
        return images[0].location
    shown = volumes or images
    listed = "; ".join(f"{item.name} {item.shape} {item.dtype}" for item in shown[:_SHOWN])
    if not shown:
        raise ReadError(f"{path} holds no image or volume")
    beside = {item.name.rpartition("/")[2] for item in shown} & {"data_white", "data_dark"}
    hint = "These are projections with flats or darks; reconstruct them first" if beside else "Name one as the dataset"
    raise InputError(f"{path} holds {len(shown)} {'volumes' if volumes else 'images'}: {listed}. {hint}")


def _describe(dataset: Any, place: Location, path: Path) -> Volume:
    source = f"{path}:{place.name}"
    dtype = check_dtype(np.dtype(dataset.dtype), source=source).newbyteorder("=")
    if dataset.id.get_storage_size() == 0 and not dataset.is_virtual and not dataset.external:
        raise ReadError(
            f"{source} has the shape {dataset.shape} but no values were ever written; was the program killed?"
        )
    axes = _find_axes(dataset, source)
    at = {letter: i for i, letter in enumerate(axes)}
    c, z, y, x = (int(dataset.shape[at[letter]]) if letter in at else 1 for letter in "czyx")
    stored = [letter for letter in axes if letter in "zyx"]

    def read(channel: int, region: Region) -> npt.NDArray[Any]:
        key: list[Any] = [0] * len(axes)
        for letter, part in zip("zyx", region, strict=True):
            if letter in at:
                key[at[letter]] = part
        if "c" in at:
            key[at["c"]] = channel
        try:
            with h5py.File(place.file, "r") as file:
                voxels = np.asarray(file[place.name][tuple(key)])
        except (OSError, RuntimeError) as error:
            raise ReadError(
                f"{source} cannot be read at {region} ({error}); damaged, or packed by a filter that is not installed"
            ) from error
        voxels = voxels.transpose([stored.index(letter) for letter in "zyx" if letter in at])
        voxels = voxels if "z" in at else voxels[None]
        return voxels.astype(dtype, copy=False)

    chunks = None
    if dataset.chunks is not None:
        cz, cy, cx = (int(dataset.chunks[at[letter]]) if letter in at else 1 for letter in "zyx")
        chunks = (1, cz, cy, cx)
    data = RegionArray((c, z, y, x), dtype, read, chunks=chunks)
    notices = _notice_projections(dataset, path, place.found_as)
    return Volume(data, _element_size(dataset), channels=name_channels(c), metadata={"notices": notices})


def _find_axes(dataset: Any, source: str) -> str:
    """One letter per axis of the file, of c, z, y, x, and t where its length is 1."""
    shape = tuple(int(n) for n in dataset.shape)
    axes = _tagged_axes(dataset) or _labelled_axes(dataset)
    if not axes:
        if len(shape) == 5 and shape[0] == 1 and shape[-1] == 1:
            return "tzyxc"  # what ilastik writes when it leaves out the tags
        if len(shape) == 4 and shape[-1] == 1 and shape[0] > 1:
            return "zyxc"
        as_czyx(shape, source=source)
        return "czyx"[4 - len(shape) :]
    if "z" not in axes and "t" in axes and shape[axes.index("t")] > 1:
        axes = axes.replace("t", "z")
    if len(set(axes)) != len(axes) or not {"y", "x"} <= set(axes) <= set("tczyx") or 0 in shape:
        raise ReadError(f"{source} has the axes {describe_axes(axes, shape)}; expected c, z, y, x")
    if "t" in axes and shape[axes.index("t")] > 1:
        raise ReadError(f"{source} is a time series ({describe_axes(axes, shape)}); save one time point as a dataset")
    if "c" in axes and shape[axes.index("c")] in (3, 4) and "z" not in axes and np.dtype(dataset.dtype) == np.uint8:
        raise ReadError(
            f"{source} holds color ({describe_axes(axes, shape)}); a grey image was expected. Save one channel"
        )
    return axes


def _tagged_axes(dataset: Any) -> str:
    """Letters from the JSON that vigra and ilastik write."""
    try:
        tags = json.loads(dataset.attrs["axistags"])
        letters = "".join(str(axis["key"]) for axis in tags["axes"])
    except (KeyError, ValueError, TypeError):
        return ""
    return letters if len(letters) == len(dataset.shape) else ""


def _labelled_axes(dataset: Any) -> str:
    letters = "".join(dimension.label.lower() for dimension in dataset.dims)
    return letters if len(letters) == len(dataset.shape) and set(letters) <= set("tczyx") else ""


def _element_size(dataset: Any) -> VoxelSize | None:
    """The attribute `element_size_um`, (z, y, x), of ImageJ's HDF5 plug-ins."""
    try:
        edges = [to_meters(float(edge), "um") for edge in np.asarray(dataset.attrs["element_size_um"]).ravel()]
    except (KeyError, ValueError, TypeError):
        return None
    if len(edges) != 3:
        return None
    dz, dy, dx = edges
    return None if dz is None or dy is None or dx is None else (dz, dy, dx)


def _notice_projections(dataset: Any, path: Path, name: str) -> tuple[str, ...]:
    """What lies beside the dataset, where it is and where it was found, tells projections from slices."""
    names = set(dataset.parent or ())
    with h5py.File(path, "r") as file:
        names |= set(file.get(name.rpartition("/")[0] or "/") or ())
        if file.visit(lambda found: True if found.endswith("/image_key") else None):  # NXtomo, reached by another link
            names.add("image_key")
    beside = {"theta", "data_white", "data_dark", "image_key", "rotation_angle"} & names
    if not beside:
        return ()
    return (f"the file also holds {', '.join(sorted(beside))}: these may be projections; reconstruct them first",)


READER = FormatReader("hdf5", (".h5", ".hdf5", ".hdf", ".nxs", ".ilp"), is_hdf5, read_hdf5)
