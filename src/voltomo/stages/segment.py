"""The verb `segment`: grey values to phases, by their histogram or by a trained model."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, TypeAlias

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from voltomo.artifacts import ArrayLike, Model, PhaseMap, PhaseTable, Volume
from voltomo.blocks import WritableArray
from voltomo.inference.engines import EngineName, Precision
from voltomo.io.model_lookup import load_model, model_folders
from voltomo.segmentation.features import LocalFeature
from voltomo.segmentation.field_of_view import SATURATED_SHARE
from voltomo.segmentation.histogram import Histogram
from voltomo.segmentation.thresholds import (
    between_class_share,
    class_shares,
    cuts_for_fractions,
    multi_otsu_cuts,
    otsu_cut,
    triangle_cut,
)
from voltomo.stages.denoise import DenoiseConfig, prepare_denoiser
from voltomo.stages.grey_classes import (
    GreySource,
    apply_clusters,
    apply_cuts,
    apply_hysteresis,
    count_grey,
    find_clusters,
)
from voltomo.stages.inspection import Field as FieldOfView
from voltomo.stages.inspection import measure_field
from voltomo.stages.phase_table import PhaseRow
from voltomo.stages.segment_model import ModelSegmentConfig, run_model_segment
from voltomo.stages.segment_result import REPORT_BINS, SegmentResult
from voltomo.stages.workspace import Workspace

__all__ = ["SegmentConfig", "SegmentResult", "run_segment"]

Method: TypeAlias = Literal["otsu", "multi-otsu", "triangle", "threshold", "fractions", "hysteresis", "kmeans", "model"]

SATURATED_IN_CLASS = 0.25
"""From this share of saturated voxels in a class on, the report asks what the class is."""
FALSE_SHELL = (
    "{count} classes by grey value: voxels on the edge between the darkest and the brightest class have a grey value "
    "in between (partial volume), so that a false shell of the middle class wraps every particle. Fraction and surface "
    "of the middle class are overestimated."
)


class SegmentConfig(BaseModel):
    """How grey values become phases.

    Parameters
    ----------
    method : how the classes are found
        "otsu" and "multi-otsu": classes as different as they can be; "triangle": the foot of a single peak;
        "threshold": the cuts in `thresholds`; "fractions": cuts that meet `fractions`; "hysteresis": above the upper of
        two cuts, or above the lower one and connected to that; "kmeans": clusters of grey value and `feature`
    classes : number of grey classes; 2, or as many as `phases`, `thresholds` or `fractions` say
    thresholds : cuts, rising; a voxel above a cut belongs to the brighter class. For "hysteresis" two; where
        None, likely by Otsu and certain by the outer one of the cuts between three classes
    fractions : volume fractions of the classes, by rising grey (falling, if inverted)
    phases : the phase table, one row per class, in the order of rising grey (falling, if inverted); named by their
        number where None
    invert : active material is dark: classes are numbered by falling grey
    denoise : applied on the fly, block by block; nothing is stored
    channel : which channel of the volume
    feature : the second axis of "kmeans": local mean, standard deviation or largest difference, or another channel
    second_channel : for feature "channel"
    model : path or name of a trained model, which then says what the phases are
    probabilities, accept_drift, average, engine, precision : of `voltomo.stages.segment_model.ModelSegmentConfig`
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: Method = "otsu"
    classes: int | None = Field(default=None, ge=2, le=8)
    thresholds: tuple[float, ...] | None = None
    fractions: tuple[float, ...] | None = None
    phases: tuple[PhaseRow, ...] | None = None
    invert: bool = False
    denoise: DenoiseConfig = DenoiseConfig()
    channel: int = Field(default=0, ge=0)
    feature: LocalFeature | Literal["channel"] = "mean"
    second_channel: int = Field(default=1, ge=0)
    model: str | None = None
    probabilities: bool = False
    accept_drift: bool = False
    average: Literal["none", "flips", "axes"] = "none"
    engine: EngineName = "auto"
    precision: Precision = "auto"

    @model_validator(mode="before")
    @classmethod
    def _a_model_is_a_method(cls, values: Any) -> Any:
        """Naming a model is enough."""
        if isinstance(values, Mapping) and values.get("model") and "method" not in values:
            return {**values, "method": "model"}
        return values

    @model_validator(mode="after")
    def _keys_belong_to_method(self) -> SegmentConfig:
        takes = {"thresholds": ("threshold", "hysteresis"), "fractions": ("fractions",)}
        for key, methods in takes.items():
            if getattr(self, key) is not None and self.method not in methods:
                raise ValueError(f"`{key}` belongs to method {' or '.join(methods)}, found method {self.method}")
        self._check_model()
        if self.method == "threshold" and not self.thresholds:
            raise ValueError("method threshold needs `thresholds`, such as [0.5]")
        if self.method == "fractions" and not self.fractions:
            raise ValueError("method fractions needs `fractions`, such as [0.4, 0.6]")
        if self.thresholds is not None and list(self.thresholds) != sorted(set(self.thresholds)):
            raise ValueError(f"`thresholds` must rise, found {list(self.thresholds)}")
        if self.method == "hysteresis" and self.thresholds is not None and len(self.thresholds) != 2:
            raise ValueError(f"method hysteresis takes two thresholds, found {list(self.thresholds)}")
        return self

    def _check_model(self) -> None:
        if (self.method == "model") != (self.model is not None):
            raise ValueError("method model and `model`, a path or a name, belong together")
        if self.method != "model":
            given = [key for key in ("probabilities", "accept_drift") if getattr(self, key)]
            given += [] if self.average == "none" else ["average"]
            if given:
                raise ValueError(f"`{given[0]}` belongs to method model, found method {self.method}")
        elif self.phases is not None or self.classes is not None:
            raise ValueError("a model knows its phases; leave `phases` and `classes` out")
        elif self.denoise.method != "none":
            raise ValueError("a model learned from the grey values as they are; leave `denoise` out")

    @model_validator(mode="after")
    def _class_counts_agree(self) -> SegmentConfig:
        told = {
            "classes": self.classes,
            "phases": None if self.phases is None else len(self.phases),
            "thresholds": None if self.thresholds is None or self.method == "hysteresis" else len(self.thresholds) + 1,
            "fractions": None if self.fractions is None else len(self.fractions),
            f"method {self.method}": 2 if self.method in ("triangle", "hysteresis") else None,
        }
        counts = {key: count for key, count in told.items() if count is not None}
        if len(set(counts.values())) > 1:
            raise ValueError("the number of classes differs: " + ", ".join(f"{k} says {n}" for k, n in counts.items()))
        if self.class_count < 2:
            raise ValueError("expected two or more classes, found one")
        return self

    @property
    def class_count(self) -> int:
        """Number of grey classes."""
        if self.phases is not None:
            return len(self.phases)
        if self.method == "threshold" and self.thresholds is not None:
            return len(self.thresholds) + 1
        if self.fractions is not None:
            return len(self.fractions)
        return self.classes or (3 if self.method == "multi-otsu" else 2)

    def of_model(self) -> ModelSegmentConfig:
        """How the model is run."""
        names = set(ModelSegmentConfig.model_fields) & set(type(self).model_fields)
        return ModelSegmentConfig(**{name: getattr(self, name) for name in names})

    def table(self) -> PhaseTable:
        """The phases of the result."""
        if self.phases is None:
            return PhaseTable.numbered(self.class_count)
        return PhaseTable(tuple(row.to_phase() for row in self.phases))

    def ids(self) -> tuple[int, ...]:
        """Phase id of each class by rising grey."""
        ids = self.table().ids if self.phases is None else tuple(row.id for row in self.phases)
        return ids[::-1] if self.invert else ids


def run_segment(
    volume: Volume,
    config: SegmentConfig,
    work: Workspace,
    *,
    mask: ArrayLike | None = None,
    trained: Model | None = None,
) -> SegmentResult:
    """Segment a volume by the histogram of its field of view, or by a trained model.

    Parameters
    ----------
    volume : the grey volume
    config : the method and its parameters
    work : where arrays live and how blocks run
    mask : (Z, Y, X), 0 outside the field of view; the volume's own, or else everything, where None
        `voltomo.stages.inspection` finds it.
    trained : for method "model"; looked for by the name in `config` where None

    Raises
    ------
    GateError
        If the image is constant, is not finite inside the field of view, or holds fewer grey values than classes.
    """
    if config.method == "model":
        model = trained or load_model(config.model or "", model_folders(os.environ))
        result = run_model_segment(volume, model, config.of_model(), work, mask=mask)
        told = {**result.histogram["model"], **_training_in_short(model)}
        return replace(result, histogram={**result.histogram, "model": told})
    field = measure_field(volume, work, channel=config.channel, mask=mask)
    source = _filtered(field, volume, config, work, "noise")
    histogram = count_grey(source, work)
    ids, out = config.ids(), work.array("phases", volume.shape, np.uint8)
    record: dict[str, Any]
    if config.method == "kmeans":
        record = _segment_by_kmeans(volume, config, source, histogram, out, work)
    elif config.method == "hysteresis":
        low, high = config.thresholds or _hysteresis_cuts(histogram, config)
        pair = (ids[1], ids[0]) if config.invert else (ids[0], ids[1])
        shares = apply_hysteresis(source, (low, high), pair, out, work, invert=config.invert)
        record = _record(histogram, (low, high), config, shares[::-1] if config.invert else shares)
    else:
        cuts = _find_cuts(histogram, config)
        apply_cuts(source, cuts, ids, out, work, step="classify")
        record = _record(histogram, cuts, config, class_shares(histogram, cuts).tolist())
    record |= {"denoise": config.denoise.method, "noise": source.denoiser.noise}
    phase_map = PhaseMap(out, config.table(), volume.voxel_size, volume.through_plane)
    warnings = (*_saturation_warnings(field.end_shares[1], record), *_class_warnings(config))
    return SegmentResult(phase_map, record, field.mask, warnings)


def _training_in_short(model: Model) -> dict[str, Any]:
    """What a report says about where a model comes from and how far to trust it."""
    scores = model.record.get("scores") or {}
    data = model.record.get("data") or ()
    return {
        "trained_on": {
            "images": len(data),
            "labelled": sum(int(image.get("labelled", 0)) for image in data),
        },
        "scores": {
            "iou": dict(scores.get("iou") or {}),
            "cut_iou": dict((scores.get("fitted_cut") or {}).get("iou") or {}),
            "calibration_error": scores.get("calibration_error"),
        },
    }


def _filtered(field: FieldOfView, volume: Volume, config: SegmentConfig, work: Workspace, name: str) -> GreySource:
    return GreySource(field, prepare_denoiser(field, config.denoise, work, voxel_size=volume.voxel_size, name=name))


def _find_cuts(histogram: Histogram, config: SegmentConfig) -> tuple[float, ...]:
    """The cuts that the method finds."""
    if config.method == "threshold":
        assert config.thresholds is not None
        return config.thresholds
    if config.method == "fractions":
        assert config.fractions is not None
        return cuts_for_fractions(histogram, config.fractions[::-1] if config.invert else config.fractions)
    if config.method == "triangle":
        return (triangle_cut(histogram),)
    return (otsu_cut(histogram),) if config.class_count == 2 else multi_otsu_cuts(histogram, config.class_count)


def _hysteresis_cuts(histogram: Histogram, config: SegmentConfig) -> tuple[float, float]:
    """Likely by Otsu, certain by the outer one of two Otsu cuts: Otsu's class without its faint specks."""
    cut, (low, high) = otsu_cut(histogram), multi_otsu_cuts(histogram, 3)
    return (min(low, cut), cut) if config.invert else (cut, max(high, cut))


def _segment_by_kmeans(
    volume: Volume,
    config: SegmentConfig,
    source: GreySource,
    histogram: Histogram,
    out: WritableArray,
    work: Workspace,
) -> dict[str, Any]:
    """Write the phases by k-means; the record."""
    second: GreySource | LocalFeature
    if config.feature == "channel":
        field = measure_field(volume, work, channel=config.second_channel, mask=source.field.mask)
        second = _filtered(field, volume, config, work, "noise-second")
    else:
        second = config.feature
    clusters, rules = find_clusters(source, second, histogram, multi_otsu_cuts(histogram, config.class_count), work)
    apply_clusters(source, second, clusters, rules, config.ids(), out, work)
    record = _record(histogram, (), config, clusters.shares.tolist())
    return record | {"feature": config.feature, "centers": clusters.centers.tolist()}


def _record(
    histogram: Histogram, cuts: Sequence[float], config: SegmentConfig, shares: Sequence[float]
) -> dict[str, Any]:
    """What the report draws and says about the histogram."""
    drawn = histogram.grouped(REPORT_BINS)
    table = config.table()
    return {
        "method": config.method,
        "edges": drawn.rule.edges.tolist(),
        "counts": drawn.counts.tolist(),
        "cuts": [float(cut) for cut in cuts],
        "classes": [
            {"id": i, "name": table.by_id(i).name, "color": table.by_id(i).color, "share": float(share)}
            for i, share in zip(config.ids(), shares, strict=True)
        ],
        "separation": between_class_share(histogram, cuts) if cuts else None,
        "voxels": histogram.total,
    }


def _saturation_warnings(share: float, record: dict[str, Any]) -> list[str]:
    """Whether the brightest class is saturated voxels for a good part: glare rather than a material."""
    brightest = record["classes"][-1]
    if share <= max(SATURATED_SHARE, SATURATED_IN_CLASS * brightest["share"]):
        return []
    return [
        f"{share / brightest['share']:.0%} of the class {brightest['name']} are saturated voxels: it may be glare, "
        "charging or a metal part rather than a material of the electrode. Look at the picture, and try 3 classes"
    ]


def _class_warnings(config: SegmentConfig) -> list[str]:
    """What a reader must know about the classes; what two classes cannot tell apart is said by `measure`."""
    return [FALSE_SHELL.format(count=config.class_count)] if config.class_count >= 3 else []
