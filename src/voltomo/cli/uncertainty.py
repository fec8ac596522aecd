"""`voltomo uncertainty`: what other operators, or a boundary drawn elsewhere, would have found."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from voltomo.cli import options
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
    memory: options.Memory = None,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Measure a study again with the operator part in the budgets of its numbers."""
    if more and not annotators:
        raise InputError(f"unexpected {more[0]}; other segmentations come after --annotators")
    others = [*(annotators or ()), *(more or ())]
    if bool(others) == (boundary is not None):
        raise InputError("give either --annotators with other segmentations, or --boundary with a number of voxels")
    from voltomo.io.artifacts import StudyArtifacts
    from voltomo.pipeline import load_recipe, run_verbs

    opened = StudyArtifacts(study)
    record = opened.records.get("measure")
    settings: dict[str, Any] = dict(record.config) if record else {}
    named = [str(path.resolve()) for path in others]
    operator = {"segmentations": named, "perturbed_boundary": boundary or 0}
    settings["uncertainty"] = {**settings.get("uncertainty", {}), **operator}
    steps = load_recipe({"steps": [{"measure": settings}]}).steps
    out = Output(quiet, as_json)
    with out:
        done = run_verbs(study, steps, overwrite=True, memory=memory, progress=out.progress, on_stage=out.stage)
    rows = [_row(item) for item in done.measurements if item.name in _SHOWN]
    found = [row for row in rows if row["operator"] is not None or row["range"] is not None]
    out.say("\n".join(f"  {_text(row)}" for row in found))
    out.result({"study": str(study), "numbers": found}, f"{len(found)} numbers above; all are in {study}")


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
