from __future__ import annotations

import numpy as np

from voltomo.synthesis.families import ACTIVE, ELECTROLYTE, PORE
from voltomo.synthesis.fibsem.curtains import CurtainState, curtains

IS_VOID = np.zeros(256, bool)
IS_VOID[[0, PORE]] = True


def _curtains(
    phases: np.ndarray, *, start: tuple[int, int] = (0, 0), drift: tuple[float, float] = (0.0, 0.0), **changes: float
) -> np.ndarray:
    settings: dict[str, float] = {"curtain": 0.3, "streak": 0.0, "width": 2.0} | changes
    top = CurtainState.at_top(phases.shape[1])
    return curtains(phases, IS_VOID, top, start=start, drift=drift, slice_index=4, seed=9, **settings)[0]


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
    moved = _curtains(np.roll(phases, (1, 3), (0, 1)), drift=(1.0, 3.0))
    assert np.array_equal(moved[1:, 3:], still[:-1, :-3])


def test_curtains_go_on_from_one_part_to_the_next() -> None:
    """A face traced in two parts, with what the upper one leaves, equals the face traced at once."""
    phases = np.random.default_rng(1).choice(np.array([PORE, ACTIVE, ELECTROLYTE], np.uint8), size=(60, 50))
    settings = {"drift": (0.3, 0.7), "slice_index": 2, "curtain": 0.3, "streak": 0.2, "width": 3.0, "seed": 1}
    whole, _ = curtains(phases, IS_VOID, CurtainState.at_top(50), start=(0, 0), **settings)
    upper, state = curtains(phases[:23], IS_VOID, CurtainState.at_top(50), start=(0, 0), **settings)
    lower, _ = curtains(phases[23:], IS_VOID, state, start=(23, 0), **settings)
    assert np.array_equal(np.vstack([upper, lower]), whole)
