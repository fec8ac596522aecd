"""A synthetic electrode as a study: the truth, and what a scanner makes of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel

from voltomo.blocks import check_budget
from voltomo.errors import InputError
from voltomo.io.artifacts import StudyArtifacts
from voltomo.io.data_exchange import write_data_exchange
from voltomo.io.ome_zarr import ImageMetadata
from voltomo.io.slice_writer import write_slices
from voltomo.io.study import Study, storage_errors, write_text
from voltomo.io.tables import write_table
from voltomo.pipeline.execution import carry_out
from voltomo.pipeline.jobs import Outcome, Plan, StageDefinition, plan_jobs, select_jobs
from voltomo.stages.recipe import validate_config
from voltomo.stages.scan_fibsem import FibsemScanConfig, run_fibsem_scan
from voltomo.stages.scan_image import ImageScanConfig, run_image_scan
from voltomo.stages.scan_xray import XrayScanConfig, run_xray_scan
from voltomo.stages.study_workspace import ProgressSink, StudyWorkspace
from voltomo.stages.synth import SynthConfig, run_synth
from voltomo.synthesis.structure import Structure
from voltomo.units import parse_bytes

__all__ = ["SCANS", "scan_config", "synthesize"]

_STRUCTURE = "structure.npz"
_EDGE = 128
"""Of the unit of writing: painting takes microseconds per voxel, so that a volume of 256³ is shared among cores."""


def scan_config(name: str, settings: Mapping[str, Any] | None = None) -> BaseModel | None:
    """Configuration of a scan: "image", "nanoct", "fibsem", or None for "none".

    Raises
    ------
    InputError
        If there is no such scan, or there are settings but no scan.
    """
    if name == "none":
        if settings:
            raise InputError(f"there are settings of a scan ({', '.join(settings)}), but --scan none makes none")
        return None
    if name not in SCANS:
        raise InputError(f"there is no scan {name!r}; choose one of {', '.join(SCANS)}, or none")
    return validate_config(SCANS[name].config, settings or {}, source=f"scan {name}")


def synthesize(
    config: SynthConfig,
    output: Path | str,
    *,
    scan: BaseModel | None = None,
    memory: str = "4GB",
    overwrite: bool = False,
    progress: ProgressSink | None = None,
    on_stage: Callable[[str, str], None] | None = None,
) -> StudyArtifacts:
    """Write a synthetic electrode with its truth, and a scan of it, as a study.

    Parameters
    ----------
    config : what the electrode should be like
    output : folder of the study
    scan : configuration of one of `SCANS`; None makes the truth alone
    memory, overwrite, progress, on_stage : as in `voltomo.run`
    """
    folder = Path(output)
    budget = check_budget(parse_bytes(memory))
    steps: list[tuple[StageDefinition, BaseModel]] = [(SYNTH, config)]
    if scan is not None:
        steps.append((next(stage for stage in SCANS.values() if isinstance(scan, stage.config)), scan))
    with storage_errors(folder), Study(folder) as study:
        jobs = plan_jobs(steps, {}, {})
        chosen = Plan(jobs, select_jobs(jobs, study, overwrite=overwrite, start_from=None))
        carry_out(study, chosen, budget=budget, voxel_size=config.size, progress=progress, on_stage=on_stage)
    return StudyArtifacts(folder)


def _make_truth(_study: StudyArtifacts, config: SynthConfig, work: StudyWorkspace) -> Outcome:
    result = run_synth(config, work)
    size = result.phase_map.voxel_size
    work.finish("phases", ImageMetadata.of_phases(result.phase_map))
    for name in ("particles", "cracks", "crack_widths"):
        work.finish(name, ImageMetadata("labels", size))
    write_table(work.out / "particles.csv", result.instance_map.table, has_voxel_size=True)
    write_table(work.out / "cracks.csv", result.cracks, has_voxel_size=True)
    _write_json(work.out / "truth.json", result.truth)
    with (work.out / _STRUCTURE).open("wb") as stream:
        arrays: dict[str, Any] = result.structure.to_arrays()
        np.savez(stream, **arrays)
    record = {"name": f"synthetic {config.family}, seed {config.seed}", "seconds_of_steps": dict(result.seconds)}
    return Outcome(record, (*config.remarks, *result.truth["warnings"]))


def _structure(study: StudyArtifacts) -> Structure:
    with np.load(study.folder / _STRUCTURE, allow_pickle=False) as archive:
        return Structure.from_arrays({name: archive[name] for name in archive.files})


def _scan_image(study: StudyArtifacts, config: ImageScanConfig, work: StudyWorkspace) -> Outcome:
    volume = run_image_scan(_structure(study), study.phase_map.data, config, work)
    work.finish("volume", ImageMetadata.of_volume(volume))
    return Outcome({"name": volume.name})


def _scan_xray(study: StudyArtifacts, config: XrayScanConfig, work: StudyWorkspace) -> Outcome:
    result = run_xray_scan(_structure(study), config, work)
    for contrast, stack in result.stacks.items():
        file = "projections.h5" if contrast == "absorption" or len(result.stacks) == 1 else f"projections_{contrast}.h5"
        write_data_exchange(stack, work.out / file, overwrite=True)
    _write_json(work.out / "scan_nanoct.json", result.truth)
    return Outcome({"contrasts": list(result.stacks)}, result.warnings)


def _scan_fibsem(study: StudyArtifacts, config: FibsemScanConfig, work: StudyWorkspace) -> Outcome:
    result = run_fibsem_scan(_structure(study), config, work)
    write_slices(
        work.out / "slices", result.stack, table=result.track.to_arrays(), record=result.record, overwrite=True
    )
    return Outcome({"slices": int(result.stack.data.shape[0])})


def _write_json(path: Path, values: Mapping[str, Any]) -> None:
    write_text(path, json.dumps(_plain(values), indent=1, ensure_ascii=False) + "\n")


def _plain(value: Any) -> Any:
    """The same with NumPy scalars and arrays as plain numbers and lists."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value.tolist() if hasattr(value, "tolist") else value


SYNTH = StageDefinition(
    "synth", SynthConfig, (), (), ("structure", "phases", "particles", "cracks"), _make_truth, edge=_EDGE
)

SCANS: dict[str, StageDefinition] = {
    "image": StageDefinition(
        "image scan", ImageScanConfig, ("structure", "phases"), (), ("volume",), _scan_image, edge=_EDGE
    ),
    "nanoct": StageDefinition("nanoct scan", XrayScanConfig, ("structure",), (), ("projections",), _scan_xray),
    "fibsem": StageDefinition("fibsem scan", FibsemScanConfig, ("structure",), (), ("slices",), _scan_fibsem),
}
"""The scanners by name."""
