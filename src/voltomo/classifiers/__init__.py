"""Pixel classifiers: image features and trees or a small network on them."""

from voltomo.classifiers.features import Features, FeatureSettings
from voltomo.classifiers.predictor import PixelClassifier, open_classifier
from voltomo.classifiers.settings import BoostingSettings, ClassifierSettings, ForestSettings, PerceptronSettings
from voltomo.classifiers.training import ClassifierProgress, train_classifier

__all__ = [
    "BoostingSettings",
    "ClassifierProgress",
    "ClassifierSettings",
    "FeatureSettings",
    "Features",
    "ForestSettings",
    "PerceptronSettings",
    "PixelClassifier",
    "open_classifier",
    "train_classifier",
]
