"""What a caller may hand over: arrays or artefacts, texts or numbers, settings by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel

from voltomo.artifacts import ArrayLike, PhaseMap, PhaseTable, Volume, as_zyx
from voltomo.errors import InputError
from voltomo.stages.inspection import find_field_of_view
from voltomo.stages.phase_table import CodedPhases, PhaseRow, code_phases, read_phase_table
from voltomo.stages.recipe import validate_config
from voltomo.stages.workspace import MemoryWorkspace
from voltomo.units import VoxelSize, parse_voxel_size

__all__ = [
    "Size",
    "Table",
    "as_phase_map",
    "as_volume",
    "as_voxel_size",
    "in_field_of_view",
    "settings_of",
    "shaped_like",
]

Size: TypeAlias = "str | VoxelSize | None"
"""``"64 nm"``, or (dz, dy, dx) in m, or None where it is unknown."""
Table: TypeAlias = "PhaseTable | Iterable[Mapping[str, Any]] | Path | str"
"""A phase table: itself, its rows, or a YAML file."""

ConfigT = TypeVar("ConfigT", bound=BaseModel)


def settings_of(model: type[ConfigT], settings: Mapping[str, Any]) -> ConfigT:
    """Settings by name, checked; an unknown name is refused with the nearest one."""
    return validate_config(model, settings, source=model.__name__)


def in_field_of_view(volume: Volume, mask: ArrayLike | str, work: MemoryWorkspace) -> Volume:
    """The volume with the mask that is given, its own, or the one found."""
    if not isinstance(mask, str):
        field, _ = find_field_of_view(volume, work, mask=np.asarray(as_zyx(mask)))
    elif mask == "auto":
        if volume.mask is not None:
            return volume
        field, _ = find_field_of_view(volume, work)
    elif mask == "none":
        field, _ = find_field_of_view(volume, work, mask="none")
    else:
        raise InputError(f'mask is "auto", "none" or an array, found {mask!r}')
    return replace(volume, mask=field.mask)


def as_volume(volume: Volume | npt.ArrayLike, voxel_size: Size) -> Volume:
    """A volume as it is, or of a (Z, Y, X) or (Y, X) array; with the voxel size, if one is given."""
    size = as_voxel_size(voxel_size)
    if isinstance(volume, Volume):
        return volume if size is None else volume.with_voxel_size(size)
    return Volume.from_array(np.asarray(volume), voxel_size=size)


def as_phase_map(phases: PhaseMap | npt.ArrayLike, table: Table | None, voxel_size: Size) -> PhaseMap:
    """A phase map as it is, or of an array of codes and their table.

    Raises
    ------
    InputError
        If an array comes without a table, holds no integers, or a code that the table does not name.
    """
    size = as_voxel_size(voxel_size)
    if isinstance(phases, PhaseMap):
        return phases if size is None else replace(phases, voxel_size=size)
    if table is None:
        raise InputError(
            "a plain array of phase ids needs a phase table: table=[{'id': 1, 'name': 'pore', 'role': 'pore'}, ...]"
        )
    coded = _coded(table)
    ids = np.asarray(phases)
    if ids.dtype.kind not in "ub" and ids.dtype.kind != "i":
        raise InputError(f"expected integer phase ids, found {ids.dtype}; is this the grey image?")
    out = np.zeros(ids.shape, np.uint8)
    for code, phase_id in coded.codes.items():
        out[ids == code] = phase_id
    unknown = np.setdiff1d(np.unique(ids), [0, *coded.codes])
    if unknown.size:
        raise InputError(f"the array holds the codes {unknown.tolist()[:8]}, which the phase table does not name")
    return PhaseMap(out, coded.table, size)


def _coded(table: Table) -> CodedPhases:
    if isinstance(table, PhaseTable):
        return CodedPhases(table, {i: i for i in table.ids})
    if isinstance(table, str | Path):
        return read_phase_table(Path(table))
    return code_phases(tuple(validate_config(PhaseRow, row, source="phase table") for row in table))


def as_voxel_size(voxel_size: Size) -> VoxelSize | None:
    """In m, of what may be written with its unit."""
    return parse_voxel_size(voxel_size) if isinstance(voxel_size, str) else voxel_size


def shaped_like(source: Any, data: Any) -> Any:
    """Result in the shape of a plain (Y, X) input."""
    if isinstance(source, Volume):
        return data
    return np.asarray(data)[0] if np.ndim(source) == 2 else data
