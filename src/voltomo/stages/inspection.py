"""A first look at a grey volume: whether it is usable, and where the field of view ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

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

__all__ = ["Field", "bytes_read", "inside_of", "inspect_volume", "measure_field", "write_mask"]

Array: TypeAlias = npt.NDArray[Any]


@dataclass(frozen=True)
class Field:
    """The field of view of one channel, and its range of grey values.

    Parameters
    ----------
    grey : (Z, Y, X) the channel
    mask : (Z, Y, X), 0 outside; None if all of the volume is inside
    low, high : smallest and largest grey value inside
    brightest_share : share of the voxels inside that have the largest grey value
    """

    grey: ArrayLike
    mask: ArrayLike | None
    low: float
    high: float
    brightest_share: float

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
        at_high = np.count_nonzero(arrays[0][inside != 0] == high)
        return {"low": np.array(low), "high": np.array(high), "counts": np.array([bad, at_high, inside.sum()])}

    def merge(one: Partial, two: Partial) -> Partial:
        high = max(float(one["high"]), float(two["high"]))
        counts = sum(part["counts"] * [1, float(part["high"]) == high, 1] for part in (one, two))
        return {"low": np.minimum(one["low"], two["low"]), "high": np.array(high), "counts": np.asarray(counts)}

    memory = 2 * bytes_read(sources) + 1
    span = work.reduce(f"range-{channel}", measure, *sources, merge=merge, bytes_per_voxel=memory)
    bad, at_high, inside = (int(n) for n in span["counts"])
    low, high = float(span["low"]), float(span["high"])
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
    return Field(grey, mask, low, high, at_high / inside)


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
