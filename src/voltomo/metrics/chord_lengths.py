"""The distribution of chord lengths, where the edge of the field of view cuts the long ones more often."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import Measurement
from voltomo.metrics.curves import SizeCurve
from voltomo.metrics.results import measured, withheld
from voltomo.metrics.sample import AXES, Sample

__all__ = ["ChordCounts", "chord_curves", "measure_chords", "share_up_to"]

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
    """

    counts: Counts
    axis: int
    pairs: int


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
    known: Floats = np.asarray(2.0 * whole, np.float64)
    seen: Floats = known + cut_once
    # Cut at a length means: longer than it, so that those cut there are still at risk there.
    at_risk: Floats = np.asarray(np.cumsum(seen[::-1])[::-1], np.float64)
    staying = np.where(at_risk > 0, 1 - known / np.maximum(at_risk, 1), 1.0)
    shares: Floats = 1 - np.cumprod(staying, dtype=np.float64)
    return shares


def measure_chords(chords: ChordCounts, sample: Sample) -> Iterator[Measurement]:
    """Mean and quantiles of the chord length of each phase along one axis."""
    edge = sample.edges[chords.axis]
    for phase, counts in zip(sample.phases, chords.counts, strict=True):
        words: dict[str, Any] = {"phase": phase.name, "axis": AXES[chords.axis]}
        ends = int(2 * counts[0].sum() + counts[1].sum())
        if ends < _FEWEST:
            reason = f"{ends} ends of chords lie inside the field of view; at least {_FEWEST} are needed"
            for statistic in ("mean, number-weighted", *(_label(share) for share in _SHARES)):
                yield withheld(sample, "chord_length", sample.unit(), reason=reason, statistic=statistic, **words)
            continue
        voxels = int((counts.sum(axis=0) * np.arange(counts.shape[1])).sum())
        # Content per voxel, over ends per pair of voxels: unbiased however the window cuts, also for chords longer
        # than the window.
        mean = 2 * (voxels / sample.voxels) / (ends / chords.pairs) * edge
        yield measured(
            sample,
            "chord_length",
            mean,
            sample.unit(),
            statistic="mean, number-weighted",
            method=_MEAN_METHOD,
            **words,
        )
        shares = share_up_to(counts[0], counts[1])
        for share in _SHARES:
            reached = np.flatnonzero(shares >= share - 1e-12)
            fields = words | {"statistic": _label(share), "method": _SHARE_METHOD}
            if len(reached):
                yield measured(sample, "chord_length", float(reached[0]) * edge, sample.unit(), **fields)
            else:
                reason = (
                    f"the edge cuts so many long chords that only {100 * shares[-1]:.0f} % of the distribution is seen"
                )
                yield withheld(sample, "chord_length", sample.unit(), reason=reason, **fields)


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
