"""Which slice to label next: where a model is in doubt, or else far from what is labelled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from voltomo.errors import InputError, ShapeError

__all__ = ["Candidates", "NextSlice", "choose_next_slices", "share_expected_wrong", "share_of_disagreement"]

_APART = 20
"""Slices nearer than this part of the stack to a labelled one show nearly the same and are not proposed."""


def share_of_disagreement(members: Sequence[npt.NDArray[np.uint8]]) -> npt.NDArray[np.float64]:
    """Share of each slice's voxels on which the members of an ensemble do not all agree.

    Parameters
    ----------
    members : phase ids (Z, Y, X) by two members or more

    Returns
    -------
    (Z,) array

    Raises
    ------
    InputError
        If there are fewer than two.
    ShapeError
        If their shapes differ.

    Examples
    --------
    >>> share_of_disagreement([np.array([[[1, 2]], [[1, 1]]], np.uint8), np.array([[[1, 1]], [[1, 1]]], np.uint8)])
    array([0.5, 0. ])
    """
    if len(members) < 2:
        raise InputError(f"disagreement needs two members of an ensemble at least, found {len(members)}")
    if len({member.shape for member in members}) > 1:
        raise ShapeError(f"expected predictions of one shape, found {[member.shape for member in members]}")
    differs = np.zeros(members[0].shape, bool)
    for member in members[1:]:
        differs |= member != members[0]
    return np.asarray(differs.mean(axis=(1, 2)), np.float64)


def share_expected_wrong(probabilities: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """Share of each slice's voxels that a single model expects to get wrong: the mean of 1 - its largest probability.

    Parameters
    ----------
    probabilities : (K, Z, Y, X), value / 255; 0 for all phases outside the field of view

    Returns
    -------
    (Z,) array
        Of all voxels of a slice; true as far as the probabilities are calibrated.

    Examples
    --------
    >>> share_expected_wrong(np.array([[[[255, 204]], [[0, 51]]], [[[0, 51]], [[0, 204]]]], np.uint8))
    array([0.1, 0.1])
    """
    found = np.zeros(probabilities.shape[1])
    for z in range(found.size):
        largest = probabilities[:, z].max(axis=0)
        found[z] = np.sum(255 - largest[largest > 0], dtype=np.float64) / (255 * largest.size)
    return found


@dataclass(frozen=True)
class Candidates:
    """A volume whose slices may be labelled.

    Parameters
    ----------
    name : of the volume
    depth : how many slices it has
    labelled : numbers of those with labels
    doubt : (depth,) array, the share of each slice that an ensemble disagrees on or a model is unsure of; None where
        no model was asked, 0 for slices that are not to be chosen
    slices : names of the slices, where each is a file of its own
    reason : what to say of a slice that is chosen by its doubt, with a place for the share
    """

    name: str
    depth: int
    labelled: tuple[int, ...] = ()
    doubt: npt.NDArray[np.float64] | None = None
    slices: tuple[str, ...] = ()
    reason: str = "the ensemble disagrees on {:.1%} of it"

    def __post_init__(self) -> None:
        if self.doubt is not None and self.doubt.shape != (self.depth,):
            raise ShapeError(f"{self.name} has {self.depth} slices, but the doubt has the shape {self.doubt.shape}")


@dataclass(frozen=True)
class NextSlice:
    """A slice worth labelling, and why.

    Parameters
    ----------
    name : of the volume
    slice : its number
    reason : for the reader
    file : name of the slice, where it is a file of its own
    """

    name: str
    slice: int
    reason: str
    file: str = ""


def choose_next_slices(volumes: Sequence[Candidates], *, count: int = 1) -> tuple[NextSlice, ...]:
    """Slices to label next, the most useful first.

    Parameters
    ----------
    volumes : where to choose
    count : how many

    Returns
    -------
    tuple of NextSlice
        Where a model was asked, those it is least sure of, no two of them neighbors; else those furthest from what is
        labelled, in the volume with the fewest labels. Fewer than `count` where nothing else is far enough.

    Notes
    -----
    The score of a volume without a model is a distance, of one with a model a share; where both kinds are given, those
    with a model come first.
    """
    taken = {volume.name: list(volume.labelled) for volume in volumes}
    files = {volume.name: volume.slices for volume in volumes}
    chosen: list[NextSlice] = []
    for _ in range(count):
        best = max((_propose(volume, taken[volume.name]) for volume in volumes), default=None)
        if best is None or best[1] <= 0:
            break
        _, _, negative, name, reason = best
        taken[name].append(-negative)
        chosen.append(NextSlice(name, -negative, reason, files[name][-negative] if files[name] else ""))
    return tuple(chosen)


def _propose(volume: Candidates, taken: Sequence[int]) -> tuple[int, float, int, str, str]:
    """Kind, score, minus the slice, name and reason of the best slice of one volume."""
    z = np.arange(volume.depth)
    away = np.min([np.abs(z - other) for other in taken], axis=0) if taken else np.full(volume.depth, volume.depth)
    if volume.doubt is not None:
        score = np.where(away > volume.depth // _APART, volume.doubt, -1.0)
        best = int(score.argmax())
        return 1, float(score[best]), -best, volume.name, volume.reason.format(score[best])
    spread = np.minimum(away, np.minimum(2 * z + 1, 2 * (volume.depth - z) - 1))  # an end mirrors the slice
    spread = np.where(away > 0, spread, 0)
    best = int(spread.argmax())
    reason = f"{away[best]} slices from the nearest label" if taken else "nothing is labelled there yet"
    return 0, float(spread[best] / volume.depth), -best, volume.name, reason
