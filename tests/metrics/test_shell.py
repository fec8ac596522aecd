from __future__ import annotations

import math

import numpy as np
import pytest

from voltomo.metrics.neighbors import count_neighbors
from voltomo.metrics.shell import covered_share, false_shell
from voltomo.metrics.surfaces import InterfaceCounts
from voltomo.morphology.directions import crofton_directions

PORE, ACTIVE, BINDER = 1, 2, 3


def _share(labels: np.ndarray) -> float:
    directions = crofton_directions(None, 2 if labels.shape[0] == 1 else 3)
    pairs = count_neighbors(labels.astype(np.uint8), phase_ids=(1, 2, 3), offsets=directions.offsets)
    return covered_share(InterfaceCounts(pairs, directions), active=1, binder=(2,))


def _ball(shape: tuple[int, int, int], radius: float) -> np.ndarray:
    places = np.indices(shape).reshape(3, -1).T - (np.array(shape) - 1) / 2
    return (np.linalg.norm(places, axis=1) <= radius).reshape(shape)


@pytest.mark.parametrize("shape", [(24, 24, 24), (1, 40, 40)])
def test_a_shell_all_around_covers_everything(shape: tuple[int, int, int]) -> None:
    """A particle wrapped in two voxels of binder is covered to 100 %, a bare one to 0 %: 100 points of false shell."""
    wrapped = np.where(_ball(shape, 7), ACTIVE, np.where(_ball(shape, 9.5), BINDER, PORE))
    bare = np.where(_ball(shape, 7), ACTIVE, PORE)
    assert _share(wrapped) == pytest.approx(1)
    assert _share(bare) == 0
    assert false_shell(_share(wrapped), _share(bare)) == pytest.approx(100)


def test_half_a_shell_covers_half() -> None:
    """Binder on one side of the mid-plane of a ball: half of its surface, to the rows of pairs across the plane."""
    shape = (32, 32, 32)
    labels = np.where(_ball(shape, 10), ACTIVE, np.where(_ball(shape, 13), BINDER, PORE))
    lower = np.indices(shape)[0] < 16
    labels[~lower & (labels == BINDER)] = PORE
    assert _share(labels) == pytest.approx(0.5, abs=1e-6)


def test_without_a_surface_there_is_no_share() -> None:
    """Active material that fills the box has nothing to cover."""
    assert math.isnan(_share(np.full((4, 4, 4), ACTIVE)))
