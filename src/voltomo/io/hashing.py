"""What a file holds, as a hash: the root of every stage's identity."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from voltomo.artifacts import ArrayLike

__all__ = ["FileStamp", "hash_array", "hash_json", "hash_path", "stamp_path"]

FileStamp = list[list[Any]]
"""Name, size and time of change of each file: what tells, without reading, that nothing changed."""

BUFFER = 1 << 22


def hash_json(content: Any) -> str:
    """Hash of plain data, independent of the order of keys."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:32]


def stamp_path(path: Path) -> FileStamp:
    """Stamp of a file, or of every file in a folder."""
    stamps = []
    for file in _files(path):
        status = file.stat()
        stamps.append([file.relative_to(path.parent).as_posix(), status.st_size, status.st_mtime_ns])
    return stamps


def hash_path(path: Path) -> str:
    """Hash of the content of a file, or of the names and contents of the files in a folder."""
    digest = hashlib.sha256()
    for file in _files(path):
        if path.is_dir():
            digest.update(file.relative_to(path).as_posix().encode() + b"\0")
        with file.open("rb") as stream:
            while chunk := stream.read(BUFFER):
                digest.update(chunk)
    return digest.hexdigest()[:32]


def hash_array(data: ArrayLike, extra: Mapping[str, Any] | None = None) -> str:
    """Hash of the shape, dtype and voxels of an array, read one plane of its first axis at a time."""
    digest = hashlib.sha256(f"{tuple(data.shape)} {np.dtype(data.dtype).str} {dict(extra or {})}".encode())
    for plane in range(data.shape[0]):
        voxels = np.asarray(data[plane])
        if voxels.ndim == 3:  # a channel: slice by slice, it may be a volume of its own
            for section in voxels:
                digest.update(np.ascontiguousarray(section).tobytes())
        else:
            digest.update(np.ascontiguousarray(voxels).tobytes())
    return digest.hexdigest()[:32]


def _files(path: Path) -> list[Path]:
    return sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
