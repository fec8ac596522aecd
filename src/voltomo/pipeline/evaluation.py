"""`evaluate` on studies and files: open both sides, score, and write what the report shows."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from voltomo.artifacts import CrackMap, InstanceMap, Measurement, PhaseMap
from voltomo.errors import InputError
from voltomo.io.artifacts import StudyArtifacts
from voltomo.io.registry import read_volume
from voltomo.io.study import Study, write_text
from voltomo.stages.evaluate import EvaluateConfig, EvaluateResult, run_evaluate
from voltomo.stages.phase_table import read_phase_table
from voltomo.stages.truth_labels import parse_truth_codes, recode
from voltomo.stages.workspace import MemoryWorkspace, Workspace

__all__ = ["EvaluateStep", "Scores", "evaluate_paths", "evaluate_study", "open_labels"]

BLOCK = (128, 256, 256)


class EvaluateStep(EvaluateConfig):
    """`evaluate` in a recipe."""

    truth: str = Field(description="study or file with the true phases")
    phases: str | None = Field(None, description="phase table of a truth file")

    def relative_to(self, folder: Path) -> EvaluateStep:
        """The same with its paths taken from a folder."""
        phases = None if self.phases is None else str(folder / self.phases)
        return self.model_copy(update={"truth": str(folder / self.truth), "phases": phases})


@dataclass(frozen=True)
class Labels:
    """One side of a comparison."""

    phase_map: PhaseMap
    instance_map: InstanceMap | None = None
    crack_map: CrackMap | None = None
    d50: float | None = None


@dataclass(frozen=True)
class Scores:
    """Scores in words and in values."""

    values: dict[str, Any]
    text: str


def open_labels(path: Path, *, phases: Path | None = None, codes: tuple[str, ...] = ()) -> Labels:
    """The maps of a study, or of a file with its phase table or its codes by role.

    Raises
    ------
    InputError
        If a file comes without saying which code is which phase.
    """
    if path.is_dir() and Study.is_study(path):
        return _labels_of(StudyArtifacts(path))
    if phases is not None:
        coded = read_phase_table(phases)
    elif codes:
        coded = parse_truth_codes(codes)
    else:
        raise InputError(
            f"{path} is no study, so its codes need a meaning: --phases phases.yaml, or --truth-code active=0 "
            "--truth-code pore=2 and so on, one for each code"
        )
    volume = read_volume(path)
    return Labels(replace(recode(volume.channel(), coded), voxel_size=volume.voxel_size))


def _labels_of(study: StudyArtifacts) -> Labels:
    return Labels(
        study.phase_map,
        study.instance_map if study.has("particles") else None,
        study.crack_map if study.has("cracks") else None,
        _d50(study),
    )


def _d50(study: StudyArtifacts) -> float | None:
    """Volume-weighted median particle diameter in m: true for a synthetic study, measured for another."""
    truth = study.folder / "truth.json"
    if truth.exists():
        value = json.loads(truth.read_text(encoding="utf-8")).get("d50")
        return None if value is None else float(value)
    found = study.measurements.select("equivalent_diameter") if study.has("measurements") else ()
    volume_weighted = [m for m in found if "D50" in m.statistic and "volume" in m.statistic and m.value is not None]
    return volume_weighted[0].value if volume_weighted else None


def evaluate_study(study: StudyArtifacts, config: EvaluateStep, work: Workspace, out: Path) -> EvaluateResult:
    """Score a study in a run; writes evaluation.json with the comparison that the report shows."""
    phases = None if config.phases is None else Path(config.phases)
    found, wanted = _labels_of(study), open_labels(Path(config.truth), phases=phases)
    result = _score(found, wanted, config, work)
    content = {
        "voltomo": 1,
        "measurements": [asdict(item) for item in result.measurements],
        "comparison": {"rows": _comparison(result, found, wanted), "note": result.grouping.sentence},
    }
    write_text(out / "evaluation.json", json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    return result


def evaluate_paths(
    result: Path,
    truth: Path,
    *,
    phases: Path | None = None,
    codes: tuple[str, ...] = (),
    properties: bool = False,
    output: Path | None = None,
    overwrite: bool = False,
) -> Scores:
    """Score a study or file against another, without writing into either; with tortuosity factors where asked."""
    if output is not None and output.exists() and not overwrite:
        raise InputError(f"{output} exists; give --overwrite to replace it")
    found, wanted = open_labels(result, phases=phases), open_labels(truth, phases=phases, codes=codes)
    scored = _score(found, wanted, EvaluateConfig(properties=properties), MemoryWorkspace(block_shape=BLOCK))
    rows = _comparison(scored, found, wanted)
    values = {**scored.to_record(), "comparison": rows}
    if output is not None:
        write_text(output, json.dumps(values, indent=1, ensure_ascii=False) + "\n")
    return Scores(values, _text(scored))


def _score(found: Labels, wanted: Labels, config: EvaluateConfig, work: Workspace) -> EvaluateResult:
    return run_evaluate(
        found.phase_map,
        wanted.phase_map,
        config,
        work,
        result_instances=found.instance_map,
        truth_instances=wanted.instance_map,
        result_cracks=found.crack_map,
        truth_cracks=wanted.crack_map,
    )


def _comparison(result: EvaluateResult, found: Labels, wanted: Labels) -> list[dict[str, Any]]:
    """Measured beside true: fractions, overlaps, surfaces, particles."""
    confusion = result.confusion
    total = float(confusion.sum())
    rows: list[dict[str, Any]] = []
    for i, name in enumerate(result.grouping.names):
        measured, truth = float(confusion[:, i].sum() / total), float(confusion[i].sum() / total)
        rows.append(_row(f"fraction of {name}", measured, truth, "1"))
    for item in result.measurements.select("iou"):
        if item.value is not None:
            rows.append(_row(f"IoU of {item.phase}", item.value, 1.0, "1"))
    rows += [_row(item.quantity, item.result, item.truth, item.error.unit) for item in result.compared]
    if found.instance_map is not None and wanted.instance_map is not None:
        rows.append(_row("number of particles", len(found.instance_map), len(wanted.instance_map), "1"))
    if found.d50 is not None and wanted.d50 is not None:
        rows.append(_row("particle D50 by volume", found.d50, wanted.d50, "m"))
    return rows


def _row(quantity: str, measured: float, truth: float, unit: str) -> dict[str, Any]:
    difference = measured - truth
    return {"quantity": quantity, "measured": measured, "truth": truth, "difference": difference, "unit": unit}


def _text(result: EvaluateResult) -> str:
    """A table for the terminal: one line per class, then all other numbers with what they are made of."""
    names = ("iou", "dice", "boundary_f_score")
    lines = [result.grouping.sentence, f"{'class':<16}" + "".join(f"{name:>18}" for name in names)]
    for phase in result.grouping.names:
        scores = [result.measurements.one(name, phase=phase).value for name in names]
        cells = "".join(f"{'-' if s is None or np.isnan(s) else format(s, '.4f'):>18}" for s in scores)
        lines.append(f"{phase:<16}{cells}")
    per_class = {*names, "voxel_precision", "voxel_recall"}
    lines += [_line(item) for item in result.measurements if item.name not in per_class]
    return "\n".join([*lines, *(f"note: {sentence}" for sentence in result.warnings)])


def _line(item: Measurement) -> str:
    """Name, value and unit, and what was compared; a number that is withheld says why."""
    label = " ".join(part for part in (item.name, item.phase, item.axis, item.statistic) if part)
    value = "-" if item.value is None else f"{item.value:.4g}"
    note = item.reason if item.value is None else item.method
    words = [value, "" if item.unit == "1" else item.unit, f"({note})" if note else ""]
    return f"{label:<60} {' '.join(word for word in words if word)}"
