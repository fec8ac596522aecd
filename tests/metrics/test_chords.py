from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voltomo.artifacts import Phase, PhaseTable
from voltomo.metrics.chord_lengths import chord_curves, measure_chords, share_up_to
from voltomo.metrics.sample import AXES, Sample
from voltomo.stages.chords import find_chords
from voltomo.stages.workspace import MemoryWorkspace

TABLE = PhaseTable((Phase(1, "pore", "pore"), Phase(2, "NMC", "active")))


def sample_of(labels: np.ndarray, edges: tuple[float, float, float] | None = None) -> Sample:
    """The sample that a map shows."""
    return Sample(TABLE, labels.shape, int((labels > 0).sum()), edges)


def runs_of_lines(labels: np.ndarray, axis: int) -> np.ndarray:
    """Runs of equal ids line by line, by phase, ends that are cut, and length: slow and obvious."""
    counts = np.zeros((2, 3, labels.shape[axis] + 1), np.int64)
    for line in np.moveaxis(labels, axis, -1).reshape(-1, labels.shape[axis]):
        padded = np.concatenate([[0], line.astype(int), [0]])
        begins = np.flatnonzero(np.diff(padded)) + 1
        for begin, end in itertools.pairwise(begins):
            if padded[begin]:
                cut = int(padded[begin - 1] == 0) + int(padded[end] == 0)
                counts[padded[begin] - 1, cut, end - begin] += 1
    return counts


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 99),
    block_shape=st.tuples(st.integers(1, 7), st.integers(1, 8), st.integers(1, 9)),
    share=st.sampled_from([0.1, 0.5]),
)
def test_chords_across_blocks_are_joined_exactly(seed: int, block_shape: tuple[int, int, int], share: float) -> None:
    """Chords of blocks of any shape are the runs of whole lines, the outside of the field of view included."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(rng.choice(np.array([0, 1, 2], np.uint8), (5, 6, 3), p=[share, 0.9 - share, 0.1]), 3, axis=2)
    work = MemoryWorkspace(block_shape=block_shape, workers=2)
    for chords in find_chords(labels, sample_of(labels), work):
        np.testing.assert_array_equal(chords.counts, runs_of_lines(labels, chords.axis))
        inside = np.moveaxis(labels > 0, chords.axis, 0)
        assert chords.pairs == (inside[1:] & inside[:-1]).sum()
        ends = chords.ends.sum(axis=0)
        np.testing.assert_array_equal(ends, np.stack([2 * chords.counts[:, 0], chords.counts[:, 1]], axis=1))


def test_chords_of_a_laminate_are_its_layers() -> None:
    """Across layers of 3 and 5 voxels every chord is 3 or 5 long, in the edge of that axis; along them all are cut."""
    labels = np.tile(np.repeat(np.array([1, 2], np.uint8), (3, 5)), 10)[:, None, None] * np.ones((1, 6, 7), np.uint8)
    sample = sample_of(labels, (2e-6, 1e-6, 1e-6))
    across, along, _ = (list(measure_chords(c, sample)) for c in find_chords(labels, sample, MemoryWorkspace()))
    widths = {(m.phase, m.statistic.split(",")[0]): m.value for m in across}
    for phase, width in (("pore", 6e-6), ("NMC", 1e-5)):
        assert [widths[phase, share] for share in ("D10", "D50", "D90")] == pytest.approx([width] * 3)
        # 80 planes have 79 pairs, 19 of them interfaces, so that the mean moves by the edge of one window.
        assert widths[phase, "mean"] == pytest.approx(width, rel=0.06)
    assert {m.status for m in along} == {"withheld"}
    assert "0 ends of chords" in along[0].reason


@pytest.mark.parametrize("radius", [6.0, 12.0])
def test_the_mean_chord_of_a_ball_is_four_volumes_over_its_surface(radius: float, ball) -> None:  # type: ignore[no-untyped-def] # fixture
    """4V/S = 4r/3; chords below a voxel are missed, which lifts the mean by less than (voxel/2r)²."""
    labels = ball(radius, shift=(0.2, -0.3, 0.1))
    sample = sample_of(labels)
    for chords in find_chords(labels, sample, MemoryWorkspace()):
        mean = next(m for m in measure_chords(chords, sample) if m.phase == sample.phases.by_id(2).name)
        n = labels.shape[chords.axis]
        # The window holds the whole ball and no other: a window of a larger sample has n pairs to n voxels.
        # The circle of lines that meet the ball is right to about 1 % for 6 voxels.
        assert mean.value * n / (n - 1) == pytest.approx(4 * radius / 3, rel=0.02)


def test_long_chords_cut_by_the_window_are_made_good() -> None:
    """Exponential chords of mean 40 in lines of 60: mean and median come back; those seen whole are too short."""
    rng = np.random.default_rng(3)
    lines = []
    for _ in range(900):
        steps = np.cumsum(np.maximum(np.rint(rng.exponential(40.0, 40)), 1).astype(int))
        phase = (np.searchsorted(steps, np.arange(600), side="right") % 2).astype(np.uint8) + np.uint8(1)
        lines.append(phase[400:460])
    labels = np.array(lines).reshape(30, 30, 60)
    sample = sample_of(labels)
    chords = list(find_chords(labels, sample, MemoryWorkspace()))[2]
    found = {m.statistic.split(",")[0]: m for m in measure_chords(chords, sample) if m.phase == "pore"}
    whole = chords.counts[0, 0]
    assert (whole * np.arange(61)).sum() / whole.sum() < 25
    # About 450 chords have an end in the window: 3 standard errors are 14 %.
    assert found["mean"].value == pytest.approx(40, rel=0.14)
    assert found["D50"].value == pytest.approx(40 * np.log(2), rel=0.2)
    assert found["D90"].status == "withheld"
    assert "of the distribution is seen" in found["D90"].reason
    curve = next(iter(chord_curves(chords, sample)))
    assert curve.shares[-1] < 0.9


def test_without_cuts_the_distribution_is_that_of_the_chords() -> None:
    """Kaplan and Meier's estimate without cut chords is the cumulated share."""
    whole = np.array([0, 3, 1, 0, 4])
    np.testing.assert_allclose(share_up_to(whole, np.zeros(5, int)), np.cumsum(whole) / 8, rtol=1e-12)


def test_ends_of_chords_lie_in_the_parts_of_the_window() -> None:
    """A chord from one half of the window into the other has an end in each; its cut end is in none."""
    labels = np.ones((1, 1, 24), np.uint8)
    labels[0, 0, 10:15] = 2  # thirds of 8 voxels: from the second into the second
    labels[0, 0, 20:] = 2
    (chords,) = (c for c in find_chords(labels, sample_of(labels), MemoryWorkspace()) if c.axis == 2)
    found = {tuple(place): int(chords.ends[tuple(place)]) for place in np.argwhere(chords.ends)}
    # (part, phase, other end cut, length): the section has 3 x 3 parts, of which a line of one voxel has the last row.
    row = int(found and min(place[0] for place in found)) // 3 * 3
    assert found == {
        (row + 1, 1, 0, 5): 2,
        (row + 1, 0, 1, 10): 1,
        (row + 1, 0, 0, 5): 1,
        (row + 2, 0, 0, 5): 1,
        (row + 2, 1, 1, 4): 1,
    }


def test_turning_the_volume_turns_the_axes() -> None:
    """Chords along z of a turned volume are those along x of the volume."""
    labels = np.random.default_rng(1).integers(1, 3, (5, 6, 7)).astype(np.uint8)
    straight = list(find_chords(labels, sample_of(labels), MemoryWorkspace()))
    turned = list(
        find_chords(labels.transpose(2, 1, 0).copy(), sample_of(labels.transpose(2, 1, 0)), MemoryWorkspace())
    )
    for a in range(3):
        np.testing.assert_array_equal(straight[a].counts, turned[2 - a].counts)
    assert [AXES[c.axis] for c in straight] == list(AXES)
