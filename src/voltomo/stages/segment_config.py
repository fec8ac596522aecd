"""How grey values become phases: the settings of `segment`, and which of them belong together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, model_validator

from voltomo.artifacts import PhaseTable
from voltomo.inference.engines import EngineName, Precision
from voltomo.segmentation.features import LocalFeature
from voltomo.stages.denoise import DenoiseConfig
from voltomo.stages.model_request import ModelSegmentConfig
from voltomo.stages.phase_table import PhaseRow

__all__ = ["Method", "SegmentConfig"]

Method: TypeAlias = Literal[
    "auto", "otsu", "multi-otsu", "triangle", "threshold", "fractions", "hysteresis", "kmeans", "model"
]


class SegmentConfig(BaseModel):
    """How grey values become phases.

    Parameters
    ----------
    method : how the classes are found
        "auto": by the base model where the scan is like what trained it, else by Otsu; "otsu" and "multi-otsu": classes
        as different as they can be; "triangle": the foot of a single peak; "threshold": the cuts in `thresholds`;
        "fractions": cuts that meet `fractions`; "hysteresis": above the upper of two cuts, or above the lower one and
        connected to that; "kmeans": clusters of grey value and `feature`; "model": by `model`
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
    also : further models; the probabilities of all of them are averaged
    probabilities, disagreement, members, accept_drift, merge_binder, average, engine, precision : of
        `voltomo.stages.model_request.ModelSegmentConfig`
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
    also: tuple[str, ...] = ()
    probabilities: bool = False
    disagreement: bool = False
    members: bool = False
    accept_drift: bool = False
    merge_binder: bool = False
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
        if self.also and self.model is None:
            raise ValueError("`also` names models beside `model`, which is missing")
        if self.method not in ("auto", "model"):
            flags = ("probabilities", "disagreement", "members", "accept_drift", "merge_binder")
            given = [key for key in flags if getattr(self, key)]
            given += [] if self.average == "none" else ["average"]
            if given:
                raise ValueError(f"`{given[0]}` belongs to method model, found method {self.method}")
        elif self.phases is not None or self.classes is not None:
            raise ValueError(
                "a model knows its phases; leave `phases` and `classes` out"
                if self.method == "model"
                else "method auto chooses the phases; leave `phases` and `classes` out, or name a method"
            )
        elif self.method == "auto" and self.members:
            raise ValueError("the base model that method auto tries is a single network and has no `members`")
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

    def with_method(self, method: Method, *, model: str | None = None) -> SegmentConfig:
        """What method "auto" has chosen."""
        if method != "model":
            return SegmentConfig(method=method, channel=self.channel)
        told = {"probabilities", "disagreement", "accept_drift", "average", "engine", "precision"}
        # What the base model knows of binder does not carry over to other scans (docs/explanation/base-model.md).
        return SegmentConfig(method=method, model=model, merge_binder=True, **self.model_dump(include=told))

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
