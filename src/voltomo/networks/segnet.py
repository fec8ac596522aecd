"""SegNet: a symmetric encoder-decoder that hands over the places of the maxima instead of the features.

References
----------
.. [1] Badrinarayanan, Kendall and Cipolla, SegNet, IEEE Trans. Pattern Anal. Mach. Intell. 39 (2017) 2481,
   doi 10.1109/TPAMI.2016.2644615.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from voltomo.errors import InputError
from voltomo.networks.contract import NetworkSettings
from voltomo.networks.layers import (
    convolution,
    convolutions,
    crop_to,
    initialize,
    max_pool_indices,
    max_unpool,
    pad_to_multiple,
)
from voltomo.networks.registry import NetworkEntry

__all__ = ["ENTRY", "SegNet", "SegNetSettings"]


@dataclass(frozen=True)
class SegNetSettings(NetworkSettings):
    """Size of SegNet.

    Parameters
    ----------
    base : filters of the first level; each further one has twice as many, 8 · base at most
    depth : times that the size is halved
    """

    base: int = 32
    depth: int = 3

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.base < 1 or not 1 <= self.depth <= 6:
            raise InputError(f"expected base >= 1 and depth from 1 to 6, found {self.base} and {self.depth}")

    @property
    def widths(self) -> tuple[int, ...]:
        """Filters per level."""
        return tuple(self.base * min(2**level, 8) for level in range(self.depth))


class SegNet(nn.Module):
    """See the module."""

    def __init__(self, settings: SegNetSettings, *, channels: int, classes: int) -> None:
        super().__init__()
        self.settings, spatial, widths = settings, settings.spatial, settings.widths
        entries = (channels, *widths)
        self.encoder = nn.ModuleList(
            convolutions(spatial, (entries[level], width, width)) for level, width in enumerate(widths)
        )
        exits = (widths[0], *widths[:-1])
        self.decoder = nn.ModuleList(
            convolutions(spatial, (width, width, exits[level])) for level, width in enumerate(widths)
        )
        self.head = convolution(spatial, widths[0], classes)
        initialize(self)

    @property
    def multiple(self) -> tuple[int, int, int]:
        cell = 2**self.settings.depth
        return (cell if self.settings.spatial == 3 else 1), cell, cell

    @property
    def halo(self) -> tuple[int, int, int]:
        cell = 2**self.settings.depth
        return self.settings.along_axes(4 * (cell - 1) + 1 + cell - 1)  # twice two convolutions per level, head, cell

    def forward(self, grey: torch.Tensor) -> torch.Tensor:
        """Logits (N, K, ...) of (N, C, ...)."""
        size = grey.shape[2:]
        values = pad_to_multiple(grey, self.multiple[-self.settings.spatial :])
        places, sizes = [], []
        for block in self.encoder:
            values = block(values)
            sizes.append(values.shape[2:])
            values, where = max_pool_indices(values)
            places.append(where)
        for block in reversed(self.decoder):
            values = block(max_unpool(values, places.pop(), sizes.pop()))
        return crop_to(self.head(values), size)


ENTRY = NetworkEntry("segnet", SegNetSettings, SegNet, "SegNet with argmax unpooling")
