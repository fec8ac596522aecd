"""Expected fractions against hand calculations, and the residual of a map."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voltomo.artifacts import Measurement, Phase, PhaseTable, UncertaintyPart
from voltomo.errors import InputError
from voltomo.metrics.recipe_check import Component, Formulation, check_recipe, expected_fractions
from voltomo.metrics.sample import Sample

# 94/3/3 on 20 mg/cm² and 70 µm: 0.94 · 0.2 / (4700 · 70e-6) = 0.5714 and so on.
RECIPE = Formulation(
    (
        Component("NMC", "active", 0.94, 4700.0),
        Component("carbon black", "carbon", 0.03, 1900.0),
        Component("PVDF", "binder", 0.03, 1780.0),
    ),
    areal_mass=0.2,
    thickness=70e-6,
)
ACTIVE, CARBON, BINDER = 0.5714286, 0.0451128, 0.0481541
THREE = PhaseTable((Phase(1, "pore", "pore"), Phase(2, "CBD", "binder"), Phase(3, "NMC", "active")))


def _check(table: PhaseTable, values: dict[str, float], recipe: Formulation, u: float | None = None):  # type: ignore[no-untyped-def]
    parts = () if u is None else (UncertaintyPart("representativity", u),)
    rows = [Measurement("volume_fraction", value, "1", phase=name, parts=parts) for name, value in values.items()]
    found = check_recipe(rows, recipe, Sample(table, (9, 9, 9), 729, (1e-7,) * 3))
    return {(item.name, item.phase): item for item in found}


def test_fractions_of_a_recipe() -> None:
    """Mass fraction times areal mass over density and thickness; pore is the rest."""
    found = {role: share.value for role, share in expected_fractions(RECIPE).items()}
    rest = 1 - ACTIVE - CARBON - BINDER
    assert found == pytest.approx({"active": ACTIVE, "carbon": CARBON, "binder": BINDER, "void": rest}, abs=1e-6)


def test_unseen_pores_belong_to_their_component() -> None:
    """A binder drawn with half of its volume as pores takes twice the place."""
    parts = [replace(part, internal_porosity=0.5 if part.role == "binder" else 0.0) for part in RECIPE.components]
    found = expected_fractions(replace(RECIPE, components=tuple(parts)))
    assert found["binder"].value == pytest.approx(2 * BINDER, abs=1e-6)
    assert found["void"].value == pytest.approx(1 - ACTIVE - CARBON - 2 * BINDER, abs=1e-6)


@given(st.floats(0.05, 0.24), st.floats(50e-6, 90e-6), st.floats(0.2, 0.9))
def test_fractions_sum_to_one(areal_mass: float, thickness: float, share: float) -> None:
    """Whatever the recipe, nothing is lost."""
    parts = (Component("a", "active", share, 5000.0), Component("b", "binder", 1 - share, 5000.0))
    found = expected_fractions(Formulation(parts, areal_mass, thickness))
    assert sum(part.value for part in found.values()) == pytest.approx(1)


def test_uncertainties_are_propagated() -> None:
    """One percent of the thickness and two of the areal mass are √5 % of the active material; densities come on top."""
    told = replace(RECIPE, areal_mass_uncertainty=0.004, thickness_uncertainty=0.7e-6)
    assert expected_fractions(told)["active"].uncertainty == pytest.approx(ACTIVE * 5**0.5 / 100, rel=1e-5)
    more = expected_fractions(replace(told, density_uncertainty=0.02))["active"].uncertainty
    assert more == pytest.approx(ACTIVE * 3 / 100, rel=1e-5)
    assert expected_fractions(RECIPE)["active"].uncertainty is None


def test_a_map_that_follows_its_recipe_is_ok_and_another_is_warned() -> None:
    """Carbon and binder share one phase; a residual beyond its uncertainty is flagged with both numbers."""
    told = replace(RECIPE, thickness_uncertainty=0.7e-6)
    cbd = CARBON + BINDER
    right = _check(THREE, {"pore": 1 - ACTIVE - cbd, "CBD": cbd, "NMC": ACTIVE}, told, 0.005)
    assert all(item.status == "ok" for item in right.values())
    assert right["formulation_residual", "CBD"].value == pytest.approx(0, abs=1e-6)
    wrong = _check(THREE, {"pore": 0.20, "CBD": 0.23, "NMC": 0.57}, told, 0.005)
    row = wrong["formulation_residual", "CBD"]
    assert row.status == "warned"
    assert row.value == pytest.approx(0.23 - cbd, abs=1e-6)
    assert "0.137" in row.reason
    assert wrong["formulation_residual", "NMC"].status == "ok"
    assert {part.name for part in row.parts if part.standard_uncertainty} == {"representativity", "formulation"}


def test_without_any_uncertainty_nothing_is_judged() -> None:
    """A residual of zero is then no proof, and the row says so."""
    found = _check(THREE, {"pore": 1 - ACTIVE - CARBON - BINDER, "CBD": CARBON + BINDER, "NMC": ACTIVE}, RECIPE)
    assert found["formulation_residual", "NMC"].status == "warned"
    assert found["formulation_residual", "NMC"].low is None


def test_a_mixture_holds_pore_carbon_and_binder() -> None:
    """Two classes: the mixture is what active material leaves, with the same uncertainty."""
    told = replace(RECIPE, thickness_uncertainty=0.7e-6)
    found = _check(PhaseTable.two_class(), {"pore+binder": 0.45, "active": 0.55}, told, 0.005)
    rest, active = (found["expected_fraction", name] for name in ("pore+binder", "active"))
    assert rest.value == pytest.approx(1 - ACTIVE, abs=1e-6)
    spreads = [item.parts[0].standard_uncertainty for item in (rest, active)]
    assert spreads[0] == pytest.approx(spreads[1])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"components": RECIPE.components[:2]}, "sum to 0.97"),
        ({"thickness": 0.0}, "above 0"),
        ({"components": (Component("a", "active", 1.0, -1.0),)}, "density above 0"),
    ],
)
def test_impossible_recipes_are_refused(change: dict[str, object], words: str) -> None:
    """Mass that is missing, no thickness, a negative density."""
    with pytest.raises(InputError, match=words):
        replace(RECIPE, **change)  # type: ignore[arg-type]


def test_recipes_that_do_not_fit_are_refused() -> None:
    """More solid than coating, a component that no phase shows, a map with its collector."""
    with pytest.raises(InputError, match=r"fill 1.* % of the coating"):
        expected_fractions(replace(RECIPE, thickness=40e-6))
    lone = PhaseTable((Phase(1, "pore", "pore"), Phase(2, "NMC", "active")))
    with pytest.raises(InputError, match="no phase of the map shows it"):
        _check(lone, {"pore": 0.4, "NMC": 0.6}, RECIPE)
    with pytest.raises(InputError, match="collector"):
        _check(PhaseTable((*THREE, Phase(4, "Al", "collector"))), {}, RECIPE)
