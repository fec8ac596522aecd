"""`voltomo train`: labels to a model."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from voltomo.cli import options
from voltomo.cli.output import Output
from voltomo.errors import InputError

__all__ = ["code_of", "train"]


def train(
    grey: Annotated[
        Path | None, typer.Argument(metavar="GREY", help="Grey image or volume, or a folder of them.")
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Argument(
            metavar="LABELS", help="Labels of equal name, or name + _label; by default in the folder of the images."
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="MODEL", help="Model folder to make, such as models/mine.")
    ] = None,
    method: Annotated[
        str | None,
        typer.Option("--method", help="unet, lrcsnet, segnet, patchnet; or forest, boosting, mlp (pixel classifiers)."),
    ] = None,
    phases: Annotated[
        Path | None, typer.Option("--phases", metavar="FILE", help="Phase table with the codes of the label files.")
    ] = None,
    unlabelled: Annotated[
        str, typer.Option("--unlabelled", metavar="CODE|none", help="Code of pixels that nobody labelled.")
    ] = "auto",
    annotators: Annotated[
        list[Path] | None,
        typer.Option("--annotators", metavar="FOLDER", help="Labels of one more person; repeat for each."),
    ] = None,
    start: Annotated[
        str | None, typer.Option("--from", metavar="MODEL", help="Go on from this model: a path or a name.")
    ] = None,
    reuse: Annotated[
        str | None, typer.Option("--reuse", metavar="all|encoder|NAMES", help="What is taken over from it.")
    ] = None,
    freeze: Annotated[
        str | None, typer.Option("--freeze", metavar="none|encoder|NAMES", help="What of it stays as it is.")
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Of the split, the weights and the samples.")] = None,
    grid: Annotated[
        Path | None, typer.Option("--grid", metavar="FILE", help="Train all settings of a grid.yaml, and rank them.")
    ] = None,
    settings: options.Settings = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a model, or a training interrupted with other settings.")
    ] = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Learn a segmentation from labelled slices, partly labelled ones, or scribbles."""
    out = Output(quiet, as_json)
    if grid is not None:
        _train_grid(grid, out, overwrite=overwrite)
        return
    if grey is None or output is None:
        raise InputError("name the grey images and the model to make: voltomo train grey/ labels/ -o models/mine")
    from voltomo.learning.next_slices import choose_next_slices
    from voltomo.pipeline.training import train_from_files
    from voltomo.stages.recipe import validate_config
    from voltomo.stages.train import TrainConfig

    own = {"share", "gap"}
    told = options.parse_settings(settings, reuse=_names(reuse), freeze=_names(freeze))
    values: dict[str, Any] = {key: told.pop(key) for key in own & set(told)}
    values |= {key: value for key, value in (("method", method), ("seed", seed)) if value is not None}
    config = validate_config(TrainConfig, {**values, "settings": told}, source="train")
    with out:
        out.stage("train", "started")
        trained = train_from_files(
            grey,
            _by_annotator(labels, annotators),
            output,
            config,
            phases=phases,
            unlabelled=code_of(unlabelled),
            start=_model(start),
            overwrite=overwrite,
            on_progress=lambda progress: _show(out, progress),
        )
        out.stage("train", "finished")
    for sentence in dict.fromkeys(trained.notices):
        out.say(f"  note: {sentence}")
    for chosen in choose_next_slices(trained.pairs.candidates(), count=3):
        where = chosen.file or f"{chosen.name}, slice {chosen.slice}"
        out.say(f"  to label next: {where} ({chosen.reason})")
    scores = trained.model.record["scores"]
    for line in score_lines(scores):
        out.say(f"  {line}")
    out.result(
        {"model": str(trained.folder), "page": str(trained.page), "scores": scores},
        f"model: {trained.folder}" + (f"\npage:  {trained.page}" if trained.page.exists() else ""),
    )


def _train_grid(path: Path, out: Output, *, overwrite: bool) -> None:
    """Train a queue; what is finished is kept, what was interrupted goes on."""
    from voltomo.pipeline.grid import run_grid
    from voltomo.pipeline.grid_plan import read_grid
    from voltomo.pipeline.training import train_from_files
    from voltomo.stages.train import TrainConfig

    queue = read_grid(path)

    def train_one(config: TrainConfig, folder: Path, *, overwrite: bool) -> object:
        return train_from_files(
            Path(queue.grey),
            None if queue.labels is None else Path(queue.labels),
            folder,
            config,
            phases=None if queue.phases is None else Path(queue.phases),
            unlabelled=queue.unlabelled,
            overwrite=overwrite,
            on_progress=lambda progress: _show(out, progress),
        )

    def tell(name: str, what: str, number: int, count: int) -> None:
        out.stage(f"{number}/{count} {name}", what)

    with out:
        result = run_grid(queue, train_one, resume=not overwrite, on_run=tell)
    for run in result.failed:
        out.say(f"  note: {run.name} failed: {run.reason}")
    values = {"page": str(result.page), "runs": [run.name for run in result.runs], "skipped": list(result.skipped)}
    out.result(values, f"ranking: {result.page}")


def score_lines(scores: dict[str, Any]) -> list[str]:
    """Scores on the validation part beside the fitted cut, for people."""

    def text(value: float | None) -> str:
        return "–" if value is None else f"{value:.3f}"

    cut = scores["fitted_cut"]
    lines = [f"{'on labels that did not train it':<34}{'model':>8}{'grey cut':>10}"]
    for phase, value in scores["iou"].items():
        lines.append(f"{'IoU of ' + phase:<34}{text(value):>8}{text(cut['iou'].get(phase)):>10}")
    lines.append(f"{'mean IoU':<34}{text(scores['mean_iou']):>8}{text(cut['mean_iou']):>10}")
    lines.append(f"{'calibration error':<34}{text(scores['calibration_error']):>8}")
    lines.append(f"{'  within 3 voxels of boundaries':<34}{text(scores['calibration_error_near_boundary']):>8}")
    if other := scores.get("other_scan"):
        lines.append(f"{'  on scans that set no temperature':<34}{text(other['calibration_error']):>8}")
        lines.append(f"{'  there, near boundaries':<34}{text(other['calibration_error_near_boundary']):>8}")
    return lines


def code_of(text: str) -> Any:
    """What marks unlabelled pixels."""
    if text in ("auto", "none"):
        return text
    if not text.lstrip("-").isdigit():
        raise InputError(f"expected --unlabelled with a code such as 0 or 255, or none; found {text!r}")
    return int(text)


def _names(text: str | None) -> Any:
    """One word, or several beginnings of names."""
    return text if text is None or "," not in text else tuple(part.strip() for part in text.split(","))


def _by_annotator(labels: Path | None, annotators: list[Path] | None) -> Any:
    if not annotators:
        return labels
    folders = [*([labels] if labels is not None else []), *annotators]
    names = [folder.name for folder in folders]
    if len(set(names)) < len(names):
        names = [f"{folder.parent.name}/{folder.name}" for folder in folders]
    return dict(zip(names, folders, strict=True))


def _model(name: str | None) -> Any:
    if name is None:
        return None
    from voltomo.io.model_lookup import load_model, model_folders

    return load_model(name, model_folders(os.environ))


def _show(out: Output, progress: Any) -> None:
    """Progress of a pixel classifier, or of a network with its validation in words."""
    if not hasattr(progress, "members"):
        out.progress("train", progress.stage, progress.done, progress.total)
        return
    step = "steps" if progress.members == 1 else f"network {progress.member + 1} of {progress.members}"
    out.progress("train", step, progress.step, progress.steps)
    if progress.validation is not None:
        found = progress.validation
        out.say(f"  step {progress.step:>5}  loss {progress.loss:.3f}  validation: mean IoU {found.mean_iou:.3f}")
