"""Recipes and phase tables: what is refused, and with which hint."""

from __future__ import annotations

from pathlib import Path

import pytest

from voltomo.artifacts import PhaseTable
from voltomo.errors import InputNotFoundError, RecipeError
from voltomo.pipeline import STAGES, load_recipe
from voltomo.stages.phase_table import read_phase_table
from voltomo.stages.recipe import Recipe, recipe_text

GOOD = """\
voltomo: 1
input: {volume: scan.tif, voxel_size: "64 nm"}
memory: 4GB
steps:
  - segment: {method: otsu}
  - particles: {min_diameter: "1 um"}
  - measure: {}
  - report: {}
"""


def read(tmp_path: Path, text: str) -> Recipe:
    """Recipe from text."""
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    return load_recipe(path)


def test_the_recipe_of_the_design_is_read(tmp_path: Path) -> None:
    """Paths become relative to the recipe; every default is filled in."""
    recipe = read(tmp_path, GOOD)
    assert [step.verb for step in recipe.steps] == ["segment", "particles", "measure", "report"]
    assert recipe.input.volume == str(tmp_path / "scan.tif")


def test_a_recipe_is_lossless_to_and_from_yaml(tmp_path: Path) -> None:
    """What is written with every default reads back as the same recipe."""
    recipe = read(tmp_path, GOOD)
    assert read(tmp_path, recipe_text(recipe)) == recipe


@pytest.mark.parametrize(
    ("old", "new", "line", "hint"),
    [
        ("segment: {method: otsu}", "segment: {methd: otsu}", 5, "did you mean 'method'"),
        ("- segment:", "- segmnt:", 5, "did you mean 'segment'"),
        ("voxel_size:", "voxelsize:", 2, "did you mean 'voxel_size'"),
        ("memory: 4GB", "memroy: 4GB", 3, "did you mean 'memory'"),
        ("{method: otsu}", "{method: 3}", 5, "method"),
        ("{method: otsu}", "otsu", 5, "key: value"),
        ('"64 nm"', '"64 parsec"', 2, "parsec"),
        ("memory: 4GB", "memory: lots", 3, "memory"),
        ("voltomo: 1", "voltomo: 2", 1, "voltomo"),
    ],
)
def test_a_wrong_key_or_type_is_named_with_its_line(tmp_path: Path, old: str, new: str, line: int, hint: str) -> None:
    """The message says where, what was found, and what is nearest."""
    with pytest.raises(RecipeError) as caught:
        read(tmp_path, GOOD.replace(old, new))
    assert f"line {line}" in str(caught.value)
    assert hint in str(caught.value)


def test_steps_out_of_order_or_twice_are_refused(tmp_path: Path) -> None:
    """Measuring before segmenting cannot be meant."""
    with pytest.raises(RecipeError, match="must come before"):
        read(tmp_path, "steps: [{measure: {}}, {segment: {}}]")
    with pytest.raises(RecipeError, match="twice"):
        read(tmp_path, "steps: [{segment: {}}, {segment: {}}]")


@pytest.mark.parametrize("text", ["", "steps:", "steps: []", "- a", "a: [", "steps: 3"])
def test_a_file_that_is_no_recipe_is_refused(tmp_path: Path, text: str) -> None:
    """Empty, not YAML, not a mapping, without steps."""
    with pytest.raises(RecipeError):
        read(tmp_path, text)


def test_a_missing_recipe_is_not_found(tmp_path: Path) -> None:
    """Exit code 2, not a traceback."""
    with pytest.raises(InputNotFoundError):
        load_recipe(tmp_path / "none.yaml")


def test_the_default_is_otsu_particles_measure_report() -> None:
    """In the order in which the verbs may stand."""
    recipe = load_recipe(None)
    assert [step.verb for step in recipe.steps] == ["segment", "particles", "measure", "report"]
    assert set(STAGES) >= {step.verb for step in recipe.steps}


def test_a_phase_table_translates_codes_to_ids(tmp_path: Path) -> None:
    """The table of the design: code 0 is pore, and pore is never id 0."""
    path = tmp_path / "phases.yaml"
    path.write_text(
        "phases:\n"
        "  - {id: 1, code: 0,  name: pore, role: pore}\n"
        '  - {id: 2, code: 85, name: NMC, role: active, density: "4.7 g/cm3", color: "#e69f00"}\n'
    )
    coded = read_phase_table(path)
    assert coded.codes == {0: 1, 85: 2}
    assert coded.table.by_id(2).density == 4700
    assert coded.table == PhaseTable.from_rows(coded.table.to_rows())


@pytest.mark.parametrize(
    ("row", "hint"),
    [
        ("{id: 0, name: pore, role: pore}", "id"),
        ("{id: 1, name: pore, role: hole}", "role"),
        ("{id: 1, name: pore, color: blue}", "color"),
        ("{id: 1, name: pore, density: 4.7}", "density"),
        ("{id: 1}", "name"),
        ("{id: 1, name: a, roel: pore}", "roel"),
        ("pore", "row"),
    ],
)
def test_a_wrong_row_is_named_with_its_line(tmp_path: Path, row: str, hint: str) -> None:
    """Pore is never 0, roles and colours are checked, unknown keys are errors."""
    path = tmp_path / "phases.yaml"
    path.write_text(f"phases:\n  - {{id: 7, name: NMC, role: active}}\n  - {row}\n")
    with pytest.raises(RecipeError) as caught:
        read_phase_table(path)
    assert "line 3" in str(caught.value)
    assert hint in str(caught.value)


def test_two_phases_with_one_code_are_refused(tmp_path: Path) -> None:
    """The translation would be ambiguous."""
    path = tmp_path / "phases.yaml"
    path.write_text("phases:\n  - {id: 1, code: 5, name: a}\n  - {id: 2, code: 5, name: b}\n")
    with pytest.raises(RecipeError, match="same code"):
        read_phase_table(path)
