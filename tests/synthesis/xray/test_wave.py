from __future__ import annotations

import numpy as np
import pytest

from voltomo.synthesis.xray.attenuation import wavelength
from voltomo.synthesis.xray.wave import WaveOptics, propagate, transfer_function

ENERGY, SPACING, SIZE = 8e3, 50e-9, 128
NOTHING = np.zeros((SIZE, SIZE), np.float32)


def _wave(frequency: int) -> np.ndarray:
    """A sine of whole periods along U, one row as the other."""
    phase = 2 * np.pi * frequency * np.arange(SIZE) / SIZE
    return np.broadcast_to(np.sin(phase), (SIZE, SIZE)).astype(np.float32)


def _image(attenuation: np.ndarray, phase_shift: np.ndarray, optics: WaveOptics) -> np.ndarray:
    factor = transfer_function((SIZE, SIZE), spacing=SPACING, energy=ENERGY, optics=optics)
    return propagate(attenuation, phase_shift, factor)


def test_right_behind_the_sample_only_attenuation_shows() -> None:
    """Without distance or ring the intensity is exp(−A), whatever the phase."""
    attenuation = 1 + _wave(3)
    assert _image(attenuation, 5 * _wave(4), WaveOptics()) == pytest.approx(np.exp(-attenuation), rel=1e-4)


def test_free_space_loses_no_photons() -> None:
    """The mean intensity of a pure phase object stays 1 at any distance."""
    rng = np.random.default_rng(0)
    phase = rng.normal(size=(SIZE, SIZE)).astype(np.float32)
    for distance in (1e-5, 1e-3, 0.1):
        assert _image(NOTHING, phase, WaveOptics(distance)).mean() == pytest.approx(1, abs=1e-5)


def test_short_distances_follow_the_transport_of_intensity() -> None:
    """I = 1 + λz/2π · ∇²(phase shift): within 1 % where λz is a hundredth of the structure's square."""
    y, x = (np.mgrid[:SIZE, :SIZE] - SIZE / 2) * SPACING
    width = 12 * SPACING
    squares = (y**2 + x**2) / width**2
    phase = 0.1 * np.exp(-0.5 * squares)
    laplacian = phase * (squares - 2) / width**2
    distance = 0.01 * width**2 / wavelength(ENERGY)
    expected = wavelength(ENERGY) * distance / (2 * np.pi) * laplacian
    found = _image(NOTHING, phase.astype(np.float32), WaveOptics(distance)) - 1
    assert np.abs(found - expected).max() < 0.01 * np.abs(expected).max() + 1e-6


@pytest.mark.parametrize("distance", [1e-5, 1e-4, 1e-3])
def test_weak_objects_are_transferred_by_sine_and_cosine(distance: float) -> None:
    """A weak sine of frequency f keeps its attenuation times cos χ and gives phase times −2 sin χ, χ = πλzf²."""
    count = 9
    chi = np.pi * wavelength(ENERGY) * distance * (count / (SIZE * SPACING)) ** 2
    weak = 1e-3 * _wave(count)
    optics = WaveOptics(distance)
    assert _image(weak, NOTHING, optics) - 1 == pytest.approx(-np.cos(chi) * weak, abs=3e-6)
    assert _image(NOTHING, weak, optics) - 1 == pytest.approx(-2 * np.sin(chi) * weak, abs=3e-6)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_phase_ring_shows_weak_phase(sign: int) -> None:
    """Fine weak phase appears as ∓2 times itself over the ring's transmission: matter is dark behind a +90° ring."""
    weak = 1e-3 * _wave(20)
    optics = WaveOptics(0.0, sign * np.pi / 2, 0.5, halo=2e-6)
    assert _image(NOTHING, weak, optics) - 1 == pytest.approx(-sign * 2 / 0.5 * weak, abs=3e-5)


def test_a_phase_ring_makes_halo_and_shade_off() -> None:
    """Of a wide weak object only the rim is shown: dark inside it, bright outside it, open beam in the middle."""
    x = np.arange(SIZE)
    wide = np.broadcast_to(0.02 * (np.abs(x - SIZE / 2) < 40), (SIZE, SIZE)).astype(np.float32)
    row = _image(NOTHING, wide, WaveOptics(0.0, np.pi / 2, 1.0, halo=6 * SPACING))[0] - 1
    rim, middle, outside = row[SIZE // 2 - 38], row[SIZE // 2], row[SIZE // 2 - 42]
    assert rim < -0.015
    assert abs(middle) < 1e-3
    assert outside > 0.01
