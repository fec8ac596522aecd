from __future__ import annotations

import numpy as np
import pytest
import scipy.ndimage as ndi

from voltomo.artifacts import Measurement, Phase, PhaseTable
from voltomo.metrics.sample import Sample
from voltomo.stages.structure_counts import count_structure
from voltomo.stages.widths import Widths, width_rows
from voltomo.stages.workspace import MemoryWorkspace

TABLE = PhaseTable((Phase(1, "pore", "pore"), Phase(2, "NMC", "active")))


def widths(labels: np.ndarray, work: MemoryWorkspace, wanted: str = "auto", parts: tuple[int, ...] = ()) -> Widths:
    """Rows and curves of a map."""
    sample = Sample(TABLE, labels.shape, int((labels > 0).sum()))
    found = count_structure(labels, TABLE, MemoryWorkspace())
    return width_rows(labels, sample, found, wanted, work, parts=parts)  # type: ignore[arg-type]


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
    assert widths(labels, blocks, parts=range(8)) == widths(labels, MemoryWorkspace(), parts=range(8))
    assert max(float(a.max()) for a in blocks.arrays.values()) > 32**2


def test_a_phase_alone_has_no_width() -> None:
    """Where one phase fills the field of view its width is not seen, and the rows say so."""
    found = widths(np.full((6, 7, 8), 2, np.uint8), MemoryWorkspace())
    row = find(found.rows, "local_thickness", "NMC", "D50")
    assert row.status == "withheld"
    assert "fills the field of view" in row.reason
    assert not found.curves


def test_wide_voids_are_left_out_unless_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Balls with more rows than the limit: withheld with the way out by default, measured on request."""
    labels = np.ones((8, 20, 20), np.uint8)
    labels[:, :2] = 2
    monkeypatch.setattr("voltomo.stages.opening._MOST_ROWS", 1000)
    row = find(widths(labels, MemoryWorkspace()).rows, "local_thickness", "pore", "D50")
    assert row.status == "withheld"
    assert "local_thickness: all" in row.reason
    assert find(widths(labels, MemoryWorkspace(), "all").rows, "local_thickness", "pore", "D50").value is not None


def test_thickness_may_be_left_out() -> None:
    """On request only chords and the paths along them are measured."""
    labels = (np.random.default_rng(0).random((8, 9, 10)) > 0.5).astype(np.uint8) + np.uint8(1)
    found = widths(labels, MemoryWorkspace(), "none")
    assert {m.name for m in found.rows} == {"chord_length", "lineal_path_length"}
    assert {c.name for c in found.curves} == {"chord_length"}


def test_curves_say_what_the_rows_say() -> None:
    """Read off at D50, a curve has reached half, and one step before it had not."""
    smooth = ndi.gaussian_filter(np.random.default_rng(2).standard_normal((30, 30, 30)), 2)
    found = widths((smooth > 0).astype(np.uint8) + np.uint8(1), MemoryWorkspace())
    for curve in found.curves:
        assert curve.sizes[0] == curve.shares[0] == 0
        assert (np.diff(curve.shares) >= 0).all()
        row = next(
            m
            for m in found.rows
            if (m.name, m.phase, m.axis) == (curve.name, curve.phase, curve.axis) and "D50" in m.statistic
        )
        reached = curve.sizes[int(np.searchsorted(curve.shares, 0.5 - 1e-9))]
        assert reached - 1 < row.value <= reached


def smooth_map(seed: int, edge: int = 32, sigma: float = 1.5) -> np.ndarray:
    """The level set of a smooth random field, 1 and 2."""
    noise = np.random.default_rng(seed).standard_normal((edge,) * 3)
    return (ndi.gaussian_filter(noise, sigma, mode="wrap") > 0.02).astype(np.uint8) + np.uint8(1)


def test_ends_of_chords_are_neighbors_of_two_phases() -> None:
    """The mean without one part follows from the pairs of voxels of all others, as the chords of those give it."""
    labels = smooth_map(0)
    found = count_structure(labels, TABLE, MemoryWorkspace())
    row = find(widths(labels, MemoryWorkspace(), "none", tuple(range(8))).rows[:8], "chord_length", "pore", "mean")
    part = next(p for p in row.parts if p.name == "representativity")
    without = []
    for one in found.parts:
        pairs = sum(p.pairs for p in found.parts)[0] - one.pairs[0]
        voxels = found.slices.phases - one.voxels
        without.append(2 * voxels[0] / voxels.sum() * pairs.sum() / (pairs[0, 1] + pairs[1, 0]))
    assert part.standard_uncertainty == pytest.approx(np.sqrt(7 / 8 * np.sum((without - np.mean(without)) ** 2)))
    assert row.low < row.value < row.high


def test_widths_state_what_the_window_leaves_open() -> None:
    """With parts, means, D10 and D50 carry the part, and their intervals hold the value; D90 says why it has none."""
    rows = widths(smooth_map(1), MemoryWorkspace(), parts=tuple(range(8))).rows
    given = [m for m in rows if m.name in ("local_thickness", "chord_length") and m.value is not None]
    assert len(given) == 2 * 3 + 2 * 3 * 4
    for row in given:
        estimated = {p.name for p in row.parts if p.standard_uncertainty is not None}
        assert ("representativity" in estimated) == ("D90" not in row.statistic)
        if "D90" in row.statistic:
            assert "few wide places" in next(p.note for p in row.parts if p.name == "representativity")
        else:
            assert row.low <= row.value <= row.high
