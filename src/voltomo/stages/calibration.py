"""How far the probabilities of a map can be trusted, against a truth, block by block."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import ArrayLike, Channel, Measurement, PhaseMap
from voltomo.artifacts.volume import as_zyx
from voltomo.blocks import Block, Partial
from voltomo.errors import ShapeError
from voltomo.metrics.boundary_score import near_boundary
from voltomo.metrics.calibration import (
    CalibrationCounts,
    Reliability,
    brier_score,
    calibration_error,
    count_calibration,
    reliability_curve,
)
from voltomo.stages.grouping import Grouping
from voltomo.stages.workspace import Workspace

__all__ = ["Calibration", "measure_calibration"]


@dataclass(frozen=True)
class Calibration:
    """Calibration of the probabilities of a map.

    Parameters
    ----------
    rows : calibration errors and Brier scores, over all labelled voxels and near a boundary of the truth
    curves : one per class, over all labelled voxels
    """

    rows: tuple[Measurement, ...]
    curves: tuple[Reliability, ...]


def measure_calibration(
    result: PhaseMap, truth: PhaseMap, grouping: Grouping, work: Workspace, *, reach: float
) -> Calibration:
    """Score the probabilities that a map carries; those of phases that are taken together are added.

    Parameters
    ----------
    result : with probabilities (K, Z, Y, X) uint8, one channel per row of its phase table
    truth : of the same shape; 0 is unlabelled
    grouping : the common classes
    work : where the blocks run
    reach : voxels from a boundary of the truth that are near it

    Raises
    ------
    ShapeError
        If the probabilities do not fit the map.
    """
    probabilities = _check(result)
    # Row of the phase table → class, from 0.
    class_of = [int(grouping.result[phase.id]) - 1 for phase in result.phases]
    classes = len(grouping.names)

    def count(
        block: Block, wanted: npt.NDArray[np.uint8], found: npt.NDArray[np.uint8], *channels: npt.NDArray[np.uint8]
    ) -> Partial:
        labels = grouping.truth[wanted]
        near = near_boundary(labels, reach)[block.inner]
        labels = labels[block.inner]
        labels[grouping.result[found[block.inner]] == 0] = 0
        sums = np.zeros((classes, *labels.shape), np.uint16)
        for row, channel in zip(class_of, channels, strict=True):
            sums[row] += channel[block.inner]
        stored = np.minimum(sums, 255).astype(np.uint8)  # channels are rounded one by one
        parts = {"all": count_calibration(stored, labels), "near": count_calibration(stored, labels, where=near)}
        return {f"{name} {key}": value for name, part in parts.items() for key, value in vars(part).items()}

    merged = work.reduce(
        "calibration",
        count,
        as_zyx(truth.data),
        as_zyx(result.data),
        *(Channel(probabilities, row) for row in range(len(class_of))),
        merge=_add,
        halo=math.ceil(reach),
        bytes_per_voxel=16 + 4 * len(class_of),
    )
    regions = {
        name: CalibrationCounts(merged[f"{name} voxels"].astype(np.int64), merged[f"{name} hits"].astype(np.int64))
        for name in ("all", "near")
    }
    dimension = 2 if as_zyx(truth.data).shape[0] == 1 else 3
    rows = [
        *_rows(regions["all"], grouping, "all labelled voxels", dimension),
        *_rows(regions["near"], grouping, f"within {reach:g} voxels of a boundary", dimension),
    ]
    return Calibration(tuple(rows), tuple(reliability_curve(regions["all"], row) for row in range(classes)))


def _check(result: PhaseMap) -> ArrayLike:
    given = result.probabilities
    expected = (len(result.phases), *as_zyx(result.data).shape)
    if given is None or tuple(given.shape) != expected or np.dtype(given.dtype) != np.uint8:
        found = "none" if given is None else f"{tuple(given.shape)} {given.dtype}"
        raise ShapeError(
            f"expected probabilities {expected} uint8, one channel per row of the phase table, probability · 255; "
            f"found {found}"
        )
    return given


def _add(one: Partial, two: Partial) -> Partial:
    return {name: np.add(one[name], two[name]) for name in one}


def _rows(counts: CalibrationCounts, grouping: Grouping, where: str, dimension: int) -> Iterator[Measurement]:
    common: dict[str, Any] = {"dimension": dimension, "statistic": where, "region": "voxels inside both maps"}
    errors = calibration_error(counts)
    definition = (
        "mean difference between predicted and observed probability in bins of equal numbers of voxels (adaptive "
        "calibration error, Nixon et al. 2019, arXiv 1904.01685)"
    )
    for name, error in zip(grouping.names, errors.tolist(), strict=True):
        yield _row("calibration_error", error, phase=name, definition=definition, **common)
    yield _row("mean_calibration_error", float(np.mean(errors)), definition="mean over the classes", **common)
    yield _row(
        "brier_score",
        brier_score(counts),
        definition="mean squared distance of probabilities from the truth, summed over classes: 0 to 2 (Brier 1950)",
        **common,
    )


def _row(name: str, value: float, **fields: Any) -> Measurement:
    if math.isnan(value):
        return Measurement(name, None, "1", status="withheld", reason="no labelled voxel lies there", **fields)
    return Measurement(name, value, "1", **fields)
