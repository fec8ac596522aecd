"""What is labelled, how far annotators agree, and which slice to label next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from voltomo.artifacts.phases import PhaseTable
from voltomo.errors import InputError, ShapeError
from voltomo.learning.pairs import LabelledImage

__all__ = [
    "AnnotatorAgreement",
    "Candidates",
    "LabelReport",
    "LabelRow",
    "NextSlice",
    "choose_next_slices",
    "report_labels",
    "share_of_disagreement",
]

_FEW = 200
"""Labelled voxels of a phase below which its validation means little: at 200 independent voxels the standard error of a
recall of 0.9 is already 0.02, and neighbouring voxels are not independent."""
_APART = 20
"""Slices nearer than this part of the stack to a labelled one show nearly the same and are not proposed."""


@dataclass(frozen=True)
class LabelRow:
    """One labelled slice.

    Parameters
    ----------
    image, scan, annotator : where it is from
    slice : its number in the volume
    voxels : of the slice
    counts : {phase id: labelled voxels}
    """

    image: str
    scan: str
    annotator: str
    slice: int
    voxels: int
    counts: Mapping[int, int]

    @property
    def share(self) -> float:
        """Labelled part of the slice."""
        return sum(self.counts.values()) / self.voxels


@dataclass(frozen=True)
class AnnotatorAgreement:
    """How far two people agree where both have labelled.

    Parameters
    ----------
    image : what both have labelled
    annotators : the two
    voxels : labelled by both
    agreement : share of them with one phase
    """

    image: str
    annotators: tuple[str, str]
    voxels: int
    agreement: float


@dataclass(frozen=True)
class LabelReport:
    """What is labelled.

    Parameters
    ----------
    phases : the phase table
    rows : every slice with a label
    agreements : of annotators of one image, in pairs
    warnings : sentences for the reader
    """

    phases: PhaseTable
    rows: tuple[LabelRow, ...]
    agreements: tuple[AnnotatorAgreement, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def totals(self) -> dict[int, int]:
        """{phase id: labelled voxels}."""
        return {i: sum(row.counts.get(i, 0) for row in self.rows) for i in self.phases.ids}

    def to_record(self) -> dict[str, Any]:
        """JSON-able summary."""
        return {
            "phases": {phase.name: self.totals[phase.id] for phase in self.phases},
            "slices": [
                {
                    "image": row.image,
                    "scan": row.scan,
                    "annotator": row.annotator,
                    "slice": row.slice,
                    "share": row.share,
                    "voxels": {phase.name: row.counts.get(phase.id, 0) for phase in self.phases},
                }
                for row in self.rows
            ],
            "agreements": [
                {"image": a.image, "annotators": list(a.annotators), "voxels": a.voxels, "agreement": a.agreement}
                for a in self.agreements
            ],
            "warnings": list(self.warnings),
        }


def report_labels(images: Sequence[LabelledImage], phases: PhaseTable) -> LabelReport:
    """Count what is labelled per phase and slice.

    Parameters
    ----------
    images : labelled images
    phases : the phase table

    Raises
    ------
    PhaseNotFoundError
        If an image carries an id that the table does not name.
    """
    rows = tuple(row for image in images for row in _rows(image))
    for i in {i for row in rows for i in row.counts}:
        phases.by_id(i)
    report = LabelReport(phases, rows, tuple(_compare_annotators(images)))
    few = [phase.name for phase in phases if 0 < report.totals[phase.id] < _FEW]
    warnings = []
    if few:
        warnings.append(f"Fewer than {_FEW} voxels are labelled {' and '.join(few)}: its scores will mean little.")
    return LabelReport(phases, rows, report.agreements, tuple(warnings))


def _rows(image: LabelledImage) -> Iterable[LabelRow]:
    for z in np.flatnonzero(image.labels.any(axis=(1, 2))):
        counts = np.bincount(image.labels[z].ravel(), minlength=256)
        found = {int(i): int(counts[i]) for i in np.flatnonzero(counts) if i}
        number = image.first_slice + int(z)
        yield LabelRow(image.name, image.scan_name, image.annotator, number, image.labels[z].size, found)


def _compare_annotators(images: Sequence[LabelledImage]) -> Iterable[AnnotatorAgreement]:
    for a, b in combinations(images, 2):
        if a.name != b.name or a.shape != b.shape or a.annotator == b.annotator:
            continue
        both = (a.labels != 0) & (b.labels != 0)
        voxels = int(np.count_nonzero(both))
        if voxels:
            equal = int(np.count_nonzero((a.labels == b.labels) & both))
            yield AnnotatorAgreement(a.name, (a.annotator, b.annotator), voxels, equal / voxels)


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


@dataclass(frozen=True)
class Candidates:
    """A volume whose slices may be labelled.

    Parameters
    ----------
    name : of the volume
    depth : how many slices it has
    labelled : numbers of those with labels
    disagreement : (depth,) array, how little an ensemble agrees on each slice; None where there is no ensemble
    """

    name: str
    depth: int
    labelled: tuple[int, ...] = ()
    disagreement: npt.NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        if self.disagreement is not None and self.disagreement.shape != (self.depth,):
            raise ShapeError(
                f"{self.name} has {self.depth} slices, but the disagreement has the shape {self.disagreement.shape}"
            )


@dataclass(frozen=True)
class NextSlice:
    """A slice worth labelling, and why."""

    name: str
    slice: int
    reason: str


def choose_next_slices(volumes: Sequence[Candidates], *, count: int = 1) -> tuple[NextSlice, ...]:
    """Slices to label next, the most useful first.

    Parameters
    ----------
    volumes : where to choose
    count : how many

    Returns
    -------
    tuple of NextSlice
        Where an ensemble has voted, those on which it agrees least, no two of them neighbors; else those furthest
        from what is labelled, in the volume with the fewest labels. Fewer than `count` where nothing else is far
        enough.

    Notes
    -----
    The score of a volume without an ensemble is a distance, of one with an ensemble a share; where both kinds are
    given, those with an ensemble come first.
    """
    taken = {volume.name: list(volume.labelled) for volume in volumes}
    chosen: list[NextSlice] = []
    for _ in range(count):
        best = max((_propose(volume, taken[volume.name]) for volume in volumes), default=None)
        if best is None or best[1] <= 0:
            break
        _, _, negative, name, reason = best
        taken[name].append(-negative)
        chosen.append(NextSlice(name, -negative, reason))
    return tuple(chosen)


def _propose(volume: Candidates, taken: Sequence[int]) -> tuple[int, float, int, str, str]:
    """Kind, score, minus the slice, name and reason of the best slice of one volume."""
    z = np.arange(volume.depth)
    away = np.min([np.abs(z - other) for other in taken], axis=0) if taken else np.full(volume.depth, volume.depth)
    if volume.disagreement is not None:
        score = np.where(away > volume.depth // _APART, volume.disagreement, -1.0)
        best = int(score.argmax())
        return 1, float(score[best]), -best, volume.name, f"the ensemble disagrees on {score[best]:.1%} of it"
    spread = np.minimum(away, np.minimum(2 * z + 1, 2 * (volume.depth - z) - 1))  # an end mirrors the slice
    spread = np.where(away > 0, spread, 0)
    best = int(spread.argmax())
    reason = f"{away[best]} slices from the nearest label" if taken else "nothing is labelled there yet"
    return 0, float(spread[best] / volume.depth), -best, volume.name, reason
