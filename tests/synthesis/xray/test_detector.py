from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numba import njit
from scipy import stats

from voltomo.synthesis.xray.detector import SATURATION, Detector, expose, find_dead_pixels
from voltomo.synthesis.xray.poisson import draw_poisson

SHAPE = (40, 50)
PLAIN = Detector(photons=2000.0, counts_per_photon=1.0)
REAL = Detector(
    photons=1e6,
    counts_per_photon=0.04,
    illumination=0.2,
    illumination_shift=1.5,
    flux_drift=-0.05,
    gain_spread=0.05,
    nonlinearity=0.0,
    dead=0.01,
    dark_level=200.0,
    dark_drift=0.1,
    read_noise=1.0,
    seed=4,
)


@njit(cache=True)
def _draw_many(mean: float, count: int) -> np.ndarray:
    found = np.empty(count)
    for i in range(count):
        found[i] = draw_poisson(mean, 17, 0, i // 1000, i % 1000)
    return found


def _expose(detector: Detector, transmission: float, kind: str = "projection", count: int = 8) -> np.ndarray:
    """Images of a uniform transmission, evenly over the scan."""
    return expose(
        np.full((count, *SHAPE), transmission, np.float32),
        kind=kind,
        times=np.linspace(0, 1, count),
        first=(0, 0, 0),
        shape=SHAPE,
        detector=detector,
    ).astype(float)


@pytest.mark.parametrize("mean", [0.3, 4.0, 9.9, 10.1, 150.0, 1e5])
def test_photons_have_mean_and_variance_of_poisson(mean: float) -> None:
    """Over 200 000 draws, both are the mean within 5 standard errors."""
    count = 200_000
    found = _draw_many(mean, count)
    assert abs(found.mean() - mean) < 5 * np.sqrt(mean / count)
    assert abs(found.var() - mean) < 5 * np.sqrt((2 * mean**2 + mean) / count)


@pytest.mark.parametrize("mean", [3.0, 15.0, 60.0])
def test_photons_have_the_distribution_of_poisson(mean: float) -> None:
    """Frequencies agree with the probabilities by a χ² test (p > 0.001, seed fixed)."""
    found = _draw_many(mean, 200_000)
    values = np.arange(int(stats.poisson.ppf(1e-4, mean)), int(stats.poisson.ppf(1 - 1e-4, mean)))
    counts = np.array([np.count_nonzero(found == v) for v in values])
    expected = stats.poisson.pmf(values, mean) * len(found)
    keep = expected > 20
    assert stats.chisquare(counts[keep], expected[keep] * counts[keep].sum() / expected[keep].sum()).pvalue > 1e-3


def test_noise_of_counts_is_that_of_the_dose() -> None:
    """A plain detector gives photons: variance equals mean, and half of the dose has half of both."""
    for transmission in (1.0, 0.5):
        found = _expose(PLAIN, transmission)
        assert found.mean() == pytest.approx(2000 * transmission, rel=0.003)
        assert found.var() / found.mean() == pytest.approx(1, abs=0.05)


def test_flats_and_darks_give_back_the_transmission() -> None:
    """Gain, dark level and beam profile divide out: within 5 times the noise of the mean, in every living pixel."""
    detector = replace(REAL, illumination_shift=0.0, flux_drift=0.0, dark_drift=0.0)
    images, flats, darks = (
        _expose(detector, t, kind, 20) for t, kind in ((0.4, "projection"), (1, "flat"), (1, "dark"))
    )
    alive = np.ones(SHAPE, bool)
    alive[tuple(find_dead_pixels(SHAPE, detector).T)] = False
    found = ((images.mean(0) - darks.mean(0)) / np.where(alive, flats.mean(0) - darks.mean(0), 1))[alive]
    # Photons of 20 images at 40 % of 0.6 or more of the beam; readout adds a little.
    noise = 0.4 * np.sqrt(1 / (20 * 0.4 * 0.6e6) + 1 / (20 * 0.6e6)) + 1e-4
    assert np.abs(found - 0.4).max() < 5 * noise
    assert found.mean() == pytest.approx(0.4, abs=1e-4)


def test_drift_is_corrected_by_flats_of_the_same_time() -> None:
    """Flats from both ends, mixed by time, leave 0.1 %; their mean leaves what the beam drifted."""
    images, flats, darks = (_expose(REAL, t, kind, 9) for t, kind in ((0.4, "projection"), (1, "flat"), (1, "dark")))
    alive = np.ones(SHAPE, bool)
    alive[tuple(find_dead_pixels(SHAPE, REAL).T)] = False

    def correct(flat: np.ndarray, dark: np.ndarray, image: np.ndarray) -> np.ndarray:
        return ((image - dark) / np.where(alive, flat - dark, 1))[alive]

    matched = correct(0.5 * (flats[0] + flats[-1]), 0.5 * (darks[0] + darks[-1]), images[4])
    assert matched.mean() == pytest.approx(0.4, rel=1e-3)
    late = correct(flats[0], darks[0], images[-1])
    assert late.mean() == pytest.approx(0.4 * 0.95, rel=0.02)


def test_nonlinear_pixels_leave_rings_that_flats_do_not_see() -> None:
    """After correction a pixel is off by its nonlinearity times 1 − T: nothing in the open beam, 1 % of 2 % at half."""
    detector = replace(PLAIN, photons=1e6, counts_per_photon=0.04, nonlinearity=0.02)
    flats = _expose(detector, 1.0, "flat", 30).mean(0)
    half, full = (_expose(detector, t, count=30).mean(0) / flats for t in (0.5, 1.0))
    assert (half / 0.5).std() == pytest.approx(0.01, rel=0.1)
    assert full.std() < 1e-3


def test_dead_pixels_are_listed() -> None:
    """The pixels in the list, about the asked share, stay at the dark level, and no others do."""
    detector = replace(REAL, dead=0.05)
    dark = _expose(detector, 1.0, "flat").mean(0) < 300
    assert np.array_equal(np.argwhere(dark), find_dead_pixels(SHAPE, detector))
    assert dark.mean() == pytest.approx(0.05, abs=0.02)


def test_a_region_is_the_same_cut_out() -> None:
    """Counts of a part of the detector and of the images are those of the whole, bit by bit."""
    transmission = np.random.default_rng(0).uniform(0.2, 1, (6, *SHAPE)).astype(np.float32)
    times = np.linspace(0, 1, 6)

    def take(a: slice, v: slice, u: slice) -> np.ndarray:
        first = (a.start, v.start, u.start)
        part = transmission[a, v, u]
        return expose(part, kind="projection", times=times[a], first=first, shape=SHAPE, detector=REAL)

    whole = take(slice(0, 6), slice(0, 40), slice(0, 50))
    region = slice(2, 5), slice(7, 31), slice(13, 50)
    assert np.array_equal(whole[region], take(*region))


def test_kinds_scans_and_seeds_have_their_own_noise() -> None:
    """A second exposure of another kind, scan or seed differs; the same one repeats bit by bit."""
    once = _expose(PLAIN, 1.0)
    assert np.array_equal(once, _expose(PLAIN, 1.0))
    for other in (
        _expose(PLAIN, 1.0, "flat"),
        _expose(replace(PLAIN, scan=1), 1.0),
        _expose(replace(PLAIN, seed=1), 1.0),
    ):
        assert np.corrcoef(once.ravel(), other.ravel())[0, 1] == pytest.approx(0, abs=0.04)


def test_counts_end_at_the_largest() -> None:
    """A beam brighter than 16 bits gives 65535, not a small number."""
    assert _expose(replace(PLAIN, photons=1e6), 1.0).min() == SATURATION
