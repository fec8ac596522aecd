"""How well a phase hangs together: what reaches through, what ends, what floats."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import Measurement
from voltomo.metrics.fractions import SliceCounts
from voltomo.metrics.results import measured, withheld
from voltomo.metrics.sample import AXES, Sample

__all__ = ["measure_connectivity", "reach"]

# Below this share of the fullest slice, a face of the box lies mostly outside the field of view (the side faces of a
# cylinder), and touching it says nothing about reaching through.
_LEAST_FACE = 0.5

_STATISTICS = ("both faces", "one face", "no face")


def measure_connectivity(
    sample: Sample,
    *,
    phase: str,
    neighbors: int,
    sizes: npt.NDArray[np.int64],
    touches: npt.NDArray[np.bool_],
    slices: SliceCounts,
) -> tuple[Measurement, ...]:
    """Connected fractions along each axis, number and largest of the components of one phase.

    Parameters
    ----------
    sample : region
    phase : name in the phase table
    neighbors : 6, 18 or 26; 4 or 8 in a section
    sizes : (N,) voxels of each component
    touches : (N, 6), whether it touches the low z, y, x and the high z, y, x face of the box
    slices : of the phase map, to know how much of each face lies inside the field of view

    Returns
    -------
    tuple of Measurement
        Along each axis three fractions that sum to 1.
    """
    words: dict[str, Any] = {"phase": phase, "method": f"{neighbors} neighbors"}
    numbers = [measured(sample, "component_count", len(sizes), "1", **words)]
    if not len(sizes):
        return (*numbers, withheld(sample, "largest_component_fraction", "1", reason=f"no voxel is {phase}", **words))
    numbers.append(measured(sample, "largest_component_fraction", int(sizes.max()) / int(sizes.sum()), "1", **words))
    for axis in sample.axes:
        reason = _hidden_face(axis, slices)
        for statistic, value in zip(_STATISTICS, reach(sizes, touches, axis=axis), strict=True):
            fields = {**words, "axis": axis, "statistic": statistic}
            if reason:
                numbers.append(withheld(sample, "connected_fraction", "1", reason=reason, **fields))
            else:
                numbers.append(measured(sample, "connected_fraction", value, "1", **fields))
    return tuple(numbers)


def reach(sizes: npt.NDArray[np.int64], touches: npt.NDArray[np.bool_], *, axis: str) -> tuple[float, float, float]:
    """Fractions of a phase in components that touch both faces across an axis, one of them, none.

    Examples
    --------
    >>> through, dead_end = [True] * 6, [True, False, False, False, False, False]
    >>> reach(np.array([30, 10]), np.array([through, dead_end]), axis="z")
    (0.75, 0.25, 0.0)
    """
    a = AXES.index(axis)
    faces = touches[:, a].astype(np.int64) + touches[:, a + 3]
    both, one, none = (int(sizes[faces == n].sum()) / int(sizes.sum()) for n in (2, 1, 0))
    return both, one, none


def _hidden_face(axis: str, slices: SliceCounts) -> str:
    """Why touching the faces across an axis means nothing here; empty where it does."""
    region = slices.along(axis).sum(axis=0)
    seen = min(int(region[0]), int(region[-1])) / int(region.max())
    if seen >= _LEAST_FACE:
        return ""
    return f"a face across {axis} lies mostly outside the field of view ({100 * seen:.0f} % of the fullest slice)"
