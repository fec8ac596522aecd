"""A synthetic electrode as a study: a scan, and the truth beside it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from voltomo.blocks import check_budget
from voltomo.io.artifacts import StudyArtifacts
from voltomo.io.ome_zarr import ImageMetadata
from voltomo.io.study import Study, storage_errors, write_text
from voltomo.io.tables import write_particles
from voltomo.pipeline.jobs import Outcome, StageDefinition, plan_jobs, select_jobs
from voltomo.pipeline.run import Plan, carry_out
from voltomo.stages.study_workspace import ProgressSink, StudyWorkspace
from voltomo.stages.synth import SynthConfig, run_synth
from voltomo.units import parse_bytes

__all__ = ["synthesize"]


def synthesize(
    config: SynthConfig,
    output: Path | str,
    *,
    memory: str = "4GB",
    overwrite: bool = False,
    progress: ProgressSink | None = None,
    on_stage: Callable[[str, str], None] | None = None,
) -> StudyArtifacts:
    """Write a synthetic electrode with its scan and truth as a study.

    Parameters
    ----------
    config : what the electrode should be like
    output : folder of the study
    memory, overwrite, progress, on_stage : as in `voltomo.run`
    """
    folder = Path(output)
    budget = check_budget(parse_bytes(memory))
    with storage_errors(folder), Study(folder) as study:
        jobs = plan_jobs([(SYNTH, config)], {}, {})
        chosen = Plan(jobs, select_jobs(jobs, study, overwrite=overwrite, start_from=None))
        carry_out(study, chosen, budget=budget, voxel_size=config.size, progress=progress, on_stage=on_stage)
    return StudyArtifacts(folder)


def _run(_study: StudyArtifacts, config: SynthConfig, work: StudyWorkspace) -> Outcome:
    result = run_synth(config, work)
    size = result.volume.voxel_size
    work.finish("volume", ImageMetadata.of_volume(result.volume))
    work.finish("phases", ImageMetadata.of_phases(result.phase_map))
    work.finish("particles", ImageMetadata("labels", size))
    work.finish("cracks", ImageMetadata("labels", size))
    write_particles(work.out, result.instance_map.table, has_voxel_size=size is not None)
    write_text(work.out / "truth.json", json.dumps(_plain(result.truth), indent=1) + "\n")
    return Outcome({"name": f"synthetic electrode, seed {config.seed}"})


def _plain(value: Any) -> Any:
    """The same with NumPy scalars and arrays as plain numbers and lists."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value.tolist() if hasattr(value, "tolist") else value


SYNTH = StageDefinition("synth", SynthConfig, (), (), ("volume", "phases", "particles", "cracks"), _run)
