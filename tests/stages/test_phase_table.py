"""The legend of label images in color, in the phase table file."""

from __future__ import annotations

from pathlib import Path

import pytest

from voltomo.artifacts import Phase, PhaseTable
from voltomo.errors import RecipeError
from voltomo.stages.phase_table import CodedPhases, phase_table_text, read_phase_table


def write(path: Path, text: str) -> Path:
    """A phase table."""
    path.write_text(text, encoding="utf-8")
    return path


def test_a_legend_names_phases_of_the_table(tmp_path):
    """Colors point at rows by name, and at what is unlabelled."""
    path = write(
        tmp_path / "p.yaml",
        "phases:\n- {id: 2, code: 0, name: NMC, role: active}\n- {id: 1, code: 1, name: pore, role: pore}\n"
        'colors: {"#FF0000": NMC, "#ffffff": unlabelled}\n',
    )
    coded = read_phase_table(path)
    assert coded.colors == {"#ff0000": 2, "#ffffff": 0}
    assert coded.codes == {0: 2, 1: 1}


def test_a_legend_alone_makes_the_table(tmp_path):
    """Names become phases in their order; a name that says its role gets it."""
    coded = read_phase_table(write(tmp_path / "p.yaml", 'colors: {"#ff0000": NMC, "#0000ff": pore, "#880000": NMC}\n'))
    assert [(phase.id, phase.name, phase.role) for phase in coded.table] == [(1, "NMC", "active"), (2, "pore", "pore")]
    assert coded.colors == {"#ff0000": 1, "#0000ff": 2, "#880000": 1}


def test_a_table_is_written_as_it_is_read(tmp_path):
    """Codes, roles, densities, colors and legend come back; a phase without a role gets the color of one later."""
    table = PhaseTable(
        (Phase(1, "Poren ä", "pore", "#123456"), Phase(4, "NMC", "active", density=4700.0), Phase(9, "class 9"))
    )
    coded = CodedPhases(table, {0: 1, 300: 4, 9: 9}, {"#ff0000": 4, "#ffffff": 0})
    text = phase_table_text(coded)
    assert read_phase_table(write(tmp_path / "p.yaml", text)) == coded
    filled = read_phase_table(write(tmp_path / "q.yaml", text.replace("role: other", "role: binder")))
    assert filled.table.by_id(9) == Phase(9, "class 9", "binder")


@pytest.mark.parametrize(
    ("colors", "message"),
    [('{"red": pore}', "#rrggbb"), ('{"#ff0000": lead}', "no phase"), ("[1]", "expected `colors")],
)
def test_a_legend_that_makes_no_sense_is_refused(tmp_path, colors, message):
    """A color that is none, a name that is no phase, and a list."""
    text = f"phases:\n- {{id: 1, name: pore}}\n- {{id: 2, name: NMC}}\ncolors: {colors}\n"
    with pytest.raises(RecipeError, match=message):
        read_phase_table(write(tmp_path / "p.yaml", text))
