"""Run what is pending, so that a refusal, a full disk or a kill loses nothing that still holds.

What a stage left stays until its successor is finished. Then, in one commit, the outputs are exchanged, what depends
on them is forgotten, and the recipe in the study takes over the settings. So at any time the recipe states for every
finished stage how it was made, and for the others how they will be.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Mapping

from pydantic import ValidationError

from voltomo.errors import VoltomoError
from voltomo.io.artifacts import StudyArtifacts
from voltomo.io.study import StageRecord, Study, write_text
from voltomo.pipeline.adapters import STAGES, library_versions
from voltomo.pipeline.jobs import Job, Plan, inputs_of
from voltomo.stages.recipe import Recipe, Step, recipe_text
from voltomo.stages.study_workspace import ProgressSink, StudyWorkspace, peak_bytes
from voltomo.units import VoxelSize

__all__ = ["RECIPE_FILE", "carry_out", "step_of"]

RECIPE_FILE = "recipe.yaml"
Records = Mapping[str, StageRecord]


def carry_out(
    study: Study,
    plan: Plan,
    *,
    budget: int,
    voxel_size: VoxelSize | None,
    recipe: Recipe | None = None,
    progress: ProgressSink | None = None,
    on_stage: Callable[[str, str], None] | None = None,
    command: str = "",
) -> None:
    """Run what is pending, stage after stage; what the rest is, is told as up to date.

    Parameters
    ----------
    study : open for writing
    plan : what to do
    budget : bytes that may be held
    voxel_size : written to the arrays
    recipe : what was asked for, kept in the study as far as it holds; None for a study without one
    progress, on_stage, command : as in `voltomo.run`
    """

    def tell(verb: str, what: str) -> None:
        if on_stage is not None:
            on_stage(verb, what)

    def texts(records: Records) -> dict[str, str]:
        return {} if recipe is None else {RECIPE_FILE: recipe_text(_standing(recipe, plan, records))}

    done = study.records()
    if not any(job.verb in done for job in plan.pending):  # nothing is replaced, so what is asked for holds already
        for name, text in texts(done).items():
            write_text(study.folder / name, text)
    for job in plan.jobs:
        if job not in plan.pending:
            tell(job.verb, "up to date")
            continue
        tell(job.verb, "started")
        left_out = _left_out(job, study.records(), plan)
        seen = StudyArtifacts(study.folder, hidden=left_out)
        record = _run_job(study, seen, job, budget=budget, voxel_size=voxel_size, progress=progress, command=command)
        stale = _stale_after(job, study.records(), plan, left_out)
        after = {verb: row for verb, row in study.records().items() if verb not in stale} | {job.verb: record}
        study.commit(job.verb, record, stale=stale, texts=texts(after))
        tell(job.verb, "finished")


def _run_job(
    study: Study,
    seen: StudyArtifacts,
    job: Job,
    *,
    budget: int,
    voxel_size: VoxelSize | None,
    progress: ProgressSink | None,
    command: str,
) -> StageRecord:
    """Run one stage in its staging folder, on what it is to see of the study."""
    staging = study.staging(job.verb, job.identity)
    work = StudyWorkspace(job.verb, staging, voxel_size, budget, progress=progress, usual_edge=job.definition.edge)
    begun = time.perf_counter()
    outcome = job.definition.run(seen, job.config, work)
    outputs = sorted(path.name for path in work.out.iterdir() if not path.name.startswith("."))
    return StageRecord(
        identity=job.identity,
        ingredients=dict(job.ingredients),
        config=job.config.model_dump(mode="json"),
        outputs=tuple(outputs),
        record={**outcome.record, **({"command": command} if job.verb == "import" else {})},
        warnings=outcome.warnings,
        seconds=round(time.perf_counter() - begun, 3),
        peak_bytes=peak_bytes(),
        versions=library_versions(),
        finished=datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
    )


def _left_out(job: Job, records: Records, plan: Plan) -> set[str]:
    """Finished stages that are no part of the plan any more, and made what the job would have taken."""
    untaken = {*job.definition.uses} - set(inputs_of(job.ingredients))
    planned = {other.verb for other in plan.jobs}
    return {v for v in records if v in STAGES and v not in planned and untaken & {*STAGES[v].makes}}


def _stale_after(job: Job, records: Records, plan: Plan, left_out: set[str]) -> set[str]:
    """Finished stages that do not hold once a job is finished.

    They were left out, took what the job replaces, or would take what it makes, or come from such stages. A job that
    is run again for the same identity leaves the same, so that only what runs again after it goes.
    """
    planned = {other.verb: other for other in plan.pending}
    old = records[job.verb].identity if job.verb in records else ""

    def is_outdated(verb: str, record: StageRecord) -> bool:
        taken = inputs_of(record.ingredients)
        then = inputs_of(planned[verb].ingredients) if verb in planned else {}
        if job.identity in then.values():
            return True
        return old != job.identity and any(
            made == old or (name in job.definition.makes and made != job.identity) for name, made in taken.items()
        )

    others = {verb: record for verb, record in records.items() if verb != job.verb}
    stale = left_out | {verb for verb, record in others.items() if is_outdated(verb, record)}
    while True:
        gone = {others[verb].identity for verb in stale}
        found = {verb for verb, record in others.items() if gone & set(inputs_of(record.ingredients).values())} - stale
        if not found:
            return stale
        stale |= found


def _standing(asked: Recipe, plan: Plan, records: Records) -> Recipe:
    """The recipe that was asked for, where other stages still stand with the settings that made them."""
    planned = {job.verb: job.identity for job in plan.jobs}
    wanted = {step.verb: step for step in asked.steps}
    steps = []
    for verb in STAGES:
        record = records.get(verb)
        made = None if record is None or record.identity == planned.get(verb) else step_of(verb, record)
        if step := made or wanted.get(verb):
            steps.append(step)
    return asked.model_copy(update={"steps": tuple(steps)})


def step_of(verb: str, record: StageRecord) -> Step | None:
    """The step that made a record; None where this version has no such settings any more."""
    try:
        return Step(verb, STAGES[verb].config.model_validate(record.config))
    except (ValidationError, VoltomoError):
        return None
