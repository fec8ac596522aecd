"""The line from a scan to a report, as one function; what is done is skipped, what was interrupted is continued."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from voltomo.blocks import check_budget
from voltomo.errors import GateError, InputError, StudyError
from voltomo.io.artifacts import StudyArtifacts
from voltomo.io.study import StageRecord, Study, storage_errors
from voltomo.pipeline.adapters import STAGES
from voltomo.pipeline.execution import RECIPE_FILE, carry_out, step_of
from voltomo.pipeline.jobs import Plan, plan_jobs, select_jobs
from voltomo.pipeline.source import Source, open_source
from voltomo.stages.recipe import (
    Input,
    Recipe,
    Step,
    read_recipe,
    resolve_paths,
    validate,
    validate_config,
)
from voltomo.stages.study_workspace import ProgressSink
from voltomo.units import parse_bytes

__all__ = ["DEFAULT_STEPS", "check_voxel_size", "load_recipe", "plan", "resolve", "run", "run_verbs"]

DEFAULT_STEPS: tuple[Mapping[str, Any], ...] = (
    {"segment": {"method": "auto"}},
    {"particles": {}},
    {"measure": {}},
    {"report": {}},
)
"""Two-class Otsu, particles, numbers, page."""


def load_recipe(content: Path | str | Mapping[str, Any] | Recipe | None) -> Recipe:
    """Recipe from a file, from the content of one, or the default."""
    configs: dict[str, type[BaseModel]] = {verb: stage.config for verb, stage in STAGES.items()}
    if content is None:
        return validate({"steps": list(DEFAULT_STEPS)}, configs)
    if isinstance(content, Recipe):
        return content
    if isinstance(content, Mapping):
        return validate(content, configs)
    return read_recipe(Path(content), configs)


def run(
    source: Any = None,
    recipe: Path | str | Mapping[str, Any] | Recipe | None = None,
    *,
    output: Path | str | None = None,
    overwrite: bool = False,
    start_from: str | None = None,
    progress: ProgressSink | None = None,
    on_stage: Callable[[str, str], None] | None = None,
    command: str = "",
    **given: Any,
) -> StudyArtifacts:
    """Take a scan, or somebody's segmentation, to a report.

    Parameters
    ----------
    source : path, Volume, or (Z, Y, X) or (Y, X) array; None takes the input of the recipe
    recipe : path of a YAML file, its content, or None for the base model or Otsu, particles, measure, report
    output : folder of the study; by default ``<name>_study`` in the working directory
    overwrite : replace finished stages whose settings or inputs changed, and what depends on them
    start_from : run this stage and those after it again
    progress : called as ``progress(stage, step, done, total)`` in blocks
    on_stage : called as ``on_stage(stage, "started" | "finished" | "up to date")``
    command : what the user typed, for the record
    **given : fields of `voltomo.stages.recipe.Input` such as ``voxel_size="64 nm"``, and ``memory="4GB"``

    Returns
    -------
    StudyArtifacts
        The study, opened lazily: `.phase_map`, `.instance_map`, `.measurements`, `.report`...

    Raises
    ------
    GateError
        If the data do not support a step: no voxel size, constant image...
    StudyError
        If the folder is no study, or was made with other settings and `overwrite` is not set.
    """
    resolved = resolve(source, recipe, **given)
    opened = open_source(source, resolved)
    check_voxel_size(opened, resolved)
    folder = Path(output) if output is not None else Path(f"{opened.stem}_study")
    budget = check_budget(parse_bytes(resolved.memory))
    with storage_errors(folder), Study(folder) as study:
        chosen = plan(study, opened, resolved, overwrite=overwrite, start_from=start_from)
        carry_out(
            study,
            chosen,
            budget=budget,
            voxel_size=opened.voxel_size,
            recipe=resolved,
            progress=progress,
            on_stage=on_stage,
            command=command,
        )
    return StudyArtifacts(folder)


def resolve(source: Any, recipe: Path | str | Mapping[str, Any] | Recipe | None, **given: Any) -> Recipe:
    """The recipe with what was given beside it written into it."""
    made = load_recipe(recipe)
    memory = given.pop("memory", None)
    fields = {name: value for name, value in given.items() if value is not None}
    unknown = set(fields) - set(Input.model_fields)
    if unknown:
        raise InputError(f"unknown settings {sorted(unknown)}; the input takes {', '.join(Input.model_fields)}")
    if isinstance(source, str | Path) and not {"volume", "segmentation"} & set(fields):
        fields["volume"] = str(source)
    merged = validate_config(Input, {**made.input.model_dump(exclude_none=True), **fields}, source="input")
    told = made.model_copy(update={"input": merged, "memory": memory or made.memory})
    return resolve_paths(told, Path.cwd())


def check_voxel_size(source: Source, recipe: Recipe) -> None:
    """Refuse to measure without a voxel size, unless the user said that there is none."""
    if source.voxel_size is None and recipe.input.voxel_size is None and recipe.config("measure") is not None:
        raise GateError(
            f"{source.name} does not say how large a voxel is, so no length can be measured; give --voxel-size "
            '"64 nm" (or "200,64,64 nm" in z, y, x order), or --voxel-size none for numbers in voxels',
            gate="voxel-size",
        )


def plan(study: Study | None, source: Source, recipe: Recipe, *, overwrite: bool, start_from: str | None) -> Plan:
    """All jobs of a recipe in a study (None: one that does not exist yet), and which of them have to run."""
    known = study.records().get("import") if study is not None else None
    steps = [(source.definition, source.config), *((STAGES[step.verb], step.config) for step in recipe.steps)]
    jobs = plan_jobs(steps, {"content": source.content_hash(known)}, {})
    pending = jobs if study is None else select_jobs(jobs, study, overwrite=overwrite, start_from=start_from)
    return Plan(jobs, pending)


def run_verbs(
    folder: Path | str,
    steps: Sequence[Step],
    *,
    overwrite: bool = False,
    memory: str | None = None,
    progress: ProgressSink | None = None,
    on_stage: Callable[[str, str], None] | None = None,
) -> StudyArtifacts:
    """Run verbs in a study that exists; finished stages that depend on them are run again."""
    folder = Path(folder)
    recipe_file = folder / RECIPE_FILE
    if Study.is_study(folder) and "synth" in (records := StudyArtifacts(folder).records):
        _measure_truth(folder, records, steps, overwrite=overwrite, memory=memory, progress=progress, on_stage=on_stage)
        return StudyArtifacts(folder)
    if not recipe_file.exists():
        raise StudyError(f"{folder} is no study with a recipe; start one with `voltomo run FILE -o {folder}`")
    recipe = load_recipe(recipe_file)
    asked = {step.verb: step for step in steps}
    with storage_errors(folder), Study(folder) as study:
        done = study.records()
        named = {step.verb: step for step in recipe.steps} | asked
        merged = recipe.model_copy(update={"steps": tuple(named[verb] for verb in STAGES if verb in named)})
        if "import" not in done:
            raise StudyError(f"the study {folder} has no finished input; run `voltomo run {recipe_file}` first")
        made = dict.fromkeys(_made_by_import(done["import"]), done["import"].identity)
        line = [step for step in merged.steps if step.verb in done or step.verb in asked]
        jobs = plan_jobs([(STAGES[step.verb], step.config) for step in line], {}, made)
        pending = select_jobs(jobs, study, overwrite=overwrite, start_from=None)
        budget = check_budget(parse_bytes(memory or merged.memory))
        size = done["import"].record.get("voxel_size")
        carry_out(
            study,
            Plan(jobs, pending),
            budget=budget,
            voxel_size=tuple(size) if size else None,
            recipe=merged,
            progress=progress,
            on_stage=_of_what_runs(on_stage),
        )
    return StudyArtifacts(folder)


def _measure_truth(
    folder: Path,
    records: Mapping[str, StageRecord],
    steps: Sequence[Step],
    *,
    overwrite: bool,
    memory: str | None,
    progress: ProgressSink | None,
    on_stage: Callable[[str, str], None] | None,
) -> None:
    """Numbers and page of a synthetic study; verbs that would replace its truth are refused."""
    refused = [step.verb for step in steps if step.verb not in ("measure", "report")]
    if refused:
        raise StudyError(
            f"{folder} is a synthetic study and holds the truth, which {refused[0]} would replace; work on its scan in "
            f"a study of its own: voltomo run {folder / 'volume.ome.zarr'} -o study"
        )
    made = dict.fromkeys(("phases", "particles", "cracks"), records["synth"].identity)
    if "image scan" in records:
        made["volume"] = records["image scan"].identity
    if "measure" in records:
        made["measurements"] = records["measure"].identity
    done = [step_of(verb, records[verb]) for verb in ("measure", "report") if verb in records]
    named = {step.verb: step for step in (*filter(None, done), *steps)}  # the page follows the numbers
    with storage_errors(folder), Study(folder) as study:
        line = [named[verb] for verb in STAGES if verb in named]
        jobs = plan_jobs([(STAGES[step.verb], step.config) for step in line], {}, made)
        pending = select_jobs(jobs, study, overwrite=overwrite, start_from=None)
        carry_out(
            study,
            Plan(jobs, pending),
            budget=check_budget(parse_bytes(memory or "4GB")),
            voxel_size=StudyArtifacts(folder).phase_map.voxel_size,
            progress=progress,
            on_stage=on_stage,
        )


def _made_by_import(record: StageRecord) -> tuple[str, ...]:
    return ("phases",) if "phases.ome.zarr" in record.outputs else ("volume",)


def _of_what_runs(on_stage: Callable[[str, str], None] | None) -> Callable[[str, str], None] | None:
    """Tells nothing of stages that nobody asked for."""
    if on_stage is None:
        return None
    return lambda verb, what: None if what == "up to date" else on_stage(verb, what)
