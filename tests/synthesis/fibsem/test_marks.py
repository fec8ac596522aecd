from __future__ import annotations

import numpy as np
import pytest

from voltomo.synthesis.families import ACTIVE, ELECTROLYTE, PORE
from voltomo.synthesis.fibsem.marks import charging, curtains, redeposition, trail_length

IS_VOID = np.zeros(256, bool)
IS_VOID[[0, PORE]] = True


def _curtains(phases: np.ndarray, **changes: float) -> np.ndarray:
    settings: dict[str, float] = {"curtain": 0.3, "streak": 0.0, "width": 2.0} | changes
    return curtains(phases, IS_VOID, start=(0, 0), drift=(0.0, 0.0), slice_index=4, seed=9, **settings)


def test_curtains_begin_below_a_pore_and_stay_the_same_down_to_the_foot() -> None:
    """Above the pore and in it there is none; below it each column has one value, and columns differ."""
    phases = np.full((40, 300), ACTIVE, np.uint8)
    phases[10:16, 100:] = PORE
    change = _curtains(phases)
    assert np.all(change[:, :100] == 0)
    assert np.all(change[:16] == 0)
    below = change[16:, 100:]
    assert np.all(below == below[0])
    assert below[0].std() > 0.02
    assert np.abs(below).max() <= 0.3


def test_curtains_begin_where_soft_meets_hard() -> None:
    """Electrolyte above active material starts curtains of half the strength at the boundary."""
    phases = np.full((20, 400), ELECTROLYTE, np.uint8)
    phases[8:] = ACTIVE
    change = _curtains(phases)
    assert np.all(change[:8] == 0)
    assert 0 < np.abs(change[8:]).max() <= 0.15
    assert np.all(change[8:] == change[8])


def test_curtains_have_no_mean() -> None:
    """Over 20 000 columns the mean is 0 to five standard errors; stripes of 2 columns are 10 000 independent ones."""
    phases = np.full((3, 20_000), ACTIVE, np.uint8)
    phases[1] = PORE
    for change in (_curtains(phases)[2], _curtains(phases, curtain=0.0, streak=0.3)[0]):
        assert abs(change.mean()) < 5 * change.std() / 100
        assert change.std() > 0


def test_streaks_run_from_edge_to_edge() -> None:
    """Without curtains every solid voxel of a column has the same change, above and below a pore."""
    phases = np.full((30, 200), ACTIVE, np.uint8)
    phases[10:14, 50:80] = PORE
    change = _curtains(phases, curtain=0.0, streak=0.2)
    solid = phases != PORE
    assert np.all(change[~solid] == 0)
    assert np.array_equal(np.where(solid, change, change[0]), np.tile(change[0], (30, 1)))


def test_curtains_drift_with_the_specimen() -> None:
    """The same specimen, seen three columns further right and one row down, has the same curtains there."""
    phases = np.full((30, 80), ACTIVE, np.uint8)
    phases[5:9] = PORE
    still = _curtains(phases)
    moved = curtains(
        np.roll(phases, (1, 3), (0, 1)), IS_VOID, start=(0, 0), drift=(1.0, 3.0), slice_index=4, curtain=0.3,
        streak=0.0, width=2.0, seed=9,
    )  # fmt: skip
    assert np.array_equal(moved[1:, 3:], still[:-1, :-3])


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
