"""Writers of surface meshes, one file per phase: STL and PLY, both binary, in micrometres.

Phases that touch share their interface: the same points, the same triangles, the other way round.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import Phase, PhaseTable, Volume
from voltomo.errors import InputError
from voltomo.io.atomic import new_file
from voltomo.io.registry import FormatWriter
from voltomo.io.surface_nets import Interfaces, find_interfaces
from voltomo.io.sweep import one_channel

__all__ = ["PLY_WRITER", "STL_WRITER", "write_meshes"]

_PIECE = 1 << 18  # triangles written at once


@dataclass(frozen=True)
class _Mesh:
    """One closed surface: points (N, 3) float32 as x, y, z, and triangles (T, 3) int32 with outward normals."""

    points: npt.NDArray[np.float32]
    triangles: npt.NDArray[np.int32]
    phase: Phase
    unit: str


def write_meshes(
    volume: Volume,
    path: Path,
    *,
    labels: PhaseTable | None,
    overwrite: bool,
    write: Callable[[BinaryIO, _Mesh], None],
) -> tuple[Path, ...]:
    """Write ``<name>_<phase>.<ending>`` for every phase that occurs.

    Raises
    ------
    InputError
        If the volume carries no phases, is a single slice, or its surfaces do not fit into memory.
    """
    one_channel(volume, "a mesh")
    if labels is None or np.dtype(volume.data.dtype) != np.uint8:
        raise InputError(f"{volume.name} has no phases; surfaces are exported from a segmented volume")
    if int(volume.data.shape[1]) == 1:
        raise InputError(f"{volume.name} is a single slice; a surface needs a volume")
    targets = {phase.id: _target(path, phase) for phase in labels}
    existing = [target for target in targets.values() if target.exists()]
    if existing and not overwrite:
        raise InputError(f"{existing[0]} exists; allow overwriting or choose another name")
    interfaces = find_interfaces(volume.data)
    scale = (1.0, 1.0, 1.0) if volume.voxel_size is None else tuple(edge * 1e6 for edge in volume.voxel_size)
    written = []
    for phase in labels:
        mesh = _mesh_of(interfaces, phase, np.array(scale), "voxel" if volume.voxel_size is None else "micrometer")
        if len(mesh.triangles):
            with new_file(targets[phase.id], overwrite=overwrite) as temporary, temporary.open("wb") as stream:
                write(stream, mesh)
            written.append(targets[phase.id])
    return tuple(written)


def _target(path: Path, phase: Phase) -> Path:
    name = re.sub(r"[^\w.+-]+", "_", phase.name)
    return path.with_name(f"{path.stem}_{name}{path.suffix}")


def _mesh_of(interfaces: Interfaces, phase: Phase, scale: npt.NDArray[np.float64], unit: str) -> _Mesh:
    corners = interfaces.of_label(phase.id)
    is_used = np.zeros(len(interfaces.vertices), bool)
    is_used[corners] = True
    triangles = (np.cumsum(is_used) - 1)[corners].astype(np.int32)
    points = (interfaces.vertices[is_used] * scale)[:, ::-1].astype(np.float32)
    return _Mesh(points, triangles, phase, unit)


def _write_stl(stream: BinaryIO, mesh: _Mesh) -> None:
    """Binary STL: 80 bytes of text, the number of triangles, then normal and corners of each."""
    text = f"voltomo, phase {mesh.phase.name}, unit {mesh.unit}".encode("ascii", errors="replace")
    stream.write(text[:80].ljust(80))
    stream.write(np.uint32(len(mesh.triangles)).astype("<u4").tobytes())
    record = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
    for start in range(0, len(mesh.triangles), _PIECE):
        corners = mesh.points[mesh.triangles[start : start + _PIECE]]
        normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        lengths = np.linalg.norm(normals, axis=1, keepdims=True)
        rows = np.zeros(len(corners), record)
        rows["normal"] = np.divide(normals, lengths, out=np.zeros_like(normals), where=lengths > 0)
        rows["corners"] = corners
        stream.write(rows.tobytes())


def _write_ply(stream: BinaryIO, mesh: _Mesh) -> None:
    """Binary PLY with shared vertices and the phase's color."""
    header = [
        "ply",
        "format binary_little_endian 1.0",
        f"comment voltomo, phase {mesh.phase.name}, unit {mesh.unit}",
        f"element vertex {len(mesh.points)}",
        *(f"property float {axis}" for axis in "xyz"),
        *(f"property uchar {color}" for color in ("red", "green", "blue")),
        f"element face {len(mesh.triangles)}",
        "property list uchar int vertex_indices",
        "end_header",
    ]
    stream.write(("\n".join(header) + "\n").encode("ascii", errors="replace"))
    vertex = np.zeros(len(mesh.points), np.dtype([("xyz", "<f4", 3), ("rgb", "u1", 3)]))
    vertex["xyz"] = mesh.points
    vertex["rgb"] = np.frombuffer(bytes.fromhex(mesh.phase.color.removeprefix("#")), np.uint8)
    stream.write(vertex.tobytes())
    face = np.zeros(len(mesh.triangles), np.dtype([("count", "u1"), ("corners", "<i4", 3)]))
    face["count"], face["corners"] = 3, mesh.triangles
    stream.write(face.tobytes())


def _writer_of(write: Callable[[BinaryIO, _Mesh], None]) -> Any:
    def write_format(
        volume: Volume, path: Path, *, labels: PhaseTable | None = None, overwrite: bool = False
    ) -> tuple[Path, ...]:
        return write_meshes(volume, path, labels=labels, overwrite=overwrite, write=write)

    return write_format


STL_WRITER = FormatWriter("stl", (".stl",), _writer_of(_write_stl))
PLY_WRITER = FormatWriter("ply", (".ply",), _writer_of(_write_ply))
