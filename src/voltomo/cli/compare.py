"""`voltomo compare`: two or more studies side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from voltomo.cli import options
from voltomo.cli.output import Output

__all__ = ["compare"]


def compare(
    studies: Annotated[list[Path], typer.Argument(metavar="REFERENCE STUDY...", help="Two or more measured studies.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FOLDER", help="Where to write compare.html.")],
    title: Annotated[str | None, typer.Option("--title", help="Heading of the page.")] = None,
    settings: options.Settings = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a comparison that is there.")] = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Hold studies against the first one: what differs by more than its uncertainty."""
    from voltomo.pipeline.comparison import CompareConfig, compare_studies
    from voltomo.report.comparison_rows import finding
    from voltomo.stages.recipe import validate_config

    values = options.parse_settings(settings, title=title)
    config = validate_config(CompareConfig, values, source="compare")
    out = Output(quiet, as_json)
    found = compare_studies(studies, output, config, overwrite=overwrite)
    for flag in found.flags:
        out.say(f"  note: {flag}")
    apart = [
        f"{pair.label}: {finding(found, contrast)}"
        for pair in found.pairs
        for contrast in pair.contrasts
        if contrast.verdict in ("higher", "lower")
    ]
    for sentence in apart:
        out.say(f"  {sentence}")
    page = output / "compare.html"
    out.result({"page": str(page), "flags": found.flags, "apart": apart}, f"comparison: {page}")
