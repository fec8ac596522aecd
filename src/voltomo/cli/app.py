"""The command `voltomo` and what it can be followed by."""

from __future__ import annotations

from typing import Annotated

import typer

from voltomo.cli import commands, compare, learning, models, study, synthetic, tools, uncertainty

__all__ = ["app"]

app = typer.Typer(
    name="voltomo",
    help="From a battery-electrode scan to numbers a paper can stand on.\n\n"
    'Start with:  voltomo run scan.tif --voxel-size "64 nm" -o study/',
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(show: bool) -> None:
    if show:
        import voltomo

        print(f"voltomo {voltomo.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    pass


for _command in (
    commands.run,
    commands.denoise,
    learning.train,
    commands.segment,
    commands.particles,
    commands.measure,
    commands.report,
    tools.evaluate,
    compare.compare,
    uncertainty.uncertainty,
    synthetic.synth,
    tools.export,
    tools.check,
    tools.init,
    tools.doctor,
    tools.demo,
):
    app.command()(_command)
app.add_typer(models.models)
app.add_typer(study.study)
