"""The commands around a run: look at a file, score a result, hand it on, show it all."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from voltomo.cli import options
from voltomo.cli.commands import is_study
from voltomo.cli.output import Output
from voltomo.errors import InputError

__all__ = ["check", "demo", "doctor", "evaluate", "export", "init"]


def check(
    file: Annotated[Path, typer.Argument(help="A scan, a segmented file, a recipe, or a study.")],
    dataset: Annotated[str | None, typer.Option("--dataset", help="Path of the volume inside an HDF5 file.")] = None,
    as_json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Look at a file without writing anything: whether it can be used, and what it says."""
    from voltomo.pipeline import check_file

    found = check_file(file, dataset=dataset)
    Output(as_json=as_json).result(found, "\n".join(f"{key:<14} {value}" for key, value in found.items()))


def init(
    folder: Annotated[Path, typer.Argument(help="Where to write recipe.yaml and phases.yaml.")] = Path(),
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that are there.")] = False,
    debug: options.Debug = False,
) -> None:
    """Write a recipe and a phase table to start from, with every line explained."""
    from importlib.resources import files

    from voltomo.io.study import storage_errors, write_text

    targets = [folder / name for name in ("recipe.yaml", "phases.yaml")]
    present = [str(path) for path in targets if path.exists()]
    if present and not overwrite:
        raise InputError(f"{' and '.join(present)} exist already; give --overwrite to replace them, or another folder")
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for path in targets:
            write_text(path, files("voltomo.cli").joinpath(path.name).read_text(encoding="utf-8"))
    print("wrote " + " and ".join(str(path) for path in targets))


def doctor(as_json: options.Json = False, debug: options.Debug = False) -> None:
    """Check this installation: versions, memory, disk, compiled kernels, readers."""
    from voltomo.pipeline import diagnose

    findings = diagnose(Path.cwd())
    text = "\n".join(f"{'ok ' if row['ok'] else 'BAD'} {row['what']:<22} {row['found']}" for row in findings)
    Output(as_json=as_json).result({"findings": findings}, text)
    if not all(row["ok"] for row in findings):
        raise typer.Exit(1)


def evaluate(
    result: Annotated[Path, typer.Argument(metavar="RESULT", help="A study, or a segmented file.")],
    truth: Annotated[Path, typer.Argument(metavar="TRUTH", help="A study, or a file with the true phases.")],
    phases: Annotated[
        Path | None, typer.Option("--phases", metavar="FILE", help="Phase table of the truth file (codes and roles).")
    ] = None,
    codes: Annotated[
        list[str] | None,
        typer.Option(
            "--truth-code", metavar="ROLE=CODE", help="Meaning of a code in the truth file, such as active=0."
        ),
    ] = None,
    properties: Annotated[
        bool, typer.Option("--properties", help="Solve for the tortuosity factors of both maps too.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write the scores as JSON.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the output file.")] = False,
    as_json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Score a result against a truth: overlap, boundaries, voids, binder coverage, probabilities, particles."""
    from voltomo.pipeline import evaluate_paths

    scores = evaluate_paths(
        result,
        truth,
        phases=phases,
        codes=tuple(codes or ()),
        properties=properties,
        output=output,
        overwrite=overwrite,
    )
    Output(as_json=as_json).result(scores.values, scores.text)


def export(
    study: Annotated[Path, typer.Argument(help="A study, or any volume file.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="File or folder to write.")],
    what: Annotated[
        str, typer.Option("--what", help="volume, denoised, phases, particles, cracks, or bpx.")
    ] = "phases",
    file_format: Annotated[
        str | None, typer.Option("--format", help="Told by the file ending where it is not given.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Of bpx: electrode, axis, radius, base (see the docs)."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the output.")] = False,
    as_json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Write an array of a study, or parameters for a cell model, as a file that other programs open."""
    from voltomo.io.artifacts import StudyArtifacts
    from voltomo.io.registry import read_volume
    from voltomo.stages.export import export as write

    if what == "bpx":
        written = _export_bpx(study, output, settings, overwrite=overwrite)
        Output(as_json=as_json).result({"written": written}, "\n".join(written))
        return
    if settings:
        raise InputError("--set belongs to --what bpx")
    if is_study(study):
        held = StudyArtifacts(study)
        names = {"volume": "volume", "denoised": "denoised", "phases": "phase_map", "particles": "instance_map"}
        names["cracks"] = "crack_map"
        if what not in names:
            raise InputError(f"unknown --what {what!r}; a study holds {', '.join(names)}, and bpx")
        artefact: Any = getattr(held, names[what])
    else:
        artefact = read_volume(study)
    listed = [str(path) for path in write(artefact, output, format=file_format, overwrite=overwrite)]
    Output(as_json=as_json).result({"written": listed}, "\n".join(listed))


def _export_bpx(study: Path, output: Path, settings: list[str] | None, *, overwrite: bool) -> list[str]:
    from voltomo.io.artifacts import StudyArtifacts
    from voltomo.io.bpx import BpxConfig, bpx_parameters, write_bpx
    from voltomo.stages.recipe import validate_config

    config = validate_config(BpxConfig, options.parse_settings(settings), source="export --what bpx")
    held = StudyArtifacts(study)
    phase_map = held.phase_map
    found = bpx_parameters(held.measurements, phase_map.phases, through_plane=phase_map.through_plane, config=config)
    title = held.folder.resolve().name
    return [str(path) for path in write_bpx(output, found, title=title, config=config, overwrite=overwrite)]


def demo(
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FOLDER", help="Folder to make.")] = Path("demo"),
    size: Annotated[int, typer.Option("--size", help="Voxels along each axis.")] = 192,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a demo that is there.")] = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Make a synthetic scan, take it to a report, and show the error against the truth."""
    from voltomo.pipeline import run, scan_config, synthesize
    from voltomo.stages.synth import SynthConfig

    out = Output(quiet)
    twin, study = output / "twin", output / "study"
    if overwrite and output.exists():
        for folder in (twin, study):
            if folder.exists() and not is_study(folder):
                raise InputError(f"{folder} is no study of voltomo; name another folder with -o")
            shutil.rmtree(folder, ignore_errors=True)
    out.say(f"A synthetic electrode of {size}^3 voxels, not a measured one: its truth is known.")
    with out:
        config = SynthConfig(shape=(size,) * 3)
        synthesize(config, twin, scan=scan_config("image"), progress=out.progress, on_stage=out.stage)
    out.say("The same recipe as for your own scan, and a comparison with the truth:")
    title = {"title": "A synthetic electrode (made by voltomo, not measured)"}
    compared = {"evaluate": {"truth": str(twin)}}
    steps = [{"segment": {"method": "auto"}}, "particles", "measure", compared, {"report": title}]
    with out:
        done = run(
            twin / "volume.ome.zarr",
            {"steps": steps},
            output=study,
            progress=out.progress,
            on_stage=out.stage,
            command="voltomo " + " ".join(sys.argv[1:]),
        )
    out.result({}, f"open this page in a browser: {done.report.resolve()}")
