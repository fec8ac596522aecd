"""Train a network from a few labels: sampling, augmentation, loss, schedule, resume."""

from voltomo.training.augmentation import Augmentation
from voltomo.training.network_training import rebuild_network, train_network
from voltomo.training.plan import TrainingPlan, plan_training
from voltomo.training.progress import Progress, ValidationScores, View
from voltomo.training.settings import TrainingSettings

__all__ = [
    "Augmentation",
    "Progress",
    "TrainingPlan",
    "TrainingSettings",
    "ValidationScores",
    "View",
    "plan_training",
    "rebuild_network",
    "train_network",
]
