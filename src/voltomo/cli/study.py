"""`voltomo study`: questions about the method itself, answered on synthetic electrodes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from voltomo.cli import options
from voltomo.cli.output import Output
from voltomo.errors import InputError

__all__ = ["study"]

study = typer.Typer(
    name="study",
    help="Ask how far to trust the method itself, on electrodes whose truth is known.",
    no_args_is_help=True,
)


@study.callback()
def _studies() -> None:
    """Keeps the name of the study in the command while there is only one."""


@study.command("label-bias")
def label_bias(
    more: Annotated[
        list[str] | None, typer.Argument(metavar="[BIAS]...", help="Further biases.", show_default=False)
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FOLDER", help="Folder for the page and the tables.")
    ] = None,
    bias: Annotated[
        list[str] | None,
        typer.Option("--bias", metavar="BIAS", help="none, dilate, erode, jitter; several may follow. All by default."),
    ] = None,
    electrodes: Annotated[
        int | None, typer.Option("--seeds", metavar="N", help="Electrodes that are made [3].")
    ] = None,
    size: Annotated[int | None, typer.Option("--size", metavar="VOXELS", help="Edge of an electrode [96].")] = None,
    method: Annotated[
        str | None, typer.Option("--method", help="What learns: mlp [default], forest, boosting, unet ...")
    ] = None,
    slices: Annotated[
        int | None, typer.Option("--slices", metavar="N", help="Labelled slices of each scan [3].")
    ] = None,
    by: Annotated[int | None, typer.Option("--by", metavar="VOXELS", help="How far the labels are off [1].")] = None,
    dose: Annotated[str | None, typer.Option("--dose", metavar="low|medium|high", help="Dose of the scans.")] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", help="Of the first electrode [0]; each next takes one more.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A setting of the training, such as steps=400."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace runs that had other settings.")] = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Measure what labels that are too wide, too narrow or unsteady do to porosity, surface and tortuosity."""
    from voltomo.pipeline.label_bias import study_label_bias
    from voltomo.report.label_bias import summary_lines
    from voltomo.stages.label_bias import LabelBiasConfig
    from voltomo.stages.recipe import validate_config

    if output is None:
        raise InputError("name the folder to make with -o, such as `voltomo study label-bias -o bias/`")
    if more and not bias:
        raise InputError(f"unexpected {more[0]}; biases come after --bias")
    values: dict[str, Any] = {
        key: value
        for key, value in (
            ("electrodes", electrodes), ("size", size), ("method", method), ("slices", slices), ("by", by),
            ("dose", dose), ("seed", seed), ("biases", [*(bias or ()), *(more or ())] or None),
            ("settings", options.parse_settings(settings) or None),
        )
        if value is not None
    }  # fmt: skip
    config = validate_config(LabelBiasConfig, values, source="study label-bias")
    out = Output(quiet, as_json)
    with out:
        found = study_label_bias(
            config,
            output,
            overwrite=overwrite,
            on_run=lambda name, what, i, n: out.stage(f"{i}/{n} {name}", what),
            on_progress=lambda progress: _show(out, progress),
        )
    out.say("\n".join(f"  {line}" for line in summary_lines(found.rows)))
    out.result({"page": str(found.page), "numbers": found.values["numbers"]}, f"page: {found.page}")


def _show(out: Output, progress: Any) -> None:
    """Steps of a network, or parts of the training of a pixel classifier."""
    if hasattr(progress, "members"):
        out.progress("train", "steps", progress.step, progress.steps)
    else:
        out.progress("train", progress.stage, progress.done, progress.total)
