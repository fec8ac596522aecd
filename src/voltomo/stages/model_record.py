"""What a report says of a segmentation by a model: grey values, shares of the phases, disagreement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import ArrayLike, Channel, Model
from voltomo.blocks import Block, Partial
from voltomo.segmentation.histogram import Histogram
from voltomo.stages.segment_result import REPORT_BINS
from voltomo.stages.workspace import Workspace

__all__ = ["count_shares", "grey_record", "mean_disagreement"]

Array: TypeAlias = npt.NDArray[Any]


def count_shares(phases: ArrayLike, ids: Sequence[int], work: Workspace) -> list[float]:
    """Share of each phase inside the field of view.

    Parameters
    ----------
    phases : (Z, Y, X) uint8, 0 outside
    ids : of the phases
    work : how blocks run
    """

    def count(block: Block, values: Array) -> Partial:
        return {"counts": np.bincount(values[block.inner].ravel(), minlength=256)}

    counts = work.reduce("shares", count, phases, merge=_add, bytes_per_voxel=10)["counts"]
    return [float(counts[i] / max(1, counts[1:].sum())) for i in ids]


def mean_disagreement(disagreement: ArrayLike, phases: ArrayLike, work: Workspace) -> float:
    """Mean over the field of view, 0 to 1.

    Parameters
    ----------
    disagreement : (1, Z, Y, X) uint8, value / 255
    phases : (Z, Y, X) uint8, 0 outside
    work : how blocks run
    """

    def count(block: Block, values: Array, labels: Array) -> Partial:
        inside = labels[block.inner] > 0
        return {
            "sum": values[block.inner][inside].sum(dtype=np.int64, keepdims=True),
            "voxels": np.array([np.count_nonzero(inside)]),
        }

    sources = (Channel(disagreement, 0), phases)
    found = work.reduce("disagreement", count, *sources, merge=_add, bytes_per_voxel=5)
    return float(found["sum"][0] / (255 * max(1, found["voxels"][0])))


def grey_record(histogram: Histogram, model: Model, shares: Sequence[float]) -> dict[str, Any]:
    """What the report draws of the grey values; the same keys as of a segmentation by histogram."""
    drawn = histogram.grouped(REPORT_BINS)
    return {
        "method": "model",
        "edges": drawn.rule.edges.tolist(),
        "counts": drawn.counts.tolist(),
        "cuts": [],
        "classes": [
            {"id": phase.id, "name": phase.name, "color": phase.color, "share": share}
            for phase, share in zip(model.phases, shares, strict=True)
        ],
        "separation": None,
        "voxels": histogram.total,
        "denoise": "none",
        "noise": None,
    }


def _add(one: Partial, two: Partial) -> Partial:
    return {key: np.add(one[key], two[key]) for key in one}
