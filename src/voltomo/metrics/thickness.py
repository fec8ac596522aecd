"""The continuous size distribution of each phase, from counts of voxels by local thickness."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import Measurement, UncertaintyPart
from voltomo.metrics.curves import SizeCurve
from voltomo.metrics.opening import BINS_PER_EDGE
from voltomo.metrics.quantile_intervals import HIGHEST_SHARE, interval_with, missing_scatter, scatter_of_quantile
from voltomo.metrics.results import measured, withheld
from voltomo.metrics.sample import Sample

__all__ = ["measure_thickness", "thickness_curves", "withhold_thickness"]

Floats: TypeAlias = npt.NDArray[np.float64]

_SHARES = (0.1, 0.5, 0.9)
_METHOD = "largest inscribed balls, all radii"
_EDGE_NOTE = "balls may reach over the faces of the box: near them widths are upper limits"


def measure_thickness(
    counts: npt.NDArray[np.int64], sample: Sample, *, parts: Sequence[npt.NDArray[np.int64]] = ()
) -> Iterator[Measurement]:
    """D10, D50 and D90 of the local thickness of each phase, weighted by content.

    Parameters
    ----------
    counts : (K, M) int64, of `voltomo.metrics.opening.count_thickness` for the phases of the sample
    sample : window and units
    parts : the same counts in each part of the window, where their spread tells the representativity
    """
    edge = _shortest_edge(sample)
    # Right to a voxel either way: an even slit comes out exact, an odd one a voxel wide, a ball 0.8 voxels narrow.
    spread = math.prod(sample.edges[3 - sample.dimension :]) ** (1 / sample.dimension) / math.sqrt(3)
    part = UncertaintyPart("discretization", spread, note="a voxel either way: slits come out wide, balls narrow")
    for k, (phase, row) in enumerate(zip(sample.phases, counts, strict=True)):
        if not row.any():
            yield from _withheld_rows(sample, phase.name, f"no voxel is {phase.name}")
            continue
        shares, without = _shares(row), [_shares(row - one[k]) for one in parts]
        # As in `weighted_quantiles`: the first class that reaches the share.
        cumulated = np.cumsum(row)
        for share in _SHARES:
            place = int(np.searchsorted(cumulated, share * cumulated[-1] * (1 - 1e-12)))
            value = place * edge / BINS_PER_EDGE
            words: dict[str, Any] = {"statistic": _label(share, sample), "method": f"{_METHOD}; {_EDGE_NOTE}"}
            is_known = bool(without) and share <= HIGHEST_SHARE
            scatter = scatter_of_quantile(_ends(row, edge), shares, without, share) if is_known else None
            found = (part,) if scatter is None else (scatter.part, part)
            found = (missing_scatter(), *found) if without and not is_known else found
            interval = interval_with(value, 2 * spread, scatter)
            yield measured(
                sample,
                "local_thickness",
                value,
                sample.unit(),
                phase=phase.name,
                parts=found,
                interval=interval,
                **words,
            )


def withhold_thickness(sample: Sample, reason: str) -> Iterator[Measurement]:
    """The rows without values."""
    for phase in sample.phases:
        yield from _withheld_rows(sample, phase.name, reason)


def thickness_curves(counts: npt.NDArray[np.int64], sample: Sample) -> Iterator[SizeCurve]:
    """Share of each phase up to each local thickness, in steps of one shortest voxel edge."""
    edge = _shortest_edge(sample)
    for phase, row in zip(sample.phases, counts, strict=True):
        if not row.any():
            continue
        last = int(np.flatnonzero(row)[-1])
        steps = np.arange(0, last + BINS_PER_EDGE, BINS_PER_EDGE)
        cumulated = np.concatenate([[0.0], np.cumsum(row) / row.sum()])
        # Up to and with a class, so that the last step holds all.
        shares = cumulated[np.minimum(steps + 1, len(row))]
        weighting = "volume" if sample.dimension == 3 else "area"
        yield SizeCurve(
            "local_thickness", phase.name, "", weighting, tuple(steps * edge / BINS_PER_EDGE), tuple(shares)
        )


def _shares(row: npt.NDArray[np.int64]) -> Floats:
    """Share of the voxels up to and with each class."""
    return np.asarray(np.cumsum(row) / max(int(row.sum()), 1), np.float64)


def _ends(row: npt.NDArray[np.int64], edge: float) -> Floats:
    """Diameters up to which the classes reach."""
    return np.asarray((np.arange(len(row)) + 0.5) * edge / BINS_PER_EDGE, np.float64)


def _withheld_rows(sample: Sample, phase: str, reason: str) -> Iterator[Measurement]:
    for share in _SHARES:
        words = {"phase": phase, "statistic": _label(share, sample), "method": _METHOD}
        yield withheld(sample, "local_thickness", sample.unit(), reason=reason, **words)


def _label(share: float, sample: Sample) -> str:
    return f"D{100 * share:.0f}, {'volume' if sample.dimension == 3 else 'area'}-weighted"


def _shortest_edge(sample: Sample) -> float:
    return min(sample.edges[3 - sample.dimension :])
