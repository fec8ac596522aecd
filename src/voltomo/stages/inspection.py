"""A first look at a grey volume: whether it is usable, and where the field of view ends."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import ArrayLike, Volume
from voltomo.blocks import Block, Partial
from voltomo.errors import InputError
from voltomo.segment.field_of_view import (
    Inspection,
    conclude,
    inside_field_of_view,
    inspect_block,
    merge_inspections,
)
from voltomo.stages.workspace import Workspace

__all__ = ["inspect_volume", "write_mask"]


def inspect_volume(volume: Volume, work: Workspace, *, channel: int = 0) -> Inspection:
    """Look at every voxel once: range, bad values, saturation, and the outside of the field of view.

    Parameters
    ----------
    volume : the grey volume
    work : where blocks run
    channel : which channel to look at

    Raises
    ------
    GateError
        If there are infinite values, nothing but NaN, NaN inside the sample, or one grey value only.
    InputError
        If the volume has no such channel.
    """
    if channel >= len(volume.channels):
        raise InputError(f"channel {channel} of a volume with {len(volume.channels)}; the first channel is 0")
    grey = volume.channel(channel)
    shape = volume.shape
    corner = float(np.asarray(grey[0:1, 0:1, 0:1]).ravel()[0])

    def look(block: Block, values: npt.NDArray[Any]) -> Partial:
        start = tuple(side.start for side in block.write)
        return inspect_block(values, inner=block.inner, start=(start[0], start[1], start[2]), corner=corner)

    def merge(one: Partial, two: Partial) -> Partial:
        return merge_inspections(one, two, shape=shape)

    partial = work.reduce(
        f"inspect-{channel}", look, grey, merge=merge, halo=(0, 0, 1), bytes_per_voxel=2 * grey.dtype.itemsize + 2
    )
    return conclude(partial, shape=shape)


def write_mask(volume: Volume, inspection: Inspection, work: Workspace, *, channel: int = 0) -> ArrayLike:
    """Write the field of view that an inspection found into the array "mask": 1 inside."""
    grey = volume.channel(channel)
    out = work.array("mask", volume.shape, np.uint8)
    work.map(
        "mask",
        lambda block, values: inside_field_of_view(values, inspection, start=block.origin),
        grey,
        out=out,
        bytes_per_voxel=grey.dtype.itemsize + 3,
    )
    return out
