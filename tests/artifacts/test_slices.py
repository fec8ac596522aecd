from __future__ import annotations

import math

import numpy as np
import pytest

from voltomo.artifacts import SliceStack
from voltomo.errors import ShapeError

DATA = np.zeros((3, 4, 5), np.uint8)


def test_a_foreshortened_pixel_is_longer_on_the_specimen() -> None:
    """At 30 degrees between the beams, a pixel covers twice its height of the face, unless the image is stretched."""
    stack = SliceStack(DATA, (10e-9, 10e-9), 20e-9, tilt=math.radians(30), is_tilt_corrected=False)
    assert stack.voxel_size == pytest.approx((20e-9, 20e-9, 10e-9))
    assert SliceStack(DATA, (10e-9, 10e-9), 20e-9, tilt=math.radians(30)).voxel_size == (20e-9, 10e-9, 10e-9)


def test_what_is_unknown_stays_unknown() -> None:
    """Without pixel size, thickness or the tilt of a foreshortened image there is no voxel size."""
    assert SliceStack(DATA).voxel_size is None
    assert SliceStack(DATA, (1e-8, 1e-8)).voxel_size is None
    assert SliceStack(DATA, (1e-8, 1e-8), 1e-8, is_tilt_corrected=False).voxel_size is None


def test_a_stack_has_three_axes() -> None:
    """A single image is given as a stack of one."""
    with pytest.raises(ShapeError, match=r"\(4, 5\)"):
        SliceStack(DATA[0])
