"""How a network does on the part of the labels that it was not shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own abbreviation

from voltomo.artifacts.phases import PhaseTable
from voltomo.learning.normalization import Normalization
from voltomo.learning.pairs import LabelledImage
from voltomo.training.progress import ValidationScores, View
from voltomo.training.sampling import IGNORE, class_rows, read_window

__all__ = ["Tile", "ValidationPart", "as_tensor"]

_TILE, _TILE_DEEP = 512, 64
"""Edge of a tile in 2D and 3D without its surroundings."""
_MARGIN, _MARGIN_DEEP = 48, 16
"""Surroundings that a tile is predicted with; what lies further hardly matters."""
_VOXELS = 4_000_000
"""Voxels predicted in one validation; beyond, a regular choice of tiles stands for all."""
_VIEW = 160
_VIEWS = 4


def as_tensor(grey: npt.NDArray[np.float32], dimension: float) -> torch.Tensor:
    """(N, C, Z, Y, X) as the network takes it: neighbours as channels for 2.5, slices only for 2."""
    if dimension == 3:
        return torch.from_numpy(grey).contiguous(memory_format=torch.channels_last_3d)
    crops, channels, slices, height, width = grey.shape
    flat = torch.from_numpy(grey.reshape(crops, channels * slices, height, width))
    return flat.contiguous(memory_format=torch.channels_last)


@dataclass(frozen=True)
class Tile:
    """A box of an image: where its inner part begins (z, y, x), its size, and the margin it is predicted with."""

    image: int
    origin: tuple[int, int, int]
    size: tuple[int, int, int]
    margin: tuple[int, int, int]


@dataclass
class ValidationPart:
    """The held-out labels, cut into tiles.

    Parameters
    ----------
    images, used : labelled images and their held-out voxels
    normalizations : one per image
    phases : the phase table
    dimension, neighbors : of the network
    """

    images: Sequence[LabelledImage]
    used: Sequence[npt.NDArray[np.bool_]]
    normalizations: Sequence[Normalization]
    phases: PhaseTable
    dimension: float
    neighbors: int = 0
    tiles: tuple[Tile, ...] = field(init=False)

    def __post_init__(self) -> None:
        tiles = [tile for number, used in enumerate(self.used) for tile in self._cut(number, used)]
        voxels = sum(int(np.prod(tile.size)) for tile in tiles)
        self.tiles = tuple(tiles[:: max(1, -(-voxels // _VOXELS))])

    def _cut(self, number: int, used: npt.NDArray[np.bool_]) -> Iterator[Tile]:
        """Tiles over the bounding boxes of the held-out voxels: slice by slice, or of the whole volume."""
        if self.dimension == 3:
            yield from _tiles(number, used, 0, (_TILE_DEEP,) * 3, (_MARGIN_DEEP,) * 3)
            return
        for z in np.flatnonzero(used.any(axis=(1, 2))):
            part = used[z : z + 1]
            yield from _tiles(number, part, int(z), (1, _TILE, _TILE), (0, _MARGIN, _MARGIN))

    def grey(self, tile: Tile) -> npt.NDArray[np.float32]:
        """(C, Z, Y, X), margin and neighbouring slices included."""
        deep = (self.neighbors, 0, 0)
        origin = [tile.origin[k] - tile.margin[k] - deep[k] for k in range(3)]
        size = [tile.size[k] + 2 * (tile.margin[k] + deep[k]) for k in range(3)]
        return read_window(self.images[tile.image], self.normalizations[tile.image], origin, size)

    def labels(self, tile: Tile) -> npt.NDArray[np.uint8]:
        """(Z, Y, X) phase ids of the held-out voxels, 0 elsewhere."""
        box = tuple(slice(first, first + size) for first, size in zip(tile.origin, tile.size, strict=True))
        return np.where(self.used[tile.image][box], self.images[tile.image].labels[box], np.uint8(0))

    def logits(self, network: torch.nn.Module, tile: Tile) -> torch.Tensor:
        """(K, Z, Y, X) of the tile without its margin."""
        device = next(network.parameters()).device
        with torch.no_grad():
            found = network(as_tensor(self.grey(tile)[None], self.dimension).to(device)).float().cpu()[0]
        found = found if self.dimension == 3 else found[:, None]
        inner = (slice(first, first + size) for first, size in zip(tile.margin, tile.size, strict=True))
        return found[(slice(None), *inner)]

    def score(self, network: torch.nn.Module, *, step: int, views: bool = False) -> ValidationScores:
        """Confusion and cross-entropy of a network in evaluation mode."""
        classes = len(self.phases)
        rows, ids = class_rows(self.phases), np.array(self.phases.ids, np.uint8)
        confusion = np.zeros((classes, classes), np.int64)
        loss = 0.0
        pictures: list[View] = []
        for tile in self.tiles:
            labels, logits = self.labels(tile), self.logits(network, tile)
            truth = torch.from_numpy(rows[labels])
            loss += float(F.cross_entropy(logits[None], truth[None], ignore_index=IGNORE, reduction="sum"))
            predicted = logits.argmax(0).numpy()
            known = labels > 0
            pairs = truth.numpy()[known] * classes + predicted[known]
            confusion += np.bincount(pairs, minlength=classes**2).reshape(classes, classes)
            if views and len(pictures) < _VIEWS:
                pictures.append(self._view(tile, labels, ids[predicted]))
        return ValidationScores(step, loss / max(1, int(confusion.sum())), confusion, tuple(pictures))

    def _view(self, tile: Tile, labels: npt.NDArray[np.uint8], predicted: npt.NDArray[np.uint8]) -> View:
        """The middle slice of a tile, cut around its middle."""
        z = tile.size[0] // 2
        first = [max(0, (tile.size[k] - _VIEW) // 2) for k in (1, 2)]
        window = (z, slice(first[0], first[0] + _VIEW), slice(first[1], first[1] + _VIEW))
        grey = self.grey(tile)[0]
        before = (tile.margin[0] + self.neighbors, *tile.margin[1:])
        inner = tuple(slice(first, first + size) for first, size in zip(before, tile.size, strict=True))
        return View(self.images[tile.image].name, grey[inner][window].copy(), labels[window], predicted[window])


def _tiles(
    number: int,
    used: npt.NDArray[np.bool_],
    first_slice: int,
    edges: tuple[int, int, int],
    margin: tuple[int, int, int],
) -> Iterator[Tile]:
    """Tiles over the bounding box of the voxels in use that hold any of them."""
    places = np.nonzero(used)
    if not places[0].size:
        return
    low = [int(axis.min()) for axis in places]
    high = [int(axis.max()) + 1 for axis in places]
    for z in range(low[0], high[0], edges[0]):
        for y in range(low[1], high[1], edges[1]):
            for x in range(low[2], high[2], edges[2]):
                origin = (z, y, x)
                size = tuple(min(edge, end - start) for edge, end, start in zip(edges, high, origin, strict=True))
                box = tuple(slice(start, start + length) for start, length in zip(origin, size, strict=True))
                if used[box].any():
                    yield Tile(number, (z + first_slice, y, x), (size[0], size[1], size[2]), margin)
