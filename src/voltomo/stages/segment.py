"""The verb `segment`: grey values to phases, by their histogram or by a trained model."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from voltomo.artifacts import ArrayLike, Model, Volume
from voltomo.errors import GateError, InputNotFoundError
from voltomo.io.model_lookup import BASE_MODELS, load_model, model_folders
from voltomo.stages.segment_config import SegmentConfig
from voltomo.stages.segment_grey import run_grey_segment
from voltomo.stages.segment_model import run_model_segment
from voltomo.stages.segment_result import SegmentResult
from voltomo.stages.workspace import Workspace

__all__ = ["BASE_MODEL", "SegmentConfig", "SegmentResult", "chosen_config", "run_segment"]

BASE_MODEL = "nmc-base"
"""What `method: auto` tries first; it comes with the package."""


def run_segment(
    volume: Volume,
    config: SegmentConfig,
    work: Workspace,
    *,
    mask: ArrayLike | None = None,
    trained: Sequence[Model] = (),
) -> SegmentResult:
    """Segment a volume by the histogram of its field of view, or by a trained model.

    Parameters
    ----------
    volume : the grey volume
    config : the method and its parameters
    work : where arrays live and how blocks run
    mask : (Z, Y, X), 0 outside the field of view; the volume's own, or else everything, where None
        `voltomo.stages.inspection` finds it.
    trained : for method "model"; looked for by the names in `config` where empty

    Raises
    ------
    GateError
        If the image is constant, is not finite inside the field of view, or holds fewer grey values than classes.
    """
    if config.method == "auto":
        return _segment_by_base_or_otsu(volume, config, work, mask)
    if config.method != "model":
        return run_grey_segment(volume, config, work, mask=mask)
    folders = model_folders(os.environ)
    model, *others = trained or [load_model(name or "", folders) for name in (config.model, *config.also)]
    result = run_model_segment(volume, model, config.of_model(), work, mask=mask, others=others)
    told = {**result.histogram["model"], **_training_in_short(model, is_alone=not others)}
    return replace(result, histogram={**result.histogram, "model": told})


def chosen_config(config: SegmentConfig, histogram: Mapping[str, Any]) -> SegmentConfig:
    """What was done, where the configuration left the choice.

    Parameters
    ----------
    config : as asked for
    histogram : what `run_segment` recorded
    """
    if config.method != "auto":
        return config
    if histogram.get("method") == "model":
        return config.with_method("model", model=BASE_MODEL)
    return config.with_method("otsu")


def _segment_by_base_or_otsu(
    volume: Volume, config: SegmentConfig, work: Workspace, mask: ArrayLike | None
) -> SegmentResult:
    """By the base model where the scan is like what trained it, or else by Otsu; the record says which, and why."""
    chosen, reason = config.with_method("model", model=BASE_MODEL), ""
    try:
        if len(volume.channels) != 1:
            raise GateError(f"it reads one channel, and the volume has {len(volume.channels)}", gate="drift")
        model = load_model(BASE_MODEL, (BASE_MODELS,))
        result = run_segment(volume, chosen, work, mask=mask, trained=(model,))
    except (GateError, InputNotFoundError) as error:
        if isinstance(error, GateError) and error.gate != "drift":
            raise
        reason = str(error)
        result = run_segment(volume, config.with_method("otsu"), work, mask=mask)
    choice = {"tried": BASE_MODEL, "reason": reason}
    return replace(result, histogram={**result.histogram, "choice": choice})


def _training_in_short(model: Model, *, is_alone: bool) -> dict[str, Any]:
    """What a report says about where a model comes from and how far to trust it; several together have no scores."""
    scores = (model.record.get("scores") or {}) if is_alone else {}
    data = model.record.get("data") or ()
    return {
        "trained_on": {
            "images": len(data),
            "labelled": sum(int(image.get("labelled", 0)) for image in data),
            "source": str(model.record.get("source", "")),
        },
        "scores": {
            "iou": dict(scores.get("iou") or {}),
            "cut_iou": dict((scores.get("fitted_cut") or {}).get("iou") or {}),
            "calibration_error": scores.get("calibration_error"),
        },
    }
