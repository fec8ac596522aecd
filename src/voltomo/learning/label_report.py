"""What is labelled, and how far annotators agree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from voltomo.artifacts.phases import PhaseTable
from voltomo.learning.pairs import LabelledImage

__all__ = ["AnnotatorAgreement", "LabelReport", "LabelRow", "report_labels"]

_FEW = 200
"""Labelled voxels of a phase below which its validation means little: at 200 independent voxels the standard error of a
recall of 0.9 is already 0.02, and neighbouring voxels are not independent."""


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
