"""A small neural network on the features of one voxel: training with NumPy, use by a kernel of its own."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeAlias

import numba
import numpy as np
import numpy.typing as npt

from voltomo.errors import InputError

__all__ = ["Perceptron", "train_perceptron"]

Array: TypeAlias = npt.NDArray[Any]
Floats: TypeAlias = npt.NDArray[np.float32]

_TILE = 128  # voxels: features and hidden values of a tile stay in the nearest cache
_DECAYS = (0.9, 0.999)  # of the moments, Kingma and Ba (2015)
_EPSILON = 1e-8  # the same
_WARM_UP = 0.05  # share of the steps over which the learning rate rises


@dataclass(frozen=True)
class Perceptron:
    """Layers of weights with rectified sums between them.

    Parameters
    ----------
    weights : (outputs, inputs) float32 per layer
    biases : (outputs,) float32 per layer
        The scaling of the features is part of the first layer.
    """

    weights: tuple[Floats, ...]
    biases: tuple[Floats, ...]

    @property
    def classes(self) -> int:
        return int(self.biases[-1].size)

    def __call__(self, features: Floats) -> Floats:
        """(K, N) logits of (F, N) features."""
        out = np.empty((self.classes, features.shape[1]), np.float32)
        for start in range(0, features.shape[1], _TILE):
            values = np.ascontiguousarray(features[:, start : start + _TILE])
            for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
                result = np.empty((bias.size, values.shape[1]), np.float32)
                _layer(weight, bias, values, layer < len(self.weights) - 1, result)
                values = result
            out[:, start : start + _TILE] = values
        return out

    def to_arrays(self) -> dict[str, Array]:
        """Named arrays for a file; `from_arrays` reads them back."""
        arrays: dict[str, Array] = {}
        for i, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            arrays |= {f"layer{i}.weight": weight, f"layer{i}.bias": bias}
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Array]) -> Perceptron:
        """What `to_arrays` gave.

        Raises
        ------
        InputError
            If a layer is missing or does not fit the one before.
        """
        count = sum(name.endswith(".weight") for name in arrays)
        try:
            weights = tuple(np.ascontiguousarray(arrays[f"layer{i}.weight"], np.float32) for i in range(count))
            biases = tuple(np.ascontiguousarray(arrays[f"layer{i}.bias"], np.float32) for i in range(count))
        except KeyError as error:
            raise InputError(f"the weights of an mlp lack {error}; found {sorted(arrays)}") from error
        shapes = [weight.shape for weight in weights]
        fits = all(len(shape) == 2 and bias.shape == shape[:1] for shape, bias in zip(shapes, biases, strict=True))
        if not count or not fits or any(after[1] != before[0] for before, after in pairwise(shapes)):
            raise InputError(f"the layers of an mlp do not fit one another: {shapes}")
        return cls(weights, biases)


def train_perceptron(
    features: Floats,
    rows: npt.NDArray[np.intp],
    importance: Floats,
    *,
    classes: int,
    hidden: tuple[int, ...],
    steps: int,
    batch: int,
    rate: float,
    decay: float,
    rng: np.random.Generator,
    on_step: Callable[[int, float], None] | None = None,
) -> Perceptron:
    """A perceptron that minimises the weighted cross-entropy of its classes.

    Parameters
    ----------
    features : (F, N)
    rows : (N,) class of each sample, 0 to K - 1
    importance : (N,) weight of each sample in the loss
    classes : K
    hidden : widths of the hidden layers
    steps, batch : how many times a gradient is taken, from how many samples
    rate, decay : largest learning rate, and weight decay
    rng : draws the first weights and the batches
    on_step : called with the number of steps done and the loss of the last batch, 20 times in all

    Notes
    -----
    Adam with decoupled weight decay [1]_; the rate rises over the first twentieth of the steps and then falls with a
    half cosine to zero. The first weights are He's [2]_.

    References
    ----------
    .. [1] I. Loshchilov, F. Hutter, Decoupled weight decay regularization, ICLR (2019), arXiv 1711.05101.
    .. [2] K. He et al., Delving deep into rectifiers, ICCV (2015), doi:10.1109/ICCV.2015.123.
    """
    mean, spread = features.mean(axis=1), features.std(axis=1)
    spread = np.where(spread > 0, spread, 1).astype(np.float32)
    samples = np.ascontiguousarray(((features - mean[:, None]) / spread[:, None]).T)
    widths = (features.shape[0], *hidden, classes)
    layers = [
        (rng.normal(0, math.sqrt(2 / a), (a, b)).astype(np.float32), np.zeros(b, np.float32))
        for a, b in pairwise(widths)
    ]
    parameters = [part for layer in layers for part in layer]
    moments = [(np.zeros_like(part), np.zeros_like(part)) for part in parameters]
    for step, chosen in enumerate(_batches(len(samples), batch, steps, rng), start=1):
        loss, gradients = _loss_and_gradients(parameters, samples[chosen], rows[chosen], importance[chosen])
        now = rate * min(1.0, step / (_WARM_UP * steps)) * 0.5 * (1 + math.cos(math.pi * step / steps))
        for part, gradient, pair in zip(parameters, gradients, moments, strict=True):
            _adam(part, gradient, pair, step=step, rate=now, decay=decay if part.ndim == 2 else 0.0)
        if on_step is not None and (step % max(1, steps // 20) == 0 or step == steps):
            on_step(step, loss)
    weights = [np.ascontiguousarray(part.T) for part in parameters[::2]]
    weights[0] = np.ascontiguousarray(weights[0] / spread)
    biases = list(parameters[1::2])
    biases[0] = biases[0] - weights[0] @ mean.astype(np.float32)
    return Perceptron(tuple(weights), tuple(biases))


def _batches(count: int, batch: int, steps: int, rng: np.random.Generator) -> list[npt.NDArray[np.intp]]:
    """Numbers of the samples of every step: all samples once in random order, then again."""
    size = min(batch, count)
    rounds = math.ceil(steps * size / count)
    order = np.concatenate([rng.permutation(count) for _ in range(rounds)])
    return [order[i * size : (i + 1) * size] for i in range(steps)]


def _loss_and_gradients(
    parameters: list[Floats], samples: Floats, rows: npt.NDArray[np.intp], importance: Floats
) -> tuple[float, list[Floats]]:
    """Mean weighted cross-entropy of a batch and its derivative by every parameter."""
    values = [samples]
    for i in range(0, len(parameters), 2):
        summed = values[-1] @ parameters[i] + parameters[i + 1]
        values.append(np.maximum(summed, 0) if i + 2 < len(parameters) else summed)
    logits = values.pop()
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares = shifted / shifted.sum(axis=1, keepdims=True)
    every = np.arange(len(rows))
    total = importance.sum()
    loss = float((importance * -np.log(np.maximum(shares[every, rows], 1e-12))).sum() / total)
    slope = shares
    slope[every, rows] -= 1
    slope *= (importance / total)[:, None]
    gradients: list[Floats] = []
    for i in range(len(parameters) - 2, -1, -2):
        value = values.pop()
        gradients += [slope.sum(axis=0), value.T @ slope]
        if i:
            slope = (slope @ parameters[i].T) * (value > 0)
    return loss, gradients[::-1]


def _adam(
    part: Floats, gradient: Floats, moments: tuple[Floats, Floats], *, step: int, rate: float, decay: float
) -> None:
    """One step, in place."""
    first, second = moments
    first += (1 - _DECAYS[0]) * (gradient - first)
    second += (1 - _DECAYS[1]) * (gradient * gradient - second)
    scaled = (first / (1 - _DECAYS[0] ** step)) / (np.sqrt(second / (1 - _DECAYS[1] ** step)) + _EPSILON)
    part -= rate * (scaled + decay * part)


# "contract" allows one rounding for a product and a sum; the sums keep their order, whatever the size of the block.
@numba.njit(cache=True, nogil=True, fastmath={"contract"})
def _layer(weight: Array, bias: Array, values: Array, rectify: bool, out: Array) -> None:
    """Weighted sums of (inputs, N) values into (outputs, N), negative ones set to 0 if asked for.

    Four inputs at once: a sum is loaded and stored a quarter as often.
    """
    inputs, count = values.shape
    zero = np.float32(0)
    for h in range(bias.size):
        line, row = out[h], weight[h]
        for x in range(count):
            line[x] = bias[h]
        f = 0
        while f + 4 <= inputs:
            a, b, c, d = row[f], row[f + 1], row[f + 2], row[f + 3]
            v0, v1, v2, v3 = values[f], values[f + 1], values[f + 2], values[f + 3]
            for x in range(count):
                line[x] = line[x] + a * v0[x] + b * v1[x] + c * v2[x] + d * v3[x]
            f += 4
        while f < inputs:
            a, v0 = row[f], values[f]
            for x in range(count):
                line[x] = line[x] + a * v0[x]
            f += 1
        if rectify:
            for x in range(count):
                line[x] = max(line[x], zero)
