"""NRRD writer: attached header, raw encoding."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from voltomo.artifacts import PhaseTable, Volume
from voltomo.errors import InputError
from voltomo.io.atomic import new_file
from voltomo.io.registry import FormatWriter
from voltomo.io.sweep import one_channel, sweep_planes

__all__ = ["WRITER", "write_nrrd"]

_TYPES = {
    "int8": "int8",
    "uint8": "uint8",
    "int16": "int16",
    "uint16": "uint16",
    "int32": "int32",
    "uint32": "uint32",
    "int64": "int64",
    "uint64": "uint64",
    "float32": "float",
    "float64": "double",
}


def write_nrrd(
    volume: Volume, path: Path, *, labels: PhaseTable | None = None, overwrite: bool = False
) -> tuple[Path, ...]:
    """Write (z, y, x) voxels, slice by slice; names of phases become key/value pairs such as ``label_2:=NMC``.

    Raises
    ------
    InputError
        If there are several channels or NRRD has no such type.
    """
    one_channel(volume, "NRRD")
    dtype = np.dtype(volume.data.dtype)
    if dtype.name not in _TYPES:
        raise InputError(f"{volume.name} holds {dtype}; NRRD holds {', '.join(_TYPES)}")
    _, z, y, x = (int(n) for n in volume.data.shape)
    lines = [
        "NRRD0005",
        "# written by voltomo",
        f"type: {_TYPES[dtype.name]}",
        "dimension: 3",
        f"sizes: {x} {y} {z}",
        "encoding: raw",
        "endian: little",
        "kinds: domain domain domain",
    ]
    if volume.voxel_size is not None:
        dz, dy, dx = (f"{edge * 1e6:.12g}" for edge in volume.voxel_size)
        lines += [
            "space dimension: 3",
            f"space directions: ({dx},0,0) (0,{dy},0) (0,0,{dz})",
            'space units: "um" "um" "um"',
            "space origin: (0,0,0)",
        ]
    lines += [f"label_{phase.id}:={phase.name}" for phase in labels or ()]
    with new_file(path, overwrite=overwrite) as temporary, temporary.open("wb") as stream:
        stream.write(("\n".join(lines) + "\n\n").encode("utf-8"))
        for plane in sweep_planes(volume.data):
            stream.write(plane.astype(dtype.newbyteorder("<"), copy=False).tobytes())
    return (path,)


WRITER = FormatWriter("nrrd", (".nrrd",), write_nrrd)
