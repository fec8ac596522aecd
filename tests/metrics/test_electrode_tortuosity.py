"""The electrode tortuosity factor as a measurement."""

from __future__ import annotations

import math

import numpy as np
import pytest

import voltomo as vt
from voltomo.errors import InputError, PhaseNotFoundError


def test_it_says_which_face_is_open() -> None:
    """A dead end counts from its mouth only."""
    phases = np.full((16, 6, 6), 2, np.uint8)
    phases[:8, 2:4, 2:4] = 1
    near = vt.electrode_tortuosity_factor(phases, 1, axis=0, voxel_size="64 nm")
    far = vt.electrode_tortuosity_factor(phases, 1, axis=0, open_end="high")
    assert (near.axis, near.statistic, near.unit, near.status) == ("z", "open at the low face", "1", "ok")
    assert near.value == pytest.approx(0.25, rel=0.2)
    assert near.low is not None
    assert (far.value, far.status) == (math.inf, "warned")
    assert "no ion enters" in far.reason
    assert "R_ion" in near.definition


def test_what_has_no_faces_is_refused() -> None:
    """As for the tortuosity factor."""
    with pytest.raises(PhaseNotFoundError):
        vt.electrode_tortuosity_factor(np.ones((4, 4, 4), np.uint8), 3, axis=0)
    with pytest.raises(InputError, match="uint8"):
        vt.electrode_tortuosity_factor(np.ones((4, 4, 4)), 1, axis=0)
