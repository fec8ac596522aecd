"""A shape with nothing to read, for steps that make values from places alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from voltomo.blocks import Region

__all__ = ["Blank"]


@dataclass(frozen=True)
class Blank:
    """The place where values will be: a source for `Workspace.map` that gives blocks their shape."""

    shape: tuple[int, ...]

    @property
    def dtype(self) -> np.dtype[np.uint8]:
        return np.dtype(np.uint8)

    def __getitem__(self, region: Region) -> npt.NDArray[np.uint8]:
        return np.broadcast_to(np.uint8(0), tuple(axis.stop - axis.start for axis in region))
