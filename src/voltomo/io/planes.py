"""Which page of a file is which slice of which channel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from voltomo.errors import ReadError
from voltomo.io.calibration import describe_axes

__all__ = ["PlaneOrder", "order_planes"]


@dataclass(frozen=True)
class PlaneOrder:
    """Page numbers as a (C, Z) array, and what a user should know about how they were ordered."""

    pages: npt.NDArray[np.intp]
    notices: tuple[str, ...] = ()


def order_planes(names: Sequence[str], sizes: Sequence[int], *, source: str) -> PlaneOrder:
    """Pages in (C, Z) order from the axes of a file, slowest first.

    Parameters
    ----------
    names : one letter per axis: C channel, Z slice, T time, Q or I unnamed
    sizes : of those axes; their product is the number of pages
    source : the file, for messages

    Raises
    ------
    ReadError
        If more than one channel axis and one slice axis are longer than 1.
    """
    numbers = np.arange(int(np.prod(sizes)), dtype=np.intp).reshape(tuple(sizes))
    long = [i for i, size in enumerate(sizes) if size > 1]
    channels = [i for i in long if names[i] == "C"]
    slices = [i for i in long if names[i] != "C"]
    if len(channels) > 1 or len(slices) > 1:
        raise ReadError(
            f"{source} has the axes {describe_axes(names, sizes)}; expected slices and channels only. "
            "Save one time point, or one volume, as a file of its own"
        )
    notices: tuple[str, ...] = ()
    if slices and names[slices[0]] == "T":
        notices = (f"{sizes[slices[0]]} time points without a z axis were read as slices",)
    order = [*channels, *slices]
    rest = [i for i in range(len(sizes)) if i not in order]
    pages = numbers.transpose(*order, *rest).reshape([sizes[i] for i in order])
    if not channels:
        pages = pages[None]
    if not slices:
        pages = pages[..., None]
    return PlaneOrder(pages, notices)
