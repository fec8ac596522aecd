"""The legend of label images in color, in the phase table file."""

from __future__ import annotations

from pathlib import Path

import pytest

from voltomo.errors import RecipeError
from voltomo.stages.phase_table import read_phase_table


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
    """Names become phases in their order; a name that is a role gets it."""
    coded = read_phase_table(write(tmp_path / "p.yaml", 'colors: {"#ff0000": NMC, "#0000ff": pore, "#880000": NMC}\n'))
    assert [(phase.id, phase.name, phase.role) for phase in coded.table] == [(1, "NMC", "other"), (2, "pore", "pore")]
    assert coded.colors == {"#ff0000": 1, "#0000ff": 2, "#880000": 1}


@pytest.mark.parametrize(
    ("colors", "message"),
    [('{"red": pore}', "#rrggbb"), ('{"#ff0000": lead}', "no phase"), ("[1]", "expected `colors")],
)
def test_a_legend_that_makes_no_sense_is_refused(tmp_path, colors, message):
    """A color that is none, a name that is no phase, and a list."""
    text = f"phases:\n- {{id: 1, name: pore}}\n- {{id: 2, name: NMC}}\ncolors: {colors}\n"
    with pytest.raises(RecipeError, match=message):
        read_phase_table(write(tmp_path / "p.yaml", text))
