from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voltomo.artifacts import Phase, PhaseTable
from voltomo.metrics.chord_lengths import measure_chords
from voltomo.metrics.lineal_path import lineal_path, lineal_path_curves, measure_lineal_path
from voltomo.metrics.sample import Sample
from voltomo.phantoms import OverlappingSpheres
from voltomo.stages.chords import find_chords
from voltomo.stages.workspace import MemoryWorkspace

TABLE = PhaseTable((Phase(1, "pore", "pore"), Phase(2, "NMC", "active")))


def sample_of(labels: np.ndarray, edges: tuple[float, float, float] | None = None) -> Sample:
    """The sample that a map shows."""
    return Sample(TABLE, labels.shape, int((labels > 0).sum()), edges)


def by_hand(labels: np.ndarray, axis: int, phase: int) -> list[float]:
    """Share of all lines inside the field of view that lie in the phase, one line after the other."""
    found = []
    for steps in range(labels.shape[axis]):
        windows = np.lib.stride_tricks.sliding_window_view(labels, steps + 1, axis=axis)
        inside = (windows > 0).all(axis=-1)
        if not inside.any():
            break
        found.append(float(((windows == phase).all(axis=-1)).sum() / inside.sum()))
    return found


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 99),
    block_shape=st.tuples(st.integers(1, 7), st.integers(1, 8), st.integers(1, 9)),
    outside=st.sampled_from([0.0, 0.1]),
)
def test_the_lineal_path_is_the_share_of_lines(seed: int, block_shape: tuple[int, int, int], outside: float) -> None:
    """Whatever the blocks and the field of view, L is counted as line by line."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(rng.choice(np.array([0, 1, 2], np.uint8), (5, 6, 3), p=[outside, 0.9 - outside, 0.1]), 3, axis=2)
    work = MemoryWorkspace(block_shape=block_shape, workers=2)
    for chords in find_chords(labels, sample_of(labels), work):
        for row, phase in enumerate((1, 2)):
            path = lineal_path(chords.counts[row].sum(axis=0), chords.stretches)
            np.testing.assert_allclose(path, by_hand(labels, chords.axis, phase), rtol=1e-12)


def test_chords_are_the_second_difference_of_the_lineal_path() -> None:
    """Where no edge cuts a chord, the second difference of the number of lines counts the chords of each length."""
    labels = np.ones((6, 7, 40), np.uint8)
    labels[:, :, 2:-2] += (np.random.default_rng(0).random((6, 7, 36)) < 0.7).astype(np.uint8)
    (chords,) = (c for c in find_chords(labels, sample_of(labels), MemoryWorkspace()) if c.axis == 2)
    counts = chords.counts[1].sum(axis=0)
    number = lineal_path(counts, chords.stretches) * 42 * (40 - np.arange(40))
    np.testing.assert_allclose(np.diff(number, 2)[:30], counts[1:31], atol=1e-8)


def test_the_slope_at_no_distance_is_the_mean_chord() -> None:
    """ε / (L(0) - L(1)) is the mean chord, but for the half voxel at either end of the window."""
    labels = (np.random.default_rng(3).random((20, 20, 400)) < 0.4).astype(np.uint8) + np.uint8(1)
    chords = list(find_chords(labels, sample_of(labels), MemoryWorkspace()))[2]
    mean = next(m.value for m in measure_chords(chords, sample_of(labels)) if m.statistic.startswith("mean"))
    path = lineal_path(chords.counts[0].sum(axis=0), chords.stretches)
    # L(1) is of pairs, which leave out the ends of each line: 2 of 400 voxels.
    assert path[0] / (path[0] - path[1]) == pytest.approx(mean, rel=0.01)


def test_between_overlapping_balls_it_falls_exponentially() -> None:
    """L = ε^(1 + 3r/4R) in the void between overlapping balls (Lu and Torquato 1992), and its length 4R/(3 ln 1/ε)."""
    porosity, radius = 0.4, 8.0
    spheres = OverlappingSpheres(porosity=porosity, radius=radius)
    solid = spheres.rasterize((120, 120, 120), rng=np.random.default_rng(5))
    labels = solid.astype(np.uint8) + np.uint8(1)
    sample = sample_of(labels, (2e-7, 2e-7, 2e-7))
    chords = list(find_chords(labels, sample, MemoryWorkspace()))
    path = np.mean([lineal_path(c.counts[0].sum(axis=0), c.stretches) for c in chords], axis=0)
    distances = np.arange(0, 25, 4)
    expected = path[0] ** (1 + 3 * distances / (4 * radius))
    # The window holds 7.5³ balls: a standard error of about 4 % at no distance, which ε takes out, and at long ones.
    np.testing.assert_allclose(path[distances], expected, rtol=0.12)
    lengths = [next(measure_lineal_path(c, sample)).value for c in chords]
    length = 4 * radius / (3 * math.log(1 / path[0])) * 2e-7
    assert np.mean(lengths) == pytest.approx(length, rel=0.08)


def test_a_laminate_has_the_way_to_its_faces() -> None:
    """From the places of a layer of d voxels the way out is d/2 on the mean; along the layers it is not seen."""
    labels = np.tile(np.repeat(np.array([1, 2], np.uint8), (4, 6)), 12)[:, None, None] * np.ones((1, 9, 9), np.uint8)
    sample = sample_of(labels, (2e-6, 1e-6, 1e-6))
    across, along, _ = find_chords(labels, sample, MemoryWorkspace())
    found = {m.phase: m for m in measure_lineal_path(across, sample)}
    # Lines inside the window see its first and last layer less often: one of 24 layers.
    assert found["pore"].value == pytest.approx(4e-6, rel=1 / 24)
    assert found["NMC"].value == pytest.approx(6e-6, rel=1 / 24)
    assert {m.status for m in measure_lineal_path(along, sample)} == {"withheld"}


def test_curves_end_where_no_line_is_left() -> None:
    """A curve begins at the fraction and ends at 0, in the unit of the axis."""
    labels = np.ones((1, 30, 30), np.uint8)
    labels[:, 10:14, :] = 2
    sample = sample_of(labels, (1e-6, 3e-6, 1e-6))
    chords = next(iter(find_chords(labels, sample, MemoryWorkspace())))
    curve = list(lineal_path_curves(chords, sample))[1]
    assert curve.name == "lineal_path"
    assert curve.values[0] == pytest.approx(4 / 30)
    assert curve.values[-1] == 0
    assert curve.distances == pytest.approx(np.arange(5) * 3e-6)
