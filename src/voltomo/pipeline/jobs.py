"""What has to run: a stage's identity is the hash of its inputs, resolved config and code version.

Same identity → skipped. A finished stage whose identity changed is an error that names what changed, until the user
says that it, and what depends on it, is to be replaced.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from voltomo.errors import InputError, StudyError
from voltomo.io.artifacts import StudyArtifacts
from voltomo.io.hashing import hash_json, hash_path
from voltomo.io.study import StageRecord, Study
from voltomo.stages.study_workspace import StudyWorkspace
from voltomo.version import VERSION

__all__ = ["Job", "Outcome", "Plan", "StageDefinition", "StageFunction", "inputs_of", "plan_jobs", "select_jobs"]


@dataclass(frozen=True)
class Outcome:
    """What a stage leaves besides its files.

    Parameters
    ----------
    record : what it derived from the data; plain values
    warnings : sentences for the report
    """

    record: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


StageFunction = Callable[[StudyArtifacts, Any, StudyWorkspace], Outcome]
"""``run(study, config, work)``: reads artefacts of the study, writes into ``work.out``."""


@dataclass(frozen=True)
class StageDefinition:
    """A verb that a recipe may have.

    Parameters
    ----------
    verb : its name
    config : class of its configuration
    needs : artefacts without which it cannot run
    uses : artefacts that it takes if an earlier stage made them
    makes : artefacts that it makes
    run : the stage in a study
    revision : raised when the stage gives other results for the same input
    files : paths named in the configuration whose content belongs to the identity
    edge : of the unit of writing in voxels, where a stage computes so much per voxel that small blocks for all cores
        pay; None for that of the memory budget
    """

    verb: str
    config: type[BaseModel]
    needs: tuple[str, ...]
    uses: tuple[str, ...]
    makes: tuple[str, ...]
    run: StageFunction
    revision: int = 1
    files: Callable[[Any], Sequence[Path]] = lambda _config: ()
    edge: int | None = None


@dataclass(frozen=True)
class Job:
    """One stage to be run with one configuration on known inputs."""

    definition: StageDefinition
    config: BaseModel
    ingredients: Mapping[str, str]

    @property
    def verb(self) -> str:
        return self.definition.verb

    @property
    def identity(self) -> str:
        """Hash of all ingredients."""
        return hash_json(dict(self.ingredients))


@dataclass(frozen=True)
class Plan:
    """What a run would do.

    Parameters
    ----------
    jobs : every stage of the recipe
    pending : those that have to run
    """

    jobs: Sequence[Job]
    pending: Sequence[Job]


def plan_jobs(
    steps: Sequence[tuple[StageDefinition, BaseModel]], source: Mapping[str, str], made: Mapping[str, str]
) -> list[Job]:
    """Jobs with their identities.

    Parameters
    ----------
    steps : stage and configuration, in order
    source : ingredients of the first step that are not in its configuration
    made : artefacts that exist before the first step, with the identity of the stage that made them

    Raises
    ------
    InputError
        If a step needs an artefact that nothing before it makes.
    """
    known = dict(made)
    jobs: list[Job] = []
    for definition, config in steps:
        missing = [name for name in definition.needs if name not in known]
        if missing:
            raise InputError(
                f"the step {definition.verb!r} needs {' and '.join(missing)}, which no step before it makes"
                f"{_maker_hint(missing[0], steps)}"
            )
        ingredients = {"code": f"voltomo {VERSION}, {definition.verb} {definition.revision}"}
        ingredients |= _flatten(config.model_dump(mode="json"))
        files = definition.files(config)
        names = [path.name for path in files]
        told = [name if names.count(name) == 1 else str(path) for name, path in zip(names, files, strict=True)]
        ingredients |= {f"content of {name}": hash_path(path) for name, path in zip(told, files, strict=True)}
        ingredients |= {f"input {n}": known[n] for n in (*definition.needs, *definition.uses) if n in known}
        if not jobs:
            ingredients |= source
        job = Job(definition, config, ingredients)
        known |= dict.fromkeys(definition.makes, job.identity)
        jobs.append(job)
    return jobs


def _maker_hint(name: str, steps: Sequence[tuple[StageDefinition, BaseModel]]) -> str:
    makers = [definition.verb for definition, _ in steps if name in definition.makes]
    return f"; move {makers[0]!r} before it" if makers else ""


def inputs_of(ingredients: Mapping[str, str]) -> dict[str, str]:
    """The artefacts that a stage takes, with the identity of the stage that made each."""
    return {key.removeprefix("input "): made for key, made in ingredients.items() if key.startswith("input ")}


def _flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat |= _flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = str(value)
    return flat


def select_jobs(jobs: Sequence[Job], study: Study, *, overwrite: bool, start_from: str | None) -> list[Job]:
    """The jobs that have to run, in order.

    Raises
    ------
    StudyError
        If a finished stage would have to be replaced and nobody said so.
    """
    verbs = [job.verb for job in jobs]
    if start_from is not None and start_from not in verbs:
        raise InputError(f"--from {start_from}: this recipe has the stages {', '.join(verbs)}")
    first = verbs.index(start_from) if start_from is not None else len(jobs)
    records = study.records()
    chosen, changed = [], []
    for position, job in enumerate(jobs):
        record = records.get(job.verb)
        if record is not None and record.identity != job.identity and position < first:
            changed.append(f"{job.verb}: {_differences(record, job)}")
        if record is None or record.identity != job.identity or position >= first or not _is_whole(study, record):
            chosen.append(job)
    if changed and not overwrite:
        left_out = _left_out(jobs, records)
        raise StudyError(
            f"the study {study.folder} was made with other settings ("
            + "; ".join(changed)
            + "); repeat with --overwrite to replace these stages"
            + (f" (and lose {', '.join(left_out)}, which this recipe does not have)" if left_out else "")
            + ", or name another study with -o"
        )
    return chosen


def _left_out(jobs: Sequence[Job], records: Mapping[str, StageRecord]) -> list[str]:
    """Finished stages that a planned one was made from, and that none is to be made from any more."""
    planned = {job.verb for job in jobs}
    before = {made for verb in planned & set(records) for made in inputs_of(records[verb].ingredients).values()}
    now = {made for job in jobs for made in inputs_of(job.ingredients).values()}
    return [verb for verb, row in records.items() if verb not in planned and row.identity in before - now]


def _is_whole(study: Study, record: StageRecord) -> bool:
    return all((study.folder / name).exists() for name in record.outputs)


def _differences(record: StageRecord, job: Job) -> str:
    """What changed, own settings before inherited ones."""
    before, now = record.ingredients, job.ingredients
    changed = [key for key in sorted({*before, *now}) if before.get(key) != now.get(key)]
    inherited = [key for key in changed if key.startswith(("input ", "content "))]
    own = [f"{k} {before.get(k, 'absent')} → {now.get(k, 'absent')}" for k in changed if k not in inherited]
    return ", ".join([*own, *(f"another {key.removeprefix('input ')}" for key in inherited)])
