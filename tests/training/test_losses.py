from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install 'voltomo[train]'")

from voltomo.training.losses import (  # noqa: E402 - after the check for torch
    cross_entropy,
    dice_and_cross_entropy,
    segmentpy_loss,
    soft_dice,
)
from voltomo.training.optimization import learning_rate  # noqa: E402

LOSSES = [cross_entropy, soft_dice, segmentpy_loss, dice_and_cross_entropy]


def _certain(classes: torch.Tensor, count: int = 3) -> torch.Tensor:
    """Logits of somebody who is sure."""
    return 50 * torch.nn.functional.one_hot(classes.clamp(min=0), count).permute(0, 3, 1, 2).float()


@pytest.mark.parametrize("loss", LOSSES)
def test_right_and_certain_costs_nothing(loss) -> None:
    """The loss is 0 for the truth; 1e-6 is float32."""
    classes = torch.randint(0, 3, (2, 8, 8))
    assert float(loss(_certain(classes), classes)) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("loss", LOSSES)
def test_unlabelled_voxels_do_not_count(loss) -> None:
    """What is predicted where nothing is labelled changes neither loss nor gradient."""
    torch.manual_seed(0)
    classes = torch.randint(0, 3, (2, 8, 8))
    classes[:, 4:] = -1
    logits = torch.randn(2, 3, 8, 8)
    other = logits.clone()
    other[:, :, 4:] = torch.randn(2, 3, 4, 8)
    assert float(loss(logits, classes)) == pytest.approx(float(loss(other, classes)))
    logits.requires_grad_()
    loss(logits, classes).backward()
    assert float(logits.grad[:, :, 4:].abs().max()) == 0
    assert float(logits.grad[:, :, :4].abs().max()) > 0


@pytest.mark.parametrize("loss", LOSSES)
def test_a_batch_without_labels_gives_a_finite_loss(loss) -> None:
    """A crop may hold no label after a warp; it teaches nothing and breaks nothing."""
    assert math.isfinite(float(loss(torch.randn(1, 3, 4, 4), torch.full((1, 4, 4), -1))))


def test_dice_of_even_odds() -> None:
    """Probability 1/2 everywhere, half of 128 voxels each: Dice is (2·32 + 1) / (64 + 64 + 1) for both classes."""
    classes = torch.zeros(2, 8, 8, dtype=torch.long)
    classes[:, 4:] = 1
    assert float(soft_dice(torch.zeros(2, 2, 8, 8), classes)) == pytest.approx(1 - 65 / 129)


def test_dice_weighs_phases_alike() -> None:
    """Missing a phase of 4 voxels costs about as much as missing one of 60, where SegmentPy's loss hardly notices."""
    classes = torch.zeros(1, 8, 8, dtype=torch.long)
    classes[0, :2, :2] = 1
    blind = _certain(torch.zeros_like(classes), 2)
    assert float(soft_dice(blind, classes)) > 0.4
    assert float(segmentpy_loss(blind, classes)) == pytest.approx(4 / 64)


def test_the_rate_rises_and_falls() -> None:
    """Linear rise to the peak, then a cosine that ends near zero."""
    rates = [learning_rate(step, steps=200, peak=1.0, warm_up=0.1) for step in range(200)]
    assert rates[:20] == pytest.approx([(k + 1) / 20 for k in range(20)])
    assert rates[20] == 1
    assert rates[110] == pytest.approx(0.5)
    assert rates[-1] < 1e-3
