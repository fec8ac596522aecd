"""What a training tells while it runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Progress", "ValidationScores", "View"]


@dataclass(frozen=True)
class View:
    """A piece of the validation part as it is predicted now.

    Parameters
    ----------
    name : of the image
    grey : (Y, X) float32, normalised, first channel
    labels, prediction : (Y, X) uint8 phase ids; 0 is unlabelled
    """

    name: str
    grey: npt.NDArray[np.float32]
    labels: npt.NDArray[np.uint8]
    prediction: npt.NDArray[np.uint8]


@dataclass(frozen=True)
class ValidationScores:
    """How well the validation part is predicted.

    Parameters
    ----------
    step : after which
    loss : cross-entropy per voxel
    confusion : (K, K) voxels of true class (row) predicted as class (column)
    views : pictures, where they were asked for
    """

    step: int
    loss: float
    confusion: npt.NDArray[np.int64]
    views: tuple[View, ...] = ()

    @property
    def iou(self) -> npt.NDArray[np.float64]:
        """(K,) intersection over union; nan for a class that is neither labelled nor predicted."""
        both = np.diag(self.confusion).astype(np.float64)
        union = self.confusion.sum(0) + self.confusion.sum(1) - both
        ratio: npt.NDArray[np.float64] = np.divide(both, union, out=np.full(len(both), np.nan), where=union > 0)
        return ratio

    @property
    def mean_iou(self) -> float:
        """Over the classes that are labelled in the validation part."""
        is_there = self.confusion.sum(1) > 0
        return float(self.iou[is_there].mean())

    @property
    def accuracy(self) -> float:
        """Share of voxels predicted right."""
        return float(np.trace(self.confusion) / max(1, self.confusion.sum()))

    def to_row(self) -> dict[str, Any]:
        """One row of a curve, as JSON has it."""
        iou = [None if np.isnan(value) else round(float(value), 5) for value in self.iou]
        return {"step": self.step, "loss": round(self.loss, 6), "mean_iou": round(self.mean_iou, 5), "iou": iou}


@dataclass(frozen=True)
class Progress:
    """Where a training stands.

    Parameters
    ----------
    member, members : which network of the ensemble is trained, from 0, and of how many
    step, steps : of this network
    loss : mean of the steps since the last validation
    learning_rate : now
    seconds, seconds_left : of the whole training; left is an estimate
    validation : scores, where this report follows a validation
    is_best : whether these are the best so far
    """

    member: int
    members: int
    step: int
    steps: int
    loss: float
    learning_rate: float
    seconds: float
    seconds_left: float
    validation: ValidationScores | None = None
    is_best: bool = field(default=False)
