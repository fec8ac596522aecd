"""A pixel classifier in use: features and scores of a few rows at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from voltomo.artifacts.model import Model, Weights
from voltomo.classifiers.features import Features, FeatureSettings, ScaleSpace
from voltomo.classifiers.perceptron import Perceptron
from voltomo.classifiers.scale_space import spread
from voltomo.classifiers.trees import Combination, Trees
from voltomo.errors import InputError

__all__ = ["COMBINATIONS", "PixelClassifier", "Scorer", "open_classifier"]

Scorer: TypeAlias = Perceptron | Trees
"""(F, N) features to (K, N) logits."""

COMBINATIONS: dict[str, Combination] = {"forest": "shares", "boosting": "sums"}
_VOXELS = 4096
"""Voxels whose features are made at once: about half a megabyte, which stays in the cache of a core."""


@dataclass(frozen=True)
class PixelClassifier:
    """A `voltomo.learning.predictor.Predictor` on image features.

    Parameters
    ----------
    features : what it sees of a voxel
    scorer : what it makes of it
    threads : of one call
    """

    features: Features
    scorer: Scorer
    threads: int = 1

    @property
    def classes(self) -> int:
        return self.scorer.classes

    @property
    def halo(self) -> tuple[int, int, int]:
        return self.features.halo

    @property
    def multiple(self) -> tuple[int, int, int]:
        return 1, 1, 1

    def __call__(self, grey: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """(K, Z, Y, X) logits of (C, Z, Y, X) normalised grey values, mirrored at the faces."""
        out = np.empty((self.classes, *grey.shape[1:]), np.float32)
        if self.features.settings.dimension == 3:
            self._fill(grey, out)
        else:
            for z in range(grey.shape[1]):  # slices know nothing of each other: the memory of one is enough
                self._fill(grey[:, z : z + 1], out[:, z : z + 1])
        return out

    def _fill(self, grey: npt.NDArray[np.float32], out: npt.NDArray[Any]) -> None:
        """Logits of a block into `out`."""
        space = self.features.prepare(grey, threads=self.threads)
        rows = max(1, _VOXELS // space.width)

        def work(first: int, last: int) -> None:
            for start in range(first, last, rows):
                end = min(start + rows, last)
                scores = self._score(space, start, end)
                for row in range(start, end):
                    z, y = divmod(row, grey.shape[2])
                    out[:, z, y] = scores[:, (row - start) * space.width : (row - start + 1) * space.width]

        spread(work, space.rows, threads=self.threads)

    def _score(self, space: ScaleSpace, first: int, last: int) -> npt.NDArray[np.float32]:
        """(K, n) logits of some rows."""
        return self.scorer(self.features.rows(space, first, last))


def open_classifier(model: Model, *, threads: int = 1) -> PixelClassifier:
    """What gives every voxel a score per phase.

    Parameters
    ----------
    model : of network "mlp", "forest" or "boosting"
        Of several members the first; `voltomo.inference` averages over all of them.
    threads : that one call uses; leave it at 1 where several blocks are worked on at once

    Raises
    ------
    InputError
        If it is no pixel classifier, or its arrays do not fit its settings.
    """
    if not model.is_classifier:
        raise InputError(f"the model {model.name!r} is a {model.network} network, no pixel classifier")
    if "features" not in model.settings:
        raise InputError(f"the settings of the model {model.name!r} do not say which features it uses")
    features = Features(FeatureSettings.from_mapping(model.settings["features"]), len(model.channels))
    scorer = _open_scorer(model, model.weights, features.count)
    if scorer.classes != model.classes:
        raise InputError(f"the model {model.name!r} has {model.classes} phases but scores for {scorer.classes}")
    return PixelClassifier(features, scorer, threads)


def _open_scorer(model: Model, weights: Weights, features: int) -> Scorer:
    if model.network != "mlp":
        return Trees.from_arrays(weights, features=features, combination=COMBINATIONS[model.network])
    perceptron = Perceptron.from_arrays(weights)
    if perceptron.weights[0].shape[1] != features:
        raise InputError(
            f"the model {model.name!r} has weights for {perceptron.weights[0].shape[1]} features; its settings make "
            f"{features} of {len(model.channels)} channels"
        )
    return perceptron
