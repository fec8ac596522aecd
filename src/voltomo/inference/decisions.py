"""From logits to what is stored: the id of the most likely phase, and probabilities in steps of 1/255."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numba
import numpy as np
import numpy.typing as npt

from voltomo.errors import GateError

__all__ = ["decide", "decision_dtype"]

Array: TypeAlias = npt.NDArray[Any]


def decision_dtype(classes: int) -> np.dtype[Any]:
    """One voxel's answer: `phase`, an id, and `probability`, one byte per class with value / 255."""
    return np.dtype([("phase", np.uint8), ("probability", np.uint8, (classes,))])


def decide(
    logits: npt.NDArray[np.float32], ids: Sequence[int], *, temperature: float, probabilities: bool
) -> npt.NDArray[Any]:
    """The most likely phase of every voxel.

    Parameters
    ----------
    logits : (K, Z, Y, X)
    ids : phase id of each class
    temperature : of the probabilities; it changes no phase
    probabilities : whether they are wanted

    Returns
    -------
    (Z, Y, X) array
        uint8 ids; or, with probabilities, `decision_dtype`. Rounded probabilities of a voxel need not add up to 255.

    Raises
    ------
    GateError
        If a logit is not finite.
    """
    shape = logits.shape[1:]
    flat = np.ascontiguousarray(logits).reshape(len(logits), -1)
    names = np.asarray(ids, np.uint8)
    phases = np.empty(flat.shape[1], np.uint8)
    if bad := _most_likely(flat, names, phases):
        raise GateError(
            f"the model gave no finite answer for {bad} of {phases.size} voxels; its training may have diverged, or "
            "its weights do not fit the precision. `voltomo models test` checks it",
            gate="finite",
        )
    if not probabilities:
        return phases.reshape(shape)
    answer = np.empty(flat.shape[1], decision_dtype(len(logits)))
    shares = np.empty((flat.shape[1], len(logits)), np.uint8)
    _quantize(flat, np.float32(1 / temperature), shares)
    answer["phase"], answer["probability"] = phases, shares
    return answer.reshape(shape)


@numba.njit(cache=True, nogil=True)
def _most_likely(logits: Array, ids: Array, out: Array) -> int:
    """Id of the largest logit, the first of equal ones; returns how many voxels have a logit that is not finite."""
    classes, voxels = logits.shape
    bad = 0
    for i in range(voxels):
        best = 0
        total = logits[0, i]
        for k in range(1, classes):
            total += logits[k, i]
            if logits[k, i] > logits[best, i]:
                best = k
        out[i] = ids[best]
        if not np.isfinite(total):
            bad += 1
    return bad


@numba.njit(cache=True, nogil=True)
def _quantize(logits: Array, sharpness: np.float32, out: Array) -> None:
    """Softmax in steps of 1/255."""
    classes, voxels = logits.shape
    shares = np.empty(classes, np.float32)
    for i in range(voxels):
        largest = logits[0, i]
        for k in range(1, classes):
            largest = max(largest, logits[k, i])
        total = np.float32(0)
        for k in range(classes):
            shares[k] = np.exp((logits[k, i] - largest) * sharpness)
            total += shares[k]
        for k in range(classes):
            out[i, k] = np.uint8(shares[k] / total * np.float32(255) + np.float32(0.5))
