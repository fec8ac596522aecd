"""What `segment` gives, whatever the method."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from voltomo.artifacts import ArrayLike, PhaseMap

__all__ = ["REPORT_BINS", "SegmentResult"]

REPORT_BINS = 512
"""Bins of the histogram in the report: finer than a figure can show."""


@dataclass(frozen=True)
class SegmentResult:
    """What `segment` gives.

    Parameters
    ----------
    phase_map : the phases
    histogram : for the report, plain values only: `method`, `edges` and `counts` of the (denoised) grey values inside
        the field of view, `cuts`, `classes` (id, name, color and share of each, by rising grey), `separation`
        (between-class variance / total variance, 0 to 1), `voxels` inside, `denoise` and `noise`; for "kmeans"
        `feature` and `centers` (mean grey value and mean feature of each class), and no cuts
    mask : (Z, Y, X), 0 outside the field of view; None if all of the volume is inside
    warnings : sentences for the report
    """

    phase_map: PhaseMap
    histogram: dict[str, Any]
    mask: ArrayLike | None = None
    warnings: tuple[str, ...] = ()
