"""Several models as one, whose answer is the mean of their probabilities: a network and a pixel classifier, say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import Model
from voltomo.errors import InputError
from voltomo.inference.averaging import Ensemble
from voltomo.inference.wrapped import Wrapped
from voltomo.learning.normalization import Normalization
from voltomo.learning.predictor import Predictor

__all__ = ["join_models", "join_predictors"]


def join_models(models: Sequence[Model]) -> Model:
    """What several models are together: what they tell apart, and how their joint answer is used.

    Parameters
    ----------
    models : one or more; one is returned as it is

    Returns
    -------
    Model
        Each model is a member, also one that is an ensemble itself. Its logits are those of `join_predictors`, at a
        temperature of 1; the binder offsets are the means. It has no ONNX: the models stay what they are.

    Raises
    ------
    InputError
        If they differ in phases, channels, or how they scale grey values.
    """
    first, *others = models
    if not others:
        return first
    for other in others:
        for what, one, two in (
            ("the phases", _phases(first), _phases(other)),
            ("the channels", ", ".join(first.channels), ", ".join(other.channels)),
            ("a scale of grey values", _scale(first), _scale(other)),
        ):
            if one != two:
                raise InputError(
                    f"models that are used together share {what}; {first.name} has {one}, {other.name} has {two}. "
                    "Train them from the same labels and the same phase table"
                )
    return replace(
        first,
        name=" + ".join(model.name for model in models),
        network=" + ".join(dict.fromkeys(model.network for model in models)),
        temperature=1.0,
        binder_offsets=_mean_offsets(models),
        onnx=None,
        onnx_members=(),
        members=tuple(other.weights for other in others),
    )


def join_predictors(models: Sequence[Model], predictors: Sequence[Predictor]) -> Predictor:
    """The predictor that answers for `join_models`: the logarithm of the mean of calibrated probabilities."""
    if len(models) == 1:
        return predictors[0]
    pairs = zip(models, predictors, strict=True)
    return Ensemble(tuple(_Tempered(predictor, model.temperature) for model, predictor in pairs))


@dataclass(frozen=True)
class _Tempered(Wrapped):
    """A predictor whose logits are divided by its temperature."""

    temperature: float = 1.0

    def __call__(self, grey: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        return np.asarray(self.predictor(grey) / np.float32(self.temperature), np.float32)


def _mean_offsets(models: Sequence[Model]) -> tuple[float, float]:
    touching, elsewhere = np.mean([model.binder_offsets for model in models], axis=0)
    return round(float(touching), 4), round(float(elsewhere), 4)


def _phases(model: Model) -> str:
    return ", ".join(f"{phase.id} {phase.name} ({phase.role})" for phase in model.phases)


def _scale(model: Model) -> str:
    own = Normalization.from_mapping(model.normalization)
    if own.method == "fixed":
        return f"fixed grey values {own.low} to {own.high}"
    return f"percentiles {own.percentiles}"
