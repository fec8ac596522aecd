"""How well one window stands for the sample it was cut from: the scatter between its parts.

Parts of a window differ from each other as windows differ from each other, only more. Cut into M parts, a fraction has
the standard uncertainty of the mean of M values, as long as the parts are larger than the structure. Two ways to cut
are compared and the larger uncertainty is taken: few parts scatter by chance, many parts resemble their neighbors.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import t as student

from voltomo.artifacts import UncertaintyPart

__all__ = [
    "CUTS",
    "TOO_SMALL",
    "Scatter",
    "jackknife",
    "part_number",
    "part_places",
    "parts_of",
    "piece_bounds",
    "piece_counts",
    "scatter_of_fraction",
]

# Both cuts are made of whole pieces, so that one count serves them.
_PIECES = {3: 6, 2: 12}
CUTS = {3: (2, 3), 2: (3, 4)}
"""Parts along each axis, for the two ways in which a volume and a section are cut."""


@dataclass(frozen=True)
class Scatter:
    """What a window of this size leaves open.

    Parameters
    ----------
    part : the representativity part of an uncertainty budget
    factor : half width of the 95 % interval / standard uncertainty (Student)
    """

    part: UncertaintyPart
    factor: float

    def interval(self, value: float) -> tuple[float, float]:
        """95 % interval of a fraction, within 0 and 1."""
        half = self.factor * (self.part.standard_uncertainty or 0.0)
        return max(0.0, value - half), min(1.0, value + half)


TOO_SMALL = Scatter(
    UncertaintyPart(
        "representativity",
        note="not estimated: the window holds too few integral ranges for its parts to be independent; see "
        "integral_range",
    ),
    factor=0.0,
)
"""In place of a scatter that cannot be told: between the parts of windows of 1.2 particle diameters of a synthetic
electrode, intervals held the fraction in 84 %."""


def piece_counts(shape: tuple[int, int, int]) -> tuple[int, int, int]:
    """Pieces along each axis: 6 in a volume, 12 in a section and 1 across it.

    Examples
    --------
    >>> piece_counts((1, 300, 300))
    (1, 12, 12)
    """
    pieces = _PIECES[2 if shape[0] == 1 else 3]
    return (1 if shape[0] == 1 else pieces), pieces, pieces


def piece_bounds(length: int, pieces: int) -> npt.NDArray[np.int64]:
    """(pieces + 1,) indices between which the pieces of an axis lie.

    Examples
    --------
    >>> piece_bounds(20, 6)
    array([ 0,  3,  6, 10, 13, 16, 20])
    """
    return np.arange(pieces + 1, dtype=np.int64) * length // pieces


def scatter_of_fraction(chosen: npt.NDArray[np.int64], region: npt.NDArray[np.int64]) -> Scatter | None:
    """Uncertainty of a fraction because the sample goes on beyond the window.

    Parameters
    ----------
    chosen : (6, 6, 6) or (1, 12, 12) int64
        Voxels of the phase in each piece of the window.
    region : like `chosen`
        Voxels inside the field of view in each piece.

    Returns
    -------
    Scatter or None
        None where nothing scatters (one phase only) or fewer than four parts hold voxels.

    Notes
    -----
    Parts hold different numbers of voxels where the field of view is masked: the variance is that of a ratio [1]_. It
    stands for a window cut at random from a homogeneous sample, and knows nothing of gradients beyond the window. On
    overlapping balls it holds the true fraction in 93 to 98 % of windows down to a window of 2.7 ball diameters. The
    integral range follows as A₃ = u²·V / (ε(1 - ε)) [2]_.

    References
    ----------
    .. [1] W. G. Cochran, Sampling Techniques, 3rd ed., Wiley (1977), ch. 6.
    .. [2] C. Lantuéjoul, Ergodicity and integral range, J. Microsc. 161 (1991) 387-403.
    """
    found = [_cut(chosen, region, cuts) for cuts in CUTS[2 if len(chosen) == 1 else 3]]
    (_, coarse_parts), (_, fine_parts) = found
    u = max(spread for spread, _ in found)
    if u == 0 or coarse_parts < 4:
        return None
    note = (
        f"scatter between {coarse_parts} and between {fine_parts} parts of the window, the larger of both; Student's t "
        f"with {coarse_parts - 1} degrees of freedom; for a window cut from a homogeneous sample"
    )
    return Scatter(UncertaintyPart("representativity", u, note=note), float(student.ppf(0.975, coarse_parts - 1)))


def _cut(chosen: npt.NDArray[np.int64], region: npt.NDArray[np.int64], cuts: int) -> tuple[float, int]:
    """Standard uncertainty from the parts that a cut gives, and their number."""
    some, all_ = parts_of(chosen, cuts), parts_of(region, cuts)
    some, all_ = some[all_ > 0], all_[all_ > 0]
    count = len(all_)
    if count < 2:
        return 0.0, count
    residual = some - all_ * (some.sum() / all_.sum())
    return float(np.sqrt(np.sum(residual**2) / (count * (count - 1))) / all_.mean()), count


def part_number(index: tuple[int, int, int], shape: tuple[int, int, int]) -> int:
    """The part of the coarser cut that a piece belongs to: 0 to 7, or 0 to 8 in a section.

    Examples
    --------
    >>> part_number((5, 0, 3), (60, 60, 60))
    5
    """
    counts, cuts = piece_counts(shape), CUTS[2 if shape[0] == 1 else 3][0]
    place = [i * cuts // n if n > 1 else 0 for i, n in zip(index, counts, strict=True)]
    return int(np.ravel_multi_index(place, [cuts if n > 1 else 1 for n in counts]))


def part_places(shape: tuple[int, int, int]) -> tuple[npt.NDArray[np.int64], ...]:
    """Where the parts of the coarser cut lie: the part of a voxel is the sum of its three entries.

    Examples
    --------
    >>> z, y, x = part_places((60, 60, 60))
    >>> int(z[50] + y[2] + x[31]) == part_number((5, 0, 3), (60, 60, 60))
    True
    """
    counts, cuts = piece_counts(shape), CUTS[2 if shape[0] == 1 else 3][0]
    places = []
    for axis, (length, count) in enumerate(zip(shape, counts, strict=True)):
        piece = np.searchsorted(piece_bounds(length, count), np.arange(length), side="right") - 1
        place = piece * cuts // count if count > 1 else np.zeros(length, np.int64)
        places.append(np.asarray(place * cuts ** (2 - axis), np.int64))
    return tuple(places)


def jackknife(without: npt.ArrayLike) -> float | None:
    """Standard uncertainty of a number from its values with each of M parts of the window left out.

    Parameters
    ----------
    without : (M,) the value without each part

    Returns
    -------
    float or None
        √((M - 1)/M · Σ(θ - mean)²); None where nothing scatters.

    Notes
    -----
    Of a density, a sum over the window / its volume, this is the variance of the block bootstrap without its random
    numbers [1]_; of ratios of densities it is right to first order.

    References
    ----------
    .. [1] H. R. Künsch, The jackknife and the bootstrap for general stationary observations, Ann. Stat. 17 (1989) 1217.
    """
    values = np.asarray(without, np.float64)
    found = float(np.sqrt((len(values) - 1) / len(values) * np.sum((values - values.mean()) ** 2)))
    return found if found > 0 else None


def parts_of(pieces: npt.NDArray[np.int64], cuts: int) -> npt.NDArray[np.float64]:
    """Sums of the pieces over `cuts` equal parts along each axis of more than one piece."""
    for axis, n in enumerate(pieces.shape):
        if n > 1:
            pieces = np.add.reduceat(pieces, np.arange(cuts) * (n // cuts), axis=axis)
    return pieces.ravel().astype(np.float64)
