from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voltomo.synthesis.fibsem.detector import (
    Display,
    blur_lines,
    blur_probe,
    count_electrons,
    foreshorten,
    rows_under,
)

SINE = float(np.sin(np.radians(52)))


@given(factor=st.floats(0.3, 1), rows=st.integers(1, 30), start=st.integers(-20, 20))
@settings(max_examples=40)
def test_a_ramp_stays_a_ramp(factor: float, rows: int, start: int) -> None:
    """Row i of the image shows the face at (i + 0.5)/factor − 0.5; on a ramp the mean is the value in the middle."""
    image = slice(start, start + rows)
    under = rows_under(image, factor)
    # Means of cells that are constant over a row: a piecewise constant ramp of slope 1 has a mean within 0.25 row.
    face = np.repeat(np.arange(under.start, under.stop, dtype=np.float32)[:, None], 2, axis=1)
    shown = foreshorten(face, image, factor)[:, 0]
    assert shown == pytest.approx((np.arange(start, start + rows) + 0.5) / factor - 0.5, abs=0.26)


def test_an_even_face_keeps_its_grey() -> None:
    """The weights of the rows under a row of the image add up to 1."""
    face = np.full((rows_under(slice(0, 40), SINE).stop, 3), 0.7, np.float32)
    assert foreshorten(face, slice(0, 40), SINE) == pytest.approx(np.full((40, 3), 0.7), rel=1e-6)


def test_a_face_seen_head_on_is_untouched() -> None:
    """A factor of 1 changes nothing."""
    face = np.random.default_rng(0).random((5, 4), np.float32)
    assert foreshorten(face, slice(0, 5), 1.0) is face


@pytest.mark.parametrize("mean", [0.3, 5.0, 45.0, 75.0, 900.0])
def test_counts_are_poisson(mean: float) -> None:
    """Mean and variance of the counts are both the expected number; five standard errors at 40 000 pixels."""
    electrons, n = 2000.0, 200
    expected = np.full((n, n), mean / electrons, np.float32)
    counts = count_electrons(expected, electrons=electrons, slice_index=3, place=(0, 0), seed=1) * electrons
    assert np.abs(counts - np.rint(counts)).max() < 1e-3
    assert counts.mean() == pytest.approx(mean, abs=5 * np.sqrt(mean) / n)
    # Var(s²) of a Poisson number is (2λ² + λ)/N.
    assert counts.var() == pytest.approx(mean, abs=5 * np.sqrt(2 * mean**2 + mean) / n)


def test_noise_belongs_to_pixel_and_slice() -> None:
    """A part of an image has the noise of the whole; another slice and another seed have another."""
    expected = np.random.default_rng(0).random((20, 30), np.float32)
    whole = count_electrons(expected, electrons=50, slice_index=2, place=(0, 0), seed=7)
    part = count_electrons(expected[5:9, 11:20], electrons=50, slice_index=2, place=(5, 11), seed=7)
    assert np.array_equal(part, whole[5:9, 11:20])
    for index, seed in ((3, 7), (2, 8)):
        other = count_electrons(expected, electrons=50, slice_index=index, place=(0, 0), seed=seed)
        assert np.mean(other != whole) > 0.8


def test_the_detector_blurs_along_lines_only() -> None:
    """A bright pixel spreads along x, symmetrically; the beam's width spreads it both ways."""
    signal = np.zeros((21, 21), np.float32)
    signal[10, 10] = 1
    lines, probe = blur_lines(signal, 1.5), blur_probe(signal, 1.5)
    assert np.count_nonzero(lines.sum(axis=1)) == 1
    assert lines[10] == pytest.approx(lines[10, ::-1])
    assert lines[10] @ (np.arange(21) - 10) ** 2 == pytest.approx(1.5**2, rel=0.02)  # the tail beyond 4σ is cut
    assert probe == pytest.approx(probe.T)
    assert blur_lines(signal, 0) is signal


def test_grey_follows_gain_and_offset() -> None:
    """It is gain · (brightness + contrast · yield/largest) + offset, as a share of the largest integer, clipped."""
    display = Display(0.1, 0.5, 0.25, "uint8")
    assert display.levels([0.0, 0.25]).tolist() == [26, 153]
    assert display.levels([0.25], gain=0.5, offset=0.1).tolist() == [round(255 * 0.4)]
    assert display.levels([5.0]).tolist() == [255]
    assert display.levels([0.25]).dtype == np.uint8
