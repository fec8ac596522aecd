"""AmiraMesh ``.am`` writer: a uniform lattice, little endian, uncompressed; label fields with their materials."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from voltomo.artifacts import PhaseTable, Volume
from voltomo.errors import InputError
from voltomo.io.atomic import new_file
from voltomo.io.registry import FormatWriter
from voltomo.io.sweep import one_channel, sweep_planes

__all__ = ["WRITER", "write_amira"]

_TYPES = {
    "uint8": "byte",
    "int16": "short",
    "uint16": "ushort",
    "int32": "int",
    "float32": "float",
    "float64": "double",
}


def write_amira(
    volume: Volume, path: Path, *, labels: PhaseTable | None = None, overwrite: bool = False
) -> tuple[Path, ...]:
    """Write one field, slice by slice; the bounding box runs from the first voxel's centre to the last one's.

    Parameters
    ----------
    volume : one channel; uint32 ids are written as int
    path : the file
    labels : phases become materials in the order of their ids, 0 is "Exterior"
    overwrite : replace an existing file

    Raises
    ------
    InputError
        If there are several channels or Amira has no such type.
    """
    one_channel(volume, "AmiraMesh")
    dtype = np.dtype(volume.data.dtype)
    stored = np.dtype(np.int32) if dtype == np.uint32 else dtype
    if stored.name not in _TYPES:
        raise InputError(f"{volume.name} holds {dtype}; AmiraMesh holds {', '.join(_TYPES)}")
    field = "Data" if labels is None else "Labels"
    text = _header(volume, labels) + f"Lattice {{ {_TYPES[stored.name]} {field} }} @1\n\n# Data section follows\n@1\n"
    with new_file(path, overwrite=overwrite) as temporary, temporary.open("wb") as stream:
        stream.write(text.encode("utf-8"))
        for plane in sweep_planes(volume.data):
            if dtype == np.uint32 and plane.max(initial=0) > np.iinfo(np.int32).max:
                raise InputError(
                    f"{volume.name} holds ids above 2³¹ − 1, which AmiraMesh cannot; export as TIFF or npy"
                )
            stream.write(plane.astype(stored.newbyteorder("<"), copy=False).tobytes())
        stream.write(b"\n")
    return (path,)


def _header(volume: Volume, labels: PhaseTable | None) -> str:
    _, z, y, x = (int(n) for n in volume.data.shape)
    lines = ["# AmiraMesh BINARY-LITTLE-ENDIAN 2.1", "", f"define Lattice {x} {y} {z}", "", "Parameters {"]
    if labels is not None:
        lines += ["    Materials {", *_materials(labels), "    }"]
    edges = (1.0, 1.0, 1.0)
    if volume.voxel_size is not None:
        dz, dy, dx = (edge * 1e6 for edge in volume.voxel_size)
        edges = (dx, dy, dz)
        lines += ["    Units {", '        Coordinates "µm"', "    }"]
    # Amira gives a single slice its whole thickness, having no second centre to measure to.
    box = " ".join(f"0 {max(n - 1, 1) * edge:.12g}" for n, edge in zip((x, y, z), edges, strict=True))
    content = f"{x}x{y}x{z} {_TYPES.get(np.dtype(volume.data.dtype).name, 'int')}, uniform coordinates"
    lines += [f'    Content "{content}",', f"    BoundingBox {box},", '    CoordType "uniform"', "}", "", ""]
    return "\n".join(lines)


def _materials(labels: PhaseTable) -> list[str]:
    """One block per id from 0 to the largest: a voxel's value is the position of its material in the list."""
    phases = {phase.id: phase for phase in labels}
    names: set[str] = set()
    lines = []
    for code in range(max(phases, default=0) + 1):
        phase = phases.get(code)
        # Material names are words; two that differ in other signs only must not become one.
        name = "Exterior" if code == 0 else f"unused_{code}" if phase is None else re.sub(r"\W+", "_", phase.name)
        name = f"{name}_{code}" if name in names else name
        names.add(name)
        levels = (0, 0, 0) if phase is None else bytes.fromhex(phase.color.removeprefix("#"))
        red, green, blue = (f"{level / 255:.5g}" for level in levels)
        lines += [
            f"        {name} {{",
            f"            Color {red} {green} {blue},",
            f"            Id {code + 1}",
            "        }",
        ]
    return lines


WRITER = FormatWriter("amira", (".am",), write_amira)
