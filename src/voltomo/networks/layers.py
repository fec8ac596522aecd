"""The parts that the networks are made of, in two or three dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own abbreviation
from torch import nn

__all__ = ["convolution", "convolutions", "crop_to", "initialize", "max_pool_indices", "max_unpool", "pad_to_multiple"]


def convolution(spatial: int, channels: int, filters: int, kernel: int | Sequence[int] = 3) -> nn.Module:
    """A convolution that keeps the size; zeros lie outside."""
    size = (kernel,) * spatial if isinstance(kernel, int) else tuple(kernel)
    kind = nn.Conv3d if spatial == 3 else nn.Conv2d
    return kind(channels, filters, size, padding=tuple(edge // 2 for edge in size))


def convolutions(
    spatial: int, widths: Sequence[int], *, kernel: int | Sequence[int] = 3, slope: float = 0.0
) -> nn.Sequential:
    """Convolution, batch normalisation and (leaky) ReLU, once per step from one width to the next.

    The bias is left to the normalisation, which folds into the convolution for inference.
    """
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        step = convolution(spatial, before, after, kernel)
        step.bias = None
        norm = nn.BatchNorm3d(after) if spatial == 3 else nn.BatchNorm2d(after)
        layers += [step, norm, nn.LeakyReLU(slope, inplace=True) if slope else nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


def initialize(module: nn.Module, *, slope: float = 0.0) -> None:
    """Weights by He et al. (2015), arXiv 1502.01852, for (leaky) ReLU; biases zero."""
    for part in module.modules():
        if isinstance(part, nn.Conv2d | nn.Conv3d | nn.Linear):
            nn.init.kaiming_normal_(part.weight, a=slope)
            if part.bias is not None:
                nn.init.zeros_(part.bias)


def pad_to_multiple(grey: torch.Tensor, multiple: Sequence[int]) -> torch.Tensor:
    """Repeat the last voxels until every spatial size is a multiple."""
    pads: list[int] = []
    for size, step in zip(reversed(grey.shape[2:]), reversed(multiple), strict=True):
        pads += [0, (-size) % step]
    return F.pad(grey, pads, mode="replicate")


def crop_to(logits: torch.Tensor, size: Sequence[int]) -> torch.Tensor:
    """Undo `pad_to_multiple`."""
    if len(size) == 3:
        return logits[:, :, : size[0], : size[1], : size[2]]
    return logits[:, :, : size[0], : size[1]]


def max_pool_indices(values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Largest value of 2 voxels along each axis, and where it stood."""
    pool = F.max_pool3d if values.ndim == 5 else F.max_pool2d
    pooled, places = pool(values, 2, return_indices=True)
    return pooled, places


def max_unpool(values: torch.Tensor, places: torch.Tensor, size: Sequence[int]) -> torch.Tensor:
    """Values back to where the largest ones stood, zeros elsewhere."""
    unpool = F.max_unpool3d if values.ndim == 5 else F.max_unpool2d
    return unpool(values, places, 2, output_size=list(size))
