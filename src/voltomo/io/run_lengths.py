"""The loop that expands Amira's run lengths."""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

__all__ = ["expand_runs"]


@numba.njit(cache=True, nogil=True)
def expand_runs(
    packed: npt.NDArray[np.uint8], position: int, run: int, value: int, out: npt.NDArray[np.uint8]
) -> tuple[int, int, int, int]:
    """Fill a piece of unpacked bytes, beginning in the middle of a run if need be.

    Parameters
    ----------
    packed : packed bytes
    position : of the next packed byte
    run : bytes left of the current run; below 0 where they follow as they are, 0 where a new run begins
    value : of the current run
    out : to fill

    Returns
    -------
    int, int, int, int
        Bytes filled, and the new position, run and value. Less is filled than there is room only where `packed` ends.
    """
    filled = 0
    while filled < len(out):
        if run == 0:
            if position + 1 >= len(packed):
                break
            control = int(packed[position])
            if control < 128:
                run, value = control, int(packed[position + 1])
                position += 2
            else:
                run = 128 - control
                position += 1
        elif run > 0:
            out[filled] = value
            filled += 1
            run -= 1
        elif position == len(packed):
            break
        else:
            out[filled] = packed[position]
            filled += 1
            position += 1
            run += 1
    return filled, position, run, value
