"""Regions of a volume: what a block writes, and what it must read to do so."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from voltomo.errors import InputError

__all__ = ["Block", "BlockPlan", "Region"]

Region: TypeAlias = tuple[slice, slice, slice]
"""Slices along z, y and x with explicit start and stop."""


@dataclass(frozen=True)
class Block:
    """One piece of work.

    Parameters
    ----------
    number : position in the plan, from 0
    write : region of the volume that this block alone writes
    read : `write` widened by the halo and clipped to the volume
    inner : where `write` lies inside an array that covers `read`
    """

    number: int
    write: Region
    read: Region
    inner: Region

    @property
    def origin(self) -> tuple[int, int, int]:
        """Index of the first voxel read."""
        z, y, x = self.read
        return z.start, y.start, x.start


@dataclass(frozen=True)
class BlockPlan:
    """A volume cut into blocks, in C order.

    Parameters
    ----------
    shape : (Z, Y, X) of the volume
    block_shape : of the regions written; where a Zarr array is written it must be a whole number of shards
    halo : voxels read around each block and not written, one number or one per axis
    """

    shape: tuple[int, int, int]
    block_shape: tuple[int, int, int]
    halo: int | tuple[int, int, int] = 0

    def __post_init__(self) -> None:
        if min(self.block_shape) < 1 or min(self.halos) < 0:
            raise InputError(f"a block shape is positive and a halo is not negative: {self.block_shape}, {self.halo}")

    @property
    def halos(self) -> tuple[int, int, int]:
        """Halo per axis."""
        return (self.halo,) * 3 if isinstance(self.halo, int) else self.halo

    @property
    def counts(self) -> tuple[int, int, int]:
        """Number of blocks along each axis."""
        z, y, x = (-(-n // b) for n, b in zip(self.shape, self.block_shape, strict=True))
        return z, y, x

    def __len__(self) -> int:
        z, y, x = self.counts
        return z * y * x

    @property
    def largest_read(self) -> int:
        """Voxels of the largest region that a block reads."""
        z, y, x = (min(n, b + 2 * h) for n, b, h in zip(self.shape, self.block_shape, self.halos, strict=True))
        return z * y * x

    def __iter__(self) -> Iterator[Block]:
        for number, index in enumerate(itertools.product(*(range(n) for n in self.counts))):
            yield self._block(number, index)

    def _block(self, number: int, index: Sequence[int]) -> Block:
        write, read, inner = [], [], []
        for i, n, size, halo in zip(index, self.shape, self.block_shape, self.halos, strict=True):
            start, stop = i * size, min(n, (i + 1) * size)
            low, high = max(0, start - halo), min(n, stop + halo)
            write.append(slice(start, stop))
            read.append(slice(low, high))
            inner.append(slice(start - low, stop - low))
        return Block(number, _region(write), _region(read), _region(inner))


def _region(slices: list[slice]) -> Region:
    z, y, x = slices
    return z, y, x
