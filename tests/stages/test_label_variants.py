from __future__ import annotations

import numpy as np
import pytest

from voltomo.artifacts import Phase, PhaseTable
from voltomo.errors import GateError
from voltomo.learning.pairs import LabelledImage
from voltomo.stages.label_variants import annotator_variants, moved_variants

THREE = PhaseTable((Phase(1, "pore", "pore"), Phase(2, "NMC", "active"), Phase(3, "binder", "binder")))


def image(labels: np.ndarray) -> LabelledImage:
    """Labels on a grey image of one slice."""
    return LabelledImage("slice", np.zeros((1, 1, *labels.shape), np.float32), labels[None].astype(np.uint8))


def bands() -> np.ndarray:
    """Pore, a band of NMC 10 wide, pore, a band of binder 4 wide, and a part that nobody labelled."""
    labels = np.ones((30, 40), np.uint8)
    labels[:, 5:15], labels[:, 20:24], labels[:, 30:] = 2, 3, 0
    return labels


def test_each_phase_but_the_pore_is_drawn_narrower_and_wider() -> None:
    """A band of 10 becomes 8 and 12 wide, one of 4 becomes 2 and 6; what is unlabelled stays so."""
    own = [image(bands())]
    variants = moved_variants(own, THREE, voxels=1, jittered=2, seed=0)
    widths = {v.name: [int((v.images[0].labels[0, 0] == i).sum()) for i in (2, 3)] for v in variants}
    assert widths["as drawn"] == [10, 4]
    assert widths["NMC narrower"] == [8, 4]
    assert widths["NMC wider"] == [12, 4]
    assert widths["binder narrower"] == [10, 2]
    assert widths["binder wider"] == [10, 6]
    assert [v.name for v in variants[-2:]] == ["jittered 1", "jittered 2"]
    assert all((v.images[0].labels[..., 30:] == 0).all() for v in variants)
    assert {v.name: v.changed for v in variants}["NMC wider"] == pytest.approx(2 * 30 / (30 * 30))


def test_jitter_follows_its_seed() -> None:
    """The same seed gives the same labels, another one others; the sets of one seed differ from each other."""
    one, again, two = (
        moved_variants([image(bands())], THREE, voxels=1, jittered=2, seed=seed)[-2:] for seed in (0, 0, 1)
    )
    labels = [[v.images[0].labels for v in found] for found in (one, again, two)]
    np.testing.assert_array_equal(labels[0][0], labels[1][0])
    assert (labels[0][0] != labels[2][0]).any()
    assert (labels[0][0] != labels[0][1]).any()


def test_strokes_that_do_not_touch_say_nothing_about_a_boundary() -> None:
    """Identical sets of labels would give an uncertainty of 0, so they are refused."""
    labels = np.zeros((30, 40), np.uint8)
    labels[5:8, 5:30], labels[20:23, 5:30] = 1, 2
    with pytest.raises(GateError, match="do not touch"):
        moved_variants([image(labels)], THREE, voxels=1, jittered=1, seed=0)


def test_annotators_come_after_the_labels_of_the_model() -> None:
    """The first set is the model's own; the others carry the names of who painted them."""
    own, other = [image(bands())], [image(bands()[:, ::-1].copy())]
    found = annotator_variants(own, {"anna": other})
    assert [(v.kind, v.name) for v in found] == [("as drawn", "as drawn"), ("annotator", "annotator anna")]
    assert found[1].images[0] is other[0]
