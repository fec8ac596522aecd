"""Which value in a label file is which phase, and whether its 0 is a phase or nothing.

In annotations 0 means unlabelled, but label files of the field often use 0 for a phase. Where the files do not tell,
the question goes to the user instead of a guess.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from voltomo.artifacts.annotations import UNLABELLED
from voltomo.artifacts.phases import PALETTE, CodedPhases, Phase, PhaseTable, role_of_name
from voltomo.errors import GateError, InputError

__all__ = ["Coding", "LabelCounts", "Unlabelled", "notice_of_roles", "resolve_codes"]

Unlabelled: TypeAlias = Literal["auto", "none"] | int
"""What marks unlabelled voxels: a code, no code at all, or what the files show."""

_RARE = 0.01
"""Below this share, 0 is taken as voxels that were forgotten: a phase that rare is not worth its own class."""
_STROKES = 0.9
"""Above this share, labels are strokes on an unlabelled slice: no phase of an electrode fills nine tenths of it."""
_DENSE = 0.5
"""A file labelled in more than this part is meant to be complete."""
_MOST = 16
"""More codes than this are no phases until somebody names them: the richest electrode has about eight."""
_SHOWN = 12


@dataclass(frozen=True)
class LabelCounts:
    """What one label file holds.

    Parameters
    ----------
    name : of the file, for messages
    codes : {code: voxels}; slices that hold nothing but 0 are left out
    names : {code: name}, where the file says so
    is_zero_unlabelled : whether the format leaves no doubt about 0
    is_in_ids : whether the codes are phase ids of the user's table already
    slices, empty_slices : how many there are, and how many hold nothing but 0
    """

    name: str
    codes: Mapping[int, int]
    names: Mapping[int, str] = field(default_factory=dict)
    is_zero_unlabelled: bool = False
    is_in_ids: bool = False
    slices: int = 1
    empty_slices: int = 0

    @property
    def total(self) -> int:
        return sum(self.codes.values())


@dataclass(frozen=True)
class Coding:
    """How codes become phase ids.

    Parameters
    ----------
    phases : the phase table
    ids : {code: phase id}, 0 for unlabelled; one for each file
    notices : sentences for the reader
    """

    phases: PhaseTable
    ids: tuple[Mapping[int, int], ...]
    notices: tuple[str, ...] = ()

    @property
    def coded(self) -> CodedPhases:
        """The table with the code of each phase: the lowest one, where files differ."""
        codes: dict[int, int] = {}
        for phase in self.phases:
            found = {code for of in self.ids for code, phase_id in of.items() if phase_id == phase.id}
            codes[min(found, default=phase.id)] = phase.id
        return CodedPhases(self.phases, codes)


def resolve_codes(
    files: Sequence[LabelCounts], *, phases: CodedPhases | None = None, unlabelled: Unlabelled = "auto"
) -> Coding:
    """Decide which code is which phase.

    Parameters
    ----------
    files : what the label files hold
    phases : the user's table; None numbers the phases by rising code
    unlabelled : "auto" takes 0 as unlabelled where that is beyond doubt and else asks; "none" makes every code a phase

    Returns
    -------
    Coding
        Without a table, codes from 1 to 255 keep their number as id; where a code is 0 or above 255, phases are
        numbered from 1 by rising code.

    Raises
    ------
    GateError
        If 0 may be a phase (gate "unlabelled"), a code is unknown ("codes"), or the labels teach nothing ("labels"):
        nothing labelled, one phase only, or a phase in one of several complete files only.
    InputError
        If table and `unlabelled` contradict each other, or the files call one code by two names.
    """
    counts = sum((Counter(file.codes) for file in files), Counter[int]())
    if not counts:
        listed = ", ".join(file.name for file in files[:_SHOWN])
        raise GateError(
            f"nothing is labelled in {listed or 'any file'}: every voxel is 0. Was an empty layer saved? Paint a few "
            "strokes of each phase and save again",
            gate="labels",
        )
    notices: list[str] = []
    own = [_own_ids(file, phases) for file in files]
    plain = [file for file, ids in zip(files, own, strict=True) if ids is None]
    table, shared = _resolve_plain(plain, phases, unlabelled, notices)
    ids = tuple(shared if mine is None else mine for mine in own)
    notices += _check_enough(files, table, ids, is_declared=phases is not None)
    return Coding(table, ids, tuple(notices))


def _own_ids(file: LabelCounts, phases: CodedPhases | None) -> dict[int, int] | None:
    """{code: phase id} of a file that settles it alone: by ids, or by names that are all in the table."""
    if phases is None:
        return None
    if file.is_in_ids:
        return {UNLABELLED: UNLABELLED, **{phase_id: phase_id for phase_id in phases.table.ids}}
    by_name = {phase.name.lower(): phase.id for phase in phases.table}
    if not file.names or not all(name.lower() in by_name for name in file.names.values()):
        return None
    return {UNLABELLED: UNLABELLED, **{code: by_name[name.lower()] for code, name in file.names.items()}}


def _resolve_plain(
    files: Sequence[LabelCounts], phases: CodedPhases | None, unlabelled: Unlabelled, notices: list[str]
) -> tuple[PhaseTable, dict[int, int]]:
    """Table, and {code: phase id} of all files that do not settle it alone."""
    counts = sum((Counter(file.codes) for file in files), Counter[int]())
    nothing = _find_unlabelled(files, counts, phases, unlabelled, notices) if files else UNLABELLED
    if phases is not None:
        _check_known(counts, phases, nothing)
        table, ids = phases.table, dict(phases.codes)
    else:
        table, ids = _number_phases(sorted(code for code in counts if code != nothing), _merge_names(files), notices)
        notices += notice_of_roles(table)
    if UNLABELLED in ids and nothing != UNLABELLED:
        _check_empty_slices(files)
    return table, ids if nothing is None else {**ids, nothing: UNLABELLED}


def _find_unlabelled(
    files: Sequence[LabelCounts],
    counts: Counter[int],
    phases: CodedPhases | None,
    unlabelled: Unlabelled,
    notices: list[str],
) -> int | None:
    """The code that marks unlabelled voxels, or None."""
    if unlabelled == "none":
        return None
    if isinstance(unlabelled, int):
        if phases is not None and unlabelled in phases.codes:
            name = phases.table.by_id(phases.codes[unlabelled]).name
            raise InputError(
                f"code {unlabelled} is {name!r} in the phase table and was also given as unlabelled; change one of them"
            )
        return unlabelled
    if phases is not None:
        return None if UNLABELLED in phases.codes else UNLABELLED
    if all(file.is_zero_unlabelled for file in files) or UNLABELLED not in counts:
        return UNLABELLED
    unsure = [file for file in files if not file.is_zero_unlabelled]
    share = sum(file.codes.get(UNLABELLED, 0) for file in unsure) / sum(file.total for file in unsure)
    if _RARE <= share <= _STROKES:
        _ask(counts, share)
    meant = "forgotten voxels" if share < _RARE else "no label, because what else is there looks like strokes"
    notices.append(
        f"0 ({share:.2%} of the slices with labels) is taken as unlabelled: {meant}. If it is a phase, give "
        "--unlabelled none."
    )
    return UNLABELLED


def _ask(counts: Counter[int], share: float) -> None:
    other = [code for code in counts if code != UNLABELLED]
    ignore = " --unlabelled 255 if 255 is what was left out and 0 a phase;" if 255 in other else ""
    raise GateError(
        f"is 0 unlabelled or a phase? The slices with labels hold the codes {_list_shares(counts)}. Give "
        f"--unlabelled 0 if voxels with 0 were not labelled;{ignore} --unlabelled none if every code is a phase; or "
        "--phases phases.yaml with a row such as {id: 1, code: 0, name: NMC, role: active} for each phase",
        gate="unlabelled",
    )


def _list_shares(counts: Mapping[int, int]) -> str:
    total = sum(counts.values())
    shown = ", ".join(f"{code} ({counts[code] / total:.2%})" for code in sorted(counts)[:_SHOWN])
    return shown + (f" and {len(counts) - _SHOWN} more" if len(counts) > _SHOWN else "")


def _check_empty_slices(files: Sequence[LabelCounts]) -> None:
    """Where 0 is a phase, a stack of mostly empty slices would teach that phase wherever nobody has painted."""
    for file in files:
        if 2 * file.empty_slices > file.slices:
            raise GateError(
                f"0 was said to be a phase, but {file.empty_slices} of {file.slices} slices of {file.name} hold "
                "nothing else, as if nobody had painted there. Save the painted slices as files of their own "
                "(scan_z0123.tif), or paint this phase with another code",
                gate="unlabelled",
            )


def _check_known(counts: Mapping[int, int], phases: CodedPhases, nothing: int | None) -> None:
    unknown = [code for code in sorted(counts) if code not in phases.codes and code != nothing]
    if unknown:
        raise GateError(
            f"the labels hold the codes {_list_shares(counts)}, but the phase table names only {sorted(phases.codes)}; "
            f"add a row with `code: {unknown[0]}`, or give --unlabelled {unknown[0]} if it marks what was left out",
            gate="codes",
        )


def _merge_names(files: Sequence[LabelCounts]) -> dict[int, str]:
    names: dict[int, str] = {}
    for file in files:
        for code, name in file.names.items():
            if names.setdefault(code, name) != name:
                raise InputError(
                    f"{file.name} calls code {code} {name!r}, another file {names[code]!r}; give --phases phases.yaml, "
                    "or use one set of classes in all files"
                )
    return names


def _number_phases(used: list[int], names: Mapping[int, str], notices: list[str]) -> tuple[PhaseTable, dict[int, int]]:
    if len(used) > 255 or len(set(used) - set(names)) > _MOST:
        raise GateError(
            f"the labels hold {len(used)} codes, {used[0]} to {used[-1]}, more than an electrode has phases: particle "
            "numbers, a grey image, or labels that were interpolated? Resample labels by nearest neighbor; name the "
            "codes with --phases phases.yaml if they are phases",
            gate="codes",
        )
    keep = all(1 <= code <= 255 for code in used)
    ids = {code: code if keep else i for i, code in enumerate(used, start=1)}
    if not keep:
        pairs = ", ".join(f"{code} → {i}" for code, i in list(ids.items())[:_SHOWN])
        notices.append(f"Codes of the label files became phase ids by rising code: {pairs}.")
    colors = list(PALETTE.values())
    phases = []
    for i, (code, phase_id) in enumerate(ids.items()):
        name = names.get(code, f"class {phase_id}")
        role = role_of_name(name)
        phases.append(Phase(phase_id, name, role, colors[i % len(colors)] if role == "other" else ""))
    return PhaseTable(tuple(phases)), ids


def notice_of_roles(table: PhaseTable) -> tuple[str, ...]:
    """A sentence about phases whose names do not say what they are; nothing where all do.

    Examples
    --------
    >>> notice_of_roles(PhaseTable((Phase(1, "pore", "pore"), Phase(2, "class 2"))))[0][:66]
    'Nobody said what class 2 is: without a role, results of the model '
    """
    unknown = [phase.name for phase in table if phase.role == "other"]
    if not unknown:
        return ()
    listed = ", ".join(unknown[:_SHOWN]) + (", ..." if len(unknown) > _SHOWN else "")
    return (
        f"Nobody said what {listed} {'is' if len(unknown) == 1 else 'are'}: without a role, results of the model have "
        "no porosity, no particles, and nothing else that needs to know pore from active material. Train again with "
        "--phases phases.yaml, a table that gives each code a name and a role.",
    )


def _check_enough(
    files: Sequence[LabelCounts], table: PhaseTable, ids: Sequence[Mapping[int, int]], *, is_declared: bool
) -> list[str]:
    """Refuse labels that teach nothing; tell phases that cannot be validated."""
    seen = {file.name: {of[code] for code in file.codes} - {UNLABELLED} for file, of in zip(files, ids, strict=True)}
    labelled = set().union(*seen.values())
    names = {phase.id: phase.name for phase in table}
    if len(labelled) < 2:
        found = f"only {names[labelled.pop()]!r} is" if labelled else "nothing is"
        counts = sum((Counter(file.codes) for file in files), Counter[int]())
        raise GateError(
            f"{found} labelled in {len(files)} file{'s' if len(files) > 1 else ''} (codes {_list_shares(counts)}); "
            "learning needs two phases at least. Label some of the rest too, or give --unlabelled none if 0 is a phase",
            gate="labels",
        )
    notices = [
        f"The phase table names {name!r}, of which nothing is labelled; the model will never predict it."
        for phase_id, name in names.items()
        if phase_id not in labelled
    ]
    are_complete = len(seen) > 2 and all(map(_is_complete, files, ids))
    for phase_id in sorted(labelled) if len(seen) > 1 else ():
        holders = [name for name, found in seen.items() if phase_id in found]
        if len(holders) > 1:
            continue
        if are_complete and not is_declared:
            raise GateError(
                f"{names[phase_id]} occurs in {holders[0]} only, although all {len(files)} files are complete: a slip, "
                "or another set of codes? If it is a phase, name every code with --phases phases.yaml; else mend the "
                "file",
                gate="codes",
            )
        notices.append(
            f"{names[phase_id]} is labelled in {holders[0]} only: how well it carries over to another image cannot be "
            "validated. Label it in a second one."
        )
    return notices


def _is_complete(file: LabelCounts, ids: Mapping[int, int]) -> bool:
    labelled = sum(n for code, n in file.codes.items() if ids[code] != UNLABELLED)
    return not file.names and labelled > _DENSE * max(1, file.total)
