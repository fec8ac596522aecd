"""A network of fixed patches with a fully connected middle, in the manner of Xlearn.

Every patch is seen alone: two halvings, a fully connected layer over all of the patch, and the way back [1]_. It is
here for comparison; what lies across the edge of a patch cannot help, which shows as seams.

References
----------
.. [1] Yang, De Carlo, Phatak and Gürsoy, A convolutional neural network approach to calibrating the rotation axis for
   X-ray computed tomography, J. Synchrotron Rad. 24 (2017) 469, doi 10.1107/S1600577516020117 (the program Xlearn).
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

__all__ = ["ENTRY", "PatchNet", "PatchNetSettings"]


@dataclass(frozen=True)
class PatchNetSettings(NetworkSettings):
    """Size of the patch network (2D and 2.5D).

    Parameters
    ----------
    filters : of the first convolutions
    patch : edge in pixels, a multiple of 4
    hidden : filters of the quarter-size map on either side of the fully connected layer
    """

    filters: int = 32
    patch: int = 32
    hidden: int = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.dimension == 3:
            raise InputError(
                "expected dimension 2 or 2.5: the fully connected layer of a patch network grows too large in 3D"
            )
        if self.patch < 4 or self.patch % 4 or self.filters < 1 or self.hidden < 1:
            raise InputError(
                f"expected a patch that is a multiple of 4 and one filter or more, found patch {self.patch}, "
                f"filters {self.filters}, hidden {self.hidden}"
            )


class PatchNet(nn.Module):
    """See the module."""

    def __init__(self, settings: PatchNetSettings, *, channels: int, classes: int) -> None:
        super().__init__()
        self.settings, n = settings, settings.filters
        cells = settings.hidden * (settings.patch // 4) ** 2
        self.encoder = nn.ModuleList(
            [
                convolutions(2, (channels, n, n)),
                convolutions(2, (n, 2 * n, 2 * n)),
                convolution(2, 2 * n, settings.hidden),
            ]
        )
        self.middle = nn.Linear(cells, cells)
        self.decoder = nn.ModuleList(
            [
                convolutions(2, (settings.hidden, 2 * n, 2 * n)),
                convolutions(2, (2 * n, 2 * n)),
                convolutions(2, (2 * n, n, n)),
            ]
        )
        self.head = convolution(2, n, classes)
        initialize(self)

    @property
    def multiple(self) -> tuple[int, int, int]:
        return 1, self.settings.patch, self.settings.patch

    @property
    def halo(self) -> tuple[int, int, int]:
        return self.settings.along_axes(self.settings.patch - 1)

    def forward(self, grey: torch.Tensor) -> torch.Tensor:
        """Logits (N, K, Y, X) of (N, C, Y, X)."""
        size, edge = grey.shape[2:], self.settings.patch
        padded = pad_to_multiple(grey, (edge, edge))
        images, channels, height, width = padded.shape
        rows, columns = height // edge, width // edge
        patches = padded.reshape(images, channels, rows, edge, columns, edge).permute(0, 2, 4, 1, 3, 5)
        logits = self._patch_logits(patches.reshape(-1, channels, edge, edge))
        tiled = logits.reshape(images, rows, columns, -1, edge, edge).permute(0, 3, 1, 4, 2, 5)
        return crop_to(tiled.reshape(images, -1, height, width), size)

    def _patch_logits(self, patches: torch.Tensor) -> torch.Tensor:
        """Logits (P, K, edge, edge) of patches (P, C, edge, edge)."""
        values = F.max_pool2d(self.encoder[0](patches), 2)
        values = F.relu(self.encoder[2](F.max_pool2d(self.encoder[1](values), 2)))
        values = F.relu(self.middle(values.flatten(1))).reshape(values.shape)
        for step in self.decoder[:2]:
            values = F.interpolate(step(values), scale_factor=2.0, mode="nearest")
        return self.head(self.decoder[2](values))


ENTRY = NetworkEntry("patchnet", PatchNetSettings, PatchNet, "patches with a fully connected middle, like Xlearn")
