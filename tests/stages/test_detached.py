from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voltomo.artifacts import Measurement, Phase, PhaseTable
from voltomo.metrics.sample import Sample
from voltomo.stages.detached import detached_rows
from voltomo.stages.phase_components import PhaseComponents
from voltomo.stages.workspace import MemoryWorkspace

TABLE = PhaseTable((Phase(1, "pore", "pore"), Phase(2, "NMC", "active"), Phase(3, "CBD", "binder")))


def detached(
    labels: np.ndarray, work: MemoryWorkspace | None = None, table: PhaseTable = TABLE
) -> dict[str, Measurement]:
    """Rows by the end of their statistic."""
    work = work or MemoryWorkspace()
    sample = Sample(table, labels.shape, int((labels > 0).sum()))
    rows = detached_rows(PhaseComponents(labels, work), sample, work)
    return {row.statistic.removeprefix("no path for "): row for row in rows}


def cubes() -> np.ndarray:
    """Two like cubes in void; binder leads from the second to a face of the box."""
    labels = np.ones((20, 20, 44), np.uint8)
    labels[6:14, 6:14, 6:14] = 2
    labels[6:14, 6:14, 26:34] = 2
    labels[10, 10, 34:] = 3
    return labels


def test_a_cube_without_binder_has_no_electrons() -> None:
    """One of two like cubes hangs free: half of the surface has no path for electrons, all of it has one for ions."""
    found = detached(cubes())
    # The thread of binder covers one of 6 x 64 voxel faces, and a little of their edges, without being cut off.
    assert found["electrons"].value == pytest.approx(0.5, abs=0.005)
    assert found["ions"].value == 0
    assert found["one or both"].value == found["electrons"].value


def test_a_hollow_has_no_ions() -> None:
    """Void inside a cube is closed: its surface has no path for ions, and counts once where neither has one."""
    labels = cubes()
    labels[8:12, 8:12, 28:32] = 1  # a hollow of half the edge in the cube with binder: a fifth of its surface
    found = detached(labels)
    inner, outer = 6 * 4**2, 6 * 8**2
    # Edges round off a small cube more than a large one by Crofton's formula.
    assert found["ions"].value == pytest.approx(inner / (2 * outer + inner), rel=0.1)
    assert found["one or both"].value == pytest.approx(found["ions"].value + found["electrons"].value)
    labels[8:12, 8:12, 8:12] = 1  # the same in the free cube: closed, and without electrons anyway
    both = detached(labels)
    assert both["one or both"].value < both["ions"].value + both["electrons"].value
    assert both["electrons"].value == pytest.approx(0.5, abs=0.005)


@settings(max_examples=8, deadline=None)
@given(block_shape=st.tuples(st.integers(3, 9), st.integers(3, 9), st.integers(3, 9)), seed=st.integers(0, 99))
def test_blocks_change_nothing(block_shape: tuple[int, int, int], seed: int) -> None:
    """Parts that several blocks share are one, also around voxels outside the field of view."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(np.array([0, 1, 2, 3], np.uint8), (9, 10, 11), p=[0.05, 0.3, 0.35, 0.3])
    assert detached(labels, MemoryWorkspace(block_shape=block_shape, workers=2)) == detached(labels)


def test_without_active_surface_nothing_is_given() -> None:
    """No active phase: no rows; an active phase that fills the box: withheld; a section: no rows."""
    labels = cubes()
    nobody = PhaseTable((Phase(1, "pore", "pore"), Phase(2, "glass", "other"), Phase(3, "CBD", "binder")))
    assert not detached(labels, table=nobody)
    assert {row.status for row in detached(np.full((5, 6, 7), 2, np.uint8)).values()} == {"withheld"}
    assert not detached(np.ascontiguousarray(labels[10:11]))
