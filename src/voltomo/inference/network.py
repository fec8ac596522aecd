"""A network behind an engine, as a predictor: axes, neighbours, one slice at a time."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from voltomo.artifacts.model import Model
from voltomo.errors import InputError, ShapeError
from voltomo.learning.predictor import stack_neighbors

__all__ = ["NetworkPredictor", "NetworkRun", "network_predictor"]

Floats: TypeAlias = npt.NDArray[np.float32]

NetworkRun: TypeAlias = Callable[[Floats], Floats]
"""``run(grey) -> logits`` of an engine: (N, C, Y, X) or (N, C, Z, Y, X), with K in the place of C in the answer.

Several threads may call it at once. It may return memory that the next call of the same thread overwrites.
"""


@dataclass(frozen=True)
class NetworkPredictor:
    """A `voltomo.learning.predictor.Predictor` over the network of a model.

    Parameters
    ----------
    run : the network in an engine
    channels, classes : of the grey volume, and of the answer
    dimension : 2, 2.5 or 3
    neighbors : slices on either side that are seen as channels; 0 but for 2.5
    halo, multiple : z, y, x; see `Predictor`
    streams : slices that `run` computes side by side
    """

    run: NetworkRun
    channels: int
    classes: int
    dimension: float
    neighbors: int
    halo: tuple[int, int, int]
    multiple: tuple[int, int, int]
    streams: int = 1

    def __call__(self, grey: Floats) -> Floats:
        """Logits (K, Z, Y, X) of normalised grey values (C, Z, Y, X)."""
        if grey.ndim != 4 or grey.shape[0] != self.channels:
            raise ShapeError(f"the model reads ({self.channels}, Z, Y, X), found {grey.shape}")
        if self.dimension == 3:
            return np.array(self.run(np.ascontiguousarray(grey[None], np.float32))[0])
        logits = np.empty((self.classes, *grey.shape[1:]), np.float32)

        def answer(z: int) -> None:
            logits[:, z] = self.run(self._slice(grey, z))[0]

        # A stream takes one slice at a time: batches are no faster on a CPU, and their activations leave the cache.
        # One thread more than streams prepares the next slice.
        count = grey.shape[1]
        if min(count, self.streams) == 1:
            for z in range(count):
                answer(z)
        else:
            with ThreadPoolExecutor(min(count, self.streams + 1), thread_name_prefix="slice") as pool:
                list(pool.map(answer, range(count)))
        return logits

    def _slice(self, grey: Floats, z: int) -> Floats:
        """Slice z as a batch of one, with its neighbours as channels."""
        first, last = max(0, z - self.neighbors), min(grey.shape[1], z + self.neighbors + 1)
        if last - first == 2 * self.neighbors + 1:
            return np.ascontiguousarray(grey[:, first:last], np.float32).reshape(1, -1, *grey.shape[2:])
        return stack_neighbors(grey[:, first:last], self.neighbors)[z - first : z - first + 1]


def network_predictor(model: Model, run: NetworkRun, *, streams: int = 1) -> NetworkPredictor:
    """The predictor of a model whose network an engine runs, in so many slices side by side.

    Raises
    ------
    InputError
        If the settings of the model do not say its halo and multiple.
    """
    settings = model.settings
    try:
        halo, multiple = (tuple(int(n) for n in settings[key]) for key in ("halo", "multiple"))
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"the settings of the model {model.name} lack `halo` or `multiple` ([z, y, x] in voxels), without which it "
            "cannot be run over a volume; was it trained by voltomo?"
        ) from error
    if len(halo) != 3 or len(multiple) != 3 or min(halo) < 0 or min(multiple) < 1:
        raise InputError(f"expected halo and multiple as [z, y, x], found {halo} and {multiple}")
    neighbors = int(settings.get("neighbors", 0)) if model.dimension == 2.5 else 0
    return NetworkPredictor(
        run,
        len(model.channels),
        model.classes,
        model.dimension,
        neighbors,
        (halo[0], halo[1], halo[2]),
        (multiple[0], multiple[1], multiple[2]),
        streams,
    )
