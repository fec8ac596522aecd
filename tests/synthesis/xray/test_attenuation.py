from __future__ import annotations

import math

import pytest

from voltomo.errors import InputError
from voltomo.synthesis.materials import ALUMINIUM, NMC811, VACUUM, Material
from voltomo.synthesis.xray.attenuation import optical_constants, tube_spectrum, wavelength

CARBON = Material("carbon", "C", 2000.0)
CLASSICAL_RADIUS = 2.8179403e-15
AVOGADRO = 6.02214076e23


@pytest.mark.parametrize(
    ("formula", "density", "energy", "mass_attenuation"),
    [("Al", 2700.0, 8e3, 50.33), ("Cu", 8960.0, 10e3, 215.9), ("C", 2000.0, 20e3, 0.4420)],
)
def test_attenuation_is_that_of_the_nist_tables(
    formula: str, density: float, energy: float, mass_attenuation: float
) -> None:
    """µ/ρ in cm²/g agrees with Hubbell and Seltzer (NISTIR 5632); 3 % is how far tables of cross sections differ."""
    mu = optical_constants(Material("test", formula, density), energy).mu
    assert mu / (density * 0.1) == pytest.approx(mass_attenuation, rel=0.03)


def test_refraction_counts_electrons_far_from_edges() -> None:
    """δ = rₑλ²nₑ/2π for carbon at 20 keV, where all its electrons are as good as free (0.2 %)."""
    energy = 20e3
    electrons = 6 * CARBON.density / 0.012011 * AVOGADRO
    expected = CLASSICAL_RADIUS * wavelength(energy) ** 2 * electrons / (2 * math.pi)
    assert optical_constants(CARBON, energy).delta == pytest.approx(expected, rel=2e-3)


def test_unresolved_pores_thin_a_material() -> None:
    """A porosity of 0.4 leaves 0.6 of attenuation and refraction; empty space has neither."""
    dense = optical_constants(CARBON, 8e3)
    porous = optical_constants(Material("foam", "C", 2000.0, porosity=0.4), 8e3)
    assert porous.mu == pytest.approx(0.6 * dense.mu)
    assert porous.delta == pytest.approx(0.6 * dense.delta)
    empty = optical_constants(VACUUM, 8e3)
    assert (empty.mu, empty.delta) == (0, 0)


def test_nickel_in_the_cathode_has_its_edge() -> None:
    """Across the K edge of nickel (8.333 keV) attenuation of NMC811 more than doubles."""
    assert optical_constants(NMC811, 8.5e3).mu > 2 * optical_constants(NMC811, 8.2e3).mu


def test_a_filter_hardens_a_tube() -> None:
    """Shares of a tube's photons add up to 1, and more aluminium raises their mean energy."""
    soft, hard = (tube_spectrum(40e3, filter_thickness=t) for t in (1e-4, 1e-3))
    assert sum(soft.weights) == pytest.approx(1)
    assert soft.mean < hard.mean < 40e3


def test_impossible_energies_are_refused() -> None:
    """8 eV, a forgotten k, is refused with the range that works."""
    with pytest.raises(InputError, match="between 1 and 100 keV"):
        optical_constants(ALUMINIUM, 8.0)
