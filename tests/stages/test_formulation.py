"""The recipe of a coating in a file, and in `measure`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from voltomo.artifacts import PhaseMap, PhaseTable
from voltomo.errors import RecipeError
from voltomo.stages.formulation import read_formulation
from voltomo.stages.measure import MeasureConfig, run_measure
from voltomo.stages.recipe import validate_config
from voltomo.stages.workspace import MemoryWorkspace

TEXT = """
formulation:
  components:
    - {name: NMC, role: active, mass_fraction: 1.0, density: "5 g/cm3"}
  areal_mass: "10 mg/cm2"
  thickness: "40 um"
  thickness_uncertainty: "1 um"
"""


def test_a_file_is_read_in_si_units(tmp_path: Path) -> None:
    """10 mg/cm² of 5 g/cm³ fill half of 40 µm."""
    (tmp_path / "f.yaml").write_text(TEXT)
    recipe = read_formulation(tmp_path / "f.yaml").formulation
    assert (recipe.areal_mass, recipe.thickness_uncertainty) == pytest.approx((0.1, 1e-6))
    assert recipe.components[0].density == 5000


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("formulation:", "recipe:", "one key `formulation:`"),
        ("thickness:", "thicknes:", "did you mean 'thickness'"),
        ("mass_fraction: 1.0", "mass_fraction: 0.5", "sum to 0.5"),
        ("10 mg/cm2", "10 mg", "mass per area"),
    ],
)
def test_what_is_wrong_in_a_file_is_named(tmp_path: Path, old: str, new: str, words: str) -> None:
    """Another key, a misspelt one, mass that is missing, a mass without area."""
    (tmp_path / "f.yaml").write_text(TEXT.replace(old, new, 1))
    with pytest.raises(RecipeError, match=words):
        read_formulation(tmp_path / "f.yaml")


def test_measure_gives_the_residual(tmp_path: Path) -> None:
    """A map with 60 % active material is 0.1 above its recipe."""
    (tmp_path / "f.yaml").write_text(TEXT)
    labels = np.ones((10, 10, 10), np.uint8)
    labels[:6] = 2
    recipe = read_formulation(tmp_path / "f.yaml").model_dump(exclude_none=True)
    config = validate_config(MeasureConfig, {"transport": "none", "formulation": recipe}, source="test")
    phase_map = PhaseMap(labels, PhaseTable.two_class(), (1e-7,) * 3)
    found = run_measure(phase_map, config, MemoryWorkspace()).measurements
    assert found.one("expected_fraction", phase="active").value == pytest.approx(0.5)
    assert found.one("formulation_residual", phase="active").value == pytest.approx(0.1)
    assert found.one("formulation_residual", phase="pore+binder").value == pytest.approx(-0.1)
