"""`export`: an artefact becomes a file that another program opens."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import (
    CRACK,
    SOLID,
    ArrayLike,
    CrackMap,
    InstanceMap,
    Phase,
    PhaseMap,
    PhaseTable,
    Volume,
)
from voltomo.blocks import Region
from voltomo.io.regions import RegionArray
from voltomo.io.registry import find_writer

__all__ = ["Exportable", "export"]

Exportable: TypeAlias = Volume | PhaseMap | InstanceMap | CrackMap

_CRACKS = PhaseTable((Phase(SOLID, "solid", "active"), Phase(CRACK, "crack", "crack")))


def export(
    artefact: Exportable,
    path: str | Path,
    *,
    format: str | None = None,  # noqa: A002 - the word users know
    overwrite: bool = False,
) -> tuple[Path, ...]:
    """Write an artefact for another program, slice by slice.

    Parameters
    ----------
    artefact : a volume, or a map of phases, particles or cracks
    path : file or folder to write; its ending chooses the format where `format` is None
    format : "tiff" (for ImageJ), "ome-tiff", "png" (a folder of slices), "nrrd", "amira", "raw", "npy", "hdf5", "stl"
        or "ply" (one file per phase)
    overwrite : replace what is there

    Returns
    -------
    tuple of Path
        The files or the folder written.

    Raises
    ------
    InputError
        If the format is unknown, cannot hold the artefact, or `path` exists.
    StorageError
        If the disk is full or not writable; nothing is then left behind.
    """
    path = Path(path)
    writer = find_writer(path, format)
    volume, labels = _as_volume(artefact)
    return tuple(writer.write(volume, path, labels=labels, overwrite=overwrite))


def _as_volume(artefact: Exportable) -> tuple[Volume, PhaseTable | None]:
    if isinstance(artefact, Volume):
        return artefact, None
    if isinstance(artefact, PhaseMap):
        data, labels, name = _with_channel(artefact.data, np.dtype(np.uint8)), artefact.phases, "phases"
    elif isinstance(artefact, CrackMap):
        data, labels, name = _with_channel(artefact.data, np.dtype(np.uint8)), _CRACKS, "cracks"
    else:
        data, labels, name = _with_channel(artefact.data, _smallest_type(artefact)), None, "particles"
    return Volume(data, artefact.voxel_size, channels=(name,), name=name), labels


def _smallest_type(particles: InstanceMap) -> np.dtype[Any]:
    """uint16 where all ids fit, because few programs open 32-bit labels."""
    ids = np.asarray(particles.table["instance_id"]) if particles.table else np.array([2**32 - 1])
    return np.dtype(np.uint16 if ids.max(initial=0) < 2**16 else np.uint32)


def _with_channel(data: ArrayLike, dtype: np.dtype[Any]) -> RegionArray:
    """(1, Z, Y, X) view of a (Z, Y, X) or (Y, X) array-like."""
    is_plane = len(data.shape) == 2
    z, y, x = (1, *data.shape) if is_plane else data.shape
    chunks = tuple(getattr(data, "chunks", None) or (1, y, x))[-3:]

    def read(channel: int, region: Region) -> npt.NDArray[Any]:
        voxels = np.asarray(data[region[1:] if is_plane else region]).astype(dtype, copy=False)
        return voxels[None] if is_plane else voxels

    depth, height, width = (1, y, x) if is_plane else chunks
    return RegionArray((1, int(z), int(y), int(x)), dtype, read, chunks=(1, int(depth), int(height), int(width)))
