"""What is labelled, and which slice comes next."""

from __future__ import annotations

import json

import numpy as np
import pytest

from voltomo.artifacts import Phase, PhaseTable
from voltomo.errors import InputError, PhaseNotFoundError, ShapeError
from voltomo.learning.label_report import Candidates, choose_next_slices, report_labels, share_of_disagreement
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


def test_without_an_ensemble_slices_are_spread():
    """The middle first, then halves: each new slice is where the largest gap is."""
    chosen = choose_next_slices([Candidates("v", 101)], count=3)
    assert chosen[0].slice == 50
    assert [item.slice for item in chosen[1:]] == [16, 83]  # 33 from the label and from its own mirror image
    assert chosen[0].reason == "nothing is labelled there yet"


def test_the_volume_with_fewer_labels_comes_first():
    """Of two volumes, the one that nobody has labelled."""
    chosen = choose_next_slices([Candidates("a", 100, (20, 50, 80)), Candidates("b", 100)])
    assert chosen[0].name == "b"


def test_an_ensemble_chooses_where_it_disagrees_but_no_neighbor_of_a_label():
    """The worst slice beside a labelled one is passed over; the next proposals are not neighbors either."""
    disagreement = np.full(100, 0.01)
    disagreement[[30, 31, 60, 90]] = 0.5, 0.45, 0.3, 0.2
    chosen = choose_next_slices([Candidates("v", 100, (61,), disagreement)], count=2)
    assert [item.slice for item in chosen] == [30, 90]
    assert chosen[0].reason == "the ensemble disagrees on 50.0% of it"


def test_nothing_is_proposed_where_all_is_labelled():
    """A labelled slice is a whole image: there is no other slice to label."""
    assert choose_next_slices([Candidates("v", 1, (0,))], count=3) == ()


def test_disagreement_is_the_share_of_voxels_with_two_opinions():
    """Three members; slice 0: one of four voxels differs, slice 1: none."""
    members = [np.ones((2, 2, 2), np.uint8) for _ in range(3)]
    members[2][0, 1, 1] = 2
    np.testing.assert_array_equal(share_of_disagreement(members), [0.25, 0])
    with pytest.raises(InputError, match="two members"):
        share_of_disagreement(members[:1])
    with pytest.raises(ShapeError, match="one shape"):
        share_of_disagreement([members[0], members[1][:1]])
    with pytest.raises(ShapeError, match="has 3 slices"):
        Candidates("v", 3, disagreement=np.zeros(2))
