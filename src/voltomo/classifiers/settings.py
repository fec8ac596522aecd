"""What a pixel classifier is asked to be."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

from voltomo.classifiers.features import FeatureSettings
from voltomo.classifiers.growing import BoostingLibrary
from voltomo.errors import InputError
from voltomo.learning.normalization import PERCENTILES, NormalizationMethod, check_normalization

__all__ = ["BoostingSettings", "ClassifierMethod", "ClassifierSettings", "ForestSettings", "PerceptronSettings"]

ClassifierMethod: TypeAlias = Literal["mlp", "forest", "boosting"]


@dataclass(frozen=True)
class PerceptronSettings:
    """A small neural network per voxel.

    Parameters
    ----------
    hidden : widths of its hidden layers
    steps, batch : gradients taken, and samples for each
    rate, decay : largest learning rate, weight decay
        Neighbouring voxels are no independent samples, so that even many are learnt by heart: strong decay carries over
        to other slices better (benchmarks/bench_pixel_classifier.py).
    """

    hidden: tuple[int, ...] = (32, 16)
    steps: int = 1500
    batch: int = 512
    rate: float = 3e-3
    decay: float = 1.0


@dataclass(frozen=True)
class ForestSettings:
    """A random forest.

    Parameters
    ----------
    trees, depth : how many, and steps to the deepest leaf
    smallest_leaf : samples in a leaf
    """

    trees: int = 60
    depth: int = 12
    smallest_leaf: int = 10


@dataclass(frozen=True)
class BoostingSettings:
    """Gradient-boosted trees.

    Parameters
    ----------
    rounds : the most corrections; the validation part decides how many are kept
    leaves, depth, smallest_leaf : of a tree, steps to its deepest leaf, samples in a leaf
    rate : part of each correction that is taken
    library : that grows the trees; their use needs neither
    """

    rounds: int = 100
    leaves: int = 31
    depth: int = 6
    smallest_leaf: int = 20
    rate: float = 0.1
    library: BoostingLibrary = "sklearn"


@dataclass(frozen=True)
class ClassifierSettings:
    """How a pixel classifier is trained.

    Parameters
    ----------
    method : "mlp" (fastest in use), "forest", "boosting"
    features : what it sees of a voxel; edges (1, 1, 1) are replaced by those of the scans where they are known
    samples : the most voxels that it learns from, the same number of each phase as far as they go
    balance : 0 weighs the phases as they are labelled, 1 weighs them equally (scribbles say nothing about shares)
        A quarter finds more of the small voids inside particles at the same overlap and calibration (see
        docs/explanation/pixel-classifiers.md).
    validation_samples : the most voxels that set the temperature and the number of rounds, drawn as labelled
    members : classifiers that are trained apart on other samples, for their mean and their disagreement
    refit : learn from all labels in the end, those held out and those in the gap included
        Temperature and rounds are those found before. The model can then not be scored on the held-out labels, which it
        has seen.
    normalization, percentiles : see `voltomo.learning.normalization`
    perceptron, forest, boosting : of that method
    seed : of every random choice
    """

    method: ClassifierMethod = "mlp"
    features: FeatureSettings = field(default_factory=FeatureSettings)
    samples: int = 60_000
    balance: float = 0.25
    validation_samples: int = 20_000
    members: int = 1
    refit: bool = False
    normalization: NormalizationMethod = "percentile"
    percentiles: tuple[float, float] = PERCENTILES
    perceptron: PerceptronSettings = field(default_factory=PerceptronSettings)
    forest: ForestSettings = field(default_factory=ForestSettings)
    boosting: BoostingSettings = field(default_factory=BoostingSettings)
    seed: int = 0

    def __post_init__(self) -> None:
        if self.method not in get_args(ClassifierMethod):
            raise InputError(f"expected the classifier mlp, forest or boosting, found {self.method!r}")
        if not 0 <= self.balance <= 1:
            raise InputError(f"balance is 0 (phases as labelled) to 1 (phases weigh the same), found {self.balance}")
        if self.samples < 1 or self.validation_samples < 0:
            raise InputError(
                f"expected a positive number of samples, found {self.samples}, and {self.validation_samples} to "
                "validate on"
            )
        if self.members < 1:
            raise InputError(f"a model is made of one classifier or more, found {self.members}")
        check_normalization(self.normalization, self.percentiles)
