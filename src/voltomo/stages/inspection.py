"""A first look at a grey volume: whether it is usable, and where the field of view ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import ArrayLike, Volume
from voltomo.blocks import Block, Partial
from voltomo.errors import GateError, InputError, ShapeError
from voltomo.segmentation.field_of_view import (
    Inspection,
    conclude,
    inside_field_of_view,
    inspect_block,
    merge_inspections,
    saturation_warnings,
)
from voltomo.segmentation.histogram import value_range
from voltomo.stages.workspace import Workspace

__all__ = ["Field", "bytes_read", "find_field_of_view", "inside_of", "inspect_volume", "measure_field", "write_mask"]

Array: TypeAlias = npt.NDArray[Any]


@dataclass(frozen=True)
class Field:
    """The field of view of one channel, and its range of grey values.

    Parameters
    ----------
    grey : (Z, Y, X) the channel
    mask : (Z, Y, X), 0 outside; None if all of the volume is inside
    low, high : smallest and largest grey value inside
    end_shares : shares of the voxels inside that have the smallest and the largest grey value
    voxels : number of voxels inside
    """

    grey: ArrayLike
    mask: ArrayLike | None
    low: float
    high: float
    end_shares: tuple[float, float]
    voxels: int

    @property
    def sources(self) -> tuple[ArrayLike, ...]:
        """What a block function reads: grey values, and the mask if there is one."""
        return (self.grey,) if self.mask is None else (self.grey, self.mask)


def inside_of(values: Array, mask: Array | None = None) -> npt.NDArray[np.uint8]:
    """1 inside: where the mask is not 0, or everywhere."""
    return np.ones(values.shape, np.uint8) if mask is None else np.asarray(mask != 0).view(np.uint8)


def bytes_read(sources: Sequence[ArrayLike]) -> float:
    """Bytes per voxel of the arrays of a block, with the uint8 array of what is inside."""
    return 1.0 + sum(np.dtype(source.dtype).itemsize for source in sources)


def find_field_of_view(
    volume: Volume, work: Workspace, *, mask: ArrayLike | Literal["auto", "none"] = "auto", channel: int = 0
) -> tuple[Field, tuple[str, ...]]:
    """Settle what is inside, once, before a volume is segmented.

    Parameters
    ----------
    volume : the grey volume
    work : where the array "mask" is written (1 inside), if there is one
    mask : "auto" looks for it; "none" takes all of the volume; or (Z, Y, X), 0 outside
    channel : which channel to look at

    Returns
    -------
    field : with the mask
    remarks : what was found, for the report

    Raises
    ------
    GateError
        If the voxels inside are not finite, or all the same.
    """
    if isinstance(mask, str) and mask == "auto":
        found = inspect_volume(volume, work, channel=channel)
        remarks = (*found.notices, *found.warnings)
        inside = write_mask(volume, found, work, channel=channel) if found.has_outside else None
        if found.outside is not None:  # the grey value of the outside is part of the range that was found
            return measure_field(volume, work, channel=channel, mask=inside), remarks
        shares = (found.darkest_share, found.brightest_share)
        grey = _channel(volume, channel)
        return Field(grey, inside, found.minimum, found.maximum, shares, found.voxels_inside), remarks
    if isinstance(mask, str):
        field = measure_field(replace(volume, mask=None), work, channel=channel)
    else:
        if tuple(mask.shape) != volume.shape:
            raise ShapeError(f"mask {tuple(mask.shape)} and volume {volume.shape} differ in shape; was one cropped?")
        out = work.array("mask", volume.shape, np.uint8)
        work.map("mask", lambda _block, given: inside_of(given, given), mask, out=out, bytes_per_voxel=4)
        field = measure_field(volume, work, channel=channel, mask=out)
    return field, tuple(saturation_warnings(field.low, field.high, field.end_shares))


def measure_field(volume: Volume, work: Workspace, *, channel: int = 0, mask: ArrayLike | None = None) -> Field:
    """Field of view of a channel with its range of grey values.

    Parameters
    ----------
    volume : the grey volume
    work : where blocks run
    channel : which channel
    mask : (Z, Y, X), 0 outside; the volume's own, or else everything, where None

    Raises
    ------
    GateError
        If the voxels inside are not finite, or all the same.
    """
    grey = _channel(volume, channel)
    mask = volume.mask if mask is None else mask
    if mask is not None and tuple(mask.shape) != volume.shape:
        raise ShapeError(f"mask {tuple(mask.shape)} and volume {volume.shape} differ in shape")
    sources = (grey,) if mask is None else (grey, mask)

    def measure(_block: Block, *arrays: Array) -> Partial:
        inside = inside_of(*arrays)
        low, high, bad = value_range(arrays[0], inside)
        values = arrays[0][inside != 0]
        at_ends = [np.count_nonzero(values == low), np.count_nonzero(values == high)]
        return {"ends": np.array([low, high]), "at_ends": np.array(at_ends), "counts": np.array([bad, values.size])}

    def merge(one: Partial, two: Partial) -> Partial:
        pairs = np.array([one["ends"], two["ends"]])
        ends = np.array([pairs[:, 0].min(), pairs[:, 1].max()])
        at_ends = (np.array([one["at_ends"], two["at_ends"]]) * (pairs == ends)).sum(axis=0)
        return {"ends": ends, "at_ends": at_ends, "counts": np.add(one["counts"], two["counts"])}

    memory = 2 * bytes_read(sources) + 1
    span = work.reduce(f"range-{channel}", measure, *sources, merge=merge, bytes_per_voxel=memory)
    bad, inside = (int(n) for n in span["counts"])
    at_low, at_high = (int(n) for n in span["at_ends"])
    low, high = (float(value) for value in span["ends"])
    if bad:
        raise GateError(
            f"{bad} voxels inside the field of view are NaN or infinite; fill them, or leave them out of the mask",
            gate="finite",
        )
    if inside == 0:
        raise GateError("the mask leaves no voxel inside the field of view; 1 is inside, 0 outside", gate="mask")
    if low == high:
        raise GateError(
            f"every voxel inside the field of view has the grey value {low:g}; there is nothing to segment. Is this "
            "the right file or channel?",
            gate="constant",
        )
    return Field(grey, mask, low, high, (at_low / inside, at_high / inside), inside)


def _channel(volume: Volume, channel: int) -> ArrayLike:
    if channel >= len(volume.channels):
        raise InputError(f"channel {channel} of a volume with {len(volume.channels)}; the first channel is 0")
    return volume.channel(channel)


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
    grey = _channel(volume, channel)
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
