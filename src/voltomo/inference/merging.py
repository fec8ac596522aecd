"""Several classes of a predictor as one: their probabilities add up."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import numba
import numpy as np
import numpy.typing as npt

from voltomo.inference.wrapped import Wrapped

__all__ = ["MergedClasses"]

Floats: TypeAlias = npt.NDArray[np.float32]


@dataclass(frozen=True)
class MergedClasses(Wrapped):
    """A predictor whose classes are groups of another one's.

    Parameters
    ----------
    predictor : with all classes
    groups : per new class, rows of the predictor
    temperature : that its logits will be divided by
    """

    groups: tuple[tuple[int, ...], ...]
    temperature: float = 1.0

    @property
    def classes(self) -> int:
        return len(self.groups)

    def __call__(self, grey: Floats) -> Floats:
        """Logits (groups, Z, Y, X) whose probabilities, at the temperature, are the sums over each group."""
        logits = self.predictor(grey)
        out = np.empty((len(self.groups), *logits.shape[1:]), np.float32)
        for row, group in enumerate(self.groups):
            if len(group) == 1:
                out[row] = logits[group[0]]
            else:
                members = np.ascontiguousarray(logits[list(group)]).reshape(len(group), -1)
                _join(members, np.float32(self.temperature), out[row].reshape(-1))
        return out


@numba.njit(cache=True, nogil=True)
def _join(logits: Floats, temperature: np.float32, out: Floats) -> None:
    """Log Σ exp over the first axis at a temperature, without overflow."""
    for voxel in range(out.size):
        largest = logits[0, voxel]
        for row in range(1, logits.shape[0]):
            largest = max(largest, logits[row, voxel])
        total = np.float32(0)
        for row in range(logits.shape[0]):
            total += math.exp((logits[row, voxel] - largest) / temperature)
        out[voxel] = largest + temperature * math.log(total)
