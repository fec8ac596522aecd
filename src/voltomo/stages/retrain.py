"""The verb `retrain`: learn again from labels that somebody else could have painted, and segment the scan again.

How far the maps differ is what the choice of an operator does to the numbers of a study; `measure` puts it into their
budgets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, model_validator

from voltomo.artifacts import Volume
from voltomo.artifacts.model import Model
from voltomo.blocks import WritableArray
from voltomo.errors import GateError
from voltomo.learning.pairs import LabelledImage
from voltomo.learning.splits import Split, split_labels
from voltomo.stages.label_variants import LabelVariant, Retrained, RetrainedMap, annotator_variants, moved_variants
from voltomo.stages.main_numbers import NamedWorkspace
from voltomo.stages.segment_model import ModelSegmentConfig, run_model_segment
from voltomo.stages.train import TrainConfig, run_train
from voltomo.stages.workspace import Workspace

__all__ = ["RetrainConfig", "RetrainResult", "run_retrain", "training_recipe"]

KeepModel: TypeAlias = Callable[[str, Callable[[], Model]], Model]
"""``keep(name, make)``: the model of that name from before an interruption, or the one that is made now."""

FINE_TUNING_SHARE = 0.25
"""Steps of a network that goes on from the model, of the steps that trained it."""
USUAL_RATE = 3e-3
"""Learning rate of models whose record does not tell it."""
LEAST_STEPS = 60
"""A rate that rises and falls needs some; the average over the steps then has forgotten the weights before."""


class RetrainConfig(BaseModel):
    """Whose labels, or how they are varied.

    Parameters
    ----------
    grey, labels : files or folders that trained the model of the study
    annotators : labels of the same images by others, instead of moved boundaries
    boundary : without annotators: voxels by which the boundaries of the labels move
    jittered : with a boundary: sets of labels with an unsteady boundary, each also with another seed of the training
    phases : phase table with the codes of the label files
    unlabelled : code of what nobody labelled; "none" if every pixel has a phase
    seed : of the jitter
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    grey: str
    labels: str
    annotators: tuple[str, ...] = ()
    boundary: int = Field(default=0, ge=0, le=8)
    jittered: int = Field(default=3, ge=0, le=50)
    phases: str | None = None
    unlabelled: Literal["auto", "none"] | int = "auto"
    seed: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _one_of_both(self) -> RetrainConfig:
        if bool(self.annotators) == (self.boundary > 0):
            raise ValueError("give either `annotators`, or a `boundary` of 1 voxel or more")
        return self

    def relative_to(self, folder: Path) -> RetrainConfig:
        """The same with its paths taken from a folder."""
        told = {name: str(folder / path) for name in ("grey", "labels", "phases") if (path := getattr(self, name))}
        named = tuple(str(folder / path) for path in self.annotators)
        return self.model_copy(update={**told, "annotators": named})


@dataclass(frozen=True)
class RetrainResult:
    """What `retrain` gives.

    Parameters
    ----------
    retrained : the maps
    record : how they came about, as JSON has it; row k of ``record["variants"]`` belongs to map k
    """

    retrained: Retrained
    record: Mapping[str, Any]


def run_retrain(
    volume: Volume,
    model: Model,
    own: Sequence[LabelledImage],
    config: RetrainConfig,
    segment: ModelSegmentConfig,
    work: Workspace,
    *,
    others: Mapping[str, Sequence[LabelledImage]] | None = None,
    keep: KeepModel = lambda _name, make: make(),
) -> RetrainResult:
    """Train on each set of labels and segment the volume with each model.

    Parameters
    ----------
    volume : the scan of the study
    model : that segmented it
    own : the labels that trained it
    config : how they are varied
    segment : how the model was run over the scan
    work : where the maps, "retrained/<number>", live, and how blocks run
    others : labels of other annotators; the boundaries of `own` are moved where there are none
    keep : finds models that were trained before an interruption

    Returns
    -------
    RetrainResult

    Raises
    ------
    GateError
        If the model does not say how it was trained, or the labels do not support the variation.

    Notes
    -----
    A pixel classifier is trained anew by the recipe of the model. A network goes on from the model for a quarter of
    its steps, at half of its rate; what that alone changes is in the map of the labels as drawn, too, and cancels.
    """
    recipe = training_recipe(model)
    split = split_labels(own, share=recipe.share, gap=recipe.gap, seed=recipe.seed)
    if others:
        variants = annotator_variants(own, others)
    else:
        moved: dict[str, int] = {"voxels": config.boundary, "jittered": config.jittered, "seed": config.seed}
        variants = moved_variants(own, model.phases, **moved)
    maps: list[RetrainedMap] = []
    rows: list[dict[str, Any]] = []
    for number, variant in enumerate(variants):
        trained = keep(str(number), partial(_train, variant, model, recipe, split))
        is_same = variant.kind == "as drawn" and _is_same(trained, model)
        row = {"name": variant.name, "kind": variant.kind, "who": variant.who, "changed": variant.changed}
        row["mean_iou"] = (trained.record.get("scores") or {}).get("mean_iou")
        if is_same:
            maps.append(RetrainedMap(variant.kind, variant.who, None))
        else:
            result = run_model_segment(volume, trained, _quietly(segment), _Part(str(number), work))
            maps.append(RetrainedMap(variant.kind, variant.who, result.phase_map))
            row["file"] = str(number)
        rows.append(row)
    how = _in_words(recipe, model, variants, config)
    record = {
        "model": model.name,
        "method": recipe.method,
        "how": how,
        "variants": rows,
    }
    return RetrainResult(Retrained(tuple(maps), how), record)


def _in_words(recipe: TrainConfig, model: Model, variants: Sequence[LabelVariant], config: RetrainConfig) -> str:
    """How the maps came about, for the budget of a number."""
    done = "retrained" if recipe.is_classifier else f"fine-tuned for {_steps(model)} steps"
    what = f"{recipe.method} {done} on {len(variants)} label variants"
    if not config.boundary:
        return f"{what}: as drawn, and by {len(variants) - 1} other annotators"
    jittered = sum(variant.kind == "jittered" for variant in variants)
    return (
        f"{what}: as drawn, {len(variants) - 1 - jittered} with the boundary of a phase ± {config.boundary} voxels "
        f"(all places between equally likely), {jittered} with a jittered boundary and another seed"
    )


def training_recipe(model: Model) -> TrainConfig:
    """How a model was trained.

    Raises
    ------
    GateError
        If it does not say.
    """
    given = model.record.get("recipe")
    if given is None:
        raise GateError(
            f"the model {model.name} does not say how it was trained, so it cannot be trained again on other labels; "
            "train it with `voltomo train`, and segment the study with it",
            gate="recipe",
        )
    return TrainConfig.model_validate(given)


def _train(variant: LabelVariant, model: Model, recipe: TrainConfig, split: Split) -> Model:
    """The model that these labels give."""
    config = recipe.model_copy(update={"seed": recipe.seed + variant.number})
    start = None
    if not recipe.is_classifier:
        start, config = model, config.model_copy(update={"settings": _fine_tuning(recipe, model)})
    same_places = None if variant.kind == "annotator" else split  # moved labels are where the labels were
    result = run_train(variant.images, model.phases, config, name=model.name, start=start, split=same_places)
    return result.model


def _fine_tuning(recipe: TrainConfig, model: Model) -> dict[str, Any]:
    """Settings of a network that goes on from the model; one network, also of an ensemble."""
    dropped = ("network_settings", "reuse", "freeze", "members", "ensemble", "patience", "validate_every")
    settings = {key: value for key, value in recipe.settings.items() if key not in dropped}
    rate = (model.record.get("plan") or {}).get("learning_rate", USUAL_RATE)
    return {**settings, "steps": _steps(model), "learning_rate": rate / 2}


def _steps(model: Model) -> int:
    steps = int((model.record.get("plan") or {}).get("steps", 0))
    return max(LEAST_STEPS, round(FINE_TUNING_SHARE * steps))


def _is_same(one: Model, two: Model) -> bool:
    """Whether two models answer alike: the same arrays, and the same temperature."""
    pairs = zip((one.weights, *one.members), (two.weights, *two.members), strict=False)
    return (
        len(one.members) == len(two.members)
        and one.temperature == two.temperature
        and all(set(a) == set(b) and all(np.array_equal(a[name], b[name]) for name in a) for a, b in pairs)
    )


def _quietly(segment: ModelSegmentConfig) -> ModelSegmentConfig:
    """Phases only; the drift of the scan was judged when the study was made."""
    own = ("probabilities", "disagreement", "members")
    return segment.model_copy(update={**dict.fromkeys(own, False), "accept_drift": True})


@dataclass(frozen=True)
class _Part(NamedWorkspace):
    """The workspace of one map."""

    def array(self, name: str, shape: tuple[int, ...], dtype: npt.DTypeLike) -> WritableArray:
        """The phases are an artefact of the stage; everything else is scratch."""
        full = f"retrained/{self.name}" if name == "phases" else f"{self.name} {name}"
        return self.work.array(full, shape, dtype)
