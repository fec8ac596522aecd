"""Grey images with labels, and annotations: what fits together and what does not."""

from __future__ import annotations

import numpy as np
import pytest

from voltomo.artifacts import Annotations, PhaseTable
from voltomo.errors import InputError, ShapeError
from voltomo.learning.pairs import LabelledImage


def test_an_image_knows_its_scan_and_its_labels():
    """Without a scan it is one of its own; labels are counted."""
    labels = np.zeros((2, 3, 4), np.uint8)
    labels[0, 0] = 2
    image = LabelledImage("a", np.zeros((1, 2, 3, 4)), labels)
    assert (image.shape, image.labelled, image.scan_name) == ((2, 3, 4), 4, "a")


@pytest.mark.parametrize(
    ("grey", "labels", "error", "message"),
    [
        ((2, 3, 4), (2, 3, 4), ShapeError, r"expected grey values \(C, Z, Y, X\)"),
        ((1, 2, 3, 4), (2, 3, 5), ShapeError, "was one of them cropped or resampled"),
    ],
)
def test_shapes_that_do_not_belong_together_are_refused(grey, labels, error, message):
    """Three axes of grey, or labels of another size."""
    with pytest.raises(error, match=message):
        LabelledImage("a", np.zeros(grey), np.zeros(labels, np.uint8))


def test_labels_are_bytes():
    """Phase ids are uint8, in images and in annotations."""
    with pytest.raises(InputError, match="uint8 phase ids as labels, found int64"):
        LabelledImage("a", np.zeros((1, 2, 3, 4)), np.zeros((2, 3, 4), np.int64))
    with pytest.raises(InputError, match="uint8 phase ids, found int64"):
        Annotations(np.zeros((2, 3, 4), np.int64), PhaseTable.two_class())
    with pytest.raises(ShapeError, match=r"\(Z, Y, X\)"):
        Annotations(np.zeros((3, 4), np.uint8), PhaseTable.two_class())
    assert Annotations(np.zeros((2, 3, 4), np.uint8), PhaseTable.two_class(), "anna").shape == (2, 3, 4)
