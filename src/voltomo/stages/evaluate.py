"""`evaluate`: a result against a truth, voxel by voxel, particle by particle, number by number."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, field_validator

from voltomo.artifacts import (
    ArrayLike,
    CrackMap,
    InstanceMap,
    Measurement,
    Measurements,
    PhaseMap,
)
from voltomo.artifacts.volume import as_zyx
from voltomo.blocks import Block, Partial
from voltomo.errors import GateError, ShapeError
from voltomo.metrics.agreement import (
    InstanceScores,
    confusion_matrix,
    dice,
    iou,
    voxel_precision,
    voxel_recall,
)
from voltomo.metrics.boundary_score import boundary_counts, boundary_f_score, boundary_halo
from voltomo.metrics.calibration import Reliability
from voltomo.stages.calibration import measure_calibration
from voltomo.stages.grouping import Grouping, group_phases
from voltomo.stages.particle_agreement import compare_particles
from voltomo.stages.property_errors import Compared, property_errors
from voltomo.stages.void_agreement import void_rows
from voltomo.stages.workspace import Workspace

__all__ = ["EvaluateConfig", "EvaluateResult", "run_evaluate"]


_RECORDED = ("name", "phase", "phase_2", "axis", "statistic", "value", "unit", "method", "status", "reason")


class EvaluateConfig(BaseModel):
    """How a result is scored."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    boundary_tolerance: float = Field(2.0, gt=0, le=20, description="how far boundaries may be apart, voxels")
    calibration_reach: float = Field(
        3.0, gt=0, le=20, description="how far from a boundary probabilities are scored apart, voxels"
    )
    properties: bool = Field(False, description="solve for tortuosity factors in both maps too")
    iou_thresholds: tuple[float, ...] = Field(
        tuple(round(0.5 + 0.05 * i, 2) for i in range(10)), description="overlaps from which two particles are the same"
    )

    @field_validator("iou_thresholds")
    @classmethod
    def _between_half_and_one(cls, values: tuple[float, ...]) -> tuple[float, ...]:
        if not values or not all(0.5 <= value <= 1 for value in values):
            raise ValueError(f"IoU thresholds lie between 0.5 and 1, found {values}")
        return tuple(sorted(set(values)))


@dataclass(frozen=True)
class EvaluateResult:
    """How well a result agrees with a truth.

    Parameters
    ----------
    measurements : scores, and errors as result − truth
    grouping : the classes that were compared
    confusion : (classes, classes) int64; rows are the truth, columns the result
    instances : scores at every IoU threshold; empty without instances
    reliability : one curve per class; empty without probabilities
    compared : surfaces, binder coverage and tortuosity factors of both maps, as far as they have them
    warnings : sentences for the reader
    """

    measurements: Measurements
    grouping: Grouping
    confusion: npt.NDArray[np.int64]
    instances: tuple[InstanceScores, ...] = ()
    warnings: tuple[str, ...] = ()
    reliability: tuple[Reliability, ...] = ()
    compared: tuple[Compared, ...] = ()

    @property
    def active_iou(self) -> float | None:
        """IoU of the class that holds the active material; None if there is none."""
        found = [item for item in self.measurements.select("iou") if "active" in item.phase.split("+")]
        return found[0].value if found else None

    def to_record(self) -> dict[str, Any]:
        """JSON-able summary."""
        return {
            "grouping": self.grouping.sentence,
            "classes": list(self.grouping.names),
            "confusion": self.confusion.tolist(),
            "scores": [{key: getattr(item, key) for key in _RECORDED} for item in self.measurements],
            "reliability": {
                name: {key: values.tolist() for key, values in vars(curve).items()}
                for name, curve in zip(self.grouping.names, self.reliability, strict=False)
            },
            "warnings": list(self.warnings),
        }


def run_evaluate(
    result: PhaseMap,
    truth: PhaseMap,
    config: EvaluateConfig,
    work: Workspace,
    *,
    result_instances: InstanceMap | None = None,
    truth_instances: InstanceMap | None = None,
    result_cracks: CrackMap | None = None,
    truth_cracks: CrackMap | None = None,
) -> EvaluateResult:
    """Score a result against a truth, block by block.

    Parameters
    ----------
    result, truth : maps of the same shape
        Their phases are compared by role; what one of them does not tell apart is taken together.
    config : EvaluateConfig
    work : Workspace
    result_instances, truth_instances, result_cracks, truth_cracks : compared where both are given

    Raises
    ------
    ShapeError
        If the maps differ in shape.
    InputError
        If the phase tables have nothing in common.
    GateError
        If no voxel carries a phase in both maps.
    """
    _check_shapes(result, truth, result_instances, truth_instances, result_cracks, truth_cracks)
    grouping = group_phases(result.phases, truth.phases)
    counts = _count(result, truth, grouping, config, work)
    confusion, boundaries = counts["confusion"].astype(np.int64), counts["boundary"].astype(np.int64)
    if confusion.sum() == 0:
        raise GateError("no voxel carries a phase in both the result and the truth; do they show the same sample?")
    dimension = 2 if _zyx(truth.data)[0] == 1 else 3
    rows = list(_phase_rows(grouping, confusion, boundaries, config, dimension))
    rows += void_rows(result, truth, grouping, work, dimension)
    properties = tuple(property_errors(result, truth, grouping, work, tortuosity=config.properties))
    compared = tuple(item for item in properties if isinstance(item, Compared))
    rows += [item.error if isinstance(item, Compared) else item for item in properties]
    curves: tuple[Reliability, ...] = ()
    if result.probabilities is not None:
        calibration = measure_calibration(result, truth, grouping, work, reach=config.calibration_reach)
        rows, curves = [*rows, *calibration.rows], calibration.curves
    warnings = list(_warn_of_outside(counts, confusion))
    if not any("active" in name.split("+") for name in grouping.names):
        warnings.append("No phase has the role active, so that voids and binder coverage are not scored.")
    scores: tuple[InstanceScores, ...] = ()
    if result_instances is not None and truth_instances is not None:
        found = compare_particles(
            result_instances,
            truth_instances,
            result_cracks,
            truth_cracks,
            thresholds=config.iou_thresholds,
            dimension=dimension,
            work=work,
        )
        rows += found.rows
        scores = found.scores
        warnings += found.warnings
    return EvaluateResult(Measurements(tuple(rows)), grouping, confusion, scores, tuple(warnings), curves, compared)


def _check_shapes(result: PhaseMap, truth: PhaseMap, *others: InstanceMap | CrackMap | None) -> None:
    expected = _zyx(truth.data)
    for name, found in [("result", result), *(("map", other) for other in others)]:
        if found is not None and _zyx(found.data) != expected:
            raise ShapeError(
                f"the truth has {expected} voxels and the {name} {_zyx(found.data)} (z, y, x); was one of them cropped "
                "or resampled?"
            )


def _zyx(data: ArrayLike) -> tuple[int, ...]:
    shape = tuple(int(n) for n in data.shape)
    return (1, *shape) if len(shape) == 2 else shape


def _count(result: PhaseMap, truth: PhaseMap, grouping: Grouping, config: EvaluateConfig, work: Workspace) -> Partial:
    """Confusion and boundary counts, and the voxels that are outside in one map only."""
    classes = len(grouping.names)

    def count(block: Block, found: npt.NDArray[np.uint8], wanted: npt.NDArray[np.uint8]) -> Partial:
        found, wanted = grouping.result[found], grouping.truth[wanted]
        inner = found[block.inner], wanted[block.inner]
        return {
            "confusion": confusion_matrix(inner[1], inner[0], classes=classes),
            "boundary": boundary_counts(
                wanted, found, classes=classes, tolerance=config.boundary_tolerance, inner=block.inner
            ),
            "result_only": np.array(np.count_nonzero((inner[0] > 0) & (inner[1] == 0))),
            "truth_only": np.array(np.count_nonzero((inner[1] > 0) & (inner[0] == 0))),
        }

    def add(a: Partial, b: Partial) -> Partial:
        return {name: np.add(a[name], b[name]) for name in a}

    return work.reduce(
        "agreement",
        count,
        as_zyx(result.data),
        as_zyx(truth.data),
        merge=add,
        halo=boundary_halo(config.boundary_tolerance),
        bytes_per_voxel=24,  # two labels, six masks, two float32 distances and the pairs of the confusion
    )


def _phase_rows(
    grouping: Grouping,
    confusion: npt.NDArray[np.int64],
    boundaries: npt.NDArray[np.int64],
    config: EvaluateConfig,
    dimension: int,
) -> Iterator[Measurement]:
    total = confusion.sum()
    found, wanted = confusion.sum(axis=0) / total, confusion.sum(axis=1) / total
    scores = {
        "iou": (iou(confusion), "TP / (TP + FP + FN) over voxels (Jaccard index)"),
        "dice": (dice(confusion), "2 TP / (2 TP + FP + FN) over voxels"),
        "voxel_precision": (voxel_precision(confusion), "TP / (TP + FP) over voxels"),
        "voxel_recall": (voxel_recall(confusion), "TP / (TP + FN) over voxels"),
        "boundary_f_score": (
            boundary_f_score(boundaries),
            f"harmonic mean of the shares of boundary voxels within {config.boundary_tolerance:g} voxels of the other "
            "map's boundary (Csurka et al., BMVC 2013, doi 10.5244/C.27.32)",
        ),
    }
    region = "voxels inside both maps"
    for name, (values, definition) in scores.items():
        for i, phase in enumerate(grouping.names):
            yield _score(name, float(values[i]), phase=phase, definition=definition, region=region, dimension=dimension)
    for i, phase in enumerate(grouping.names):
        yield Measurement(
            "volume_fraction_error" if dimension == 3 else "area_fraction_error",
            float(found[i] - wanted[i]),
            "1",
            phase=phase,
            dimension=dimension,
            method=f"result {found[i]:.6f}, truth {wanted[i]:.6f}",
            definition="fraction in the result − fraction in the truth",
            region=region,
        )
    per_class = scores["iou"][0]
    mean = float(np.nanmean(per_class))
    common = {"region": region, "dimension": dimension}
    yield _score("mean_iou", mean, definition="mean of the IoU over the classes that occur", **common)
    accuracy = float(np.trace(confusion) / total)
    yield _score("voxel_accuracy", accuracy, definition="voxels with equal class / voxels", **common)


def _score(name: str, value: float, **fields: Any) -> Measurement:
    """A score, withheld where it has no value."""
    if np.isnan(value):
        return Measurement(name, None, "1", status="withheld", reason="the class does not occur", **fields)
    return Measurement(name, value, "1", **fields)


def _warn_of_outside(counts: Partial, confusion: npt.NDArray[np.int64]) -> Iterator[str]:
    for key, here, there in (("result_only", "result", "truth"), ("truth_only", "truth", "result")):
        voxels = int(counts[key])
        if voxels:
            share = voxels / (voxels + int(confusion.sum()))
            yield (
                f"{voxels} voxels ({share:.2%}) carry a phase in the {here} but 0 (outside or unlabelled) in the "
                f"{there}; they are not scored."
            )
