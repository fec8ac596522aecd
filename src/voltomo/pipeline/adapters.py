"""Each verb in a study: artefacts in, files out."""

from __future__ import annotations

import datetime
import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from voltomo.artifacts import InstanceMap, Measurements, PhaseMap, Volume
from voltomo.errors import InputError
from voltomo.io.artifacts import StudyArtifacts
from voltomo.io.model_lookup import BASE_MODELS, find_model, model_folders
from voltomo.io.ome_zarr import ImageMetadata
from voltomo.io.registry import read_volume
from voltomo.io.study import Study, write_text
from voltomo.io.tables import read_measurements, write_measurements, write_summary, write_table
from voltomo.pipeline.evaluation import EvaluateStep, evaluate_study
from voltomo.pipeline.jobs import Outcome, StageDefinition
from voltomo.pipeline.retraining import RETRAIN, open_retrained
from voltomo.report import ReportContent, write_report
from voltomo.stages.denoise import DenoiseConfig, run_denoise
from voltomo.stages.measure import MeasureConfig, run_measure
from voltomo.stages.particles import ParticlesConfig, run_particles
from voltomo.stages.phase_table import CodedPhases
from voltomo.stages.segment import BASE_MODEL, SegmentConfig, chosen_config, run_segment
from voltomo.stages.study_workspace import StudyWorkspace
from voltomo.stages.truth_labels import recode
from voltomo.units import format_voxel_size
from voltomo.version import VERSION

__all__ = ["STAGES", "ReportConfig", "library_versions"]

PREVIEW_EDGE = 256
"""Longest axis of what the 3D pictures are drawn from."""


class ReportConfig(BaseModel):
    """What the page says.

    Parameters
    ----------
    title : heading; the name of the input where empty
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str = ""


def _denoise(study: StudyArtifacts, config: DenoiseConfig, work: StudyWorkspace) -> Outcome:
    volume = study.volume
    denoised = run_denoise(volume, config, work)
    work.finish("denoised", ImageMetadata.of_volume(denoised))
    return Outcome()


def _segment(study: StudyArtifacts, config: SegmentConfig, work: StudyWorkspace) -> Outcome:
    volume = _segmented(study)
    assert volume is not None, "segment needs a volume"
    result = run_segment(volume, config, work)
    phase_map = result.phase_map
    work.finish("phases", ImageMetadata.of_phases(phase_map))
    if phase_map.probabilities is not None:
        names = tuple(phase.name for phase in phase_map.phases)
        work.finish("probabilities", ImageMetadata("volume", phase_map.voxel_size, names))
    if phase_map.disagreement is not None:
        work.finish("disagreement", ImageMetadata("volume", phase_map.voxel_size, ("disagreement",)))
    for number in range(1, 1 + len(phase_map.members)):
        work.finish(f"members/{number}", ImageMetadata.of_phases(phase_map))
    return Outcome({"histogram": result.histogram}, result.warnings)


def _model_files(config: SegmentConfig) -> list[Path]:
    """What the identity of `segment` depends on besides the volume."""
    if config.method == "auto":
        base = BASE_MODELS / BASE_MODEL
        return [base] if base.exists() else []  # without it the stage falls back, and says so
    if config.model is None:
        return []
    return [find_model(name, model_folders(os.environ)) for name in (config.model, *config.also)]


def _particles(study: StudyArtifacts, config: ParticlesConfig, work: StudyWorkspace) -> Outcome:
    phase_map = study.phase_map
    volume = study.volume if study.has("volume") else None
    result = run_particles(phase_map, config, work, volume=volume)
    own = {"threshold": result.crack_map.threshold}
    work.finish("particles", ImageMetadata("labels", phase_map.voxel_size))
    work.finish("cracks", ImageMetadata("labels", phase_map.voxel_size, voltomo=own))
    write_table(work.out / "particles.csv", result.instance_map.table, has_voxel_size=phase_map.voxel_size is not None)
    return Outcome(result.record, result.warnings)


def _measure(study: StudyArtifacts, config: MeasureConfig, work: StudyWorkspace) -> Outcome:
    instances = _instances(study)
    result = run_measure(
        study.phase_map,
        config,
        work,
        instance_map=instances,
        crack_map=study.crack_map if instances is not None and study.has("cracks") else None,
        volume=_segmented(study),
        segmentation=_segmentation(study),
        others=_others(study, config),
        retrained=open_retrained(study),
    )
    write_measurements(work.out, result.measurements)
    table = None if instances is None else instances.table
    has_voxel_size = study.phase_map.voxel_size is not None
    write_summary(work.out / "summary.xlsx", result.measurements, table, has_voxel_size=has_voxel_size)
    write_text(work.out / "profiles.json", json.dumps(result.profiles) + "\n")
    write_text(work.out / "sizes.json", json.dumps([curve.to_record() for curve in result.curves]) + "\n")
    drawn = [curve.to_record() for curve in result.correlations]
    write_text(work.out / "correlations.json", json.dumps(drawn) + "\n")
    apparent = [curve.to_record() for curve in result.apparent]
    write_text(work.out / "apparent.json", json.dumps(apparent) + "\n")
    return Outcome({}, result.warnings)


def _others(study: StudyArtifacts, config: MeasureConfig) -> tuple[PhaseMap, ...]:
    """The segmentations that are named for the operator part; a file holds the ids of this study's phases."""
    table = study.phase_map.phases
    coded = CodedPhases(table, {phase.id: phase.id for phase in table})
    return tuple(
        StudyArtifacts(path).phase_map if _is_study(path) else recode(read_volume(path).channel(), coded)
        for path in map(Path, config.uncertainty.segmentations)
    )


def _is_study(path: Path) -> bool:
    return path.is_dir() and Study.is_study(path)


def _other_files(config: MeasureConfig) -> list[Path]:
    """What the identity of `measure` depends on besides the study."""
    named = [Path(path) for path in config.uncertainty.segmentations]
    if missing := [str(path) for path in named if not path.exists()]:
        raise InputError(f"uncertainty: there is no segmentation {', '.join(missing)}; name studies or files")
    return [path / "run.json" if _is_study(path) else path for path in named]


def _segmented(study: StudyArtifacts) -> Volume | None:
    """The grey volume that `segment` took."""
    if study.has("denoised"):
        return study.denoised
    return study.volume if study.has("volume") else None


def _segmentation(study: StudyArtifacts) -> SegmentConfig | None:
    """How the phases were found, where it was here."""
    record = study.records.get("segment")
    if record is None:
        return None
    config = chosen_config(SegmentConfig.model_validate(record.config), record.record.get("histogram") or {})
    return None if config.method == "model" else config  # a model knows one voxel size


def _instances(study: StudyArtifacts) -> InstanceMap | None:
    """The particles; of a synthetic study without its table, which describes shapes and not what voxels show."""
    if not study.has("particles"):
        return None
    return replace(study.instance_map, table={}) if "synth" in study.records else study.instance_map


def _evaluate(study: StudyArtifacts, config: EvaluateStep, work: StudyWorkspace) -> Outcome:
    result = evaluate_study(study, config, work, work.out)
    return Outcome(result.to_record(), result.warnings)


def _truth_files(config: EvaluateStep) -> list[Path]:
    """What the identity of `evaluate` depends on besides the study."""
    truth = Path(config.truth)
    main = [truth / "run.json"] if _is_study(truth) else [truth]
    return [*main, *([Path(config.phases)] if config.phases else [])]


def _report(study: StudyArtifacts, config: ReportConfig, work: StudyWorkspace) -> Outcome:
    records = {verb: row for verb, row in study.records.items() if verb != "report"}
    imported = records["import"].record if "import" in records else {}
    warnings = [line[:1].upper() + line[1:] for record in records.values() for line in record.warnings]
    content = ReportContent(
        title=config.title or str(imported.get("name", study.folder.name)),
        volume=study.volume if study.has("volume") else None,
        phase_map=study.phase_map if study.has("phases") else None,
        instance_map=_instances(study),
        crack_map=study.crack_map if study.has("cracks") else None,
        measurements=study.measurements if study.has("measurements") else Measurements(),
        profiles=_profiles(study.file("profiles.json")),
        curves=_curves(study.file("sizes.json")),
        correlations=_curves(study.file("correlations.json")),
        histogram=records["segment"].record.get("histogram") if "segment" in records else None,
        warnings=tuple(dict.fromkeys(warnings)),
        steps=[
            {
                "verb": verb,
                "config": dict(record.config),
                "record": {k: v for k, v in record.record.items() if k != "histogram"},
                "seconds": record.seconds,
                "peak_memory": record.peak_bytes,
            }
            for verb, record in records.items()
        ],
        provenance={
            "versions": library_versions(),
            "inputs": imported.get("files", []),
            "voxel_size": format_voxel_size(study.phase_map.voxel_size) if study.has("phases") else "none",
            "command": imported.get("command", ""),
            "date": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        },
        truth=_comparison(study.file("evaluation.json")),
        previews={
            name: study.pyramid_level(name, longest=PREVIEW_EDGE) for name in ("phases", "particles") if study.has(name)
        },
    )
    write_report(work.out, content)
    return Outcome()


def _profiles(path: Path | None) -> Mapping[str, Any]:
    return {} if path is None else dict(json.loads(path.read_text(encoding="utf-8")))


def _curves(path: Path | None) -> Sequence[Mapping[str, Any]]:
    return [] if path is None else list(json.loads(path.read_text(encoding="utf-8")))


def _comparison(path: Path | None) -> Mapping[str, Any] | None:
    """Rows of a comparison with a truth, as `evaluate` left them."""
    if path is None:
        return None
    return {"scores": read_measurements(path), **json.loads(path.read_text(encoding="utf-8")).get("comparison", {})}


def library_versions() -> dict[str, str]:
    """Versions of what a number may depend on."""
    names = ("numpy", "scipy", "scikit-image", "numba", "zarr", "connected-components-3d", "edt")
    return {"voltomo": VERSION, "python": platform.python_version()} | {n: version(n) for n in names}


STAGES: dict[str, StageDefinition] = {
    definition.verb: definition
    for definition in (
        StageDefinition("denoise", DenoiseConfig, ("volume",), (), ("denoised",), _denoise),
        StageDefinition(
            "segment", SegmentConfig, ("volume",), ("denoised",), ("phases",), _segment, files=_model_files
        ),
        RETRAIN,
        StageDefinition("particles", ParticlesConfig, ("phases",), ("volume",), ("particles", "cracks"), _particles),
        StageDefinition(
            "measure",
            MeasureConfig,
            ("phases",),
            ("particles", "cracks", "volume", "denoised", "retrained"),
            ("measurements",),
            _measure,
            files=_other_files,
        ),
        StageDefinition(
            "evaluate",
            EvaluateStep,
            ("phases",),
            ("particles", "cracks", "measurements"),
            ("evaluation",),
            _evaluate,
            files=_truth_files,
        ),
        StageDefinition(
            "report",
            ReportConfig,
            (),
            ("volume", "denoised", "phases", "particles", "cracks", "measurements", "evaluation"),
            ("report",),
            _report,
        ),
    )
}
"""The verbs of a recipe, in the order in which they may stand."""
