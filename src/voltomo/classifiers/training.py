"""Train a pixel classifier: from a few labels to a model, in seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from voltomo.artifacts.model import Model
from voltomo.artifacts.phases import PhaseTable
from voltomo.classifiers.features import Features
from voltomo.classifiers.growing import grow_boosting, grow_forest
from voltomo.classifiers.held_out import cross_entropies, feature_importances, mean_logits
from voltomo.classifiers.perceptron import train_perceptron
from voltomo.classifiers.predictor import Scorer, open_classifier
from voltomo.classifiers.sampling import Masks, Samples, count_labels, draw_samples
from voltomo.classifiers.settings import ClassifierSettings
from voltomo.classifiers.trees import Trees
from voltomo.errors import GateError, InputError
from voltomo.learning.kept import channel_names, describe_image, typical_normalization, voxel_range
from voltomo.learning.normalization import Normalization, measure_by_scan
from voltomo.learning.pairs import LabelledImage
from voltomo.learning.splits import Split
from voltomo.learning.temperature import fit_temperature
from voltomo.machine import available_cores

__all__ = ["ClassifierProgress", "train_classifier"]

_TEST_EDGE = {2: (1, 64, 64), 3: (24, 24, 24)}  # voxels of the stored test along z, y, x
_ALIKE_EDGES = 0.05  # relative difference of voxel edges that features cannot tell


@dataclass(frozen=True)
class ClassifierProgress:
    """Where a training stands.

    Parameters
    ----------
    stage : "features", "training", "validation" or "refit"
    done, total : steps of the whole training
    loss : of the last batch, where there is one
    """

    stage: str
    done: int
    total: int
    loss: float | None = None


def train_classifier(
    images: Sequence[LabelledImage],
    split: Split,
    phases: PhaseTable,
    settings: ClassifierSettings,
    *,
    channels: Sequence[str] | None = None,
    threads: int | None = None,
    on_progress: Callable[[ClassifierProgress], None] | None = None,
) -> Model:
    """Train a pixel classifier on the labelled voxels of some images.

    Parameters
    ----------
    images : labelled images, all with the same channels
    split : which labels train and which validate, as `voltomo.learning.splits.split_labels` gives it
    phases : the phase table; class k of the model is row k
    settings : the method and its numbers
    channels : names of the channels; "grey", or "channel 1" and so on, where not given
    threads : of features and forests; the cores of this process where None. They change nothing in the result
    on_progress : told after every part

    Returns
    -------
    Model
        Named after its method. Its temperature is 1 where nothing is held out, and nothing is known then of which
        features matter (``record["importances"]``, see `voltomo.classifiers.held_out`).

    Raises
    ------
    InputError
        If images, split and phases do not belong together.
    GateError
        If a phase has no label to learn from.
    """
    begun = time.perf_counter()
    training = _Training.prepare(images, split, phases, settings, threads or available_cores(), on_progress)
    training.tell("features")
    held_out = training.draw(split.validation, settings.validation_samples, seed=(settings.seed, 1), is_balanced=False)
    scorers, losses = [], []
    for member in range(settings.members):
        samples = training.draw(split.training, settings.samples, seed=(settings.seed, 2, member))
        scorer, loss = training.fit(samples, "training", member)
        scorers.append(_shortened(scorer, held_out, len(phases)))
        losses.append(loss)
    logits = mean_logits(scorers, held_out.features)
    temperature = fit_temperature(logits, held_out.rows + 1) if held_out.count else 1.0
    kept = channel_names(images, channels)
    names = _feature_names(training.features.names, kept)
    importances = feature_importances(scorers, held_out, names, seed=settings.seed)
    training.tell("validation")
    if settings.refit:
        everything = [image.labels != 0 for image in images]
        for member, before in enumerate(scorers):
            samples = training.draw(everything, settings.samples, seed=(settings.seed, 2, member))
            again, _ = training.fit(samples, "refit", member)
            scorers[member] = _as_long_as(again, before)
    record = {
        "settings": _plain(asdict(settings)),
        "losses": losses,
        "importances": importances,
        "split": split.to_mapping(),
        "data": [describe_image(image, split, i) for i, image in enumerate(images)],
        "refit": settings.refit,
        "seconds": round(time.perf_counter() - begun, 2),
    }
    arrays = [scorer.to_arrays() for scorer in scorers]
    model = Model(
        name=settings.method,
        network=settings.method,
        settings={"dimension": settings.features.dimension, "features": training.features.settings.to_mapping()},
        phases=phases,
        channels=kept,
        normalization=typical_normalization(training.normalizations).to_mapping(),
        weights=arrays[0],
        temperature=temperature,
        voxel_size=voxel_range(images),
        record=record,
        members=tuple(arrays[1:]),
    )
    grey, answer = training.stored_test(model)
    return replace(model, test_input=grey, test_output=answer)


@dataclass
class _Training:
    """What the steps of one training share.

    Parameters
    ----------
    features : with the voxel edges of the scans
    normalizations : one per image
    done : steps told so far
    """

    images: Sequence[LabelledImage]
    phases: PhaseTable
    settings: ClassifierSettings
    features: Features
    normalizations: tuple[Normalization, ...]
    threads: int
    on_progress: Callable[[ClassifierProgress], None] | None
    done: int = 0

    @classmethod
    def prepare(
        cls,
        images: Sequence[LabelledImage],
        split: Split,
        phases: PhaseTable,
        settings: ClassifierSettings,
        threads: int,
        on_progress: Callable[[ClassifierProgress], None] | None,
    ) -> _Training:
        """Check what belongs together, scale the grey values."""
        _check(images, split, phases)
        chosen = settings.features
        if chosen.edges == (1.0, 1.0, 1.0):
            chosen = replace(chosen, edges=_relative_edges(images, chosen.dimension))
        features = Features(chosen, int(images[0].grey.shape[0]))
        scaled = measure_by_scan(images, method=settings.normalization, percentiles=settings.percentiles)
        return cls(images, phases, settings, features, scaled, threads, on_progress)

    def tell(self, stage: str, loss: float | None = None) -> None:
        self.done += 1
        if self.on_progress is not None:
            fits = self.settings.members * (2 if self.settings.refit else 1)
            self.on_progress(ClassifierProgress(stage, self.done, 2 + fits, loss))

    def draw(self, masks: Masks, count: int, *, seed: tuple[int, ...], is_balanced: bool = True) -> Samples:
        """Voxels inside the masks, and their features."""
        return draw_samples(
            self.images,
            masks,
            self.phases,
            self.features,
            self.normalizations,
            count=count,
            is_balanced=is_balanced,
            balance=self.settings.balance if is_balanced else 0.0,
            rng=np.random.default_rng(seed),
            threads=self.threads,
        )

    def fit(self, samples: Samples, stage: str, member: int) -> tuple[Scorer, list[float]]:
        """A classifier that knows these samples, and its loss as it learnt."""
        losses: list[float] = []
        # The matrices of a perceptron and the nodes of a boosted tree are too small to share: where other work runs,
        # two threads took six times as long as one, waiting for each other. Forests have threads of their own.
        with threadpool_limits(1):
            scorer = self._fit(samples, self.settings.seed + member, losses)
        self.tell(stage, losses[-1] if losses else None)
        return scorer, losses

    def _fit(self, samples: Samples, seed: int, losses: list[float]) -> Scorer:
        """By the method that is asked for."""
        given, classes = (samples.features, samples.rows, samples.importance), len(self.phases)
        if self.settings.method == "mlp":
            return train_perceptron(
                *given,
                classes=classes,
                **asdict(self.settings.perceptron),
                rng=np.random.default_rng((seed, 3)),
                on_step=lambda step, loss: losses.append(round(loss, 6)),
            )
        if self.settings.method == "forest":
            return grow_forest(*given, classes=classes, **asdict(self.settings.forest), seed=seed, threads=self.threads)
        numbers = asdict(self.settings.boosting)
        return grow_boosting(*given, classes=classes, **numbers, seed=seed, threads=self.threads)

    def stored_test(self, model: Model) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """A corner of the first image and the logits of the first classifier for it."""
        image, edges = self.images[0], _TEST_EDGE[self.settings.features.dimension]
        region = tuple(slice(0, min(edge, size)) for edge, size in zip(edges, image.shape, strict=True))
        grey = self.normalizations[0].apply(np.asarray(image.grey[(slice(None), *region)]))
        return grey, open_classifier(model)(grey)


def _check(images: Sequence[LabelledImage], split: Split, phases: PhaseTable) -> None:
    """Refuse what cannot be learnt from."""
    if not images or len(split.training) != len(images) or len(split.validation) != len(images):
        raise InputError(
            f"expected one mask per image, found {len(images)} images, {len(split.training)} training and "
            f"{len(split.validation)} validation masks"
        )
    if len({int(image.grey.shape[0]) for image in images}) != 1:
        found = ", ".join(f"{image.name}: {image.grey.shape[0]}" for image in images)
        raise InputError(f"all images of one training have the same number of channels; found {found}")
    for image in images:
        unknown = sorted(set(np.unique(image.labels).tolist()) - {0, *phases.ids})
        if unknown:
            raise InputError(f"{image.name} carries the labels {unknown}; the phase table has {phases.ids}")
    counts = count_labels(images, split.training, phases)
    missing = [phase.name for phase, count in zip(phases, counts, strict=True) if not count]
    if missing:
        raise GateError(
            f"no label of {', '.join(missing)} to learn from; label some of it in a second place, hold out less, or "
            "take it out of the phase table"
        )


def _relative_edges(images: Sequence[LabelledImage], dimension: int) -> tuple[float, float, float]:
    """Voxel edges of the scans in units of the finest that counts; 1 where they are unknown."""
    axes = slice(0 if dimension == 3 else 1, 3)
    known = [np.asarray(image.voxel_size) for image in images if image.voxel_size is not None]
    relative = [edges / edges[axes].min() for edges in known] or [np.ones(3)]
    if any(np.abs(edges / relative[0] - 1)[axes].max() > _ALIKE_EDGES for edges in relative):
        raise InputError(
            "the voxels of the images differ in their proportions, z : y : x "
            + ", ".join(" : ".join(f"{edge:.3g}" for edge in edges) for edges in relative)
            + "; resample them, or train in 2 dimensions on slices with square pixels"
        )
    z, y, x = (float(edge) for edge in relative[0])
    return z, y, x


def _shortened(scorer: Scorer, held_out: Samples, classes: int) -> Scorer:
    """Boosted trees up to the round that predicts held-out labels best; others as they are."""
    if not isinstance(scorer, Trees) or scorer.combination != "sums" or not held_out.count:
        return scorer
    per_round = 1 if classes == 2 else classes
    logits = np.repeat(scorer.base[:, None], held_out.count, axis=1)
    best, best_count = np.inf, per_round
    for count in range(per_round, scorer.roots.size + 1, per_round):
        logits += scorer.part(count - per_round, count)(held_out.features)
        loss = float(cross_entropies(logits, held_out.rows).mean())
        if loss < best:
            best, best_count = loss, count
    return scorer.first(best_count)


def _as_long_as(scorer: Scorer, other: Scorer) -> Scorer:
    """Trees cut to the number of the other's; a perceptron as it is."""
    if isinstance(scorer, Trees) and isinstance(other, Trees):
        return scorer.first(other.roots.size)
    return scorer


def _feature_names(names: Sequence[str], channels: Sequence[str]) -> list[str]:
    """Names of features with the channel's in place of its number; without it where there is one channel only."""
    parts = [name.split(" ", 1) for name in names]
    return [kind if len(channels) == 1 else f"{channels[int(number)]} {kind}" for number, kind in parts]


def _plain(value: Any) -> Any:
    """Tuples as lists, as JSON has them."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, tuple) else value
