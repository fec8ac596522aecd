from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install 'voltomo[train]'")

from voltomo.artifacts.phases import PhaseTable  # noqa: E402 - after the check for torch
from voltomo.learning.normalization import Normalization  # noqa: E402
from voltomo.learning.pairs import LabelledImage  # noqa: E402
from voltomo.training import validation as module  # noqa: E402
from voltomo.training.validation import ValidationPart  # noqa: E402


class _Cut(torch.nn.Module):
    """A grey cut at 0.5 as a network: class 1 is bright."""

    def __init__(self, middle: int = 0) -> None:
        super().__init__()
        self.scale, self.middle = torch.nn.Parameter(torch.tensor(9.0)), middle

    def forward(self, grey: torch.Tensor) -> torch.Tensor:
        bright = self.scale * (grey[:, self.middle : self.middle + 1] - 0.5)
        return torch.cat([-bright, bright], 1)


@pytest.mark.parametrize(("dimension", "neighbors"), [(2, 0), (2.5, 1), (3, 0)])
def test_scores_are_those_of_the_held_out_voxels(
    labelled: Callable[..., LabelledImage],
    phases: PhaseTable,
    monkeypatch: pytest.MonkeyPatch,
    dimension: float,
    neighbors: int,
) -> None:
    """Tiles cover every held-out voxel once: confusion and loss equal those worked out directly."""
    monkeypatch.setattr(module, "_TILE", 24)
    monkeypatch.setattr(module, "_TILE_DEEP", 24)
    image = labelled(1, shape=(5, 64, 50))
    used = np.zeros(image.shape, bool)
    used[1:4, 3:60, 5:41] = True
    part = ValidationPart([image], [used], [Normalization((0.0,), (240.0,))], phases, dimension, neighbors)
    scores = part.score(_Cut(neighbors), step=3, views=True)
    grey, truth = image.grey[0] / np.float32(240), image.labels == 5
    confusion = [[np.count_nonzero(used & (truth == t) & ((grey > 0.5) == p)) for p in (0, 1)] for t in (0, 1)]
    assert scores.confusion.tolist() == confusion
    assert scores.accuracy == pytest.approx(np.trace(np.array(confusion)) / used.sum())
    sign = np.where(truth, 1, -1) * 18 * (grey - 0.5)
    assert scores.loss == pytest.approx(np.logaddexp(0, -sign)[used].mean(), rel=1e-4)
    view = scores.views[0]
    assert view.grey.shape == view.labels.shape == view.prediction.shape
    assert np.array_equal(view.prediction == 5, view.grey > 0.5)


def test_iou_of_a_phase_that_is_nowhere_is_no_number(
    labelled: Callable[..., LabelledImage], phases: PhaseTable
) -> None:
    """The mean is over the phases that are labelled; an absent one that is not predicted has no IoU."""
    image = replace(labelled(1), labels=np.full((1, 64, 64), 5, np.uint8), grey=np.full((1, 1, 64, 64), 200, np.uint8))
    part = ValidationPart([image], [image.labels > 0], [Normalization((0.0,), (240.0,))], phases, 2)
    scores = part.score(_Cut(), step=0)
    assert np.isnan(scores.iou[0])
    assert scores.mean_iou == scores.iou[1] == 1
    assert scores.to_row()["iou"] == [None, 1.0]
