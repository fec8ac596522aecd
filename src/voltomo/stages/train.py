"""The verb `train`: labelled images to a model, with its scores on labels that did not train it."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from voltomo.artifacts import PhaseTable
from voltomo.artifacts.model import CLASSIFIERS, Model
from voltomo.errors import InputError, MissingExtraError
from voltomo.inference.binder_rule import active_and_binder
from voltomo.inference.engines import check_precisions, open_predictor
from voltomo.learning.domain import describe_domain
from voltomo.learning.normalization import Normalization
from voltomo.learning.pairs import LabelledImage
from voltomo.learning.predictor import Predictor
from voltomo.learning.splits import Split, split_labels
from voltomo.stages.binder_offsets import BinderFit, fit_binder_offsets
from voltomo.stages.labelled_logits import labelled_logits
from voltomo.stages.model_scores import score_model

__all__ = ["GAP", "TrainConfig", "TrainResult", "run_train"]

GAP = 16
"""Voxels between training and validation: structures reach that far; most of a network's halo has no effect."""
_DOMAIN_SLICES = 16
"""Labelled slices of one image that its fingerprint is taken from."""

T = TypeVar("T")


class TrainConfig(BaseModel):
    """What learns from the labels, and how.

    Parameters
    ----------
    method : a network ("unet", "lrcsnet", "segnet", "patchnet", or a plug-in's), or a pixel classifier ("forest",
        "boosting", "mlp")
    share : part of the labels that validates
    gap : voxels between the labels that train and those that validate
    seed : of the split, the weights and the choice of samples
    settings : of `voltomo.training.TrainingSettings` for networks, of `voltomo.classifiers.ClassifierSettings` for
        pixel classifiers
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: str = "unet"
    share: float = Field(default=0.2, gt=0, lt=1)
    gap: int = Field(default=GAP, ge=0)
    seed: int = Field(default=0, ge=0)
    settings: dict[str, Any] = Field(default_factory=dict)

    @property
    def is_classifier(self) -> bool:
        """Whether the method works on image features."""
        return self.method in CLASSIFIERS


@dataclass(frozen=True)
class TrainResult:
    """What `train` gives.

    Parameters
    ----------
    model : with its scores in ``record["scores"]``
    split : which labels trained and which validated
    """

    model: Model
    split: Split


def run_train(
    images: Sequence[LabelledImage],
    phases: PhaseTable,
    config: TrainConfig,
    *,
    name: str = "model",
    start: Model | None = None,
    split: Split | None = None,
    checkpoint: Path | None = None,
    replace_checkpoint: bool = False,
    on_progress: Callable[[Any], None] | None = None,
) -> TrainResult:
    """Train a model.

    Parameters
    ----------
    images : grey images with labels
    phases : the phase table; class k of the model is row k
    config : the method and its settings
    name : of the model
    start : a network to go on from
    split : which labels train and which validate; found by `config` where None
    checkpoint : file from which an interrupted training of a network goes on
    replace_checkpoint : begin anew where the file belongs to another training or cannot be read
    on_progress : called as the training moves on, with `voltomo.training.Progress` by networks

    Raises
    ------
    MissingExtraError
        If a network is asked for and torch is not installed.
    GateError
        If the labels do not support a training: nothing to validate on, a single phase.
    InputError
        If a setting is unknown or makes no sense.
    """
    split = split or split_labels(images, share=config.share, gap=config.gap, seed=config.seed)
    if config.is_classifier:
        scored, model = _train_classifier(images, split, phases, config, name, start, on_progress)
    else:
        scored = model = _train_network(
            images, split, phases, config, name, start, checkpoint, replace_checkpoint, on_progress
        )
    if not model.domain:
        model = replace(model, domain=_domain(images, model))
    if model.onnx is not None and model.test_input is not None:
        model = replace(model, precision=check_precisions(model, model.test_input))
    predictor = open_predictor(scored, precision="f32")
    binder = _fit_binder(scored, predictor, images, split)
    if binder is not None:
        offsets = (binder.touching, binder.elsewhere)
        scored, model = (replace(one, binder_offsets=offsets) for one in (scored, model))
    scores = score_model(scored, predictor, images, split)
    record = {
        "binder": None if binder is None else binder.to_mapping(),
        "method": config.method,
        "recipe": config.model_dump(mode="json"),
        "scores": scores,
        "notices": [*split.notices, *_transfer_notices(model, start)],
    }
    return TrainResult(model.with_record(**record), split)


def _fit_binder(model: Model, predictor: Predictor, images: Sequence[LabelledImage], split: Split) -> BinderFit | None:
    """On the held-out labels; a perceptron of 2000 weights remembers none of its own, and takes all."""
    if active_and_binder(model) is None:
        return None
    masks = [image.labels != 0 for image in images] if model.network == "mlp" else split.validation
    return fit_binder_offsets(model, labelled_logits(model, predictor, images, masks))


def _transfer_notices(model: Model, start: Model | None) -> list[str]:
    """What the model that training began from did not know."""
    fresh = (model.record.get("transfer") or {}).get("fresh_phases") or ()
    if start is None or not fresh:
        return []
    known = ", ".join(f"{phase.name} ({phase.role})" for phase in start.phases)
    return [
        f"{', '.join(fresh)}: learned anew, because {start.name} knows {known} only. Phases are the same by name, or "
        "by role; `--phases phases.yaml` gives both"
    ]


def _train_network(
    images: Sequence[LabelledImage],
    split: Split,
    phases: PhaseTable,
    config: TrainConfig,
    name: str,
    start: Model | None,
    checkpoint: Path | None,
    replace_checkpoint: bool,
    on_progress: Callable[[Any], None] | None,
) -> Model:
    try:
        import torch  # noqa: F401 - only whether it is there
    except ImportError as error:
        raise MissingExtraError(
            "training a network needs torch, which is not installed: pip install 'voltomo[train]'. Pixel classifiers "
            f"({', '.join(CLASSIFIERS)}) need nothing more: --method mlp"
        ) from error
    from voltomo.training import TrainingSettings, train_network

    values = {"network": config.method, "name": name, "seed": config.seed, **config.settings}
    settings = _settings(TrainingSettings, values)
    return train_network(
        images,
        split,
        phases,
        settings,
        start=start,
        checkpoint=checkpoint,
        replace_checkpoint=replace_checkpoint,
        on_progress=on_progress,
    )


def _train_classifier(
    images: Sequence[LabelledImage],
    split: Split,
    phases: PhaseTable,
    config: TrainConfig,
    name: str,
    start: Model | None,
    on_progress: Callable[[Any], None] | None,
) -> tuple[Model, Model]:
    """The classifier that has not seen the held-out labels, and the one to keep, which has if `refit` is set."""
    from voltomo.classifiers import ClassifierSettings, train_classifier

    if start is not None:
        raise InputError(f"{config.method} learns in seconds and does not go on from another model; leave --from out")
    values = {"method": config.method, "seed": config.seed, **config.settings}
    settings = _settings(ClassifierSettings, values)
    scored = train_classifier(images, split, phases, replace(settings, refit=False), on_progress=on_progress)
    model = train_classifier(images, split, phases, settings, on_progress=on_progress) if settings.refit else scored
    return replace(scored, name=name), replace(model, name=name)


def _domain(images: Sequence[LabelledImage], model: Model) -> dict[str, Any]:
    """What the training scans have in common, from their labelled slices."""
    scales = Normalization.from_mapping(model.normalization).by_scan(images)
    found: list[Sequence[Any]] = []
    for image, scale in zip(images, scales, strict=True):
        labelled = np.flatnonzero(image.labels.any(axis=(1, 2)))
        chosen = labelled[np.linspace(0, len(labelled) - 1, min(len(labelled), _DOMAIN_SLICES)).round().astype(int)]
        found += [[scale.apply(np.asarray(image.grey[:, z]))] for z in chosen]
    return describe_domain(found)


def _settings(kind: type[T], values: Mapping[str, Any]) -> T:
    """A settings dataclass from plain values, nested ones from mappings.

    Raises
    ------
    InputError
        If a name is unknown or a value of the wrong kind; the message suggests the nearest name.
    """
    assert is_dataclass(kind)
    known = [field.name for field in fields(kind)]
    hints = get_type_hints(kind)
    given: dict[str, Any] = {}
    for key, value in values.items():
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise InputError(f"unknown setting {key!r} of the training{hint} Known: {', '.join(known)}")
        inner = hints[key]
        if isinstance(inner, type) and is_dataclass(inner) and isinstance(value, Mapping):
            given[key] = _settings(inner, value)
            continue
        try:
            given[key] = TypeAdapter(inner).validate_python(value)
        except ValidationError as error:
            problem = error.errors()[0]
            raise InputError(f"{key}: {problem['msg']}, found {value!r}") from error
    return kind(**given)
