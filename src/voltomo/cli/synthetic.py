"""`voltomo synth`: an electrode with known truth and a scan of it, or the twin of a study."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from voltomo.cli import options
from voltomo.cli.output import Output
from voltomo.errors import InputError
from voltomo.units import format_length

__all__ = ["synth"]


def synth(
    family: Annotated[
        str | None, typer.Argument(metavar="FAMILY|list", help="Kind of electrode; `list` shows them.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FOLDER", help="Study folder to make.")
    ] = None,
    like: Annotated[
        Path | None, typer.Option("--like", metavar="STUDY", help="Make a twin of this study instead.")
    ] = None,
    size: Annotated[
        str | None, typer.Option("--size", metavar="N|Z,Y,X", help="Voxels along each axis; Z = 1 is a section.")
    ] = None,
    voxel_size: options.VoxelSize = None,
    porosity: Annotated[
        float | None, typer.Option("--porosity", help="Volume fraction of pore, without cracks inside particles.")
    ] = None,
    binder: Annotated[float | None, typer.Option("--binder", help="Volume fraction of carbon binder.")] = None,
    d50: Annotated[str | None, typer.Option("--d50", metavar="LENGTH", help='Median diameter, such as "6 um".')] = None,
    cracked: Annotated[float | None, typer.Option("--cracked", help="Share of the particles with cracks.")] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="The same seed gives the same electrode.")] = None,
    scan: Annotated[
        str,
        typer.Option(
            "--scan", metavar="image|nanoct|fibsem|none", help="A volume, raw projections, slices, or the truth alone."
        ),
    ] = "image",
    dose: Annotated[str | None, typer.Option("--dose", metavar="low|medium|high", help="Dose of the scan.")] = None,
    settings: options.Settings = None,
    scan_settings: Annotated[
        list[str] | None,
        typer.Option("--scan-set", metavar="KEY=VALUE", help="Any other setting of the scan; `synth list` shows them."),
    ] = None,
    memory: options.Memory = None,
    overwrite: options.Overwrite = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Make a synthetic electrode and a scan of it, with the true phases, particles and cracks beside it."""
    if family == "list":
        _list(as_json)
        return
    if output is None:
        raise InputError("name the folder to make with -o, such as `voltomo synth nmc -o twin/`")
    values = options.parse_settings(
        settings, voxel_size=voxel_size, porosity=porosity, binder=binder, d50=d50, cracked=cracked, seed=seed
    )
    if size is not None:
        values["shape"] = _shape(size)
    scanned = options.parse_settings(scan_settings, dose=dose)
    out = Output(quiet, as_json)
    with out:
        common: dict[str, Any] = {
            "memory": memory or "4GB",
            "overwrite": overwrite,
            "progress": out.progress,
            "on_stage": out.stage,
        }
        if like is not None:
            _make_twin(out, like, output, values | ({"family": family} if family else {}), scanned, common)
            return
        _make(out, output, {"family": family or "nmc", **values}, scan, scanned, common)


def _make(
    out: Output,
    output: Path,
    values: Mapping[str, Any],
    scan: str,
    scanned: Mapping[str, Any],
    common: Mapping[str, Any],
) -> None:
    from voltomo.pipeline import scan_config, synthesize
    from voltomo.stages.recipe import validate_config
    from voltomo.stages.synth import SynthConfig

    usual = {"field_of_view": "cylinder"} if scan == "nanoct" else {}  # a pillar that the detector sees whole
    config = validate_config(SynthConfig, {**usual, **values}, source="synth")
    study = synthesize(config, output, scan=scan_config(scan, scanned), **common)
    truth = json.loads((study.folder / "truth.json").read_text(encoding="utf-8"))
    for remark in config.remarks:
        out.say(f"  {remark}")
    out.say(_achieved(truth))
    out.result({"study": str(study.folder), "truth": truth}, f"synthetic electrode: {study.folder}")


def _make_twin(
    out: Output,
    like: Path,
    output: Path,
    values: Mapping[str, Any],
    scanned: Mapping[str, Any],
    common: Mapping[str, Any],
) -> None:
    from voltomo.pipeline import make_twin_of
    from voltomo.stages.recipe import validate_config
    from voltomo.stages.twin import TwinConfig

    given = [name for name in values if name not in TwinConfig.model_fields]
    if given or scanned:
        listed = ", ".join([*given, *scanned])
        raise InputError(
            f"a twin takes its numbers from {like}, so {listed} cannot be given; only "
            f"{', '.join(TwinConfig.model_fields)} can (with --set)"
        )
    study = make_twin_of(like, output, validate_config(TwinConfig, values, source="twin"), **common)
    record = json.loads((study.folder / "twin.json").read_text(encoding="utf-8"))
    counted = f"{record['matched']} of {record['compared']} statistics match"
    out.say("\n".join(f"  {note}" for note in record["notes"]))
    out.result({"study": str(study.folder), "twin": record}, f"{counted}: {(study.folder / 'twin.html').resolve()}")


def _shape(text: str) -> tuple[int, int, int]:
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError as error:
        raise InputError(f"expected --size 256 or --size 64,256,256 (z, y, x), found {text!r}") from error
    if len(numbers) not in (1, 3) or min(numbers) < 1:
        raise InputError(f"expected --size 256 or --size 64,256,256 (z, y, x), found {text!r}")
    z, y, x = numbers * 3 if len(numbers) == 1 else numbers
    return z, y, x


def _achieved(truth: Mapping[str, Any]) -> str:
    """Requested against achieved, a line each."""
    rows = [("", "requested", "achieved")]
    rows += [
        (row["name"], _number(row["requested"], row["unit"]), _number(row["achieved"], row["unit"]))
        for row in truth["requested"]
    ]
    return "\n".join(f"  {name:<28}{asked:>12}{got:>12}" for name, asked, got in rows)


def _number(value: float | None, unit: str) -> str:
    if value is None:
        return "-"
    return format_length(float(f"{value:.4g}")) if unit == "m" else f"{value:.4g}"


def _list(as_json: bool) -> None:
    """The families with their usual numbers, and the scans with their settings."""
    from voltomo.pipeline import SCANS
    from voltomo.stages.synth import SynthConfig
    from voltomo.synthesis import FAMILIES

    lines, families = [], {}
    for family in FAMILIES.values():
        usual = {family.phases.by_id(i).name: share for i, share in family.fractions.items()}
        families[family.name] = {"description": family.description, "fractions": usual, "d50": family.d50 or None}
        numbers = [f"{name} {share:g}" for name, share in usual.items()]
        numbers += [f"D50 {format_length(family.d50)}"] if family.d50 else []
        numbers += [f"voxel {format_length(family.voxel_size)}"]
        lines += [f"{family.name:<12} {family.description}", f"{'':<12} usual: {', '.join(numbers)}"]
    scans = {name: stage.config for name, stage in SCANS.items()}
    settings = {name: _settings(config) for name, config in {"structure": SynthConfig, **scans}.items()}
    for name, fields in settings.items():
        option = "--set" if name == "structure" else f"--scan {name} --scan-set"
        lines += ["", f"{option} KEY=VALUE, with KEY one of"]
        lines += [f"  {key:<18} {text}" for key, text in fields.items()]
    Output(as_json=as_json).result({"families": families, "settings": settings}, "\n".join(lines))


def _settings(config: Any) -> dict[str, str]:
    """Description of each setting with its default."""
    described = {}
    for key, item in config.model_fields.items():
        default = item.get_default(call_default_factory=True)
        usual = "" if default is None or default == {} else f" [{default}]"
        described[key] = f"{item.description or ''}{usual}".strip()
    return described
