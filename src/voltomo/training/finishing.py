"""What a trained network still needs before it is a model: logits that set its temperature, a stored test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from voltomo.errors import GateError
from voltomo.training.sampling import IGNORE, class_rows
from voltomo.training.validation import ValidationPart, as_tensor

__all__ = ["HeldOut", "collect_logits", "stored_test"]

_SAMPLE = 1_000_000  # validation voxels that a temperature is fitted on: three digits of it
_TEST_EDGE, _TEST_DEPTH = 96, 16
_LEAST = 1e-12  # a probability whose logarithm is taken


@dataclass(frozen=True)
class HeldOut:
    """Logits on held-out labels.

    Parameters
    ----------
    logits : (M, K, V) float32 of each network of an ensemble
    rows : (V,) class of each voxel, as row of the phase table
    """

    logits: npt.NDArray[np.float32]
    rows: npt.NDArray[np.int64]

    @property
    def combined(self) -> npt.NDArray[np.float32]:
        """(K, V) logits of the ensemble."""
        return _combine(self.logits)


def collect_logits(networks: Sequence[nn.Module], validation: ValidationPart) -> HeldOut:
    """Logits of networks in evaluation mode on the held-out voxels, a regular choice where there are many."""
    rows = class_rows(validation.phases)
    labelled = sum(int((validation.labels(tile) > 0).sum()) for tile in validation.tiles)
    every = max(1, -(-labelled // _SAMPLE))
    truth, logits = [], []
    for tile in validation.tiles:
        classes = rows[validation.labels(tile)]
        known = classes != IGNORE
        truth.append(classes[known][::every])
        logits.append(
            np.stack([validation.logits(network, tile).numpy()[:, known][:, ::every] for network in networks])
        )
    return HeldOut(np.concatenate(logits, axis=2), np.concatenate(truth))


def stored_test(
    networks: Sequence[nn.Module], validation: ValidationPart
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """A small piece of the first held-out image (C, Z, Y, X) and the network's logits (K, Z, Y, X) for it."""
    if not validation.tiles:
        raise GateError("nothing is labelled in the validation part", gate="split")
    tile = validation.tiles[0]
    image = validation.images[tile.image]
    edges = (_TEST_DEPTH if validation.dimension == 3 else 1, _TEST_EDGE, _TEST_EDGE)
    box = tuple(
        slice(first := max(0, min(tile.origin[k], image.shape[k] - edges[k])), min(first + edges[k], image.shape[k]))
        for k in range(3)
    )
    values = np.asarray(image.grey[(slice(None), *box)])
    grey = validation.normalizations[tile.image].apply(values)
    # A single slice has itself as neighbours, as at the end of a volume.
    stack = np.repeat(grey, 2 * validation.neighbors + 1, axis=1) if validation.neighbors else grey
    with torch.no_grad():
        given = as_tensor(stack[None], validation.dimension)
        logits = _combine(np.stack([network(given).float()[0].numpy() for network in networks]))
    return grey, np.ascontiguousarray(logits if validation.dimension == 3 else logits[:, None])


def _combine(logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """(K, ...) logits of (M, K, ...) of an ensemble, as `voltomo.inference.averaging.Ensemble` gives them.

    Those of a single network are its own; of several, the logarithm of their mean probability.
    """
    found: npt.NDArray[np.float32] = logits[0]
    if len(logits) > 1:
        mean = torch.softmax(torch.from_numpy(logits).double(), 1).mean(0)
        found = torch.log(torch.clamp(mean, min=_LEAST)).float().numpy()
    return found
