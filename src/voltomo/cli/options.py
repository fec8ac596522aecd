"""Options that several commands share, said once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from voltomo.errors import InputError

__all__ = [
    "AcceptDrift",
    "Debug",
    "Disagreement",
    "From",
    "Json",
    "Mask",
    "Members",
    "Memory",
    "Model",
    "OutputFolder",
    "Overwrite",
    "Phases",
    "Probabilities",
    "Quiet",
    "Settings",
    "VoxelSize",
    "parse_settings",
]

VoxelSize = Annotated[
    str | None,
    typer.Option(
        "--voxel-size",
        metavar="SIZE",
        help='Edge of a voxel: "64 nm", "200,64,64 nm" (z, y, x), "z=0.2 um, y=x=64 nm", or none if it is unknown.',
    ),
]
OutputFolder = Annotated[
    Path | None, typer.Option("-o", "--output", metavar="FOLDER", help="Study folder; a new one, or one to continue.")
]
Phases = Annotated[
    str | None,
    typer.Option("--phases", metavar="N|FILE", help="Number of grey classes, or a phase table (see `voltomo init`)."),
]
Mask = Annotated[
    str | None, typer.Option("--mask", metavar="auto|none|FILE", help="Field of view; found by itself by default.")
]
Model = Annotated[
    list[str] | None,
    typer.Option(
        "-m",
        "--model",
        metavar="MODEL",
        help="A trained model that segments: a path or name. Of several (-m A -m B) the probabilities are averaged.",
    ),
]
AcceptDrift = Annotated[
    bool, typer.Option("--accept-drift", help="Use the model on a scan that is unlike those that trained it.")
]
Probabilities = Annotated[
    bool,
    typer.Option(
        "--probabilities", help="Keep the probabilities of a model's phases; `measure` makes intervals of them."
    ),
]
Disagreement = Annotated[
    bool,
    typer.Option("--disagreement", help="Keep how far the members of an ensemble are apart on each voxel."),
]
Members = Annotated[
    bool,
    typer.Option(
        "--members", help="Keep the phases as each member of an ensemble sees them; `measure` makes intervals of them."
    ),
]
Memory = Annotated[str | None, typer.Option("--memory", metavar="SIZE", help="Memory to stay under, such as 4GB.")]
Overwrite = Annotated[
    bool,
    typer.Option("--overwrite", help="Replace stages that were made with other settings, and what depends on them."),
]
From = Annotated[str | None, typer.Option("--from", metavar="STAGE", help="Run this stage and those after it again.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but the result and errors.")]
Json = Annotated[bool, typer.Option("--json", help="Progress as JSON lines on stderr, the result as JSON on stdout.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show where an unexpected error came from.", hidden=True)]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Any other setting of this step as a recipe would have it."),
]


def parse_settings(settings: list[str] | None, **named: Any) -> dict[str, Any]:
    """Settings of a step: those with an option of their own that were given, and the ``key=value`` ones.

    Raises
    ------
    InputError
        If one is not of the form ``key=value``.
    """
    values = {key: value for key, value in named.items() if value is not None}
    for setting in settings or []:
        key, equals, value = setting.partition("=")
        if not equals or not key.strip():
            raise InputError(f"expected --set key=value, found {setting!r}")
        try:
            values[key.strip()] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise InputError(f"--set {setting!r}: the value is not valid YAML ({error})") from error
    return values
