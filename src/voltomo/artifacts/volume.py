"""The grey volume, and what every artefact shares: array-like data, axis order, voxel size."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt

from voltomo.errors import ShapeError
from voltomo.units import VoxelSize

__all__ = ["ArrayLike", "Channel", "ThroughPlane", "Volume", "as_zyx"]

ThroughPlane: TypeAlias = Literal["z", "y", "x", "unknown"]


@runtime_checkable
class ArrayLike(Protocol):
    """What artefacts hold: a NumPy, Zarr or Dask array, or a file read by region."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> np.dtype[Any]: ...

    def __getitem__(self, key: Any, /) -> Any: ...


@dataclass(frozen=True)
class Channel:
    """One channel of a (C, Z, Y, X) array, read (and, where the array allows it, written) by region as (Z, Y, X)."""

    source: ArrayLike
    index: int = 0

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.source.shape[1:])

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(self.source.dtype)

    def __getitem__(self, region: Any, /) -> npt.NDArray[Any]:
        region = region if isinstance(region, tuple) else (region,)
        return np.asarray(self.source[(self.index, *region)])

    def __setitem__(self, region: Any, value: Any, /) -> None:
        region = region if isinstance(region, tuple) else (region,)
        self.source[(self.index, *region)] = value  # type: ignore[index]  # a reader's array refuses by itself

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        return np.asarray(self[()], dtype=dtype)


def as_zyx(data: ArrayLike) -> Any:
    """(Z, Y, X) view of a (Y, X) NumPy image; a three-axis array-like as it is.

    Raises
    ------
    ShapeError
        If the array has fewer than two axes or more than three, or an axis is empty.
    """
    shape = tuple(data.shape)
    if len(shape) not in (2, 3) or 0 in shape:
        raise ShapeError(f"expected an image (Y, X) or a volume (Z, Y, X) that is not empty, found shape {shape}")
    return np.asarray(data)[None] if len(shape) == 2 else data


@dataclass(frozen=True)
class Volume:
    """A reconstructed grey volume, or a 2D image with Z = 1.

    Parameters
    ----------
    data : (C, Z, Y, X) array-like in the source dtype
    voxel_size : (dz, dy, dx) in m, or None where it is unknown
    channels : names of the C channels, such as "absorption" or "BSE"
    through_plane : the axis normal to the current collector
    mask : (Z, Y, X) array-like, 1 inside the field of view; None if all of it is
    name : where the data came from, for reports
    """

    data: ArrayLike
    voxel_size: VoxelSize | None = None
    channels: tuple[str, ...] = ("grey",)
    through_plane: ThroughPlane = "unknown"
    mask: ArrayLike | None = None
    name: str = "array"
    metadata: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.data.shape) != 4 or 0 in self.data.shape:
            raise ShapeError(f"a Volume holds (C, Z, Y, X) and is not empty, found shape {tuple(self.data.shape)}")
        if len(self.channels) != self.data.shape[0]:
            raise ShapeError(
                f"{self.data.shape[0]} channels in the data but {len(self.channels)} names {self.channels}"
            )
        if self.mask is not None and tuple(self.mask.shape) != self.shape:
            raise ShapeError(f"mask {tuple(self.mask.shape)} and volume {self.shape} differ in shape")

    @classmethod
    def from_array(cls, data: ArrayLike, *, voxel_size: VoxelSize | None = None, **fields: Any) -> Volume:
        """Volume of one channel from a plain (Y, X) or (Z, Y, X) array."""
        return cls(np.asarray(as_zyx(data))[None], voxel_size=voxel_size, **fields)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(Z, Y, X)."""
        _, z, y, x = self.data.shape
        return int(z), int(y), int(x)

    @property
    def dimension(self) -> int:
        """2 for a single section, 3 for a volume."""
        return 2 if self.shape[0] == 1 else 3

    def channel(self, index: int = 0) -> Channel:
        """One channel as a (Z, Y, X) array-like that reads by region."""
        return Channel(self.data, index)

    def with_voxel_size(self, voxel_size: VoxelSize | None) -> Volume:
        """The same data with another voxel size."""
        return replace(self, voxel_size=voxel_size)
