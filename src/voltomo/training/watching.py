"""Watch a network at work: what its blocks answer, and what goes into its last layer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

__all__ = ["Activations", "Features", "Watched", "choose_activations", "principal_features", "watched"]

_LAYERS, _CHANNELS = 5, 4
"""Layers that are shown, and channels of each."""
_POINTS = 400
"""Voxels per phase whose features are shown: more make a cloud without a shape."""


@dataclass(frozen=True)
class Activations:
    """What a layer answers on the window.

    Parameters
    ----------
    layer : its name in the network, such as "encoder.0"
    channels : how many it has
    numbers : the channels that are shown: those that differ most from place to place
    maps : (len(numbers), y, x) float32, in the layer's own resolution
    """

    layer: str
    channels: int
    numbers: tuple[int, ...]
    maps: npt.NDArray[np.float32]


@dataclass(frozen=True)
class Features:
    """Answers before the last layer at labelled voxels, seen along their two directions of largest spread.

    Parameters
    ----------
    points : (N, 2) float32
    labels : (N,) uint8 phase ids
    shares : part of the variance along either direction
    channels : number of features
    """

    points: npt.NDArray[np.float32]
    labels: npt.NDArray[np.uint8]
    shares: tuple[float, float]
    channels: int


@dataclass
class Watched:
    """Answers of the blocks in the order of their work, and what went into the last layer."""

    outputs: dict[str, torch.Tensor]
    last: torch.Tensor | None = None


@contextmanager
def watched(network: nn.Module) -> Iterator[Watched]:
    """Keep what the blocks of a network answer, and what its last layer gets."""
    found = Watched({})
    handles = []

    def keep_output(name: str) -> Any:
        def hook(_module: nn.Module, _given: Any, answer: Any) -> None:
            if isinstance(answer, torch.Tensor):
                found.outputs.pop(name, None)
                found.outputs[name] = answer.detach().clone()  # a rectifier may work in place afterwards

        return hook

    def keep_input(_module: nn.Module, given: Any) -> None:
        found.last = given[0].detach().clone()

    try:
        for name, block in _blocks(network):
            handles.append(block.register_forward_hook(keep_output(name)))
        for layer in network.modules():
            if isinstance(layer, nn.Conv2d | nn.Conv3d | nn.Linear):
                handles.append(layer.register_forward_pre_hook(keep_input))
        yield found
    finally:
        for handle in handles:
            handle.remove()


def _blocks(network: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Parts of a network with weights: its children, and the items of its lists."""
    for name, child in network.named_children():
        items = child.named_children() if isinstance(child, nn.ModuleList) else [("", child)]
        for number, block in items:
            if next(block.parameters(), None) is not None:
                yield f"{name}.{number}".rstrip("."), block


def choose_activations(
    outputs: Mapping[str, torch.Tensor], inputs: torch.Tensor, middle: int
) -> tuple[Activations, ...]:
    """A few layers from first to last, and their channels with the largest spread; the logits are left out."""
    images = {name: values for name, values in outputs.items() if values.ndim == inputs.ndim and len(values) == 1}
    names = list(images)[:-1]
    preferred = [name for name in names if name.startswith(("encoder", "decoder"))] or names
    places = np.unique(np.linspace(0, len(preferred) - 1, min(_LAYERS, len(preferred))).round().astype(int))
    chosen = []
    for place in places:
        values = images[preferred[place]][0]
        if values.ndim == 4:
            depth = values.shape[1]
            values = values[:, min(middle * depth // inputs.shape[2], depth - 1)]
        spread = values.flatten(1).std(1, correction=0)
        order = torch.argsort(spread, descending=True, stable=True)[:_CHANNELS]
        numbers = tuple(int(k) for k in order)
        chosen.append(Activations(preferred[place], len(values), numbers, values[order].float().numpy()))
    return tuple(chosen)


def principal_features(
    last: torch.Tensor | None, labels: npt.NDArray[np.uint8], rng: np.random.Generator
) -> Features | None:
    """Principal components of the features at labelled voxels, about as many of each phase.

    Parameters
    ----------
    last : (1, F, [Z,] Y', X'), perhaps coarser than the labels
    labels : ([Z,] Y, X)
    """
    if last is None or len(last) != 1 or last.ndim != labels.ndim + 2:
        return None
    values = last[0].float().numpy()
    chosen = []
    for phase in np.unique(labels[labels > 0]):
        flat = np.flatnonzero(labels == phase)
        chosen.append(np.sort(rng.permutation(flat)[:_POINTS]))
    places = np.concatenate(chosen) if chosen else np.empty(0, np.intp)
    if len(places) < 3 or len(values) < 2:
        return None
    index = np.unravel_index(places, labels.shape)
    # A network that works on cells of 2 × 2 voxels has one feature vector for each cell.
    coarse = tuple(
        np.minimum(place // max(1, -(-extent // cells)), cells - 1)
        for place, extent, cells in zip(index, labels.shape, values.shape[1:], strict=True)
    )
    table = values[(slice(None), *coarse)].T.astype(np.float64)
    table -= table.mean(axis=0)
    left, lengths, right = np.linalg.svd(table, full_matrices=False)
    # The sign of a direction is arbitrary: its largest component is made positive.
    signs = np.sign(right[np.arange(2), np.abs(right[:2]).argmax(axis=1)])
    total = float((lengths**2).sum())
    if not total > 0:
        return None
    shares = (lengths[:2] ** 2 / total).tolist()
    points = (left[:, :2] * lengths[:2] * signs).astype(np.float32)
    return Features(points, labels[index].copy(), (shares[0], shares[1]), len(values))
