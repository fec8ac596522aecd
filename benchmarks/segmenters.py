"""The ways to segment that `bench_segmentation.py` compares: each learns from labelled slices and answers for others.

Fitting and answering see grey values as a user would have them: percentiles of a scan that is to be segmented are those
of its own slices, never of the training slices. Everything works in the plane.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np

from voltomo.artifacts import Model, Phase, PhaseTable, Volume
from voltomo.inference.averaging import softmax
from voltomo.inference.binder_rule import BinderRule
from voltomo.inference.engines import open_predictor
from voltomo.io.model_lookup import BASE_MODELS, load_model
from voltomo.learning.normalization import Normalization, measure_by_scan, measure_normalization
from voltomo.learning.pairs import LabelledImage
from voltomo.segmentation.fitted_cut import fit_cut
from voltomo.stages.joined_models import join_models, join_predictors
from voltomo.stages.segment import SegmentConfig, run_segment
from voltomo.stages.train import TrainConfig, run_train
from voltomo.stages.workspace import MemoryWorkspace

__all__ = ["PHASES", "SEGMENTERS", "Answer", "Fitted", "Segmenter", "trained"]

PHASES = PhaseTable((Phase(1, "pore", "pore"), Phase(2, "binder", "binder"), Phase(3, "NMC", "active")))
"""By rising grey."""
PORE, BINDER, ACTIVE = 1, 2, 3

Images: TypeAlias = Sequence[LabelledImage]


@dataclass(frozen=True)
class Answer:
    """One scan segmented.

    Parameters
    ----------
    labels : (Z, Y, X) uint8 ids of `PHASES`; two-class methods give pore and NMC only
    probabilities : (3, Z, Y, X) float32, where the method has them
    knows_binder : whether the method tells binder from pore at all
    """

    labels: np.ndarray
    probabilities: np.ndarray | None = None
    knows_binder: bool = True


Predict: TypeAlias = Callable[[np.ndarray], Answer]
"""Of the grey values (C, Z, Y, X) of one scan."""


@dataclass(frozen=True)
class Fitted:
    """A method that has seen the labels.

    Parameters
    ----------
    predict : answers for one scan
    train_s, train_core_s : wall and processor seconds of learning; for models trained for another method before, those
        that it took then
    """

    predict: Predict
    train_s: float
    train_core_s: float


Segmenter: TypeAlias = Callable[[Images, int], Fitted]
"""``segmenter(labelled images, seed) -> fitted``."""


def _timed(fit: Callable[[Images, int], Predict]) -> Segmenter:
    def segmenter(images: Images, seed: int) -> Fitted:
        started, spent = time.perf_counter(), time.process_time()
        predict = fit(images, seed)
        return Fitted(predict, time.perf_counter() - started, time.process_time() - spent)

    return segmenter


def _unlearned(ids: tuple[int, ...], **settings: Any) -> Segmenter:
    """A method that needs no labels; one histogram per slice."""

    @_timed
    def fit(images: Images, seed: int) -> Predict:
        def predict(grey: np.ndarray) -> Answer:
            config = SegmentConfig.model_validate(settings)
            slices = [run_segment(Volume(grey[:, [z]]), config, MemoryWorkspace()) for z in range(grey.shape[1])]
            classes = np.concatenate([np.asarray(found.phase_map.data) for found in slices])
            return Answer(np.array((0, *ids), np.uint8)[classes], knows_binder=BINDER in ids)

        return predict

    return fit


@_timed
def _cut(images: Images, seed: int) -> Predict:
    """One cut of the grey as it is."""
    fitted = fit_cut(images)
    return lambda grey: Answer(fitted.apply(grey[0]))


@_timed
def _scaled_cut(images: Images, seed: int) -> Predict:
    """One cut of the grey between the percentiles of its scan."""
    fitted = fit_cut(images, normalizations=measure_by_scan(images))
    return lambda grey: Answer(fitted.apply(measure_normalization(grey).apply(grey)[0]))


@_timed
def _xgboost(images: Images, seed: int) -> Predict:
    """Gradient-boosted trees on scikit-image's multi-scale features of the scaled grey: the peer."""
    from xgboost import XGBClassifier

    rng = np.random.default_rng(seed)
    features, classes = [], []
    for image, scale in zip(images, measure_by_scan(images), strict=True):
        grey = np.asarray(image.grey)
        for z in range(image.shape[0]):
            places = np.flatnonzero(image.labels[z])
            places = rng.permutation(places)[: _XGBOOST_PIXELS // len(images)]
            features.append(_features(grey[0, z], scale)[places])
            classes.append(image.labels[z].ravel()[places] - 1)
    settings = {"n_estimators": 100, "max_depth": 6, "learning_rate": 0.2, "tree_method": "hist", "subsample": 0.8}
    model = XGBClassifier(**settings, colsample_bytree=0.8, n_jobs=1, random_state=seed)
    model.fit(np.concatenate(features), np.concatenate(classes))

    def predict(grey: np.ndarray) -> Answer:
        scale = measure_normalization(grey)
        rows = [model.predict_proba(_features(grey[0, z], scale)) for z in range(grey.shape[1])]
        shape = grey.shape[1:]
        probabilities = np.stack(rows).reshape(*shape, -1).transpose(3, 0, 1, 2)
        return _most_likely(probabilities)

    return predict


_XGBOOST_PIXELS = 400_000
"""Of all training images; all 2.5 million pixels of nine slices take six times as long and score the same to 0.002."""


def _features(grey: np.ndarray, scale: Normalization) -> np.ndarray:
    """(pixels, features) of one slice; kept, since nine folds ask for the same slices."""
    scaled = scale.apply(grey[None, None])[0, 0]
    return _features_of(scaled.tobytes(), scaled.shape)


@lru_cache(maxsize=16)
def _features_of(values: bytes, shape: tuple[int, int]) -> np.ndarray:
    from skimage.feature import multiscale_basic_features

    grey = np.frombuffer(values, np.float32).reshape(shape)
    found = multiscale_basic_features(grey, sigma_min=0.5, sigma_max=16, workers=1)
    return np.asarray(found, np.float32).reshape(-1, found.shape[-1])


def _most_likely(probabilities: np.ndarray) -> Answer:
    return Answer((1 + np.argmax(probabilities, axis=0)).astype(np.uint8), probabilities.astype(np.float32))


@dataclass(frozen=True)
class _Training:
    """A model and what its training took; keeps the images, whose identity stands for them."""

    model: Model
    train_s: float
    train_core_s: float
    images: Images


Train: TypeAlias = Callable[[Images, int], _Training]


def _of_models(*trains: Train, settle: bool = True) -> Segmenter:
    """A model of ours behind its engine, or the mean of several; `settle`: binder by its offsets."""

    def fit(images: Images, seed: int) -> Fitted:
        trainings = [train(images, seed) for train in trains]
        models = [training.model for training in trainings]
        model = join_models(models)

        def predict(grey: np.ndarray) -> Answer:
            predictor = join_predictors(models, [open_predictor(one, precision="f32", threads=2) for one in models])
            scale = Normalization.from_mapping(model.normalization)
            if scale.method == "percentile":
                scale = measure_normalization(grey, percentiles=scale.percentiles)
            logits = predictor(scale.apply(grey))
            answer = _most_likely(softmax(logits, temperature=model.temperature))
            rule = BinderRule.of(model)
            if rule is None or not settle:
                return answer
            slices = [rule.decide(logits[:, [z]], PHASES.ids) for z in range(grey.shape[1])]  # far apart
            return replace(answer, labels=np.concatenate(slices))

        seconds = [(training.train_s, training.train_core_s) for training in trainings]
        return Fitted(predict, *map(sum, zip(*seconds, strict=True)))

    return fit


_GAP = 16
"""Pixels between training and validation."""


def _train(method: str, **settings: Any) -> Train:
    """What `voltomo train --method` makes of the images; the last one is kept, for a method that joins it to others."""
    kept: dict[tuple[Any, ...], _Training] = {}

    def train(images: Images, seed: int) -> _Training:
        key = (seed, *map(id, images))
        if key not in kept:
            kept.clear()
            config = TrainConfig(method=method, gap=_GAP, seed=seed, settings=settings)
            start = _load_base() if "reuse" in settings else None
            started, spent = time.perf_counter(), time.process_time()
            model = run_train(images, PHASES, config, start=start).model
            kept[key] = _Training(model, time.perf_counter() - started, time.process_time() - spent, images)
        return kept[key]

    return train


def _load_base() -> Model:
    return load_model("nmc-base", (BASE_MODELS,))


def trained(method: str, **settings: Any) -> Segmenter:
    """`voltomo train --method` with these settings."""
    return _of_models(_train(method, **settings))


_UNET, _MLP = _train("unet"), _train("mlp")
_ADAPTED = _train("unet", reuse="all")
"""The base model, trained further on the labels as `voltomo train --from nmc-base` does."""

SEGMENTERS: dict[str, Segmenter] = {
    "otsu": _unlearned((PORE, ACTIVE), method="otsu"),
    "otsu-3": _unlearned((PORE, BINDER, ACTIVE), method="multi-otsu", classes=3),
    "k-means": _unlearned((PORE, BINDER, ACTIVE), method="kmeans", classes=3, feature="mean"),
    "cut": _cut,
    "cut-scaled": _scaled_cut,
    "xgboost": _xgboost,
    "forest": trained("forest"),
    "boosting": trained("boosting"),
    "mlp": _of_models(_MLP),
    "mlp-likeliest": _of_models(_MLP, settle=False),
    "unet": _of_models(_UNET),
    "unet-likeliest": _of_models(_UNET, settle=False),
    "unet+mlp": _of_models(_UNET, _MLP),
    "unet-cross-entropy": trained("unet", loss="cross_entropy"),
    "half": trained("unet", network_settings={"stem": 2}),
    "base": _of_models(lambda images, _seed: _Training(_load_base(), 0.0, 0.0, images)),
    "base-adapted": _of_models(_ADAPTED),
    "base-adapted+mlp": _of_models(_ADAPTED, _MLP),
    "base-encoder": trained("unet", reuse="encoder"),
    "lrcsnet": trained("lrcsnet"),
}
