"""A compact U-Net in 2D, 2.5D and 3D.

Two convolutions per level, twice the filters at half the size, skip connections [1]_. Upsampling repeats voxels after
a 1×1 convolution, which costs a quarter of a transposed convolution and leaves no checkerboard. `stem` = 2 works at
half the resolution inside (voxels of a 2×2 cell become channels, and the head gives each of them its own logits):
nearly four times fewer operations per voxel in 2D.

References
----------
.. [1] Ronneberger, Fischer and Brox, U-Net, MICCAI (2015), arXiv 1505.04597.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own abbreviation
from torch import nn

from voltomo.errors import InputError
from voltomo.networks.contract import NetworkSettings
from voltomo.networks.layers import convolution, convolutions, crop_to, initialize, pad_to_multiple
from voltomo.networks.registry import NetworkEntry

__all__ = ["ENTRY", "UNet", "UNetSettings"]


@dataclass(frozen=True)
class UNetSettings(NetworkSettings):
    """Size of a U-Net.

    Parameters
    ----------
    base : filters of the first level
    depth : levels below the first; each halves the size
    widest : most filters of any level
    flat_levels : first levels that look and halve along y and x only, for slices thicker than their pixels (3D)
    stem : 1, or 2 for half the resolution inside (2D and 2.5D)
    """

    base: int = 16
    depth: int = 4
    widest: int = 128
    flat_levels: int = 0
    stem: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.base < 1 or self.widest < self.base or not 1 <= self.depth <= 7:
            raise InputError(
                f"expected 1 <= base <= widest and depth from 1 to 7, found {self.base}, {self.widest}, {self.depth}"
            )
        if not 0 <= self.flat_levels <= self.depth or (self.flat_levels and self.spatial == 2):
            raise InputError(f"expected flat_levels from 0 to depth, and 0 in 2D, found {self.flat_levels}")
        if self.stem not in (1, 2) or (self.stem == 2 and self.spatial == 3):
            raise InputError(f"expected a stem of 1, or of 2 in 2D, found {self.stem}")

    @property
    def widths(self) -> tuple[int, ...]:
        """Filters per level."""
        return tuple(min(self.base * 2**level, self.widest) for level in range(self.depth + 1))

    def kernel(self, level: int) -> tuple[int, ...]:
        """Of the convolutions of a level."""
        return ((1 if level < self.flat_levels else 3), 3, 3)[-self.spatial :]

    def stride(self, level: int) -> tuple[int, ...]:
        """From a level to the next one."""
        return ((1 if level < self.flat_levels else 2), 2, 2)[-self.spatial :]


class UNet(nn.Module):
    """See the module."""

    def __init__(self, settings: UNetSettings, *, channels: int, classes: int) -> None:
        super().__init__()
        self.settings, cell = settings, settings.stem**2
        widths, spatial = settings.widths, settings.spatial
        entries = (channels * cell, *widths)
        self.encoder = nn.ModuleList(
            convolutions(spatial, (entries[level], width, width), kernel=settings.kernel(level))
            for level, width in enumerate(widths)
        )
        self.lift = nn.ModuleList(
            convolution(spatial, widths[level + 1], widths[level], 1) for level in range(settings.depth)
        )
        self.decoder = nn.ModuleList(
            convolutions(spatial, (2 * width, width, width), kernel=settings.kernel(level))
            for level, width in enumerate(widths[:-1])
        )
        self.head = convolution(spatial, widths[0], classes * cell, 1)
        initialize(self)

    @property
    def multiple(self) -> tuple[int, int, int]:
        in_plane = self.settings.stem * 2**self.settings.depth
        through = 2 ** (self.settings.depth - self.settings.flat_levels) if self.settings.spatial == 3 else 1
        return through, in_plane, in_plane

    @property
    def halo(self) -> tuple[int, int, int]:
        """Two convolutions per level down and up, and where in its cell of `multiple` a voxel lies."""
        settings = self.settings
        levels = range(settings.depth + 1)
        visits = [4 if level < settings.depth else 2 for level in levels]  # convolutions on the way down and up
        in_plane = settings.stem * sum(visits[level] * 2**level for level in levels) + self.multiple[1] - 1
        if settings.spatial == 2:
            return settings.neighbors, in_plane, in_plane
        through = sum(visits[k] * 2 ** (k - settings.flat_levels) for k in levels if k >= settings.flat_levels)
        return through + self.multiple[0] - 1, in_plane, in_plane

    def forward(self, grey: torch.Tensor) -> torch.Tensor:
        """Logits (N, K, ...) of (N, C, ...)."""
        size, settings = grey.shape[2:], self.settings
        values = pad_to_multiple(grey, self.multiple[-settings.spatial :])
        if settings.stem > 1:
            values = F.pixel_unshuffle(values, settings.stem)
        skips = []
        for level, block in enumerate(self.encoder):
            values = block(values)
            if level < settings.depth:
                skips.append(values)
                pool = F.max_pool3d if settings.spatial == 3 else F.max_pool2d
                values = pool(values, settings.stride(level))
        for level in reversed(range(settings.depth)):
            scale = tuple(float(step) for step in settings.stride(level))
            raised = F.interpolate(self.lift[level](values), scale_factor=scale, mode="nearest")
            values = self.decoder[level](torch.cat([skips[level], raised], 1))
        logits = self.head(values)
        if settings.stem > 1:
            logits = F.pixel_shuffle(logits, settings.stem)
        return crop_to(logits, size)


ENTRY = NetworkEntry("unet", UNetSettings, UNet, "compact U-Net in 2D, 2.5D or 3D")
