"""The coarsest common classes of two phase tables, so that a two-class result can be held against a four-phase truth.

A role stands for what it is made of: `pore+binder` for pore and binder, every other role for itself. What only one of
the tables tells apart is taken together: cracks, binder and carbon that a table does not name belong to its pore,
because that is where a scan that does not resolve them shows them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import ROLES, Phase, PhaseTable
from voltomo.errors import InputError

__all__ = ["Grouping", "group_phases"]

_JOINS_PORE = ("binder", "carbon", "crack")
"""Materials that belong to the pore of a table without a phase for them."""


@dataclass(frozen=True)
class Grouping:
    """Classes that both tables can express.

    Parameters
    ----------
    names : one per class, such as "active" and "pore+binder+crack"; class i + 1 is ``names[i]``
    truth, result : (256,) uint8, class of every phase id; 0 for ids that are no phase
    sentence : which phases were taken together, for people
    """

    names: tuple[str, ...]
    truth: npt.NDArray[np.uint8]
    result: npt.NDArray[np.uint8]
    sentence: str


def group_phases(result: PhaseTable, truth: PhaseTable) -> Grouping:
    """Common classes of a result and a truth by role; phases of role `other` are paired by name.

    Raises
    ------
    InputError
        If a material of one table has no counterpart in the other, or everything falls into one class.
    """
    named = {name for table in (result, truth) for phase in table for name in _materials(phase)}
    groups: list[set[str]] = []
    for table in (truth, result):
        for phase in table:
            _join(groups, _claims(phase, table, named))
        missing = sorted(named - {name for phase in table for name in _claims(phase, table, named)})
        if missing:
            raise InputError(
                f"the {'truth' if table is truth else 'result'} has no phase for {', '.join(missing)} (it has "
                f"{_list(table)}); give its phases roles of the other table, or merge phases there"
            )
    groups.sort(key=lambda group: min(map(_rank, group)))
    names = tuple("+".join(sorted(group, key=_rank)) for group in groups)
    if len(names) < 2:
        raise InputError(
            f"nothing can be told apart between the result ({_list(result)}) and the truth ({_list(truth)}): all "
            "phases fall into one class; check the roles in the phase tables"
        )
    return Grouping(names, _lookup(truth, groups), _lookup(result, groups), _explain(names, groups, result, truth))


def _materials(phase: Phase) -> set[str]:
    """What a phase is made of, by its role alone."""
    if phase.role == "pore+binder":
        return {"pore", "binder"}
    return {phase.name} if phase.role == "other" else {phase.role}


def _claims(phase: Phase, table: PhaseTable, named: Iterable[str]) -> set[str]:
    """What a phase stands for beside the phases of its own table."""
    claims = _materials(phase)
    if "pore" in claims:
        own = {name for other in table for name in _materials(other)}
        claims |= {name for name in _JOINS_PORE if name in named and name not in own}
    return claims


def _join(groups: list[set[str]], names: set[str]) -> None:
    """Merge a set into the groups that it touches, in place."""
    touched = [group for group in groups if group & names]
    groups[:] = [group for group in groups if not group & names]
    groups.append(names.union(*touched))


def _lookup(table: PhaseTable, groups: list[set[str]]) -> npt.NDArray[np.uint8]:
    lookup = np.zeros(256, np.uint8)
    for phase in table:
        lookup[phase.id] = 1 + next(i for i, group in enumerate(groups) if group & _materials(phase))
    return lookup


def _rank(name: str) -> tuple[int, str]:
    """Order of the roles; other names after them."""
    return (ROLES.index(name) if name in ROLES else len(ROLES), name)


def _list(table: PhaseTable) -> str:
    return ", ".join(f"{phase.name} ({phase.role})" for phase in table)


def _explain(names: tuple[str, ...], groups: list[set[str]], result: PhaseTable, truth: PhaseTable) -> str:
    parts = []
    for name, group in zip(names, groups, strict=True):
        mine, yours = ("+".join(p.name for p in table if group & _materials(p)) for table in (result, truth))
        parts.append(f"{name} = result {mine}, truth {yours}")
    return "Classes compared: " + "; ".join(parts) + "."
