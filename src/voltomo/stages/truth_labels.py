"""Truth that comes as somebody else's label file: which code is which phase."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from voltomo.artifacts import ROLES, ArrayLike, Phase, PhaseMap, PhaseTable, Role
from voltomo.errors import GateError, InputError
from voltomo.stages.phase_table import CodedPhases

__all__ = ["parse_truth_codes", "recode"]


def parse_truth_codes(pairs: Iterable[str]) -> CodedPhases:
    """Phase table of a label file from text such as ``["active=0", "binder=1", "pore=2"]``.

    A name that is a role gets that role; any other name the role `other`. Ids follow the order given.

    Raises
    ------
    InputError
        If a pair is not NAME=INTEGER, or a name or code occurs twice.

    Examples
    --------
    >>> parse_truth_codes(["active=0", "pore=2"]).codes
    {0: 1, 2: 2}
    """
    phases: list[Phase] = []
    codes: dict[int, int] = {}
    for number, pair in enumerate(pairs, start=1):
        name, _, code = pair.partition("=")
        name = name.strip()
        if not name or not code.strip().isdecimal():
            raise InputError(f'expected NAME=CODE such as "active=0", found {pair!r}')
        if int(code) in codes:
            raise InputError(f"code {int(code)} is given to two phases; each code is one phase")
        codes[int(code)] = number
        phases.append(Phase(number, name, cast(Role, name) if name in ROLES else "other"))
    if not phases:
        raise InputError('expected at least one NAME=CODE such as "active=0"')
    return CodedPhases(PhaseTable(tuple(phases)), codes)


def recode(labels: ArrayLike, phases: CodedPhases) -> PhaseMap:
    """Somebody else's label array as a PhaseMap, translated as it is read.

    Parameters
    ----------
    labels : (Z, Y, X) or (Y, X) integers
    phases : table, and the code of each phase in the file; a code 0 without a phase is outside

    Raises
    ------
    InputError
        If the labels are no integers.
    GateError
        On reading a code that no phase has.
    """
    if np.dtype(labels.dtype).kind not in "uib":
        raise InputError(f"expected integer labels as truth, found {labels.dtype}; is this the grey image?")
    return PhaseMap(
        _Recoded(np.asarray(labels)[None] if len(labels.shape) == 2 else labels, phases.codes), phases.table
    )


@dataclass(frozen=True)
class _Recoded:
    """Label array whose codes become phase ids on reading."""

    source: ArrayLike
    codes: dict[int, int]

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.source.shape)

    @property
    def dtype(self) -> np.dtype[np.uint8]:
        return np.dtype(np.uint8)

    def __getitem__(self, region: Any, /) -> npt.NDArray[np.uint8]:
        labels = np.asarray(self.source[region])
        values, place = np.unique(labels, return_inverse=True)
        known = {0: 0, **self.codes}
        unknown = [int(value) for value in values if int(value) not in known]
        if unknown:
            raise GateError(
                f"the truth holds the codes {unknown[:8]}, but only {sorted(self.codes)} were named; name them too, "
                f"such as --truth-code active={unknown[0]}",
                gate="codes",
            )
        ids = np.array([known[int(value)] for value in values], np.uint8)
        return ids[place].reshape(labels.shape)
