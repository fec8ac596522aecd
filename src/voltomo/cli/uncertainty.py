"""`voltomo uncertainty`: what other operators, or a boundary drawn elsewhere, would have found."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from voltomo.cli import options
from voltomo.cli.learning import code_of
from voltomo.cli.output import Output
from voltomo.errors import InputError

__all__ = ["uncertainty"]


def uncertainty(
    study: Annotated[Path, typer.Argument(help="A measured study.")],
    more: Annotated[list[Path] | None, typer.Argument(metavar="[OTHER]...", help="Further segmentations.")] = None,
    annotators: Annotated[
        list[Path] | None,
        typer.Option(
            "--annotators",
            metavar="OTHER",
            help="Other segmentations of the same volume: studies, or files with the ids of this study's phases. With "
            "the study's own, three or more give a standard uncertainty, two a range.",
        ),
    ] = None,
    boundary: Annotated[
        int | None,
        typer.Option(
            "--boundary", metavar="VOXELS", help="Without others: a boundary anywhere within ± so many voxels."
        ),
    ] = None,
    retrain: Annotated[
        tuple[Path, Path] | None,
        typer.Option(
            "--retrain",
            metavar="GREY LABELS",
            help="Train the model of the study again, from its grey images and labels: on the labels that --annotators "
            "name, or on its own with their boundary moved by --boundary (1); segment the study with each.",
        ),
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option("--seeds", metavar="N", help="With --retrain: so many sets of jittered labels (3), each a seed."),
    ] = None,
    phases: Annotated[
        Path | None, typer.Option("--phases", metavar="FILE", help="With --retrain: as given to `train`.")
    ] = None,
    unlabelled: Annotated[
        str | None, typer.Option("--unlabelled", metavar="CODE|none", help="With --retrain: as given to `train`.")
    ] = None,
    memory: options.Memory = None,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Measure a study again with the operator part in the budgets of its numbers."""
    if more and not annotators:
        raise InputError(f"unexpected {more[0]}; other segmentations come after --annotators")
    others = [str(path.resolve()) for path in (*(annotators or ()), *(more or ()))]
    if (others and boundary is not None) or not (others or boundary is not None or retrain):
        raise InputError(
            "give either --annotators with other segmentations, or --boundary with a number of voxels; with --retrain, "
            "--annotators are labels"
        )
    again = _retraining(retrain, others, boundary, seeds, phases, unlabelled)
    from voltomo.io.artifacts import StudyArtifacts
    from voltomo.pipeline import load_recipe, run_verbs

    opened = StudyArtifacts(study)
    record = opened.records.get("measure")
    settings: dict[str, Any] = dict(record.config) if record else {}
    operator = {"segmentations": others, "perturbed_boundary": boundary or 0}
    if again is not None:
        operator = {"segmentations": [], "perturbed_boundary": 0}
    settings["uncertainty"] = {**settings.get("uncertainty", {}), **operator}
    asked = [{"measure": settings}] if again is None else [{"retrain": again}, {"measure": settings}]
    steps = load_recipe({"steps": asked}).steps
    if again is not None:
        from voltomo.pipeline.retraining import check_retrain

        check_retrain(opened, steps[0].config)  # before anything of the study is replaced
    out = Output(quiet, as_json)
    with out:
        done = run_verbs(study, steps, overwrite=True, memory=memory, progress=out.progress, on_stage=out.stage)
    rows = [_row(item) for item in done.measurements if item.name in _SHOWN]
    found = [row for row in rows if row["operator"] is not None or row["range"] is not None]
    out.say("\n".join(f"  {_text(row)}" for row in found))
    out.result({"study": str(study), "numbers": found}, f"{len(found)} numbers above; all are in {study}")


def _retraining(
    retrain: tuple[Path, Path] | None,
    others: list[str],
    boundary: int | None,
    seeds: int | None,
    phases: Path | None,
    unlabelled: str | None,
) -> dict[str, Any] | None:
    """Settings of the step `retrain`; None where it was not asked for."""
    own = {"--seeds": seeds, "--phases": phases, "--unlabelled": unlabelled}
    if retrain is None:
        if given := [name for name, value in own.items() if value is not None]:
            raise InputError(f"{given[0]} belongs to --retrain GREY LABELS, which is missing")
        return None
    if others and seeds is not None:
        raise InputError("--seeds counts jittered labels, which belong to --boundary; leave it out with --annotators")
    grey, labels = (str(path.resolve()) for path in retrain)
    told: dict[str, Any] = {"grey": grey, "labels": labels}
    told |= {"annotators": others} if others else {"boundary": 1 if boundary is None else boundary}
    if seeds is not None:
        told["jittered"] = seeds
    if phases is not None:
        told["phases"] = str(phases.resolve())
    if unlabelled is not None:
        told["unlabelled"] = code_of(unlabelled)
    return told


_SHOWN = ("volume_fraction", "area_fraction", "porosity", "specific_surface_area", "tortuosity_factor")
_BANDS = ("two segmentations",)


def _row(item: Any) -> dict[str, Any]:
    """A number with its operator part."""
    part = next((part for part in item.parts if part.name == "operator"), None)
    band = next((band for band in item.bands if band.name in _BANDS), None)
    return {
        "name": item.name,
        "phase": item.phase,
        "axis": item.axis,
        "method": item.method,
        "value": item.value,
        "unit": item.unit,
        "operator": None if part is None else part.standard_uncertainty,
        "range": None if band is None else [band.low, band.high],
    }


def _text(row: dict[str, Any]) -> str:
    words = " ".join(part for part in (row["name"], row["phase"], row["axis"], row["method"]) if part)
    unit = "" if row["unit"] == "1" else f" {row['unit']}"
    if row["range"] is not None:
        low, high = row["range"]
        return f"{words:<60} {row['value']:.4g}{unit}, two segmentations: {low:.4g} to {high:.4g}"
    return f"{words:<60} {row['value']:.4g}{unit}, u(operator) = {row['operator']:.2g}"
