"""How good a model is on labels that did not train it, beside the cuts of the grey value fitted on the same labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import PhaseTable
from voltomo.artifacts.model import Model
from voltomo.inference.averaging import softmax
from voltomo.inference.binder_rule import BinderRule
from voltomo.learning.normalization import Normalization
from voltomo.learning.pairs import LabelledImage
from voltomo.learning.predictor import Predictor
from voltomo.learning.splits import Split
from voltomo.metrics.boundary_score import near_boundary
from voltomo.metrics.calibration import (
    CalibrationCounts,
    brier_score,
    count_calibration,
    merge_calibration,
    reliability_curve,
)
from voltomo.segmentation.fitted_cut import fit_cut
from voltomo.stages.labelled_logits import labelled_logits
from voltomo.stages.scan_calibration import CalibrationByScan, mean_calibration_error

__all__ = ["BOUNDARY_REACH", "score_model"]

BOUNDARY_REACH = 3.0
"""Voxels on either side of a boundary between labels that count as near it."""


def score_model(model: Model, predictor: Predictor, images: Sequence[LabelledImage], split: Split) -> dict[str, Any]:
    """Scores on the validation part, as a model card prints them.

    Parameters
    ----------
    model : whose temperature, phases and normalization hold
    predictor : of the model
    images : with labels
    split : the validation part scores the model; the training part fits the cut that stands beside it

    Returns
    -------
    dict
        `voxels`, `confusion` (true rows, predicted columns), `iou` by phase name, `mean_iou`, `accuracy`, `brier`,
        `calibration_error`, `calibration_error_near_boundary` (mean of the phases), `other_scan` (both of scans that
        did not set the temperature, see `voltomo.stages.scan_calibration`; None for one scan), `reliability` (per
        phase: predicted, observed, voxels) and `fitted_cut` (`cuts`, `phases`, `iou`, `mean_iou`). Plain values; None
        for what no voxel tells.
    """
    scales = Normalization.from_mapping(model.normalization).by_scan(images)
    classes = model.classes
    confusion = np.zeros((classes, classes), np.int64)
    overall, near = _no_counts(classes), _no_counts(classes)
    held = [image.scan_name for image, mask in zip(images, split.validation, strict=True) if mask.any()]
    by_scan = CalibrationByScan(classes, dict(Counter(held)))
    rule = BinderRule.of(model)
    for one in labelled_logits(model, predictor, images, split.validation):
        truth, logits = one.rows, one.logits
        at_edge = near_boundary(one.all_rows, BOUNDARY_REACH)
        known = truth > 0
        found = logits.argmax(axis=0) if rule is None else rule.decide(logits, range(1, classes + 1)) - 1
        pairs = (truth[known].astype(np.intp) - 1) * classes + found[known]
        confusion += np.bincount(pairs, minlength=classes**2).reshape(classes, classes)
        probabilities = softmax(logits, temperature=model.temperature)
        overall = merge_calibration(overall, count_calibration(probabilities, truth))
        near = merge_calibration(near, count_calibration(probabilities, truth, where=at_edge))
        by_scan.add(one, at_edge)
    return {
        **_agreement(confusion, model.phases),
        "brier": _number(brier_score(overall)),
        "calibration_error": mean_calibration_error([overall]),
        "calibration_error_near_boundary": mean_calibration_error([near]),
        "other_scan": by_scan.scores(),
        "reliability": _reliability(overall, model.phases),
        "fitted_cut": _baseline(images, split, scales, model.phases),
    }


def _no_counts(classes: int) -> CalibrationCounts:
    return count_calibration(np.zeros((classes, 1, 1, 1), np.float32), np.zeros((1, 1, 1), np.uint8))


def _agreement(confusion: npt.NDArray[np.int64], phases: PhaseTable) -> dict[str, Any]:
    hits = np.diag(confusion).astype(np.float64)
    union = confusion.sum(axis=0) + confusion.sum(axis=1) - hits
    iou = {phase.name: _number(h / u if u else np.nan) for phase, h, u in zip(phases, hits, union, strict=True)}
    total = int(confusion.sum())
    labelled = [iou[phase.name] for phase, count in zip(phases, confusion.sum(axis=1), strict=True) if count]
    return {
        "voxels": total,
        "confusion": confusion.tolist(),
        "iou": iou,
        "mean_iou": _mean(np.array(labelled, np.float64)),
        "accuracy": _number(hits.sum() / total if total else np.nan),
    }


def _reliability(counts: CalibrationCounts, phases: PhaseTable) -> dict[str, Mapping[str, Any]]:
    curves: dict[str, Mapping[str, Any]] = {}
    for row, phase in enumerate(phases):
        curve = reliability_curve(counts, row)
        curves[phase.name] = {
            "predicted": [round(float(v), 5) for v in curve.predicted],
            "observed": [round(float(v), 5) for v in curve.observed],
            "voxels": curve.voxels.tolist(),
        }
    return curves


def _baseline(
    images: Sequence[LabelledImage], split: Split, scales: Sequence[Normalization], phases: PhaseTable
) -> dict[str, Any]:
    """Cuts fitted on the training part, scored on the validation part."""
    cut = fit_cut(images, masks=split.training, normalizations=scales)
    rows = np.zeros(256, np.intp)
    rows[list(phases.ids)] = np.arange(len(phases))
    confusion = np.zeros((len(phases), len(phases)), np.int64)
    for image, mask, scale in zip(images, split.validation, scales, strict=True):
        for z in np.flatnonzero(mask.any(axis=(1, 2))):
            found = cut.apply(scale.apply(np.asarray(image.grey[:, z]))[0])[mask[z]]
            pairs = rows[image.labels[z][mask[z]]] * len(phases) + rows[found]
            confusion += np.bincount(pairs, minlength=len(phases) ** 2).reshape(confusion.shape)
    agreement = _agreement(confusion, phases)
    return {
        "cuts": [round(value, 5) for value in cut.cuts],
        "phases": [phases.by_id(i).name for i in cut.phases],
        "iou": agreement["iou"],
        "mean_iou": agreement["mean_iou"],
    }


def _mean(values: npt.NDArray[np.float64]) -> float | None:
    known = values[np.isfinite(values)]
    return _number(known.mean() if known.size else np.nan)


def _number(value: float) -> float | None:
    return None if not np.isfinite(value) else round(float(value), 5)
