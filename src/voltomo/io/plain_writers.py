"""Writers of voxels without much of a format: raw with a JSON beside it, .npy, HDF5."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.lib import format as npy_format

from voltomo.artifacts import PhaseTable, Volume
from voltomo.errors import InputError
from voltomo.io.atomic import new_file
from voltomo.io.channels import select_channel
from voltomo.io.raw import sidecar_of
from voltomo.io.registry import FormatWriter
from voltomo.io.sweep import sweep_slabs

__all__ = ["HDF5_WRITER", "NPY_WRITER", "RAW_WRITER", "write_hdf5", "write_npy", "write_raw"]


def write_raw(
    volume: Volume, path: Path, *, labels: PhaseTable | None = None, overwrite: bool = False
) -> tuple[Path, ...]:
    """Write little-endian voxels in C order, and ``<name>.json`` that says shape, type, voxel size and phases."""
    sidecar = sidecar_of(path)
    if sidecar.exists() and not overwrite:
        raise InputError(f"{sidecar} exists; allow overwriting or choose another name")
    dtype = np.dtype(volume.data.dtype)
    fields = {
        "shape": _shape(volume),
        "axes": "zyx" if len(volume.channels) == 1 else "czyx",
        "dtype": dtype.name,
        "byte_order": "little",
        "offset": 0,
        "voxel_size_um": _micrometers(volume),
        "channels": list(volume.channels),
        "labels": [{"code": phase.id, "name": phase.name, "color": phase.color} for phase in labels or ()],
    }
    with new_file(path, overwrite=overwrite) as temporary, temporary.open("wb") as stream:
        for channel in range(len(volume.channels)):
            for _, slab in sweep_slabs(select_channel(volume, channel).data):
                stream.write(slab.astype(dtype.newbyteorder("<"), copy=False).tobytes())
    with new_file(sidecar, overwrite=overwrite) as temporary:
        temporary.write_text(json.dumps(fields, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return path, sidecar


def write_npy(
    volume: Volume, path: Path, *, labels: PhaseTable | None = None, overwrite: bool = False
) -> tuple[Path, ...]:
    """Write (Z, Y, X), or (C, Z, Y, X) for several channels; the format has no room for voxel size and phases."""
    dtype = np.dtype(volume.data.dtype)
    header = {"descr": npy_format.dtype_to_descr(dtype), "fortran_order": False, "shape": tuple(_shape(volume))}
    with new_file(path, overwrite=overwrite) as temporary, temporary.open("wb") as stream:
        npy_format.write_array_header_1_0(stream, header)
        for channel in range(len(volume.channels)):
            for _, slab in sweep_slabs(select_channel(volume, channel).data):
                stream.write(slab.tobytes())
    return (path,)


def write_hdf5(
    volume: Volume, path: Path, *, labels: PhaseTable | None = None, overwrite: bool = False
) -> tuple[Path, ...]:
    """Write the dataset ``volume`` (or ``labels``) with ilastik's axis tags and ImageJ's element size."""
    axes = "zyx" if len(volume.channels) == 1 else "czyx"
    with new_file(path, overwrite=overwrite) as temporary, h5py.File(temporary, "w") as file:
        name = "volume" if labels is None else "labels"
        dataset = file.create_dataset(name, shape=_shape(volume), dtype=volume.data.dtype)
        dataset.attrs["axistags"] = json.dumps(
            {"axes": [{"key": key, "typeFlags": 1 if key == "c" else 2} for key in axes]}
        )
        if volume.voxel_size is not None:
            dataset.attrs["element_size_um"] = _micrometers(volume)
        if labels is not None:
            dataset.attrs["labels"] = json.dumps({phase.id: phase.name for phase in labels})
        for z, slab in sweep_slabs(volume.data):
            place: tuple[Any, ...] = (slice(z, z + slab.shape[1]),)
            dataset[(slice(None), *place) if len(axes) == 4 else place] = slab if len(axes) == 4 else slab[0]
    return (path,)


def _shape(volume: Volume) -> list[int]:
    """(Z, Y, X), or (C, Z, Y, X) for several channels."""
    shape = [int(n) for n in volume.data.shape]
    return shape[1:] if shape[0] == 1 else shape


def _micrometers(volume: Volume) -> list[float] | None:
    return None if volume.voxel_size is None else [float(f"{edge * 1e6:.12g}") for edge in volume.voxel_size]


RAW_WRITER = FormatWriter("raw", (".raw",), write_raw)
NPY_WRITER = FormatWriter("npy", (".npy",), write_npy)
HDF5_WRITER = FormatWriter("hdf5", (".h5", ".hdf5"), write_hdf5)
