"""Cuts between grey classes, found from a histogram.

A cut is the largest grey value of the class below it: a voxel belongs to class k when k cuts lie below its grey value.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numba
import numpy as np
import numpy.typing as npt

from voltomo.errors import GateError, InputError
from voltomo.segmentation.histogram import Histogram, grey_array

__all__ = [
    "between_class_share",
    "class_shares",
    "classify",
    "cuts_for_fractions",
    "multi_otsu_cuts",
    "otsu_cut",
    "triangle_cut",
]

Array: TypeAlias = npt.NDArray[Any]
Floats: TypeAlias = npt.NDArray[np.float64]

COARSE_BINS = 256
"""Bins in which floats are cut, and in which the triangle method looks at the shape of any histogram.

256 is what Fiji and scikit-image take, so that a cut can be compared with theirs. Integers are cut at their levels.
"""


def otsu_cut(histogram: Histogram) -> float:
    """The cut that makes two classes as different as they can be.

    Parameters
    ----------
    histogram : of the voxels inside the field of view

    Returns
    -------
    float
        Maximises the between-class variance; the lowest such cut where several are equal.

    Raises
    ------
    GateError
        If there is one grey value only.

    References
    ----------
    .. [1] N. Otsu, A threshold selection method from gray-level histograms, IEEE Trans. Syst. Man Cybern. 9 (1979)
       62-66, doi:10.1109/TSMC.1979.4310076.
    """
    counts, centers, uppers = _cuttable(histogram, 2)
    below = np.cumsum(counts)[:-1]
    sums = np.cumsum(counts * centers)
    mean_below = sums[:-1] / below
    mean_above = (sums[-1] - sums[:-1]) / (histogram.total - below)
    variance = below * (histogram.total - below) * (mean_above - mean_below) ** 2
    return float(uppers[int(np.argmax(variance))])


def multi_otsu_cuts(histogram: Histogram, classes: int) -> tuple[float, ...]:
    """The cuts that make several classes as different as they can be; the exact optimum.

    Parameters
    ----------
    histogram : of the voxels inside the field of view
    classes : 2 or more

    Returns
    -------
    (classes - 1) rising cuts

    Raises
    ------
    GateError
        If there are fewer grey values than classes.

    Notes
    -----
    Dynamic programming over the bins. The best last cut moves up with the upper end of the range, which lets each
    layer be filled by divide and conquer in O(N log N).

    References
    ----------
    .. [1] P.-S. Liao, T.-S. Chen, P.-C. Chung, A fast algorithm for multilevel thresholding, J. Inf. Sci. Eng. 17
       (2001) 713-727 (the criterion).
    .. [2] X. Wu, Optimal quantization by matrix searching, J. Algorithms 12 (1991) 663-673,
       doi:10.1016/0196-6774(91)90039-2 (the search).
    """
    if classes < 2:
        raise InputError(f"expected 2 or more classes, found {classes}")
    counts, centers, uppers = _cuttable(histogram, classes)
    weights = np.concatenate(([0.0], np.cumsum(counts)))
    sums = np.concatenate(([0.0], np.cumsum(counts * centers)))
    ends = _best_ends(weights, sums, classes)
    return tuple(float(uppers[end - 1]) for end in ends)


def triangle_cut(histogram: Histogram) -> float:
    """The cut at the foot of a single peak: farthest from the line that joins the peak to the end of the longer tail.

    For a histogram with one dominant peak, where Otsu would split the peak.

    References
    ----------
    .. [1] G. W. Zack, W. E. Rogers, S. A. Latt, Automatic measurement of sister chromatid exchange frequency,
       J. Histochem. Cytochem. 25 (1977) 741-753, doi:10.1177/25.7.70454.
    """
    _cuttable(histogram, 2)
    grouped = histogram.grouped(COARSE_BINS)
    filled = grouped.filled
    counts = grouped.counts[filled[0] : filled[-1] + 1]
    uppers = grouped.rule.edges[filled[0] + 1 : filled[-1] + 2]
    peak = int(np.argmax(counts))
    tail_is_below = peak > len(counts) - 1 - peak
    profile = (counts[: peak + 1][::-1] if tail_is_below else counts[peak:]).astype(np.float64)
    along = np.arange(len(profile)) / (len(profile) - 1)
    depth = profile[0] + (profile[-1] - profile[0]) * along - profile  # proportional to the distance from the line
    foot = int(np.argmax(depth))
    # The foot belongs to the peak; what lies beyond it, on the side of the tail, is the other class.
    last_below = peak - foot - 1 if tail_is_below else peak + foot
    last_below = min(max(last_below, 0), len(counts) - 2)
    cut = float(uppers[last_below])
    return float(np.floor(cut)) if histogram.rule.is_exact else cut


def cuts_for_fractions(histogram: Histogram, fractions: Sequence[float]) -> tuple[float, ...]:
    """The cuts whose classes come closest to given volume fractions.

    Parameters
    ----------
    histogram : of the voxels inside the field of view
    fractions : of the classes by rising grey; they sum to 1

    Returns
    -------
    (len(fractions) - 1) rising cuts
        Each puts the share below it as near to the wanted one as whole grey levels allow.

    Raises
    ------
    InputError
        If the fractions are not positive or do not sum to 1.
    GateError
        If two cuts fall onto the same grey level.
    """
    if len(fractions) < 2 or min(fractions) <= 0 or abs(sum(fractions) - 1) > 1e-3:
        raise InputError(f"expected two or more positive phase fractions that sum to 1, found {list(fractions)}")
    filled = histogram.filled
    shares = np.cumsum(histogram.counts[filled])[:-1] / histogram.total
    uppers = _uppers(histogram)[filled]
    if len(uppers) < len(fractions):
        raise GateError(
            f"{len(fractions)} classes need as many grey values, found {len(uppers)}; ask for fewer classes"
        )
    wanted = np.cumsum(fractions)[:-1] / sum(fractions)
    bins = [int(np.argmin(np.abs(shares - share))) for share in wanted]
    if len(set(bins)) != len(bins):
        raise GateError(
            f"the grey levels are too coarse for the fractions {list(fractions)}: two cuts fall onto grey "
            f"{uppers[bins[0]]:g}; denoise first, or give the cuts"
        )
    return tuple(float(uppers[i]) for i in bins)


def class_shares(histogram: Histogram, cuts: Sequence[float]) -> Floats:
    """Share of the voxels in each class; (len(cuts) + 1,), sums to 1."""
    index = np.searchsorted(np.asarray(cuts, np.float64), histogram.rule.centers, side="left")
    return np.bincount(index, weights=histogram.counts, minlength=len(cuts) + 1) / float(histogram.total)


def between_class_share(histogram: Histogram, cuts: Sequence[float]) -> float:
    """Between-class variance over total variance, 0 to 1: how far apart the classes are (Otsu's η)."""
    centers, counts = histogram.rule.centers, histogram.counts
    index = np.searchsorted(np.asarray(cuts, np.float64), centers, side="left")
    centers = centers - centers[0]
    weights = np.bincount(index, weights=counts)
    means = np.bincount(index, weights=counts * centers) / np.maximum(weights, 1)
    mean = float((counts * centers).sum() / counts.sum())
    total = float((counts * (centers - mean) ** 2).sum())
    return float((weights * (means - mean) ** 2).sum() / total) if total > 0 else 0.0


def classify(values: Array, cuts: Sequence[float], ids: Sequence[int], inside: Array) -> npt.NDArray[np.uint8]:
    """Phase ids from grey values and cuts.

    Parameters
    ----------
    values : array of grey values
    cuts : rising
    ids : phase id of each class by rising grey, one more than there are cuts
    inside : uint8 array of the same shape; where it is 0, the result is 0

    Returns
    -------
    uint8 array of the same shape
    """
    out = np.zeros(values.shape, np.uint8)
    codes = np.asarray(ids, np.uint8)
    flat = np.ascontiguousarray(inside).ravel()
    _classify_kernel(grey_array(values).ravel(), np.asarray(cuts, np.float64), codes, flat, out.ravel())
    return out


def _uppers(histogram: Histogram) -> Floats:
    """Largest grey value of each bin."""
    return histogram.rule.centers if histogram.rule.is_exact else histogram.rule.edges[1:]


def _cuttable(histogram: Histogram, classes: int) -> tuple[Floats, Floats, Floats]:
    """Counts, grey values from the lowest one, and cuts after the filled bins; refuses fewer grey values than classes.

    Grey values count from the lowest one: a variance does not change, and no digits are lost far from zero. Empty bins
    are left out: no cut depends on them.
    """
    filled = histogram.filled
    if filled.size == 1:
        raise GateError(
            f"every voxel has the grey value {histogram.rule.centers[filled[0]]:g}; there is nothing to segment. "
            "Is this the right file or channel?",
            gate="constant",
        )
    if not histogram.rule.is_exact:
        histogram = histogram.grouped(COARSE_BINS)
        filled = histogram.filled
    if filled.size < classes:
        raise GateError(f"{classes} classes need as many grey values, found {filled.size}; ask for fewer classes")
    centers = histogram.rule.centers[filled]
    cuts = centers.copy()
    if not histogram.rule.is_exact:
        # A cut through a bin, as in scikit-image; but where empty bins follow, it goes through the middle of the gap.
        gaps = np.flatnonzero(np.diff(filled) > 1)
        edges = histogram.rule.edges
        cuts[gaps] = (edges[filled[gaps] + 1] + edges[filled[gaps + 1]]) / 2
    return histogram.counts[filled].astype(np.float64), centers - centers[0], cuts


@numba.njit(cache=True, nogil=True)
def _best_ends(weights: Array, sums: Array, classes: int) -> Array:
    """Ends (exclusive) of the first classes - 1 classes that maximise the sum of S²/W; weights, sums: (N + 1,)."""
    n = weights.size - 1
    score = np.full(n + 1, -np.inf)
    for j in range(1, n + 1):
        score[j] = sums[j] * sums[j] / weights[j]
    choice = np.zeros((classes, n + 1), np.int64)
    stack = np.empty((128, 4), np.int64)
    for k in range(1, classes):
        fresh = np.full(n + 1, -np.inf)
        stack[0, 0], stack[0, 1], stack[0, 2], stack[0, 3] = k + 1, n, k, n - 1
        depth = 1
        while depth > 0:
            depth -= 1
            first, last, low, high = stack[depth, 0], stack[depth, 1], stack[depth, 2], stack[depth, 3]
            middle = (first + last) // 2
            best, where = -np.inf, low
            for i in range(low, min(high, middle - 1) + 1):
                gap = sums[middle] - sums[i]
                value = score[i] + gap * gap / (weights[middle] - weights[i])
                if value > best:
                    best, where = value, i
            fresh[middle] = best
            choice[k, middle] = where
            if first < middle:
                stack[depth, 0], stack[depth, 1], stack[depth, 2], stack[depth, 3] = first, middle - 1, low, where
                depth += 1
            if middle < last:
                stack[depth, 0], stack[depth, 1], stack[depth, 2], stack[depth, 3] = middle + 1, last, where, high
                depth += 1
        score = fresh
    ends = np.empty(classes - 1, np.int64)
    end = n
    for k in range(classes - 1, 0, -1):
        end = choice[k, end]
        ends[k - 1] = end
    return ends


@numba.njit(cache=True, nogil=True)
def _classify_kernel(values: Array, cuts: Array, codes: Array, inside: Array, out: Array) -> None:
    """Count the cuts below each value."""
    for i in range(values.size):
        if inside[i]:
            value = float(values[i])
            k = 0
            for j in range(cuts.size):
                if value > cuts[j]:
                    k += 1
            out[i] = codes[k]
