"""What is labelled, and how far people agree."""

from __future__ import annotations

import json

import numpy as np
import pytest

from voltomo.artifacts import Phase, PhaseTable
from voltomo.errors import PhaseNotFoundError
from voltomo.learning.label_report import report_labels
from voltomo.learning.pairs import LabelledImage

PHASES = PhaseTable((Phase(1, "pore", "pore"), Phase(2, "NMC", "active"), Phase(3, "CBD", "binder")))


def image(labels: np.ndarray, name: str = "a", **fields: object) -> LabelledImage:
    """An image with these labels (Z, Y, X) and no grey."""
    return LabelledImage(name, np.zeros((1, *labels.shape), np.uint8), labels.astype(np.uint8), **fields)


def test_labels_are_counted_per_slice_and_phase():
    """One labelled slice of a slab: its number in the volume, its share, its phases."""
    labels = np.zeros((5, 10, 10))
    labels[3, :2], labels[3, 2:5, :5] = 1, 2
    report = report_labels([image(labels, first_slice=40)], PHASES)
    (row,) = report.rows
    assert (row.slice, row.counts, row.share) == (43, {1: 20, 2: 15}, 0.35)
    assert report.totals == {1: 20, 2: 15, 3: 0}
    assert "Fewer than 200 voxels are labelled pore and NMC" in report.warnings[0]
    assert json.loads(json.dumps(report.to_record()))["slices"][0]["voxels"] == {"pore": 20, "NMC": 15, "CBD": 0}


def test_annotators_are_compared_where_both_have_labelled():
    """Two people share 50 voxels and differ on 5 of them."""
    first, second = np.zeros((1, 10, 10)), np.zeros((1, 10, 10))
    first[0, :5], second[0], second[0, 0, :5] = 1, 1, 2
    report = report_labels([image(first, annotator="anna"), image(second, annotator="ben")], PHASES)
    (found,) = report.agreements
    assert (found.annotators, found.voxels, found.agreement) == (("anna", "ben"), 50, 0.9)


def test_an_id_outside_of_the_table_is_refused():
    """A label that is no phase."""
    with pytest.raises(PhaseNotFoundError, match="no phase has id 9"):
        report_labels([image(np.full((1, 2, 2), 9))], PHASES)
