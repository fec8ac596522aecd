from __future__ import annotations

import numpy as np
import pytest

from voltomo.synthesis.fibsem.marks import charging, redeposition, trail_length


def _charging(charge: np.ndarray, **changes: float) -> np.ndarray:
    settings: dict[str, float] = {"rim": 0.0, "rim_width": 2.0, "trail": 0.0, "length": 6.0} | changes
    return charging(charge, start=(0, 0), drift=(0.0, 0.0), slice_index=0, seed=1, **settings)


def test_what_charges_evenly_has_no_rim() -> None:
    """Rims are where charge differs from its surroundings."""
    assert _charging(np.ones((20, 20), np.float32), rim=1.0) == pytest.approx(np.zeros((20, 20)), abs=1e-6)


def test_rims_are_bright_and_lie_outside_of_the_pore() -> None:
    """Beside a charging half plane the rim is positive on its dark side only, and fades within four widths."""
    charge = np.zeros((30, 60), np.float32)
    charge[:, 30:] = 1
    change = _charging(charge, rim=1.0)
    assert np.all(change >= 0)
    assert np.all(change[:, 30:] == 0)
    assert np.all(change[:, :21] == 0)
    assert np.all(change[:, 29] > change[:, 25])
    assert change.max() <= 0.5  # half the charge lies within reach of a place right at the edge


@pytest.mark.parametrize("trail", [0.3, -0.3])
def test_trails_point_along_the_scan(trail: float) -> None:
    """Right of a pore the trail fades to 1/e over its length; left of it, above and below there is none."""
    charge = np.zeros((3, 120), np.float32)
    charge[1, 40:70] = 1
    change = _charging(charge, trail=trail) / trail
    assert np.all(change[[0, 2]] == 0)
    assert np.all(change[1, :70] == 0)
    assert np.all(change[1, 70 + trail_length(6.0) :] == 0)
    patch = change[1, 70:82]  # the patches change slowly: by less than a fifth over 6 columns
    assert patch[6] / patch[0] == pytest.approx(np.exp(-1), rel=0.25)
    assert 0 < change.max() <= 1


def test_the_foot_of_the_face_darkens() -> None:
    """No change in the upper two thirds, −strength at the last row, never brighter."""
    change = redeposition(slice(0, 300), 300, 0.4)[:, 0]
    assert np.all(change[:200] == 0)
    assert change[-1] == pytest.approx(-0.4, rel=0.01)
    assert np.all(np.diff(change) <= 0)
