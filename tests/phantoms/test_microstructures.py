from __future__ import annotations

import math

import numpy as np
import pytest

from voltomo.errors import InputError
from voltomo.phantoms import Laminate, OverlappingSpheres


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_laminate_has_its_fractions_along_every_axis(axis: int) -> None:
    """Whole periods hold each phase in the exact share, constant within a layer."""
    laminate = Laminate((3, 1, 2), (1, 2, 4), axis=axis)
    shape = tuple(12 if a == axis else 5 for a in range(3))
    phases = laminate.rasterize((shape[0], shape[1], shape[2]))
    assert {i: float((phases == i).mean()) for i in (1, 2, 4)} == {i: laminate.fraction(i) for i in (1, 2, 4)}
    assert np.ptp(phases, axis=tuple(a for a in range(3) if a != axis)).max() == 0


def test_laminate_conducts_by_arithmetic_and_harmonic_means() -> None:
    """Along the layers the arithmetic mean, across them the harmonic one, and nothing through an insulating layer."""
    laminate = Laminate((1, 3), (1, 2), axis=2)
    assert laminate.conductivity({1: 4.0, 2: 1.0}, along=0) == pytest.approx(1.75)
    assert laminate.conductivity({1: 4.0, 2: 1.0}, along=2) == pytest.approx(1 / (0.25 / 4 + 0.75))
    assert laminate.conductivity({1: 4.0, 2: 0.0}, along=2) == 0


def test_overlapping_spheres_have_the_porosity_of_the_boolean_model() -> None:
    """Porosity exp(−density·v) and the chance that two points both lie in the pore, in the mean over eight samples.

    With spheres of 5 voxels in 64³ one sample deviates by about 0.02 (integral range); eight by less than 0.007, so
    0.02 is three standard deviations.
    """
    model = OverlappingSpheres(porosity=0.45, radius=5.0)
    rng = np.random.default_rng(4)
    pores = [~model.rasterize((64, 64, 64), rng=rng) for _ in range(8)]
    assert np.mean(pores) == pytest.approx(0.45, abs=0.02)
    for distance in (3, 8):
        both = [pore[distance:] & pore[:-distance] for pore in pores]
        assert np.mean(both) == pytest.approx(model.two_point(distance), abs=0.025)


def test_overlapping_spheres_know_their_surface() -> None:
    """The specific surface is −4 times the slope of the two-point probability at zero."""
    model = OverlappingSpheres(porosity=0.3, radius=2.0)
    slope = (model.two_point(1e-6) - model.two_point(0.0)) / 1e-6
    assert model.specific_surface == pytest.approx(-4 * slope, rel=1e-4)  # Debye, Anderson and Brumberger (1957)
    assert model.two_point(0.0) == pytest.approx(0.3)
    assert model.two_point(100.0) == pytest.approx(0.09)


def test_overlapping_spheres_fill_anisotropic_voxels() -> None:
    """A single dense sample in voxels of 2:1:1 keeps the porosity within its scatter."""
    model = OverlappingSpheres(porosity=0.5, radius=4.0)
    solid = model.rasterize((40, 80, 80), voxel_size=(2.0, 1.0, 1.0), rng=np.random.default_rng(0))
    # Integral range of the model is about the volume of a sphere, so the standard deviation is
    # √(0.25 · 268 / 512000) = 0.011; three of them.
    assert 1 - solid.mean() == pytest.approx(0.5, abs=0.035)
    assert math.isclose(model.density * 4 / 3 * math.pi * 64, math.log(2))


def test_impossible_microstructures_are_refused() -> None:
    """Porosity 0 or layers without thickness cannot be made."""
    with pytest.raises(InputError, match="porosity between 0 and 1"):
        OverlappingSpheres(0.0, 1.0)
    with pytest.raises(InputError, match="positive thickness"):
        Laminate((1, 0), (1, 2))
