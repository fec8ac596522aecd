"""A first look at a grey volume: whether it is usable, and where the field of view ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import ArrayLike, Volume
from voltomo.blocks import Block, Partial
from voltomo.errors import GateError, InputError, ShapeError
from voltomo.segment.field_of_view import (
    Inspection,
    conclude,
    inside_field_of_view,
    inspect_block,
    merge_inspections,
)
from voltomo.segment.histogram import value_range
from voltomo.stages.workspace import Workspace

__all__ = ["Field", "bytes_read", "find_field", "inside_of", "inspect_volume", "write_mask"]

Array: TypeAlias = npt.NDArray[Any]


@dataclass(frozen=True)
class Field:
    """The field of view of one channel, and its range of grey values.

    Parameters
    ----------
    grey : (Z, Y, X) the channel
    mask : (Z, Y, X) uint8, 1 inside; None if all of the volume is inside
    low, high : smallest and largest grey value inside
    remarks : notices and warnings for the report
    end_shares : shares of the voxels inside that have the smallest and the largest grey value, where they were counted
    """

    grey: ArrayLike
    mask: ArrayLike | None
    low: float
    high: float
    remarks: tuple[str, ...] = ()
    end_shares: tuple[float, float] = (0.0, 0.0)

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


def find_field(
    volume: Volume,
    work: Workspace,
    *,
    channel: int = 0,
    mask: ArrayLike | None = None,
    how: Literal["auto", "none"] = "auto",
    inspection: Inspection | None = None,
) -> Field:
    """Field of view of a channel: the mask that is given, the volume's own, or the one that an inspection finds.

    Parameters
    ----------
    volume : the grey volume
    work : where the array "mask" is written, if one was found
    channel : which channel
    mask : (Z, Y, X), 0 outside
    how : "none" takes all of the volume, whatever an inspection would find
    inspection : of this channel, if it was made before

    Raises
    ------
    GateError
        If the voxels inside are not finite, or all the same.
    """
    grey = _channel(volume, channel)
    mask = volume.mask if mask is None else mask
    if mask is not None and tuple(mask.shape) != volume.shape:
        raise ShapeError(f"mask {tuple(mask.shape)} and volume {volume.shape} differ in shape")
    if mask is None and how == "auto":
        found = inspect_volume(volume, work, channel=channel) if inspection is None else inspection
        remarks = (*found.notices, *found.warnings)
        outside = write_mask(volume, found, work, channel=channel) if found.has_outside else None
        span = (found.minimum, found.maximum)
        if found.outside is not None:  # the grey value of the outside is part of that range
            span = _measure_range((grey, outside), work, channel)
        return Field(grey, outside, *span, remarks, (found.darkest_share, found.brightest_share))
    sources = (grey,) if mask is None or how == "none" else (grey, mask)
    return Field(grey, None if how == "none" else mask, *_measure_range(sources, work, channel))


def _channel(volume: Volume, channel: int) -> ArrayLike:
    if channel >= len(volume.channels):
        raise InputError(f"channel {channel} of a volume with {len(volume.channels)}; the first channel is 0")
    return volume.channel(channel)


def _measure_range(sources: tuple[ArrayLike | None, ...], work: Workspace, channel: int) -> tuple[float, float]:
    """Smallest and largest grey value inside; refuses what is not finite."""
    present = [source for source in sources if source is not None]

    def measure(_block: Block, *arrays: Array) -> Partial:
        low, high, bad = value_range(arrays[0], inside_of(*arrays))
        return {"low": np.array(low), "high": np.array(high), "bad": np.array(bad)}

    def merge(one: Partial, two: Partial) -> Partial:
        ends = {"low": np.minimum(one["low"], two["low"]), "high": np.maximum(one["high"], two["high"])}
        return {**ends, "bad": np.add(one["bad"], two["bad"])}

    memory = bytes_read(present) + 1
    span = work.reduce(f"range-{channel}", measure, *present, merge=merge, bytes_per_voxel=memory)
    if int(span["bad"]):
        raise GateError(
            f"{int(span['bad'])} voxels inside the field of view are NaN or infinite; fill them, or leave them out of "
            "the mask",
            gate="finite",
        )
    low, high = float(span["low"]), float(span["high"])
    if low > high:
        raise GateError("the mask leaves no voxel inside the field of view; 1 is inside, 0 outside", gate="mask")
    if low == high:
        raise GateError(f"every voxel inside the field of view has the grey value {low:g}", gate="constant")
    return low, high


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
