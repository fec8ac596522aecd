"""The commands that run stages. Each parses, calls one function, and shows what it returned."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from voltomo.cli import options
from voltomo.cli.output import Output
from voltomo.errors import InputError

__all__ = ["denoise", "is_study", "measure", "particles", "report", "run", "segment"]


def run(
    source: Annotated[
        Path,
        typer.Argument(metavar="SCAN|RECIPE", help="A grey image or volume, a recipe (.yaml), or a study to continue."),
    ],
    voxel_size: options.VoxelSize = None,
    output: options.OutputFolder = None,
    phases: options.Phases = None,
    model: options.Model = None,
    probabilities: options.Probabilities = False,
    members: options.Members = False,
    accept_drift: options.AcceptDrift = False,
    through_plane: Annotated[
        str | None, typer.Option("--through-plane", metavar="z|y|x", help="Axis normal to the current collector.")
    ] = None,
    dataset: Annotated[str | None, typer.Option("--dataset", help="Path of the volume inside an HDF5 file.")] = None,
    mask: options.Mask = None,
    min_diameter: Annotated[
        str | None, typer.Option("--min-diameter", metavar="LENGTH", help='Smallest particle, such as "1 um".')
    ] = None,
    truth: Annotated[
        Path | None, typer.Option("--truth", help="Study or file with the true phases: the report shows the error.")
    ] = None,
    memory: options.Memory = None,
    overwrite: options.Overwrite = False,
    start_from: options.From = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be done, with memory and time.")] = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Take a scan to phases, particles, numbers and a page to read."""
    if is_study(source) and (source / "recipe.yaml").exists():
        source, output = source / "recipe.yaml", output or source
    elif is_study(source) and (source / "volume.ome.zarr").exists():
        source, output = source / "volume.ome.zarr", output or Path(f"{source.name}_study")
    recipe, scan = (source, None) if source.suffix.lower() in (".yaml", ".yml") else (None, source)
    content: Any = recipe
    kept = {"probabilities": probabilities, "members": members}
    segmented = _segment_settings(phases, model=model, accept_drift=accept_drift, **kept)
    if recipe is None:
        steps: list[dict[str, Any]] = [
            {"segment": segmented if "method" in segmented or model else {**segmented, "method": "auto"}},
            *([{"particles": options.parse_settings(None, min_diameter=min_diameter)}] if _knows_active(model) else []),
            {"measure": {}},
        ]
        if truth is not None:
            steps.append({"evaluate": {"truth": str(truth.resolve())}})
        content = {"steps": [*steps, {"report": {}}]}
    elif phases or min_diameter or truth or model:
        raise InputError("--phases, --model, --min-diameter and --truth stand in the recipe when a recipe is run")
    _run(
        scan,
        content,
        Output(quiet, as_json),
        output=output,
        overwrite=overwrite,
        start_from=start_from,
        dry_run=dry_run,
        voxel_size=voxel_size,
        through_plane=through_plane,
        dataset=dataset,
        mask=mask,
        memory=memory,
    )


def measure(
    source: Annotated[Path, typer.Argument(metavar="PHASES|STUDY", help="A segmented file, or a study.")],
    phases: options.Phases = None,
    voxel_size: options.VoxelSize = None,
    output: options.OutputFolder = None,
    dataset: Annotated[str | None, typer.Option("--dataset", help="Path of the volume inside an HDF5 file.")] = None,
    through_plane: Annotated[
        str | None, typer.Option("--through-plane", metavar="z|y|x", help="Axis normal to the current collector.")
    ] = None,
    min_diameter: Annotated[
        str | None, typer.Option("--min-diameter", metavar="LENGTH", help='Smallest particle, such as "1 um".')
    ] = None,
    formulation: Annotated[
        Path | None,
        typer.Option("--formulation", metavar="FILE", help="Recipe of the coating, to check the fractions against."),
    ] = None,
    memory: options.Memory = None,
    overwrite: options.Overwrite = False,
    settings: options.Settings = None,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Measure somebody else's segmentation, or a study again."""
    values = options.parse_settings(settings)
    if formulation is not None:
        from voltomo.stages.formulation import read_formulation

        values["formulation"] = read_formulation(formulation).model_dump(mode="json", exclude_none=True)
    if is_study(source):
        _run_in_study(source, "measure", values, overwrite, memory, Output(quiet, as_json))
        return
    if phases is None or phases.isdigit():
        raise InputError(
            f"{source} is no study, so its codes need a phase table: --phases phases.yaml (see `voltomo init`); "
            "a grey image goes to `voltomo run`"
        )
    from voltomo.stages.phase_table import read_phase_table

    steps: list[dict[str, Any]] = [{"measure": values}, {"report": {}}]
    if read_phase_table(Path(phases)).table.with_role("active"):
        steps.insert(0, {"particles": options.parse_settings(None, min_diameter=min_diameter)})
    _run(
        None,
        {"steps": steps},
        Output(quiet, as_json),
        output=output,
        overwrite=overwrite,
        segmentation=str(source),
        phases=phases,
        voxel_size=voxel_size,
        dataset=dataset,
        through_plane=through_plane,
        memory=memory,
    )


def denoise(
    source: Annotated[Path, typer.Argument(metavar="SCAN|STUDY", help="A grey image or volume, or a study.")],
    method: Annotated[str | None, typer.Option("--method", help="nlm, median or gaussian.")] = None,
    settings: options.Settings = None,
    output: options.OutputFolder = None,
    voxel_size: options.VoxelSize = None,
    mask: options.Mask = None,
    memory: options.Memory = None,
    overwrite: options.Overwrite = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Take noise out of a scan before it is segmented."""
    values = options.parse_settings(settings, method=method)
    _verb(
        source,
        "denoise",
        values,
        overwrite,
        memory,
        Output(quiet, as_json),
        output=output,
        voxel_size=voxel_size,
        mask=mask,
    )


def segment(
    source: Annotated[Path, typer.Argument(metavar="SCAN|STUDY", help="A grey image or volume, or a study.")],
    method: Annotated[
        str | None,
        typer.Option("--method", help="otsu, multi-otsu, triangle, threshold, fractions, hysteresis or kmeans."),
    ] = None,
    model: options.Model = None,
    probabilities: options.Probabilities = False,
    disagreement: options.Disagreement = False,
    members: options.Members = False,
    accept_drift: options.AcceptDrift = False,
    phases: options.Phases = None,
    settings: options.Settings = None,
    output: options.OutputFolder = None,
    voxel_size: options.VoxelSize = None,
    mask: options.Mask = None,
    memory: options.Memory = None,
    overwrite: options.Overwrite = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Segment a scan into phases."""
    kept = {"probabilities": probabilities, "disagreement": disagreement, "members": members}
    asked = _segment_settings(phases, model=model, accept_drift=accept_drift, **kept)
    values = {**asked, **options.parse_settings(settings, method=method)}
    _verb(
        source,
        "segment",
        values,
        overwrite,
        memory,
        Output(quiet, as_json),
        output=output,
        voxel_size=voxel_size,
        mask=mask,
    )


def particles(
    study: Annotated[Path, typer.Argument(help="A study with phases.")],
    min_diameter: Annotated[
        str | None, typer.Option("--min-diameter", metavar="LENGTH", help='Smallest particle, such as "1 um".')
    ] = None,
    settings: options.Settings = None,
    memory: options.Memory = None,
    overwrite: options.Overwrite = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Find every particle of a study, cracked ones whole."""
    values = options.parse_settings(settings, min_diameter=min_diameter)
    _run_in_study(study, "particles", values, overwrite, memory, Output(quiet, as_json))


def report(
    study: Annotated[Path, typer.Argument(help="A study.")],
    title: Annotated[str | None, typer.Option("--title", help="Heading of the page.")] = None,
    memory: options.Memory = None,
    overwrite: options.Overwrite = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Write the page of a study again."""
    values = options.parse_settings(None, title=title)
    _run_in_study(study, "report", values, overwrite, memory, Output(quiet, as_json))


def _segment_settings(phases: str | None, *, model: Sequence[str] | None = None, **flags: bool) -> dict[str, Any]:
    """Settings of `segment` that ``--phases``, or ``--model`` and what belongs to it, stand for.

    Of the `flags`, such as ``probabilities=True``, those that are set.
    """
    given: dict[str, Any] = {name: True for name, flag in flags.items() if flag}
    if model:
        given["model"] = model[0]
        given |= {"also": model[1:]} if model[1:] else {}
        if phases is not None:
            raise InputError("a model knows its phases; leave --phases out")
    if phases is None:
        return given
    if phases.isdigit():
        count = int(phases)
        return {**given, "classes": count, "method": "otsu" if count == 2 else "multi-otsu"}
    from voltomo.stages.phase_table import read_phase_table

    rows = read_phase_table(Path(phases)).table.to_rows()
    named = [{key: row[key] for key in ("id", "name", "role", "color")} for row in rows]
    return {**given, "phases": named, "method": "otsu" if len(named) == 2 else "multi-otsu"}


def _knows_active(model: Sequence[str] | None) -> bool:
    """Whether there will be active material: with a model, if it names some."""
    if not model:
        return True
    from voltomo.io.model_folder import read_card
    from voltomo.io.model_lookup import find_model, model_folders

    return bool(read_card(find_model(model[0], model_folders(os.environ))).phases.with_role("active"))


def is_study(path: Path) -> bool:
    """Whether a path is a folder that voltomo wrote."""
    from voltomo.io.study import Study

    return path.is_dir() and Study.is_study(path)


def _verb(
    source: Path,
    verb: str,
    values: dict[str, Any],
    overwrite: bool,
    memory: str | None,
    out: Output,
    **given: Any,
) -> None:
    """A verb on a study in place, or on a file into a new study."""
    if is_study(source):
        _run_in_study(source, verb, values, overwrite, memory, out)
    else:
        _run(source, {"steps": [{verb: values}]}, out, overwrite=overwrite, memory=memory, **given)


def _run(source: Path | None, recipe: Any, out: Output, *, dry_run: bool = False, **given: Any) -> None:
    from voltomo.pipeline import describe_plan, run

    command = "voltomo " + shlex.join(sys.argv[1:])
    if dry_run:
        expected = describe_plan(source, recipe, **given)
        out.result(expected.values, expected.text)
        return
    with out:
        study = run(source, recipe, progress=out.progress, on_stage=out.stage, command=command, **given)
    _show(study, out)


def _run_in_study(
    study: Path, verb: str, values: dict[str, Any], overwrite: bool, memory: str | None, out: Output
) -> None:
    from voltomo.pipeline import load_recipe, run_verbs

    steps = load_recipe({"steps": [{verb: values}]}).steps
    with out:
        done = run_verbs(study, steps, overwrite=overwrite, memory=memory, progress=out.progress, on_stage=out.stage)
    _show(done, out)


def _show(study: Any, out: Output) -> None:
    warnings = [sentence for record in study.records.values() for sentence in record.warnings]
    for sentence in dict.fromkeys(warnings):
        out.say(f"  note: {sentence}")
    values = {"study": str(study.folder), "stages": list(study.records), "warnings": warnings}
    text = f"study: {study.folder}"
    if study.report.exists():
        values["report"] = str(study.report)
        text = f"report: {study.report}"
    out.result(values, text)
