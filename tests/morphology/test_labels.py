"""Labels of one array and what is counted about them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from voltomo.errors import InputError
from voltomo.morphology.labels import label_mask, measure_extents


def test_extents_are_those_of_scipy() -> None:
    """Counts and bounding boxes of random components equal scipy's."""
    labels, count = ndimage.label(np.random.default_rng(4).random((9, 11, 13)) < 0.3)
    found = measure_extents(labels.astype(np.uint32), count, origin=(100, 10, 1))
    np.testing.assert_array_equal(found.counts, np.bincount(labels.ravel())[1:])
    for row, box in zip(found.bounds, ndimage.find_objects(labels), strict=True):
        assert row.tolist() == [s.start + o for s, o in zip(box, (100, 10, 1), strict=True)] + [
            s.stop - 1 + o for s, o in zip(box, (100, 10, 1), strict=True)
        ]
    first = [np.argwhere(labels == i + 1)[0] + (100, 10, 1) for i in range(count)]
    np.testing.assert_array_equal(found.first, first)


def test_other_connectivities_are_refused() -> None:
    """Eight neighbours in a volume are an error that names the choices."""
    with pytest.raises(InputError, match="6, 18 or 26"):
        label_mask(np.ones((2, 2, 2), bool), connectivity=8)  # type: ignore[arg-type]
