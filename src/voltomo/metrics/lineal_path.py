"""The lineal path: how likely a straight line of a length lies wholly in one phase.

On the lattice it follows exactly from the chords: a stretch of n voxels holds n - k lines of k steps between voxel
centres. Chords that the edge of the field of view cuts count with what is seen of them, and so do the lines of the
field of view itself, so that the share is that of all lines that lie inside it, whatever its shape.

References
----------
.. [1] B. Lu, S. Torquato, Lineal-path function for random heterogeneous materials, Phys. Rev. A 45 (1992) 922,
   doi 10.1103/PhysRevA.45.922.
.. [2] S. Torquato, B. Lu, Chord-length distribution function for two-phase random media, Phys. Rev. E 47 (1993) 2950,
   doi 10.1103/PhysRevE.47.2950.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import Measurement
from voltomo.metrics.chord_lengths import ChordCounts
from voltomo.metrics.correlation_rows import CorrelationCurve
from voltomo.metrics.results import measured, withheld
from voltomo.metrics.sample import AXES, Sample

__all__ = ["lineal_path", "lineal_path_curves", "lines_inside", "measure_lineal_path"]

Counts: TypeAlias = npt.NDArray[np.int64]
Floats: TypeAlias = npt.NDArray[np.float64]

_METHOD = "lineal path, all lines of the lattice inside the field of view"
_LEFT = 0.05
"""Share of the phase from which lines half as long as the field of view stay in it. Where the path falls exponentially,
the square of it, 0.25 % of the integral, lies beyond what is seen."""


def lines_inside(stretches: npt.ArrayLike) -> Counts:
    """Lines of 0, 1, 2 ... steps that lie in stretches of voxels.

    Parameters
    ----------
    stretches : (L + 1,) number of stretches of 0, 1, ... L voxels

    Returns
    -------
    (L,) int64

    Examples
    --------
    >>> lines_inside([0, 0, 0, 2])  # two stretches of three voxels
    array([6, 4, 2])
    """
    number = np.asarray(stretches, np.int64)
    longer = np.cumsum(number[::-1])[::-1]
    found: Counts = np.cumsum(longer[:0:-1])[::-1]
    return found


def lineal_path(stretches: npt.ArrayLike, of_region: npt.ArrayLike) -> Floats:
    """Probability L that a line of k steps lies wholly in the phase; L at no distance is the fraction.

    Parameters
    ----------
    stretches, of_region : (L + 1,) stretches of the phase and of the field of view, by voxels

    Returns
    -------
    (M,) float64
        Up to the longest line that the field of view holds.

    Notes
    -----
    Its second difference is the density of chords: L(k - 1) - 2·L(k) + L(k + 1) chords of k voxels per voxel, where no
    edge cuts them [2]_.

    Examples
    --------
    >>> lineal_path([0, 0, 1, 0, 0], [0, 0, 0, 0, 1]).round(4)  # a stretch of two in a line of four
    array([0.5   , 0.3333, 0.    , 0.    ])
    """
    own, whole = lines_inside(stretches), lines_inside(of_region)
    reach = int(np.count_nonzero(whole))
    found: Floats = own[:reach] / whole[:reach]
    return found


def measure_lineal_path(chords: ChordCounts, sample: Sample) -> Iterator[Measurement]:
    """The mean straight way to the end of each phase along one axis, ∫L dr / ε."""
    edge, axis = sample.edges[chords.axis], AXES[chords.axis]
    for phase, counts in zip(sample.phases, chords.counts, strict=True):
        words: dict[str, Any] = {"phase": phase.name, "axis": axis, "method": _METHOD}
        path = lineal_path(counts.sum(axis=0), chords.stretches)
        if not path[0]:
            reason = f"no voxel is {phase.name}"
            yield withheld(sample, "lineal_path_length", sample.unit(), reason=reason, **words)
            continue
        half = path[len(path) // 2] / path[0]
        if len(path) < 2 or half > _LEFT:
            reason = (
                f"lines half as long as the field of view still lie in {phase.name} for {100 * half:.2g} % of its "
                f"voxels (at most {100 * _LEFT:g} %): the longest ways are not seen"
            )
            yield withheld(sample, "lineal_path_length", sample.unit(), reason=reason, **words)
            continue
        length = float(np.trapezoid(path)) / float(path[0]) * edge
        yield measured(sample, "lineal_path_length", length, sample.unit(), **words)


def lineal_path_curves(chords: ChordCounts, sample: Sample) -> Iterator[CorrelationCurve]:
    """L of each phase over the distance, up to where no line is left."""
    edge = sample.edges[chords.axis]
    for phase, counts in zip(sample.phases, chords.counts, strict=True):
        path = lineal_path(counts.sum(axis=0), chords.stretches)
        if not path[0]:
            continue
        last = min(int(np.count_nonzero(path)), len(path) - 1)
        values = path[: last + 1]
        distances = tuple(float(k * edge) for k in range(last + 1))
        yield CorrelationCurve(phase.name, AXES[chords.axis], distances, tuple(map(float, values)), name="lineal_path")
