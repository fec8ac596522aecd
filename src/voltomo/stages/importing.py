"""A foreign file becomes an artefact of the study, once.

A grey volume goes to `volume.ome.zarr` in its source dtype; an OME-Zarr stays where it is and is referred to. Somebody
else's segmentation goes to `phases.ome.zarr` with the ids of our phase table.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import OUTSIDE, ArrayLike, Channel, PhaseMap, Volume
from voltomo.blocks import Block, Partial
from voltomo.errors import GateError, InputError
from voltomo.stages.phase_table import CodedPhases
from voltomo.stages.workspace import Workspace

__all__ = ["ImportedPhases", "copy_volume", "import_segmentation"]

LOOKUP_BITS = 16
"""Codes of up to this many bits are translated through a table of all values."""


def copy_volume(volume: Volume, work: Workspace) -> ArrayLike:
    """Copy the voxels of a volume into the array "volume" of the workspace, channel by channel."""
    out = work.array("volume", tuple(volume.data.shape), volume.data.dtype)
    itemsize = np.dtype(volume.data.dtype).itemsize
    for channel in range(volume.data.shape[0]):
        work.map(
            f"copy-{channel}",
            lambda _block, voxels: voxels,
            volume.channel(channel),
            out=Channel(out, channel),
            bytes_per_voxel=3 * itemsize,
            whole_slices=True,
        )
    return out


@dataclass(frozen=True)
class ImportedPhases:
    """A segmentation with our ids.

    Parameters
    ----------
    phase_map : the phases
    shares : share of each code in the file
    warnings : for the report
    """

    phase_map: PhaseMap
    shares: dict[int, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def import_segmentation(volume: Volume, phases: CodedPhases, work: Workspace) -> ImportedPhases:
    """Translate the codes of somebody else's segmentation into phase ids.

    Parameters
    ----------
    volume : one channel of integer codes
    phases : table with the code of each phase; a code 0 without a row is outside the field of view
    work : makes the array "phases"

    Raises
    ------
    InputError
        If the file holds several channels or no integers.
    GateError
        If it holds a code that the table does not name.
    """
    codes = volume.channel()
    if volume.data.shape[0] != 1:
        raise InputError(f"expected one channel of phase codes in {volume.name}, found {volume.data.shape[0]}")
    if codes.dtype.kind == "f":
        raise InputError(
            f"expected integer phase codes in {volume.name}, found {codes.dtype}; a grey image goes to `voltomo run`"
        )
    shares = _count_codes(codes, work)
    unknown = [code for code in shares if code not in phases.codes and code != OUTSIDE]
    if unknown:
        listing = ", ".join(f"{code} ({share:.2%})" for code, share in list(shares.items())[:12])
        raise GateError(
            f"{volume.name} holds the codes {listing}, but the phase table names only {sorted(phases.codes)}; "
            f"add a row with `code: {unknown[0]}`",
            gate="codes",
        )
    translation = {OUTSIDE: OUTSIDE, **phases.codes}
    out = work.array("phases", volume.shape, np.uint8)
    work.map(
        "translate",
        lambda _block, voxels: _translate(voxels, translation),
        codes,
        out=out,
        bytes_per_voxel=12,
        whole_slices=True,
    )
    warnings = []
    if OUTSIDE in shares and OUTSIDE not in phases.codes:
        warnings.append(
            f"Code 0 ({shares[OUTSIDE]:.2%} of {volume.name}) has no row in the phase table and is taken as outside "
            "the field of view; if it is a phase, give it a row with `code: 0`."
        )
    absent = [phases.table.by_id(i).name for code, i in phases.codes.items() if code not in shares]
    if absent:
        warnings.append(f"The phase table names {', '.join(absent)}, of which {volume.name} holds no voxel.")
    phase_map = PhaseMap(out, phases.table, volume.voxel_size, volume.through_plane)
    return ImportedPhases(phase_map, shares, tuple(warnings))


def _count_codes(codes: ArrayLike, work: Workspace) -> dict[int, float]:
    """Share of each code, rising."""

    def count(_block: Block, voxels: npt.NDArray[Any]) -> Partial:
        values, counts = np.unique(voxels, return_counts=True)
        return {"values": values.astype(np.int64), "counts": counts.astype(np.int64)}

    def merge(a: Partial, b: Partial) -> Partial:
        values = np.union1d(a["values"], b["values"])
        counts = np.zeros(values.size, np.int64)
        for part in (a, b):
            counts[np.searchsorted(values, part["values"])] += np.asarray(part["counts"], np.int64)
        return {"values": values, "counts": counts}

    found = work.reduce("codes", count, codes, merge=merge, bytes_per_voxel=20)
    total = float(np.asarray(found["counts"], np.int64).sum())
    return {int(v): float(c) / total for v, c in zip(found["values"].tolist(), found["counts"].tolist(), strict=True)}


def _translate(voxels: npt.NDArray[Any], translation: dict[int, int]) -> npt.NDArray[np.uint8]:
    if voxels.dtype.kind == "u" and voxels.dtype.itemsize * 8 <= LOOKUP_BITS:
        table = np.zeros(np.iinfo(voxels.dtype).max + 1, np.uint8)
        for code, phase_id in translation.items():
            if 0 <= code < table.size:
                table[code] = phase_id
        looked_up: npt.NDArray[np.uint8] = table[voxels]
        return looked_up
    values, inverse = np.unique(voxels, return_inverse=True)
    ids = np.array([translation[int(value)] for value in values], np.uint8)
    return ids[inverse].reshape(voxels.shape)
