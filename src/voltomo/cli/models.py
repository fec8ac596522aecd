"""`voltomo models`: what models there are, what one says about itself."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from voltomo.cli import options
from voltomo.cli.learning import score_lines
from voltomo.cli.output import Output
from voltomo.errors import InputError, VoltomoError

__all__ = ["models"]

models = typer.Typer(
    name="models", help="List, show and test trained models, or hand them to other programs.", no_args_is_help=True
)
ModelName = Annotated[str, typer.Argument(metavar="MODEL", help="Path of a model, or a name that `list` shows.")]


@models.command("list")
def list_models(quiet: options.Quiet = False, as_json: options.Json = False, debug: options.Debug = False) -> None:
    """List the models in ./models, $VOLTOMO_MODELS, your own folder and the package, the nearest first."""
    from voltomo.io import model_lookup

    folders = model_lookup.model_folders(os.environ)
    found = model_lookup.list_models(folders)
    rows: list[dict[str, Any]] = []
    lines = []
    for entry in found:
        row: dict[str, Any] = {"name": entry.name, "path": str(entry.path), "problem": entry.problem}
        what = entry.problem
        if entry.card is not None:
            names = [phase.name for phase in entry.card.phases]
            row |= {"network": entry.card.network, "phases": names}
            what = f"{entry.card.network:<10} {', '.join(names)}"
        rows.append({**row, "hidden": entry.hidden})
        hidden = "  (another of this name comes first)" if entry.hidden else ""
        lines.append(f"{entry.name:<16} {what}  {entry.path.parent}{hidden}")
    looked = "no model in " + ", ".join(str(folder) for folder in folders)
    Output(quiet, as_json).result({"models": rows}, "\n".join(lines) or looked)


@models.command()
def show(
    name: ModelName, quiet: options.Quiet = False, as_json: options.Json = False, debug: options.Debug = False
) -> None:
    """Show what a model is, how it was trained, and how far to trust it."""
    from voltomo.units import format_voxel_size

    model = _load(name)
    scores = model.record.get("scores")
    sizes = "unknown" if model.voxel_size is None else " to ".join(format_voxel_size(s) for s in model.voxel_size)
    parameters = sum(array.size for array in model.weights.values())
    facts = {
        "network": model.network,
        "settings": dict(model.settings),
        "phases": [{"id": p.id, "name": p.name, "role": p.role} for p in model.phases],
        "channels": list(model.channels),
        "numbers": parameters,
        "members": 1 + len(model.members),
        "voxel_size": sizes,
        "temperature": model.temperature,
        "precision": dict(model.precision),
        "licence": model.licence,
    }
    text = [
        f"{model.name}: {model.network}, {parameters} numbers, {1 + len(model.members)} member(s)",
        "phases: " + ", ".join(f"{p.id} {p.name} ({p.role})" for p in model.phases),
        f"channels: {', '.join(model.channels)}; voxel size of the training scans: {sizes}",
        f"temperature: {model.temperature:.3f}; licence: {model.licence or 'not said'}",
        *(
            score_lines(scores)
            if scores
            else ["no scores: this model was never judged on labels that did not train it"]
        ),
    ]
    Output(quiet, as_json).result({"model": model.name, **facts, "scores": scores}, "\n".join(text))


@models.command("test")
def replay(
    name: ModelName, quiet: options.Quiet = False, as_json: options.Json = False, debug: options.Debug = False
) -> None:
    """Put the stored test image into a model and compare with the stored answer."""
    from dataclasses import asdict

    from voltomo.inference.replay import replay_test

    found = replay_test(_load(name))
    if not found.passed:
        raise VoltomoError(
            f"{name}: {found.sentence()}. This installation does not give what the model gave where it was trained; "
            "look at its versions with `voltomo doctor`"
        )
    Output(quiet, as_json).result({"model": name, **asdict(found)}, f"{name}: {found.sentence()}")


@models.command("next")
def propose(
    name: ModelName,
    grey: Annotated[Path, typer.Argument(metavar="GREY", help="Volume, or folder of the slices of one scan.")],
    count: Annotated[int, typer.Option("-n", "--count", min=1, help="Slices to propose.")] = 3,
    labelled: Annotated[
        str,
        typer.Option("--labelled", metavar="SLICES", help="Slices that are labelled, such as 20,200, or their files."),
    ] = "",
    quiet: options.Quiet = False,
    as_json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Propose slices to label next: where an ensemble disagrees, or a single model is least sure."""
    from voltomo.io.registry import read_volume
    from voltomo.stages.next_slices import find_next_slices

    volume = read_volume(grey)
    files: tuple[str, ...] = volume.metadata.get("slices", ())
    numbers = [_number_of(part.strip(), files) for part in labelled.split(",") if part.strip()]
    found = find_next_slices(volume, _load(name), name=grey.name, count=count, labelled=numbers)
    out = Output(quiet, as_json)
    for sentence in dict.fromkeys((*volume.metadata.get("notices", ()), *found.notices)):
        out.say(f"  note: {sentence}")
    doubt = {z: round(share, 5) for z, share in zip(found.numbers, found.doubt, strict=True)}
    rows = [
        {
            "slice": one.slice,
            **({"file": one.file} if one.file else {}),
            "doubt": doubt[one.slice],
            "reason": one.reason,
        }
        for one in found.chosen
    ]
    looked = [{"slice": z, "doubt": share} for z, share in doubt.items()]
    lines = [f"{one.file or f'slice {one.slice}'}: {one.reason}" for one in found.chosen]
    text = "\n".join(lines) or "no slice is left to propose"
    out.result({"model": name, "volume": str(grey), "next": rows, "looked_at": looked}, text)


def _number_of(text: str, files: Sequence[str]) -> int:
    """Number of a slice that is given by it, or by its file."""
    if text.isdigit():
        return int(text)
    if text not in files:
        files_too = f", or names of files such as {files[0]}" if files else ""
        raise InputError(
            f"expected --labelled with numbers of slices from 0 on, such as 20,200{files_too}; found {text!r}"
        )
    return files.index(text)


@models.command("export")
def hand_over(
    name: ModelName,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="File to write: .onnx or .zip.")],
    form: Annotated[str, typer.Option("--format", metavar="onnx|bioimageio", help="For which programs.")] = "onnx",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that is there.")] = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Hand a network to other programs."""
    from voltomo.stages.model_export import export_model

    if form not in ("onnx", "bioimageio"):
        raise InputError(f"expected --format onnx or bioimageio, found {form!r}")
    path = export_model(_load(name), output, form=form, overwrite=overwrite)  # type: ignore[arg-type]
    Output(quiet, as_json).result({"file": str(path)}, f"file: {path}")


def _load(name: str) -> Any:
    from voltomo.io.model_lookup import load_model, model_folders

    return load_model(name, model_folders(os.environ))
