"""The phase table file: which code in somebody else's file is which phase of ours."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from voltomo.artifacts import ROLES, UNLABELLED, CodedPhases, Phase, PhaseTable, Role, role_of_name
from voltomo.errors import RecipeError, VoltomoError
from voltomo.stages.recipe import load_yaml
from voltomo.units import parse_density

__all__ = ["CodedPhases", "PhaseRow", "code_phases", "phase_table_text", "read_phase_table"]


class PhaseRow(BaseModel):
    """One row: `code` is the value in the file, `id` is ours; without a code they are the same."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: int = Field(ge=1, le=255)
    name: str = Field(min_length=1)
    role: Role = "other"
    code: int | None = None
    color: str = Field(default="", pattern=r"^(#[0-9a-fA-F]{6})?$")
    density: str | None = None

    def to_phase(self) -> Phase:
        """The phase without its code."""
        density = None if self.density is None else parse_density(self.density)
        return Phase(self.id, self.name, self.role, self.color, density)


def code_phases(rows: tuple[PhaseRow, ...], colors: Mapping[str, str] | None = None) -> CodedPhases:
    """Phase table, codes and colors from validated rows.

    Parameters
    ----------
    rows : the phases
    colors : {"#rrggbb": name of a phase, or "unlabelled"}

    Raises
    ------
    RecipeError
        If two phases have one code, or a color is none or names no phase.
    """
    table = PhaseTable(tuple(row.to_phase() for row in rows))
    codes = {row.id if row.code is None else row.code: row.id for row in rows}
    if len(codes) != len(rows):
        raise RecipeError(f"the phase table gives the same code to two phases: {sorted(codes)}")
    ids = {"unlabelled": UNLABELLED, **{phase.name: phase.id for phase in table}}
    for color, name in (colors or {}).items():
        if not re.fullmatch(r"#[0-9a-fA-F]{6}", str(color)):
            raise RecipeError(f'colors are written "#rrggbb" and in quotes, found {color!r}')
        if name not in ids:
            raise RecipeError(f"color {color} stands for {name!r}, which is no phase; there are {', '.join(ids)}")
    return CodedPhases(table, codes, {color.lower(): ids[name] for color, name in (colors or {}).items()})


def read_phase_table(path: Path) -> CodedPhases:
    """Phase table from a YAML file with the key `phases`, or only `colors`, or both.

    ``colors: {"#ff0000": NMC, "#ffffff": unlabelled}`` is the legend of label images in color; without rows for the
    phases, each name becomes one.

    Raises
    ------
    RecipeError
        With the line of the row that is wrong.
    """
    content, lines = load_yaml(path)
    rows, colors = content.get("phases"), content.get("colors", {})
    if not isinstance(colors, dict):
        raise RecipeError(f'{path}: expected `colors:` such as {{"#ff0000": NMC}}, found {colors!r}')
    if rows is None and colors:
        names = dict.fromkeys(str(name) for name in colors.values() if name != "unlabelled")
        rows = [{"id": i, "name": name, "role": role_of_name(name)} for i, name in enumerate(names, start=1)]
    if not isinstance(rows, list) or not rows:
        raise RecipeError(f"{path}: expected `phases:` with rows such as {{id: 1, code: 0, name: pore, role: pore}}")
    made: list[PhaseRow] = []
    for i, row in enumerate(rows):
        where = f"{path}, line {lines.get(('phases', i), '?')}"
        if not isinstance(row, dict):
            raise RecipeError(f"{where}: expected a row such as {{id: 1, code: 0, name: pore}}, found {row!r}")
        try:
            made.append(PhaseRow(**row))
        except ValidationError as error:
            problem = error.errors()[0]
            key = ".".join(str(part) for part in problem["loc"])
            raise RecipeError(f"{where}: {key}: {problem['msg']}, found {problem['input']!r}") from error
    try:
        return code_phases(tuple(made), colors)
    except VoltomoError as error:
        raise RecipeError(f"{path}: {error}") from error


def phase_table_text(coded: CodedPhases) -> str:
    """A phase table as `read_phase_table` reads it back, one row per phase, to be filled in by hand.

    The color of a phase without a role is left out: it gets that of its role with the role.
    """
    codes = {phase_id: code for code, phase_id in coded.codes.items()}
    rows = []
    for phase in coded.table:
        row: dict[str, Any] = {"id": phase.id, "code": codes[phase.id], "name": phase.name, "role": phase.role}
        row |= {} if phase.role == "other" else {"color": phase.color}
        rows.append(row | ({} if phase.density is None else {"density": f"{phase.density:.12g} kg/m3"}))
    names = {UNLABELLED: "unlabelled", **{phase.id: phase.name for phase in coded.table}}
    content: dict[str, Any] = {"phases": rows}
    content |= {"colors": {color: names[i] for color, i in coded.colors.items()}} if coded.colors else {}
    head = f"# Which code of the label files is which phase. Roles: {', '.join(ROLES)}.\n"
    return head + str(yaml.safe_dump(content, sort_keys=False, allow_unicode=True, default_flow_style=None, width=120))
