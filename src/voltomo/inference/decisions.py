"""From logits to what is stored: the id of the most likely phase; if wanted, probabilities and what members say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numba
import numpy as np
import numpy.typing as npt

from voltomo.blocks import WritableArray
from voltomo.errors import GateError
from voltomo.inference.binder_rule import BinderRule

__all__ = ["AnswerLayers", "decide", "decision_dtype"]

Array: TypeAlias = npt.NDArray[Any]


def decision_dtype(classes: int, *, probabilities: bool, disagreement: bool, members: int = 0) -> np.dtype[Any]:
    """One voxel's answer: an id; or `phase` beside other fields.

    These are `probability` (per class) and `disagreement`, each value / 255, and `member`, the id that each says.
    """
    if not probabilities and not disagreement and not members:
        return np.dtype(np.uint8)
    fields: list[Any] = [("phase", np.uint8)]
    fields += [("probability", np.uint8, (classes,))] if probabilities else []
    fields += [("disagreement", np.uint8)] if disagreement else []
    fields += [("member", np.uint8, (members,))] if members else []
    return np.dtype(fields)


@dataclass(frozen=True)
class AnswerLayers:
    """The arrays of a study as one to write, of `decision_dtype`: each field of a voxel's answer goes to its own.

    Parameters
    ----------
    phases : (Z, Y, X) uint8
    probabilities : (K, Z, Y, X) uint8, or None
    disagreement : (1, Z, Y, X) uint8, or None
    members : (Z, Y, X) uint8 each, one per member of an ensemble; empty where they are not wanted
    """

    phases: WritableArray
    probabilities: WritableArray | None = None
    disagreement: WritableArray | None = None
    members: tuple[WritableArray, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.phases.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        classes = 0 if self.probabilities is None else self.probabilities.shape[0]
        return decision_dtype(
            classes,
            probabilities=self.probabilities is not None,
            disagreement=self.disagreement is not None,
            members=len(self.members),
        )

    def __getitem__(self, region: Any, /) -> Any:
        raise NotImplementedError("written only")

    def __setitem__(self, region: Any, value: Any, /) -> None:
        self.phases[region] = value if value.dtype.names is None else value["phase"]
        if self.probabilities is not None:
            for k in range(self.probabilities.shape[0]):
                self.probabilities[(k, *region)] = value["probability"][..., k]
        if self.disagreement is not None:
            self.disagreement[(0, *region)] = value["disagreement"]
        for k, member in enumerate(self.members):
            member[region] = value["member"][..., k]


def decide(
    logits: npt.NDArray[np.float32],
    ids: Sequence[int],
    *,
    temperature: float,
    probabilities: bool,
    disagreement: npt.NDArray[np.float32] | None = None,
    members: npt.NDArray[np.uint8] | None = None,
    rule: BinderRule | None = None,
) -> npt.NDArray[Any]:
    """The most likely phase of every voxel.

    Parameters
    ----------
    logits : (K, Z, Y, X)
    ids : phase id of each class
    temperature : of the probabilities; it changes no phase
    probabilities : whether they are wanted
    disagreement : (Z, Y, X), 0 to 1, to be kept beside the phases; or None
    members : (M, Z, Y, X), the class that each member of an ensemble says, to be kept as its id; or None. With
        `rule` their drafts
    rule : write drafts in the place of ids, for `BinderRule.settle`

    Returns
    -------
    (Z, Y, X) array
        Of `decision_dtype`. Rounded probabilities of a voxel need not add up to 255.

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
    if rule is not None:
        phases = rule.draft(logits).reshape(-1)
    count = 0 if members is None else len(members)
    kind = decision_dtype(
        len(logits), probabilities=probabilities, disagreement=disagreement is not None, members=count
    )
    if kind.names is None:
        return phases.reshape(shape)
    answer = np.empty(flat.shape[1], kind)
    answer["phase"] = phases
    if probabilities:
        shares = np.empty((flat.shape[1], len(logits)), np.uint8)
        _quantize(flat, np.float32(1 / temperature), shares)
        answer["probability"] = shares
    if disagreement is not None:
        answer["disagreement"] = np.rint(disagreement * np.float32(255)).ravel()
    if members is not None:
        said = members.reshape(count, -1).T
        answer["member"] = names[said] if rule is None else said
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
