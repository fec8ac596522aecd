"""The grey level below which a voxel inside a particle counts as void."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["BINS", "VoidThreshold", "find_void_threshold", "grey_histogram", "triangle_threshold"]

BINS = 4096
"""Fine enough that a quantile read from the histogram is off by 1/4096 of the range of greys."""

_TRIANGLE_BINS = 256
"""As in the published method."""

_NOISE_WIDTHS = 4.0
"""A cut is at least this many noise widths below the mode: of Gaussian noise 3 voxels in 100000 lie beyond."""


class VoidThreshold(NamedTuple):
    """Where the cut lies and why.

    Parameters
    ----------
    cut : voxels darker than this are void; None if there is nothing to cut
    triangle : the cut of the triangle method alone
    mode : most frequent grey of the solid
    noise : width of the solid's greys, from the side that cracks do not reach
    """

    cut: float | None
    triangle: float | None = None
    mode: float | None = None
    noise: float | None = None


def grey_histogram(
    grey: npt.NDArray[Any], inside: npt.NDArray[np.bool_], *, low: float, high: float
) -> npt.NDArray[np.int64]:
    """Counts of the greys inside particles in `BINS` equal bins from `low` to `high`.

    Parameters
    ----------
    grey : (Z, Y, X) array
    inside : (Z, Y, X) bool array
    low, high : range; greys beyond it are counted in the outermost bins
    """
    values = grey[inside].astype(np.float64)
    values = values[np.isfinite(values)]
    bins = np.clip((values - low) * (BINS / (high - low)), 0, BINS - 1).astype(np.int64)
    return np.bincount(bins, minlength=BINS)


def find_void_threshold(counts: npt.NDArray[np.int64], *, low: float, high: float) -> VoidThreshold:
    """Cut between solid and void from the greys well inside all particles.

    The triangle method finds the foot of the dark flank of the solid's peak. On the greys of intact particles it finds
    the foot of the noise, and would call a percent of every particle void. So the cut is moved down, where needed, to
    four noise widths below the mode. The noise width comes from the bright flank, which cracks do not reach: 68.27 %
    of the voxels brighter than the mode lie within it.

    Parameters
    ----------
    counts : (BINS,) histogram from `low` to `high`

    Returns
    -------
    VoidThreshold
        `cut` is None where there are no counts or only one grey.

    References
    ----------
    .. [1] G. W. Zack, W. E. Rogers, S. A. Latt, Automatic measurement of sister chromatid exchange frequency,
       J. Histochem. Cytochem. 25 (1977) 741, doi 10.1177/25.7.70454: the triangle method.
    """
    total = counts.sum()
    if total == 0 or np.count_nonzero(counts) < 2:
        return VoidThreshold(None)
    centers = low + (np.arange(BINS, dtype=np.float64) + 0.5) * ((high - low) / BINS)
    cumulated = np.cumsum(counts) / total
    # A hot voxel would squeeze all others into a few bins: the method looks at all but 1 in 10000 on either side.
    first, last = np.searchsorted(cumulated, [1e-4, 1 - 1e-4])
    width = max(1, -(-int(last - first + 1) // _TRIANGLE_BINS))
    groups = counts[first : first + width * ((last - first) // width + 1)]
    groups = np.pad(groups, (0, -len(groups) % width)).reshape(-1, width).sum(axis=1)
    smooth = np.convolve(groups, np.ones(5) / 5, mode="same")
    peak = int(smooth.argmax())
    foot = triangle_threshold(smooth)

    def grey_at(group: float) -> float:
        return float(np.interp(first + (group + 0.5) * width - 0.5, np.arange(BINS), centers))

    mode, triangle = grey_at(peak), grey_at(foot)
    noise = _upper_width(counts, centers, mode)
    return VoidThreshold(min(triangle, mode - _NOISE_WIDTHS * noise), triangle, mode, noise)


def triangle_threshold(counts: npt.NDArray[np.float64]) -> int:
    """Foot of the lower flank of a histogram: the bin farthest below the line from its first bin to its peak."""
    peak = int(counts.argmax())
    if peak == 0:
        return 0
    x = np.arange(peak + 1) / peak
    y = counts[: peak + 1] / counts[peak]
    line = y[0] + (y[peak] - y[0]) * x
    return int((line - y).argmax())


def _upper_width(counts: npt.NDArray[np.int64], centers: npt.NDArray[np.float64], mode: float) -> float:
    """Distance from the mode that 68.27 % (one standard deviation of a Gaussian) of the brighter voxels keep to."""
    brighter = np.where(centers >= mode, counts, 0)
    cumulated = np.cumsum(brighter)
    if cumulated[-1] == 0:
        return 0.0
    return max(0.0, float(centers[np.searchsorted(cumulated, 0.6827 * cumulated[-1])]) - mode)
