"""`synth --like`: the twin of a scan as a study, with a page that shows both side by side."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from voltomo.artifacts import PhaseMap, Volume
from voltomo.blocks import check_budget
from voltomo.errors import InputError
from voltomo.io.artifacts import StudyArtifacts
from voltomo.io.hashing import hash_json, hash_path
from voltomo.io.registry import read_volume
from voltomo.io.study import StageRecord, Study, storage_errors
from voltomo.pipeline.adapters import library_versions
from voltomo.pipeline.execution import carry_out
from voltomo.pipeline.jobs import Plan, plan_jobs, select_jobs
from voltomo.pipeline.synthesis import SCANS, SYNTH
from voltomo.report.twin import TwinContent, write_twin
from voltomo.stages.segment import SegmentConfig, chosen_config
from voltomo.stages.study_workspace import ProgressSink, StudyWorkspace, peak_bytes
from voltomo.stages.twin import TwinConfig, compare_twin, plan_twin
from voltomo.units import parse_bytes
from voltomo.version import VERSION

__all__ = ["make_twin_of"]

_STAGE = "twin"


def make_twin_of(
    source: Path | str,
    output: Path | str,
    config: TwinConfig | None = None,
    *,
    memory: str = "4GB",
    overwrite: bool = False,
    progress: ProgressSink | None = None,
    on_stage: Callable[[str, str], None] | None = None,
) -> StudyArtifacts:
    """Write a synthetic study that looks like a given one, and `twin.html`, which says how much it does.

    Parameters
    ----------
    source : a study with a volume, or a file with one; a study is segmented as it was
    output : folder of the twin
    config : how the twin is found
    memory, overwrite, progress, on_stage : as in `voltomo.run`

    Returns
    -------
    StudyArtifacts
        The twin; `twin.json` in its folder holds every statistic of both.

    Raises
    ------
    InputError
        If the twin would be written into its source, or no electrode can be as the scan says.
    GateError
        If the scan is constant, or its grey levels cannot be measured.
    """
    source, folder = Path(source), Path(output)
    if folder.resolve() == source.resolve():
        raise InputError(f"the twin of {source} needs a folder of its own; name another one with -o")
    budget = check_budget(parse_bytes(memory))
    volume, phase_map, found_as = _open(source)
    settings = (config or TwinConfig()).model_copy(update={"segment": found_as} if found_as else {})
    ingredients = {"code": f"voltomo {VERSION}", "content": hash_path(_content(source))}
    ingredients |= {"config": settings.model_dump_json()}
    identity = hash_json(ingredients)
    tell = on_stage or (lambda _stage, _what: None)
    with storage_errors(folder), Study(folder) as study:
        known = study.records().get(_STAGE)
        if known is not None and known.identity == identity and not overwrite:
            tell(_STAGE, "up to date")
            return StudyArtifacts(folder)
        if known is not None and not overwrite:
            raise InputError(
                f"{folder} is the twin of another scan, or was made with other settings; repeat with --overwrite, or "
                "name another folder with -o"
            )
        begun = time.perf_counter()
        work = StudyWorkspace(_STAGE, study.staging(_STAGE, identity), volume.voxel_size, budget, progress=progress)
        tell("likeness", "started")
        plan = plan_twin(volume, settings, work, phase_map=phase_map)
        tell("likeness", "finished")
        structure = plan.synth_config()
        jobs = plan_jobs([(SYNTH, structure), (SCANS["image"], plan.image_config())], {}, {})
        chosen = Plan(jobs, select_jobs(jobs, study, overwrite=overwrite, start_from=None))
        carry_out(study, chosen, budget=budget, voxel_size=structure.size, progress=progress, on_stage=on_stage)
        tell(_STAGE, "started")
        twin = StudyArtifacts(folder).volume
        record = compare_twin(plan, twin, settings, work).to_record()
        facts = (("Made from", str(source)), ("Study of the twin", str(folder)))
        content = TwinContent(record, volume, twin, title=f"Twin of {source.name}", facts=facts)
        write_twin(work.out, content)
        compared = ingredients | {f"input {name}": job.identity for job in jobs for name in job.definition.makes}
        study.commit(_STAGE, _record(identity, compared, settings, record, seconds=time.perf_counter() - begun))
        tell(_STAGE, "finished")
    return StudyArtifacts(folder)


def _open(source: Path) -> tuple[Volume, PhaseMap | None, SegmentConfig | None]:
    """The scan; and its phases with the settings that gave them, where a study has them."""
    if not Study.is_study(source):
        return read_volume(source), None, None
    study = StudyArtifacts(source)
    done = study.records.get("segment")
    if done is None:
        return study.volume, None, None
    config = chosen_config(SegmentConfig.model_validate(done.config), done.record.get("histogram") or {})
    return study.volume, study.phase_map, config


def _content(source: Path) -> Path:
    return StudyArtifacts(source).path("volume") if Study.is_study(source) else source


def _record(
    identity: str, ingredients: dict[str, str], config: TwinConfig, record: dict[str, Any], *, seconds: float
) -> StageRecord:
    return StageRecord(
        identity=identity,
        ingredients=ingredients,
        config=config.model_dump(mode="json"),
        outputs=("twin.html", "twin.json"),
        record={"matched": record["matched"], "compared": record["compared"]},
        warnings=tuple(record["notes"]),
        seconds=round(seconds, 3),
        peak_bytes=peak_bytes(),
        versions=library_versions(),
        finished=datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
    )
