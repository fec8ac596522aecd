"""What the page about a training is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from voltomo.artifacts.model import Model
from voltomo.errors import InputError
from voltomo.learning.pairs import LabelledImage
from voltomo.learning.splits import Split

if TYPE_CHECKING:  # torch is not needed to write the page
    from voltomo.training.insight import Insight
    from voltomo.training.progress import Progress, View

__all__ = ["ProgressViews", "TrainingContent", "choose_views"]

_MOMENTS = 4
"""Moments of a training that are shown: the first, the last, and two between."""


@dataclass(frozen=True)
class ProgressViews:
    """Pieces of the validation part as a network predicted them at one moment.

    Parameters
    ----------
    step : after which
    mean_iou : of the whole validation part then
    views : the pieces, the same at every moment
    """

    step: int
    mean_iou: float
    views: tuple[View, ...]


def choose_views(told: Sequence[Progress]) -> tuple[ProgressViews, ...]:
    """A few moments of the first network's training, in order.

    Parameters
    ----------
    told : what a training reported; reports without pictures are passed over
    """
    shown = [
        ProgressViews(report.validation.step, report.validation.mean_iou, report.validation.views)
        for report in told
        if report.validation is not None and report.member == 0 and report.validation.views
    ]
    count = min(_MOMENTS, len(shown))
    places = [round(i * (len(shown) - 1) / max(1, count - 1)) for i in range(count)]
    return tuple(shown[place] for place in places)


@dataclass(frozen=True)
class TrainingContent:
    """What the page shows; what is missing is left out.

    Parameters
    ----------
    model : with its record: scores, curves, plan, settings, data
    images, split : what trained it; at most a few slices are read
    views : how it predicted while it learned, from `choose_views`
    insight : from `voltomo.training.insight.explain_training`; None for pixel classifiers
    notices : sentences that a reader must know
    title : heading

    Raises
    ------
    InputError
        If images and split do not belong together.
    """

    model: Model
    images: Sequence[LabelledImage]
    split: Split
    views: Sequence[ProgressViews] = ()
    insight: Insight | None = None
    notices: Sequence[str] = field(default_factory=tuple)
    title: str = ""

    def __post_init__(self) -> None:
        if not len(self.images) == len(self.split.training) == len(self.split.validation):
            raise InputError(
                f"expected one training and one validation mask per image; found {len(self.split.training)} and "
                f"{len(self.split.validation)} for {len(self.images)} images"
            )
