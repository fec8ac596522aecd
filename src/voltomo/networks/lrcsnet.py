"""LRCS-Net: an asymmetric encoder-decoder with argmax unpooling, made for nano-CT of battery electrodes.

One convolution per level on the way down, without normalisation; two per level on the way up, with normalisation;
no skip connections, but the places of the maxima are handed over [1]_. Widths as in the authors' program: with 32
filters and three classes 0.88 million parameters.

References
----------
.. [1] Su et al., Artificial neural network approach for multiphase segmentation of battery electrode nano-CT images,
   npj Comput. Mater. 8 (2022) 30, doi 10.1038/s41524-022-00709-7.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

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

__all__ = ["ENTRY", "LrcsNet", "LrcsNetSettings"]

_SLOPE = 0.2  # the leaky ReLU default of TensorFlow 1, in which the original is written


@dataclass(frozen=True)
class LrcsNetSettings(NetworkSettings):
    """Size of LRCS-Net.

    Parameters
    ----------
    filters : n of the paper; the levels have 2n, 2n and 4n
    """

    filters: int = 32

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.filters < 1:
            raise InputError(f"expected one filter or more, found {self.filters}")


class LrcsNet(nn.Module):
    """See the module."""

    def __init__(self, settings: LrcsNetSettings, *, channels: int, classes: int) -> None:
        super().__init__()
        self.settings, spatial, n = settings, settings.spatial, settings.filters
        widths = (channels, 2 * n, 2 * n, 4 * n, 4 * n)
        self.encoder = nn.ModuleList(convolution(spatial, before, after) for before, after in pairwise(widths))
        self.activation = nn.LeakyReLU(_SLOPE, inplace=True)
        self.decoder = nn.ModuleList(
            convolutions(spatial, steps, slope=_SLOPE)
            for steps in ((4 * n, 4 * n, 4 * n), (4 * n, 4 * n, 2 * n), (2 * n, 2 * n, 2 * n), (2 * n, n, n))
        )
        self.head = convolution(spatial, n, classes)
        initialize(self, slope=_SLOPE)

    @property
    def multiple(self) -> tuple[int, int, int]:
        return (8 if self.settings.spatial == 3 else 1), 8, 8

    @property
    def halo(self) -> tuple[int, int, int]:
        # Down 1, 2, 4 and 8; up twice 8, 4, 2 and 1, and the head; 7 for where in its cell of 8 a voxel lies.
        return self.settings.along_axes(15 + 30 + 1 + 7)

    def forward(self, grey: torch.Tensor) -> torch.Tensor:
        """Logits (N, K, ...) of (N, C, ...)."""
        size = grey.shape[2:]
        values = pad_to_multiple(grey, self.multiple[-self.settings.spatial :])
        places, sizes = [], []
        for step in self.encoder[:-1]:
            values = self.activation(step(values))
            sizes.append(values.shape[2:])
            values, where = max_pool_indices(values)
            places.append(where)
        values = self.decoder[0](torch.sigmoid(self.encoder[-1](values)))
        for block in self.decoder[1:]:
            values = block(max_unpool(values, places.pop(), sizes.pop()))
        return crop_to(self.head(values), size)


ENTRY = NetworkEntry("lrcsnet", LrcsNetSettings, LrcsNet, "LRCS-Net of SegmentPy, as published")
