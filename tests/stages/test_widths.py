from __future__ import annotations

import numpy as np
import pytest
import scipy.ndimage as ndi

from voltomo.artifacts import Measurement, Phase, PhaseTable
from voltomo.metrics.fractions import count_slices
from voltomo.metrics.sample import Sample
from voltomo.stages.widths import width_rows
from voltomo.stages.workspace import MemoryWorkspace

TABLE = PhaseTable((Phase(1, "pore", "pore"), Phase(2, "NMC", "active")))


def widths(labels: np.ndarray, work: MemoryWorkspace, wanted: str = "auto") -> tuple:
    """Rows and curves of a map."""
    sample = Sample(TABLE, labels.shape, int((labels > 0).sum()))
    return width_rows(labels, sample, count_slices(labels, phase_ids=(1, 2)), wanted, work)  # type: ignore[arg-type]


def find(rows: tuple[Measurement, ...], name: str, phase: str, statistic: str) -> Measurement:
    """The one row whose statistic begins so."""
    (row,) = [m for m in rows if (m.name, m.phase) == (name, phase) and m.statistic.startswith(statistic)]
    return row


@pytest.mark.parametrize("is_masked", [False, True])
def test_balls_wider_than_the_first_halo_are_the_same_in_blocks(is_masked: bool) -> None:
    """A ball wider than a block and its first halo: rows and curves of blocks equal those of the whole."""
    labels = np.ones((12, 90, 100), np.uint8)
    labels[:, 8:82, 10:90] = 2  # with free ends along z, 37 voxels to the nearest edge of it
    labels[3, 20, 30] = 1
    if is_masked:
        labels[:, :6, :7] = 0
    blocks = MemoryWorkspace(block_shape=(5, 16, 16), workers=2)
    assert widths(labels, blocks) == widths(labels, MemoryWorkspace())
    assert max(float(a.max()) for a in blocks.arrays.values()) > 32**2


def test_a_phase_alone_has_no_width() -> None:
    """Where one phase fills the field of view its width is not seen, and the rows say so."""
    rows, curves = widths(np.full((6, 7, 8), 2, np.uint8), MemoryWorkspace())
    row = find(rows, "local_thickness", "NMC", "D50")
    assert row.status == "withheld"
    assert "fills the field of view" in row.reason
    assert not curves


def test_wide_voids_are_left_out_unless_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Balls with more rows than the limit: withheld with the way out by default, measured on request."""
    labels = np.ones((8, 20, 20), np.uint8)
    labels[:, :2] = 2
    monkeypatch.setattr("voltomo.stages.opening._MOST_ROWS", 1000)
    row = find(widths(labels, MemoryWorkspace())[0], "local_thickness", "pore", "D50")
    assert row.status == "withheld"
    assert "local_thickness: all" in row.reason
    assert find(widths(labels, MemoryWorkspace(), "all")[0], "local_thickness", "pore", "D50").value is not None


def test_thickness_may_be_left_out() -> None:
    """On request only chords are measured."""
    labels = (np.random.default_rng(0).random((8, 9, 10)) > 0.5).astype(np.uint8) + np.uint8(1)
    rows, curves = widths(labels, MemoryWorkspace(), "none")
    assert {m.name for m in rows} == {c.name for c in curves} == {"chord_length"}


def test_curves_say_what_the_rows_say() -> None:
    """Read off at D50, a curve has reached half, and one step before it had not."""
    smooth = ndi.gaussian_filter(np.random.default_rng(2).standard_normal((30, 30, 30)), 2)
    rows, curves = widths((smooth > 0).astype(np.uint8) + np.uint8(1), MemoryWorkspace())
    for curve in curves:
        assert curve.sizes[0] == curve.shares[0] == 0
        assert (np.diff(curve.shares) >= 0).all()
        row = next(
            m
            for m in rows
            if (m.name, m.phase, m.axis) == (curve.name, curve.phase, curve.axis) and "D50" in m.statistic
        )
        reached = curve.sizes[int(np.searchsorted(curve.shares, 0.5 - 1e-9))]
        assert reached - 1 < row.value <= reached
