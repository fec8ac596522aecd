"""How a number that no sum over voxels gives scatters between windows: apparent values on parts of one window.

The tortuosity factor of a part of a window differs from that of the window. Parts of several sizes show how the
variance falls with the volume, V^-γ; followed to the volume of the whole window it says how another window would
differ. That their mean changes with the size as well is a bias of small windows, which is told apart.

References
----------
.. [1] Kanit, Forest, Galliet, Mounoury and Jeulin, Determination of the size of the representative volume element for
   random composites, Int. J. Solids Struct. 40, 3647 (2003), doi 10.1016/S0020-7683(03)00143-4.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from scipy.stats import t as student

from voltomo.artifacts import UncertaintyPart

__all__ = [
    "DIVISIONS",
    "FEWEST_SIZES",
    "ApparentCurve",
    "PartValues",
    "SizeLaw",
    "fit_size_law",
    "parts_of_size",
    "size_bias",
    "window_part",
]

Region: TypeAlias = tuple[slice, slice, slice]

DIVISIONS = (2.0, 2.5, 3.0, 3.5, 2.75, 2.25)
"""Edges of the window / edges of a part, in the order in which sizes are tried. The first four hold 3.1 times the
voxels of the window; the last two take the place of sizes at which parts do not conduct."""
FEWEST_SIZES = 4
"""Sizes of parts without which no law is fitted."""

_USUAL_EXPONENT, _ITS_SPREAD = 1.0, 0.2
"""What is known of γ before: 1 where parts are independent (the law of large numbers), 0.6 to 1 in the literature [1].
Without this, four sizes of one window leave γ so open that intervals of no use follow."""
_SHARED = 0.75
"""Share of their degrees of freedom that four sizes keep, since all are cut from the same voxels. With it, intervals
held the truth as often as they should: ``benchmarks/bench_apparent.py``."""
_LEAST_EDGE = 8
"""Voxels along the shortest edge of a part."""
_WIDEST = 1.0
"""Half width of the interval, relative to the number, above which nothing is stated."""


@dataclass(frozen=True)
class PartValues:
    """Apparent values of the parts of one size.

    Parameters
    ----------
    division : edges of the window / edges of the parts
    share : volume of a part / volume of the window
    values : of each part, positive
    """

    division: float
    share: float
    values: tuple[float, ...]


@dataclass(frozen=True)
class SizeLaw:
    """How a number scatters with the size of the window: relative variance = spread² · (V₀/V)^exponent.

    Parameters
    ----------
    spread : standard deviation of the logarithm of the number, in windows of the size V₀ of this one
    exponent : γ
    freedom : degrees of freedom of the spread, of Student's t
    """

    spread: float
    exponent: float
    freedom: float

    @property
    def factor(self) -> float:
        """Half width of the 95 % interval / standard uncertainty."""
        return float(student.ppf(0.975, self.freedom))

    def share_for(self, tolerance: float) -> float:
        """Volume / that of this window, in which ± 1.96 standard deviations are a tolerance, relative."""
        return float((1.96 * self.spread / tolerance) ** (2 / self.exponent))


@dataclass(frozen=True)
class ApparentCurve:
    """Apparent values against the size of the window, and the law that was fitted to them.

    Parameters
    ----------
    name, phase, axis, statistic : of the measurement that it belongs to
    edges : of the parts, cube roots of their volumes, in m, or in voxels where the voxel size is unknown; rising; the
        whole window last
    counts : parts of each size
    means : of their values
    spreads : standard deviations of the logarithms of their values; of the whole window as the law says
    exponent : γ of the law
    """

    name: str
    phase: str
    axis: str
    statistic: str
    edges: tuple[float, ...]
    counts: tuple[int, ...]
    means: tuple[float, ...]
    spreads: tuple[float, ...]
    exponent: float

    def to_record(self) -> dict[str, Any]:
        """JSON-able."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in vars(self).items()}


def parts_of_size(shape: tuple[int, int, int], division: float) -> tuple[Region, ...]:
    """Disjoint parts of a window, with its edges divided by a number; none where they would be too small.

    Examples
    --------
    >>> [side.start for *_, side in parts_of_size((40, 40, 40), 2.5)][:2]
    [0, 24]
    """
    edges = [int(n / division) for n in shape]
    if min(edges) < _LEAST_EDGE:
        return ()
    count = int(division)
    starts = [[round(i * (n - edge) / (count - 1)) for i in range(count)] for n, edge in zip(shape, edges, strict=True)]
    return tuple(
        (slice(z, z + edges[0]), slice(y, y + edges[1]), slice(x, x + edges[2]))
        for z, y, x in itertools.product(*starts)
    )


def fit_size_law(sizes: Sequence[PartValues]) -> SizeLaw | None:
    """The law of the scatter, from parts of several sizes; None where parts of some size do not differ.

    Notes
    -----
    ln s² against ln V is a straight line, fitted by least squares with weights of half the degrees of freedom of each
    s² (the inverse of its variance), together with what is known of γ before.
    """
    variances = np.array([np.var(np.log(size.values), ddof=1) for size in sizes])
    if np.any(variances <= 0):
        return None
    weights = np.array([_SHARED * (len(size.values) - 1) / 2 for size in sizes])
    rise = -np.log([size.share for size in sizes])
    y = np.log(variances)
    known = 1 / _ITS_SPREAD**2
    normal = np.array(
        [[weights.sum(), weights @ rise], [weights @ rise, weights @ rise**2 + known]],
    )
    right = np.array([weights @ y, weights @ (rise * y) + known * _USUAL_EXPONENT])
    inverse = np.linalg.inv(normal)
    level, exponent = inverse @ right
    return SizeLaw(float(math.exp(level / 2)), float(exponent), float(max(1.0, 2 / inverse[0, 0])))


def size_bias(value: float, sizes: Sequence[PartValues]) -> float:
    """How much the number of the whole window is too large because it is a window of finite size.

    Parameters
    ----------
    value : of the whole window
    sizes : the parts

    Returns
    -------
    float
        In the unit of the number.

    Notes
    -----
    The mean of the parts less the number is followed as 1/V to an endless window: so the means of parts of overlapping
    balls and of Gaussian fields fell (a law of 1/edge would give 14 times as much, and did not fit).
    """
    excess = np.array([np.mean(size.values) - value for size in sizes])
    x = np.array([1 / size.share - 1 for size in sizes])
    return float(x @ excess / (x @ x))


def window_part(value: float, law: SizeLaw | None, sizes: Mapping[float, int]) -> tuple[UncertaintyPart, float]:
    """The representativity part of a budget, and half of its 95 % interval / its standard uncertainty.

    Parameters
    ----------
    value : of the whole window
    law : of the scatter; None where parts do not differ
    sizes : number of parts by division
    """
    name = "representativity"
    if law is None:
        return UncertaintyPart(name, note="not estimated: the parts of the window do not differ"), 0.0
    if law.factor * law.spread > _WIDEST:
        return UncertaintyPart(name, note="not estimated: the window is too small, its parts differ too much"), 0.0
    cuts = ", ".join(f"{count} of 1/{division:g}" for division, count in sizes.items())
    note = (
        f"apparent values on parts of the window ({cuts} of its edges); variance falls as V^-{law.exponent:.2f}; "
        f"Student's t with {law.freedom:.2g} degrees of freedom; for a window cut from a homogeneous sample"
    )
    return UncertaintyPart(name, abs(value) * law.spread, note=note), law.factor
