"""The distribution of chord lengths, where the edge of the field of view cuts the long ones more often."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.stats import t as student

from voltomo.artifacts import Measurement, UncertaintyPart
from voltomo.metrics.curves import SizeCurve
from voltomo.metrics.quantile_intervals import HIGHEST_SHARE, interval_with, missing_scatter, scatter_of_quantile
from voltomo.metrics.representativity import jackknife
from voltomo.metrics.results import measured, withheld
from voltomo.metrics.sample import AXES, Sample

__all__ = ["ChordCounts", "PartSums", "chord_curves", "measure_chords", "share_up_to"]

Counts: TypeAlias = npt.NDArray[np.int64]
Floats: TypeAlias = npt.NDArray[np.float64]

_SHARES = (0.1, 0.5, 0.9)
_FEWEST = 30
"""Chord ends below which nothing is given: three chords lie below D10 then."""
_MEAN_METHOD = "content / number of chord ends, both per length of line"
_SHARE_METHOD = "Kaplan-Meier over chords cut by the edge"


@dataclass(frozen=True)
class ChordCounts:
    """Chords along one axis.

    Parameters
    ----------
    counts : (K, 3, L) int64, of `voltomo.metrics.chords.count_chords` over the whole volume
    axis : 0, 1 or 2
    pairs : pairs of neighboring voxels inside the field of view along the axis
    stretches : (L,) stretches of the field of view by length in voxels
    ends : (P, K, 2, L) visible ends of chords in each part of the window, by whether the other end is cut
    """

    counts: Counts
    axis: int
    pairs: int
    stretches: Counts
    ends: Counts


@dataclass(frozen=True)
class PartSums:
    """What the mean chord is made of, in each of P parts of the window that hold voxels.

    Parameters
    ----------
    voxels : (P, K) of each phase
    ends : (P, K) ends of chords of each phase along the axis
    pairs : (P,) pairs of neighbors along the axis
    numbers : (P,) of the parts, as in `ChordCounts.ends`
    """

    voxels: Counts
    ends: Counts
    pairs: Counts
    numbers: tuple[int, ...]


def share_up_to(whole: Counts, cut_once: Counts) -> Floats:
    """Share of chords that are at most so long, by number (Kaplan-Meier).

    Each visible end of a chord is an observation of its length from there: known where the other end is visible too,
    and longer than what is seen where the edge cuts it. Where the edge lies does not depend on the chord.

    Parameters
    ----------
    whole, cut_once : (L,) chords by length, none or one of whose ends is cut

    Returns
    -------
    (L,) float64
        It stays below 1 where the longest chords are all cut.

    References
    ----------
    .. [1] E. L. Kaplan, P. Meier, Nonparametric estimation from incomplete observations, J. Am. Stat. Assoc. 53 (1958)
       457, doi 10.1080/01621459.1958.10501452.

    Examples
    --------
    >>> share_up_to(np.array([0, 1, 1, 0]), np.array([0, 0, 2, 0]))
    array([0.        , 0.33333333, 0.66666667, 0.66666667])
    """
    return _share_from_ends(np.asarray(2 * whole, np.int64), np.asarray(cut_once, np.int64))


def _share_from_ends(whole: Counts, cut: Counts) -> Floats:
    """The same from the visible ends of chords whose other end is visible, or cut."""
    known: Floats = np.asarray(whole, np.float64)
    seen: Floats = known + cut
    # Cut at a length means: longer than it, so that those cut there are still at risk there.
    at_risk: Floats = np.asarray(np.cumsum(seen[::-1])[::-1], np.float64)
    staying = np.where(at_risk > 0, 1 - known / np.maximum(at_risk, 1), 1.0)
    shares: Floats = 1 - np.cumprod(staying, dtype=np.float64)
    return shares


def measure_chords(chords: ChordCounts, sample: Sample, *, parts: PartSums | None = None) -> Iterator[Measurement]:
    """Mean and quantiles of the chord length of each phase along one axis.

    Parameters
    ----------
    chords, sample : of the map
    parts : where given, the parts of the window tell the representativity; the window must hold enough of them
    """
    for row, phase in enumerate(sample.phases):
        counts, words = chords.counts[row], {"phase": phase.name, "axis": AXES[chords.axis]}
        ends = int(2 * counts[0].sum() + counts[1].sum())
        if ends < _FEWEST:
            reason = f"{ends} ends of chords lie inside the field of view; at least {_FEWEST} are needed"
            for statistic in ("mean, number-weighted", *(_label(share) for share in _SHARES)):
                fields: dict[str, Any] = words | {"statistic": statistic}
                yield withheld(sample, "chord_length", sample.unit(), reason=reason, **fields)
            continue
        yield _mean(chords, sample, row, ends, parts, words)
        yield from _quantiles(chords, sample, row, parts.numbers if parts else (), words)


def _mean(
    chords: ChordCounts, sample: Sample, row: int, ends: int, parts: PartSums | None, words: dict[str, Any]
) -> Measurement:
    """Content per voxel, over ends per pair of voxels: unbiased however the window cuts."""
    edge = sample.edges[chords.axis]
    counts = chords.counts[row]
    voxels = int((counts.sum(axis=0) * np.arange(counts.shape[1])).sum())
    mean = 2 * (voxels / sample.voxels) / (ends / chords.pairs) * edge
    found: tuple[UncertaintyPart, ...] = ()
    interval = None
    if parts is not None:
        region = parts.voxels.sum(axis=1)
        left = [voxels - parts.voxels[:, row], sample.voxels - region, ends - parts.ends[:, row]]
        if min(map(np.min, left)) > 0:
            without = 2 * (left[0] / left[1]) / (left[2] / (chords.pairs - parts.pairs)) * edge
            if (u := jackknife(without)) is not None:
                freedom = len(without) - 1
                note = (
                    f"spread when each of {len(without)} parts of the window is left out; Student's t with {freedom} "
                    "degrees of freedom; for a window cut from a homogeneous sample"
                )
                found = (UncertaintyPart("representativity", u, note=note),)
                half = float(student.ppf(0.975, freedom)) * u
                interval = max(0.0, mean - half), mean + half
    fields = words | {"statistic": "mean, number-weighted", "method": _MEAN_METHOD}
    return measured(sample, "chord_length", mean, sample.unit(), parts=found, interval=interval, **fields)


def _quantiles(
    chords: ChordCounts, sample: Sample, row: int, numbers: tuple[int, ...], words: dict[str, Any]
) -> Iterator[Measurement]:
    edge, counts = sample.edges[chords.axis], chords.counts[row]
    shares = share_up_to(counts[0], counts[1])
    ends = chords.ends[:, row].sum(axis=0)
    without = [_share_from_ends(*(ends - chords.ends[i, row])) for i in numbers]
    # A chord of n voxels is n ± 1 long; the share up to n is read off half a voxel beyond it.
    sizes: Floats = np.asarray((np.arange(len(shares)) + 0.5) * edge, np.float64)
    for share in _SHARES:
        fields = words | {"statistic": _label(share), "method": _SHARE_METHOD}
        reached = np.flatnonzero(shares >= share - 1e-12)
        if not len(reached):
            reason = f"the edge cuts so many long chords that only {100 * shares[-1]:.0f} % of the distribution is seen"
            yield withheld(sample, "chord_length", sample.unit(), reason=reason, **fields)
            continue
        value = float(reached[0]) * edge
        if numbers and share > HIGHEST_SHARE:
            yield measured(sample, "chord_length", value, sample.unit(), parts=(missing_scatter(),), **fields)
            continue
        scatter = scatter_of_quantile(sizes, shares, without, share) if numbers else None
        if scatter is None:
            yield measured(sample, "chord_length", value, sample.unit(), **fields)
            continue
        rounding = UncertaintyPart("discretization", edge / math.sqrt(12), note="lengths are whole numbers of voxels")
        interval = interval_with(value, 2 * edge / math.sqrt(12), scatter)
        found = (scatter.part, rounding)
        yield measured(sample, "chord_length", value, sample.unit(), parts=found, interval=interval, **fields)


def chord_curves(chords: ChordCounts, sample: Sample) -> Iterator[SizeCurve]:
    """Share of chords up to each length, for each phase with enough of them."""
    edge = sample.edges[chords.axis]
    for phase, counts in zip(sample.phases, chords.counts, strict=True):
        if 2 * counts[0].sum() + counts[1].sum() < _FEWEST:
            continue
        last = int(np.flatnonzero(counts[:2].sum(axis=0))[-1])
        shares = share_up_to(counts[0], counts[1])[: last + 1]
        sizes = tuple(edge * np.arange(last + 1))
        yield SizeCurve("chord_length", phase.name, AXES[chords.axis], "number", sizes, tuple(shares))


def _label(share: float) -> str:
    return f"D{100 * share:.0f}, number-weighted"
