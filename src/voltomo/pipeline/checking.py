"""A look before the work: whether a file is usable, and whether this installation is whole."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from voltomo.errors import VoltomoError
from voltomo.io.artifacts import StudyArtifacts
from voltomo.io.ome_zarr import ImageMetadata, create_image, open_image
from voltomo.io.registry import read_volume, readers, writers
from voltomo.io.study import Study
from voltomo.machine import available_cores
from voltomo.metrics.neighbors import count_neighbors
from voltomo.pipeline.adapters import library_versions
from voltomo.pipeline.run import load_recipe
from voltomo.stages.inspection import inspect_volume
from voltomo.stages.workspace import MemoryWorkspace
from voltomo.units import format_bytes, format_length, format_voxel_size

__all__ = ["check_file", "diagnose"]

BLOCK = (128, 256, 256)
FEW_CODES = 12
"""A file of small integers with at most this many values is taken for a segmentation."""


def check_file(path: Path, *, dataset: str | None = None) -> dict[str, str]:
    """What a file holds and whether a run would accept it, as text by topic.

    Raises
    ------
    VoltomoError
        What a run would raise.
    """
    if path.suffix.lower() in (".yaml", ".yml"):
        recipe = load_recipe(path)
        return {
            "recipe": str(path),
            "input": str(recipe.input.volume),
            "steps": ", ".join(s.verb for s in recipe.steps),
        }
    if path.is_dir() and Study.is_study(path):
        study = StudyArtifacts(path)
        stages = ", ".join(f"{verb} ({record.seconds:.1f} s)" for verb, record in study.records.items())
        return {"study": str(path), "finished": stages or "nothing yet"}
    volume = read_volume(path, dataset=dataset)
    size = float(np.prod(volume.data.shape)) * volume.data.dtype.itemsize
    found = {
        "file": str(path),
        "format": str(volume.metadata.get("format", "unknown")),
        "shape z, y, x": " × ".join(str(n) for n in volume.shape),
        "channels": ", ".join(volume.channels),
        "dtype": f"{volume.data.dtype} ({format_bytes(size)})",
        "voxel size": format_voxel_size(volume.voxel_size),
    }
    if volume.voxel_size is None:
        found["voxel size"] = "not in the file: give --voxel-size"
    else:
        extent = " × ".join(format_length(n * d) for n, d in zip(volume.shape, volume.voxel_size, strict=True))
        found["extent z, y, x"] = extent
    inspection = inspect_volume(volume, MemoryWorkspace(block_shape=BLOCK))
    found["grey values"] = f"{inspection.minimum:g} to {inspection.maximum:g}"
    inside = inspection.voxels_inside / np.prod(volume.shape)
    found["field of view"] = f"{inside:.1%} of the volume"
    notes = [*volume.metadata.get("notices", ()), *inspection.notices, *inspection.warnings]
    if len(set(_sample(volume.channel()))) <= FEW_CODES and volume.data.dtype.kind in "ub":
        notes.append("few distinct values: if these are phase codes, use `voltomo measure FILE --phases phases.yaml`")
    found |= {f"note {i}": note for i, note in enumerate(notes, start=1)}
    return found


def _sample(channel: Any) -> list[Any]:
    """Voxels of the middle slice."""
    middle = channel.shape[0] // 2
    return list(np.unique(np.asarray(channel[middle : middle + 1])))


def diagnose(folder: Path) -> list[dict[str, Any]]:
    """What this installation is and whether its parts work: rows of `what`, `ok`, `found`."""
    rows: list[dict[str, Any]] = [
        {"what": name, "ok": True, "found": number} for name, number in library_versions().items()
    ]
    memory = psutil.virtual_memory()
    free = shutil.disk_usage(folder).free
    rows.append({"what": "cores", "ok": True, "found": str(available_cores())})
    rows.append({"what": "memory", "ok": memory.total > 2e9, "found": f"{format_bytes(memory.available)} free"})
    rows.append({"what": f"disk of {folder.name}", "ok": free > 1e9, "found": f"{format_bytes(free)} free"})
    rows.append(_try("readers", lambda: ", ".join(readers())))
    rows.append(_try("writers", lambda: ", ".join(writers())))
    rows.append(_try("compiled kernels", _run_kernel))
    rows.append(_try("study on disk", _write_and_read))
    return rows


def _try(what: str, work: Callable[[], str]) -> dict[str, Any]:
    try:
        return {"what": what, "ok": True, "found": work()}
    except (VoltomoError, OSError, ValueError, ImportError) as error:
        return {"what": what, "ok": False, "found": f"{type(error).__name__}: {error}"}


def _write_and_read() -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "labels.ome.zarr"
        array = create_image(path, (4, 8, 8), np.uint8, ImageMetadata("labels"))
        array[0:4, 0:8, 0:8] = np.ones((4, 8, 8), np.uint8)
        if int(np.asarray(open_image(path)[0][0:4, 0:8, 0:8]).sum()) != 256:
            raise ValueError("what was written is not what was read")
    return "written and read back"


def _run_kernel() -> str:
    labels = np.array([[[1, 2, 1, 2]]], np.uint8)
    pairs = count_neighbors(labels, phase_ids=(1, 2), offsets=np.array([[0, 0, 1]]))
    if int(pairs.sum()) != 3:
        raise ValueError(f"a compiled kernel counted {int(pairs.sum())} neighbours instead of 3")
    return "numba compiles and runs"
