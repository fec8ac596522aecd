"""Tables of a study: what is written is what is read."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from openpyxl import load_workbook

from voltomo.artifacts import COLUMNS, Measurement, Measurements, UncertaintyPart
from voltomo.errors import InputError
from voltomo.io.tables import read_measurements, read_table, write_measurements, write_summary, write_table

NUMBERS = Measurements(
    (
        Measurement(
            "volume_fraction",
            0.4499,
            "1",
            phase="pore",
            low=0.44,
            high=0.46,
            parts=(UncertaintyPart("representativity", 0.005), UncertaintyPart("operator", note="one segmentation")),
        ),
        Measurement("equivalent_diameter", None, "m", status="withheld", reason='3 particles, fewer than 10, "few"'),
    )
)
TABLE = {
    "instance_id": np.array([1, 2]),
    "equivalent_diameter": np.array([4.2e-6, 1e-6]),
    "touches_edge": np.array([True, False]),
}


def test_measurements_come_back_with_their_budget(tmp_path: Path) -> None:
    """Values, withheld rows and the parts of the uncertainty survive."""
    write_measurements(tmp_path, NUMBERS)
    assert read_measurements(tmp_path / "measurements.json") == NUMBERS


def test_the_csv_has_the_columns_of_the_design_in_order(tmp_path: Path) -> None:
    """Other people's scripts rely on them; a withheld number has an empty value and its reason."""
    write_measurements(tmp_path, NUMBERS)
    with (tmp_path / "measurements.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert tuple(rows[0]) == COLUMNS
    assert (rows[1]["value"], rows[1]["status"], rows[1]["reason"][:11]) == ("", "withheld", "3 particles")


def test_particles_are_written_in_micrometres_and_read_in_metres(tmp_path: Path) -> None:
    """The column says the unit."""
    write_table(tmp_path / "particles.csv", TABLE, has_voxel_size=True)
    assert (tmp_path / "particles.csv").read_text().splitlines()[0] == "instance_id,equivalent_diameter_um,touches_edge"
    table = read_table(tmp_path / "particles.csv")
    assert table["equivalent_diameter"] == pytest.approx(TABLE["equivalent_diameter"])
    assert table["touches_edge"].tolist() == [True, False]


def test_an_empty_particle_table_is_a_table(tmp_path: Path) -> None:
    """Zero particles are a result."""
    write_table(tmp_path / "particles.csv", {name: column[:0] for name, column in TABLE.items()}, has_voxel_size=False)
    assert {name: len(column) for name, column in read_table(tmp_path / "particles.csv").items()} == {
        "instance_id": 0,
        "equivalent_diameter": 0,
        "touches_edge": 0,
    }


def test_the_spreadsheet_says_once_what_each_name_means(tmp_path: Path) -> None:
    """Two phases share one definition, another method of the same name has a line of its own."""
    rows = [("pore", "a", "Voxels."), ("active", "a", "Voxels."), ("pore", "b", "Faces.")]
    items = tuple(Measurement("x", 1.0, "1", phase=p, method=m, definition=d) for p, m, d in rows)
    write_summary(tmp_path / "s.xlsx", Measurements(items), None, has_voxel_size=True)
    lines = list(load_workbook(tmp_path / "s.xlsx")["definitions"].values)
    assert lines == [
        ("name", "unit", "dimension", "method", "definition"),
        ("x", "1", 3, "a", "Voxels."),
        ("x", "1", 3, "b", "Faces."),
    ]


def test_the_spreadsheet_opens_with_all_sheets(tmp_path: Path) -> None:
    """Numbers are numbers in it, and a text that looks like a formula stays text."""
    risky = Measurements((Measurement("volume_fraction", 0.5, "1", phase="=cmd()"),))
    write_summary(tmp_path / "s.xlsx", risky, TABLE, has_voxel_size=True)
    book = load_workbook(tmp_path / "s.xlsx")
    assert book.sheetnames == ["measurements", "definitions", "particles"]
    row = [cell.value for cell in book["measurements"][2]]
    assert row[COLUMNS.index("value")] == 0.5
    assert row[COLUMNS.index("phase")] == "'=cmd()"


def test_a_number_that_is_none_must_be_withheld() -> None:
    """A value after a failure cannot be built."""
    with pytest.raises(InputError, match="withheld"):
        Measurement("porosity", None, "1")
    with pytest.raises(InputError, match="not a number"):
        Measurement("porosity", float("nan"), "1")
