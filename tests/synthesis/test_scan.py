from __future__ import annotations

import numpy as np
import pytest

from voltomo.blocks import Block, BlockPlan
from voltomo.synthesis import ACTIVE, BINDER, CRACK_PHASE, PORE, Scanner, scan
from voltomo.synthesis.noise import lattice_noise, white_noise

SHAPE = (12, 40, 44)
QUIET = Scanner(blur=0, noise=0, rings=0, texture=0, dtype="float32")


def _whole(shape: tuple[int, int, int]) -> Block:
    return next(iter(BlockPlan(shape, shape)))


def _phases() -> np.ndarray:
    phases = np.random.default_rng(0).choice(np.array([PORE, ACTIVE, BINDER, CRACK_PHASE], np.uint8), size=(3, 10, 11))
    return np.repeat(np.repeat(np.repeat(phases, 4, 0), 4, 1), 4, 2)


def test_a_perfect_scanner_shows_one_grey_per_phase() -> None:
    """Without blur and noise each phase has its level, cracks that of the pore, the outside 0."""
    phases = np.array([[[0, PORE, ACTIVE, BINDER, CRACK_PHASE]]], np.uint8)
    grey = scan(_whole((1, 1, 5)), phases, scanner=QUIET, shape=(1, 1, 5))
    assert grey.ravel() == pytest.approx([0, QUIET.pore, QUIET.active, QUIET.binder, QUIET.pore])


@pytest.mark.parametrize(("dtype", "level"), [("uint8", 178.5), ("uint16", 45874.5)])
def test_integers_span_their_range(dtype: str, level: float) -> None:
    """Grey 1 is the largest integer; 0.7 of it for the active material."""
    phases = np.full((1, 4, 4), ACTIVE, np.uint8)
    grey = scan(_whole((1, 4, 4)), phases, scanner=Scanner(0.2, 0.3, 0.7, 0, 0, 0, 0, 0, dtype=dtype), shape=(1, 4, 4))
    assert grey.dtype == dtype
    assert grey.astype(float) == pytest.approx(level, abs=0.6)


@pytest.mark.parametrize("block", [(5, 17, 13), (12, 9, 44)])
@pytest.mark.parametrize("noise_length", [0.0, 1.3])
def test_every_cutting_gives_the_same_scan(block: tuple[int, int, int], noise_length: float) -> None:
    """Blocks with the scanner's halo, put together, equal the scan of the whole, bit by bit."""
    scanner = Scanner(blur=1.5, noise_length=noise_length, rings=0.05, dtype="float32", seed=7)
    phases = _phases()
    whole = scan(_whole(SHAPE), phases, scanner=scanner, shape=SHAPE)
    for piece in BlockPlan(SHAPE, block, scanner.halo):
        part = scan(piece, phases[piece.read], scanner=scanner, shape=SHAPE)
        assert np.array_equal(part[piece.inner], whole[piece.write])


def test_noise_has_the_stated_standard_deviation() -> None:
    """White or correlated, it is the stated one; neighbors are correlated as the Gaussian says.

    In 40·80·80 voxels the standard deviation of white noise is known to 0.14 %. With a correlation length s there are
    (2√π·s)³ = 150 times fewer independent values for the mean (0.0024), and (√(2π)·s)³ = 53 times fewer for the
    variance (1 %); four of each.
    """
    shape = (40, 80, 80)
    phases = np.full(shape, PORE, np.uint8)
    for length, tolerance in ((0.0, 0.005), (1.5, 0.04)):
        scanner = Scanner(0.5, 0.5, 0.5, 0, 0.1, length, 0, 0, dtype="float32", seed=2)
        noise = scan(_whole(shape), phases, scanner=scanner, shape=shape) - 0.5
        assert noise.std() == pytest.approx(0.1, rel=tolerance)
        assert noise.mean() == pytest.approx(0, abs=0.01)
        neighbors = float(np.mean(noise[1:] * noise[:-1]) / noise.var())
        # A Gaussian kernel of standard deviation s has the autocorrelation exp(−d²/4s²).
        assert neighbors == pytest.approx(np.exp(-1 / (4 * length**2)) if length else 0, abs=0.02)


def test_rings_are_concentric_and_constant_along_z() -> None:
    """A ring depends on the distance from the middle of the plane alone, in every slice alike."""
    scanner = Scanner(0.5, 0.5, 0.5, 0, 0, 0, rings=0.1, texture=0, dtype="float32", seed=1)
    shape = (3, 41, 41)
    grey = scan(_whole(shape), np.full(shape, PORE, np.uint8), scanner=scanner, shape=shape)
    assert np.array_equal(grey[0], grey[2])
    assert np.allclose(grey[0], grey[0].T)
    assert np.allclose(grey[0], grey[0][::-1, ::-1])
    assert grey.std() > 0.02


def test_blur_keeps_the_mean_and_widens_an_edge() -> None:
    """A step becomes the error function: one standard deviation beyond it 84 % of the way is done."""
    phases = np.full((1, 30, 40), PORE, np.uint8)
    phases[:, :, 20:] = ACTIVE
    scanner = Scanner(0.0, 0.3, 1.0, blur=2.0, noise=0, rings=0, texture=0, dtype="float32")
    line = scan(_whole((1, 30, 40)), phases, scanner=scanner, shape=(1, 30, 40))[0, 15]
    # The edge lies at 19.5; index 21.5 is one standard deviation further; sampling the Gaussian costs less than 1 %.
    assert (line[21] + line[22]) / 2 == pytest.approx(0.841, abs=0.01)
    assert line.mean() == pytest.approx(0.5, abs=1e-3)


def test_noise_belongs_to_its_place() -> None:
    """White noise of overlapping regions agrees where they overlap, also below index 0, and differs between seeds."""
    a = white_noise((slice(-3, 5), slice(0, 9), slice(2, 8)), seed=4)
    b = white_noise((slice(0, 7), slice(-2, 4), slice(5, 11)), seed=4)
    assert np.array_equal(a[3:8, 0:4, 3:6], b[0:5, 2:6, 0:3])
    assert not np.array_equal(a, white_noise((slice(-3, 5), slice(0, 9), slice(2, 8)), seed=5))


def test_white_noise_is_normal_and_independent() -> None:
    """Moments of a normal distribution, and no correlation along any axis, each within five standard errors of 10⁶."""
    noise = white_noise((slice(0, 100), slice(0, 100), slice(0, 100)), seed=0).astype(float)
    assert noise.mean() == pytest.approx(0, abs=0.005)
    assert noise.var() == pytest.approx(1, abs=0.007)
    assert np.mean(noise**4) == pytest.approx(3, abs=0.05)
    for axis in range(3):
        shifted = np.roll(noise, 1, axis)
        assert np.mean(noise * shifted) == pytest.approx(0, abs=0.005)


def test_lattice_noise_is_smooth_and_bounded() -> None:
    """Values lie in [-1, 1], change little over a hundredth of the lattice, and are random between nodes far apart."""
    points = np.random.default_rng(0).uniform(-20, 20, size=(2000, 3))
    values = np.array([lattice_noise(3, *point) for point in points])
    steps = np.array([lattice_noise(3, *(point + np.array([0.01, 0, 0]))) for point in points]) - values
    assert np.abs(values).max() <= 1
    assert np.abs(steps).max() < 0.04  # the steepest slope of a smooth step between -1 and 1 is 3
    assert values.mean() == pytest.approx(0, abs=0.05)
    assert values.std() > 0.2
