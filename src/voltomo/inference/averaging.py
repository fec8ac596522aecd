"""Several answers for a voxel, averaged as probabilities: ensembles, mirrored images, slices along three axes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numba
import numpy as np
import numpy.typing as npt

from voltomo.errors import InputError
from voltomo.inference.wrapped import Wrapped
from voltomo.learning.predictor import Predictor

__all__ = ["AxisAverage", "Ensemble", "EnsembleAnswer", "FlipAverage", "softmax"]

Floats: TypeAlias = npt.NDArray[np.float32]
Choose: TypeAlias = Callable[[Floats], npt.NDArray[np.uint8]]

_SMALLEST = 1e-12
"""Probabilities below it are the same to anyone; their logarithm stays finite."""


@dataclass(frozen=True)
class EnsembleAnswer:
    """What an ensemble says, and its members.

    Parameters
    ----------
    logits : (K, Z, Y, X), log of the mean probability
    disagreement : (Z, Y, X)
        The share of its probability that a member gives to other classes than the mean does, averaged over the
        members: half the absolute difference from the mean, summed over classes (total variation). 0 where all
        say the same, however unsure they are; 1/2 where half of them are sure of a class and half of another.
    members : (M, Z, Y, X) uint8, what `choose` makes of the logits of each member
    """

    logits: Floats
    disagreement: Floats
    members: npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Ensemble:
    """Networks that were trained apart. The answer is the logarithm of their mean probability.

    Parameters
    ----------
    members : with the same classes
    """

    members: tuple[Predictor, ...]

    def __post_init__(self) -> None:
        if len({member.classes for member in self.members}) != 1:
            raise InputError("the networks of an ensemble tell the same phases apart; these do not")

    @property
    def classes(self) -> int:
        return self.members[0].classes

    @property
    def halo(self) -> tuple[int, int, int]:
        return _largest(tuple(member.halo for member in self.members))

    @property
    def multiple(self) -> tuple[int, int, int]:
        return _common(tuple(member.multiple for member in self.members))

    def __call__(self, grey: Floats) -> Floats:
        """Log of the mean probability (K, Z, Y, X)."""
        total = softmax(self.members[0](grey))
        for member in self.members[1:]:
            total += softmax(member(grey))
        return _log(total, len(self.members))

    def in_detail(self, grey: Floats, choose: Choose | None = None) -> EnsembleAnswer:
        """The answer, how far the members are apart on each voxel, and what each of them says.

        Parameters
        ----------
        grey : (C, Z, Y, X), normalised
        choose : of logits (K, Z, Y, X) to (Z, Y, X) uint8; the likeliest class, counted from 0, where None
        """
        answers = [softmax(member(grey)) for member in self.members]
        total = answers[0].copy()
        for answer in answers[1:]:
            total += answer
        if choose is None:
            said = np.stack([answer.argmax(axis=0).astype(np.uint8) for answer in answers])
        else:
            said = np.stack([choose(_log(answer, 1)) for answer in answers])
        mean = total / np.float32(len(answers))
        apart = np.zeros(grey.shape[1:], np.float32)
        for answer in answers:
            np.subtract(answer, mean, out=answer)
            apart += np.abs(answer, out=answer).sum(axis=0)
        apart /= 2 * len(answers)
        return EnsembleAnswer(_log(total, len(answers)), apart, said)


@dataclass(frozen=True)
class FlipAverage(Wrapped):
    """The same predictor over mirrored images: four in the plane, and eight for volumes.

    Parameters
    ----------
    predictor : what answers
    through_plane : mirror along z too
    """

    through_plane: bool = False

    def __call__(self, grey: Floats) -> Floats:
        """Log of the mean probability (K, Z, Y, X)."""
        grey, shape = _whole_multiples(grey, self.multiple)
        flips = [(), (2,), (3,), (2, 3)]
        if self.through_plane:
            flips += [(1, *axes) for axes in flips]
        total = softmax(self.predictor(grey))
        for axes in flips[1:]:
            total += np.flip(softmax(self.predictor(np.ascontiguousarray(np.flip(grey, axes)))), axes)
        return _log(total, len(flips))[:, : shape[0], : shape[1], : shape[2]]


@dataclass(frozen=True)
class AxisAverage(Wrapped):
    """A predictor for slices, over the slices along z, y and x of a volume with cubic voxels.

    Parameters
    ----------
    predictor : what answers, slice by slice
    """

    @property
    def halo(self) -> tuple[int, int, int]:
        return (max(self.predictor.halo),) * 3

    @property
    def multiple(self) -> tuple[int, int, int]:
        return (max(self.predictor.multiple),) * 3

    def __call__(self, grey: Floats) -> Floats:
        """Log of the mean probability (K, Z, Y, X)."""
        total = softmax(self.predictor(grey))
        for axis in (2, 3):  # y and x take the place of z in turn
            turned = np.ascontiguousarray(grey.swapaxes(1, axis))
            total += softmax(self.predictor(turned)).swapaxes(1, axis)
        return _log(total, 3)


def softmax(logits: Floats, *, temperature: float = 1.0) -> Floats:
    """Probabilities along the first axis; they add up to 1."""
    out = np.empty(logits.shape, np.float32)
    flat = np.ascontiguousarray(logits).reshape(len(logits), -1)
    _softmax(flat, np.float32(1 / temperature), out.reshape(len(out), -1))
    return out


@numba.njit(cache=True, nogil=True)
def _softmax(logits: Floats, sharpness: np.float32, out: Floats) -> None:
    classes, voxels = logits.shape
    for i in range(voxels):
        largest = logits[0, i]
        for k in range(1, classes):
            largest = max(largest, logits[k, i])
        total = np.float32(0)
        for k in range(classes):
            out[k, i] = np.exp((logits[k, i] - largest) * sharpness)
            total += out[k, i]
        for k in range(classes):
            out[k, i] /= total


def _log(total: Floats, count: int) -> Floats:
    """Logarithm of the mean of `count` probabilities that were added up."""
    mean = np.maximum(total * np.float32(1 / count), np.float32(_SMALLEST))
    return np.asarray(np.log(mean), np.float32)


def _largest(triples: tuple[tuple[int, int, int], ...]) -> tuple[int, int, int]:
    z, y, x = (max(values) for values in zip(*triples, strict=True))
    return z, y, x


def _common(triples: tuple[tuple[int, int, int], ...]) -> tuple[int, int, int]:
    """Least common multiple, axis by axis."""
    z, y, x = (int(np.lcm.reduce(values)) for values in zip(*triples, strict=True))
    return z, y, x


def _whole_multiples(grey: Floats, multiple: tuple[int, int, int]) -> tuple[Floats, tuple[int, ...]]:
    """The array with its end repeated up to whole multiples, so that a mirrored one is cut into the same cells."""
    shape = grey.shape[1:]
    wider = [(0, 0), *((0, -size % step) for size, step in zip(shape, multiple, strict=True))]
    return (np.pad(grey, wider, mode="edge") if np.any(wider) else grey), shape
