from __future__ import annotations

import numpy as np
import pytest

from voltomo.synthesis import FAMILIES, Material
from voltomo.synthesis.families import ACTIVE, BINDER, ELECTROLYTE, PORE
from voltomo.synthesis.fibsem import backscatter_coefficient, mean_atomic_number
from voltomo.synthesis.fibsem.yields import RESIN, element_coefficient, find_yields


def test_elements_follow_the_polynomial() -> None:
    """Copper by hand from Reuter's coefficients; the book's tables give 0.31."""
    by_hand = -0.0254 + 0.016 * 29 - 1.86e-4 * 29**2 + 8.3e-7 * 29**3
    assert element_coefficient(29) == pytest.approx(by_hand)
    assert by_hand == pytest.approx(0.31, abs=0.01)


def test_compounds_are_averaged_by_mass() -> None:
    """Li2O2 is 30.3 % lithium by mass: 2 · 6.94 of 45.88."""
    lithium = 2 * 6.94 / (2 * 6.94 + 2 * 15.999)
    mean = lithium * element_coefficient(3) + (1 - lithium) * element_coefficient(8)
    peroxide = Material("Li2O2", "Li2O2", 2310.0)
    # Tables of atomic masses differ in the fourth digit for lithium.
    assert backscatter_coefficient(peroxide) == pytest.approx(float(mean), rel=1e-3)
    assert mean_atomic_number(peroxide) == pytest.approx(lithium * 3 + (1 - lithium) * 8, rel=1e-3)


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_greys_rise_with_the_mean_atomic_number(family: str) -> None:
    """The order of the dense materials of a family by yield is that by mean atomic number."""
    materials = [m for m in FAMILIES[family].materials.values() if m.formula is not None]
    numbers = [mean_atomic_number(m) for m in materials]
    yields = [backscatter_coefficient(m) for m in materials]
    assert list(np.argsort(numbers)) == list(np.argsort(yields))


def test_phases_of_a_solid_state_cathode_stand_apart() -> None:
    """Active material is brighter than electrolyte, electrolyte than pore, which is black in vacuum."""
    mean = find_yields(FAMILIES["assb"].materials, is_infiltrated=False).mean
    assert mean[ACTIVE] > 1.2 * mean[ELECTROLYTE] > mean[PORE] == 0


def test_unresolved_pores_darken_by_their_share() -> None:
    """Binder with 47 % pores throws back 53 % of its dense material, plus 47 % of resin where that fills them."""
    binder = FAMILIES["nmc"].materials[BINDER]
    dense, resin = backscatter_coefficient(binder), backscatter_coefficient(RESIN)
    open_pores = find_yields({BINDER: binder}, is_infiltrated=False)
    filled = find_yields({BINDER: binder}, is_infiltrated=True)
    assert open_pores.mean[BINDER] == pytest.approx((1 - binder.porosity) * dense)
    assert filled.mean[BINDER] == pytest.approx((1 - binder.porosity) * dense + binder.porosity * resin)
    assert filled.mean[PORE] == pytest.approx(resin)
