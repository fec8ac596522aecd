"""The phase table file: which code in somebody else's file is which phase of ours."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from voltomo.artifacts import Phase, PhaseTable, Role
from voltomo.errors import RecipeError, VoltomoError
from voltomo.stages.recipe import load_yaml
from voltomo.units import parse_density

__all__ = ["CodedPhases", "PhaseRow", "read_phase_table"]


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


@dataclass(frozen=True)
class CodedPhases:
    """A phase table and the code that each phase has in the file."""

    table: PhaseTable
    codes: dict[int, int]

    @classmethod
    def from_rows(cls, rows: tuple[PhaseRow, ...]) -> CodedPhases:
        """Table from validated rows."""
        table = PhaseTable(tuple(row.to_phase() for row in rows))
        codes = {row.id if row.code is None else row.code: row.id for row in rows}
        if len(codes) != len(rows):
            raise RecipeError(f"the phase table gives the same code to two phases: {sorted(codes)}")
        return cls(table, codes)


def read_phase_table(path: Path) -> CodedPhases:
    """Phase table from a YAML file with the key `phases`.

    Raises
    ------
    RecipeError
        With the line of the row that is wrong.
    """
    content, lines = load_yaml(path)
    rows = content.get("phases")
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
        return CodedPhases.from_rows(tuple(made))
    except VoltomoError as error:
        raise RecipeError(f"{path}: {error}") from error
