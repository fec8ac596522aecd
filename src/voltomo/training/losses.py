"""What training minimises. Unlabelled voxels (class -1) never count."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own abbreviation

from voltomo.training.sampling import IGNORE
from voltomo.training.settings import Loss

__all__ = ["cross_entropy", "dice_and_cross_entropy", "loss_function", "segmentpy_loss", "soft_dice"]

LossFunction = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def loss_function(name: Loss) -> LossFunction:
    """The loss of this name: (logits (N, K, ...), classes (N, ...)) to a number."""
    return {"dice_ce": dice_and_cross_entropy, "cross_entropy": cross_entropy, "segmentpy": segmentpy_loss}[name]


def cross_entropy(logits: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
    """Mean negative log-likelihood of the labelled voxels; 0 where there are none."""
    total = F.cross_entropy(logits.float(), classes, ignore_index=IGNORE, reduction="sum")
    return total / (classes != IGNORE).sum().clamp(min=1)


def soft_dice(logits: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
    """1 − Dice with probabilities in the place of counts, over the whole batch; mean of the classes labelled in it.

    References
    ----------
    .. [1] Milletari, Navab and Ahmadi, V-Net (2016), arXiv 1606.04797; per class and over the batch as in Isensee et
       al., nnU-Net, Nat. Methods 18 (2021) 203.
    """
    known = (classes != IGNORE).unsqueeze(1)
    probabilities = torch.softmax(logits.float(), 1) * known
    truth = torch.zeros_like(probabilities).scatter_(1, classes.clamp(min=0).unsqueeze(1), 1.0) * known
    axes = [0, *range(2, logits.ndim)]
    both = (probabilities * truth).sum(axes)
    sizes = probabilities.sum(axes) + truth.sum(axes)
    is_there = truth.sum(axes) > 0
    dice = (2 * both + 1) / (sizes + 1)  # the 1 keeps classes of a few voxels from dividing by little
    return ((1 - dice) * is_there).sum() / is_there.sum().clamp(min=1)


def dice_and_cross_entropy(logits: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
    """Sum of both: Dice looks after rare phases, cross-entropy after probabilities that mean what they say."""
    return soft_dice(logits, classes) + cross_entropy(logits, classes)


def segmentpy_loss(logits: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
    """1 − mean probability of the true class: what SegmentPy's "Dice" comes down to.

    Its sums run over height, width and class together, and both the softmax and the labels sum to the number of
    pixels, so that the fraction is the mean probability of the true class, ruled by the most frequent phase [1]_.

    References
    ----------
    .. [1] Su et al., npj Comput. Mater. 8 (2022) 30, doi 10.1038/s41524-022-00709-7, and its program SegmentPy.
    """
    known = classes != IGNORE
    probabilities = torch.softmax(logits.float(), 1)
    right = probabilities.gather(1, classes.clamp(min=0).unsqueeze(1)).squeeze(1)
    return 1 - (right * known).sum() / known.sum().clamp(min=1)
