"""What a model keeps of the images that trained it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from voltomo.errors import InputError
from voltomo.learning.kept import channel_names, describe_image, typical_normalization, voxel_range
from voltomo.learning.normalization import Normalization
from voltomo.learning.pairs import LabelledImage
from voltomo.learning.splits import Split

LABELS = np.array([[[0, 1, 2, 2]]], np.uint8)


def image(*, name: str = "a", **fields: object) -> LabelledImage:
    """A row of four voxels."""
    return LabelledImage(name, np.arange(4, dtype=np.uint16).reshape(1, 1, 1, 4), LABELS, **fields)


def test_a_changed_voxel_or_label_changes_its_hash() -> None:
    """One grey value or one label is enough; the description is plain JSON."""
    split = Split((LABELS > 1,), (LABELS == 1,))
    one = describe_image(image(), split, 0)
    assert json.loads(json.dumps(one)) == one
    assert (one["labelled"], one["training"], one["validation"]) == (3, 2, 1)
    grey = np.asarray(image().grey).copy()
    grey[..., 2] += 1
    other = describe_image(LabelledImage("a", grey, LABELS[..., ::-1].copy()), split, 0)
    assert other["grey"] != one["grey"]
    assert other["labels"] != one["labels"]


def test_the_voxel_range_is_over_images_that_know_theirs() -> None:
    """Smallest and largest per axis; None where nobody knows."""
    images = [image(), image(voxel_size=(3.0, 1.0, 1.0)), image(voxel_size=(2.0, 1.0, 1.5))]
    assert voxel_range(images) == ((2.0, 1.0, 1.0), (3.0, 1.0, 1.5))
    assert voxel_range(images[:1]) is None


def test_typical_grey_values_are_medians() -> None:
    """One odd scan does not move them."""
    scales = [Normalization((low,), (high,)) for low, high in ((0.0, 1.0), (0.1, 1.1), (-9.0, 50.0))]
    assert typical_normalization(scales) == Normalization((0.0,), (1.1,))


def test_channels_have_names() -> None:
    """Those given, in their number."""
    assert channel_names([image()], None) == ("grey",)
    assert channel_names([image()], ["BSE"]) == ("BSE",)
    with pytest.raises(InputError, match="1 channel names"):
        channel_names([image()], ["SE", "BSE"])
