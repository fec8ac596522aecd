"""Which slice comes next."""

from __future__ import annotations

import numpy as np
import pytest

from voltomo.errors import InputError, ShapeError
from voltomo.learning.next_slices import Candidates, choose_next_slices, share_expected_wrong, share_of_disagreement


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
        Candidates("v", 3, doubt=np.zeros(2))


def test_a_single_model_says_what_it_expects_to_get_wrong():
    """Sure of one voxel, 0.8 sure of another: a tenth is expected to be wrong. Outside the field of view nothing is."""
    probabilities = np.zeros((2, 2, 1, 2), np.uint8)
    probabilities[0, 0, 0] = 255, 51
    probabilities[1, 0, 0] = 0, 204
    np.testing.assert_allclose(share_expected_wrong(probabilities), [0.1, 0])


def test_slices_that_are_files_are_named():
    """Nine files, the first labelled: the file furthest from it is proposed by name."""
    files = tuple(f"s_{i}" for i in range(9))
    (chosen,) = choose_next_slices([Candidates("s", 9, (0,), slices=files)])
    assert (chosen.slice, chosen.file) == (5, "s_5")  # 5 from the label; s_6 is 5 from its mirror image
