"""A study as parameters of a cell model: a fragment of a BPX file, with a sidecar that keeps the uncertainties.

BPX (Battery Parameter eXchange, FaradayInstitution/BPX) holds four numbers of an electrode that a scan can give. The
rest of a cell (thickness, kinetics, open-circuit potentials, electrolyte) comes from a base file.
"""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict

from voltomo.artifacts import Measurement, Measurements, PhaseTable
from voltomo.errors import GateError, InputError, ReadError
from voltomo.io.study import storage_errors, write_text
from voltomo.version import VERSION

__all__ = ["BPX_VERSION", "BpxConfig", "BpxParameter", "bpx_content", "bpx_parameters", "write_bpx"]

BPX_VERSION = "1.1.0"
"""Of the schema that a fragment without a base follows."""

Weighting: TypeAlias = Literal["volume-surface", "volume", "area", "number"]


class BpxConfig(BaseModel):
    """What goes into the file.

    Parameters
    ----------
    electrode : which electrode of the cell was scanned
    axis : along which ions cross the electrode; "auto" takes the through-plane axis
    radius : "volume-surface" is 3 · volume / surface of the active material, with which a model of equal spheres has
        the measured volume and surface at once; "volume", "area" and "number" are half of the D50 weighted so
    base : a complete BPX file whose electrode takes the measured numbers; without it a fragment is written
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    electrode: Literal["positive", "negative"] = "positive"
    axis: Literal["auto", "z", "y", "x"] = "auto"
    radius: Weighting = "volume-surface"
    base: str | None = None


@dataclass(frozen=True)
class BpxParameter:
    """One number under its BPX name.

    Parameters
    ----------
    name : such as "Porosity" or "Particle radius [m]"
    value, low, high : in the unit of the name; the interval at 95 %, None where no part of it was estimated
    meaning : how it was found, in words
    sources : the measurements that it was made of
    """

    name: str
    value: float
    low: float | None
    high: float | None
    meaning: str
    sources: tuple[Measurement, ...]

    @property
    def missing(self) -> tuple[str, ...]:
        """Names of the parts of the uncertainty that were not estimated for some source."""
        parts = [part for source in self.sources for part in source.parts]
        unknown = (part.name for part in parts if part.standard_uncertainty is None and part.bias is None)
        return tuple(dict.fromkeys(unknown))


def bpx_parameters(
    measurements: Measurements, phases: PhaseTable, *, through_plane: str, config: BpxConfig
) -> tuple[BpxParameter, ...]:
    """Porosity, transport efficiency, particle radius and surface of the active material.

    Parameters
    ----------
    measurements : of a volume with a voxel size
    phases : with one phase of role pore and one of role active
    through_plane : "z", "y", "x" or "unknown"
    config : which electrode, axis and radius

    Raises
    ------
    GateError
        If there is no phase of role pore or active, or a number was withheld, is infinite or zero.
    InputError
        If the axis is not known, or several phases share a role.
    """
    pore, active = _one_phase(phases, "pore"), _one_phase(phases, "active")
    axis = through_plane if config.axis == "auto" else config.axis
    if axis == "unknown":
        raise InputError(
            "the through-plane axis of this study is not known; give the axis along which ions cross the electrode, "
            "such as --set axis=z"
        )
    porosity = _number(measurements, "volume_fraction", phase=pore)
    transport = _number(measurements, "effective_diffusivity_ratio", phase=pore, axis=axis)
    surface = _number(measurements, "specific_surface_area", phase=active)
    if surface.unit != "1/m":
        raise GateError(
            "BPX wants lengths in m, and this study has no voxel size; measure it again with --voxel-size",
            gate="voxel-size",
        )
    return (
        _parameter("Porosity", porosity, f"volume fraction of the phase {pore}"),
        _parameter("Transport efficiency", transport, f"D_eff/D₀ of the phase {pore} along {axis}, ε/τ"),
        _radius(measurements, active, surface, config.radius),
        _parameter(
            "Surface area per unit volume [m-1]", surface, f"surface of the phase {active} per volume of the electrode"
        ),
    )


def _one_phase(phases: PhaseTable, role: str) -> str:
    found = [phase.name for phase in phases.with_role(role)]
    if len(found) == 1:
        return found[0]
    if found:
        raise InputError(f"several phases have the role {role} ({', '.join(found)}); BPX knows one")
    held = ", ".join(f"{phase.name} ({phase.role})" for phase in phases)
    raise GateError(
        f"a cell model needs a phase of role {role}, and this study has {held}; segment pore, binder and active "
        "material apart (a mixture of pore and binder conducts no ions as pore does)",
        gate="phases",
    )


def _number(measurements: Measurements, name: str, **fields: str) -> Measurement:
    """The leading row of a name, if it holds a finite number above zero."""
    rows = measurements.select(name, **fields)
    of = " ".join(fields.values())
    if not rows:
        raise GateError(
            f"this study has no {name} of {of}; measure it again (a volume, with transport) before the export",
            gate="measurements",
        )
    value = rows[0].value
    if value is None or not math.isfinite(value) or value <= 0:
        why = rows[0].reason or f"it is {value}"
        raise GateError(f"{name} of {of} cannot go into a cell model: {why}", gate="measurements")
    return rows[0]


def _parameter(name: str, item: Measurement, meaning: str) -> BpxParameter:
    assert item.value is not None
    return BpxParameter(name, item.value, item.low, item.high, f"{meaning}; {item.method}", (item,))


def _radius(measurements: Measurements, active: str, surface: Measurement, weighting: Weighting) -> BpxParameter:
    if weighting == "volume-surface":
        return _volume_surface_radius(_number(measurements, "volume_fraction", phase=active), surface)
    statistic = f"D50, {weighting}-weighted"
    item = _number(measurements, "equivalent_diameter", phase=active, statistic=statistic)
    whole = _parameter("Particle radius [m]", item, f"half of the equivalent diameter {statistic}")
    return replace(
        whole,
        value=whole.value / 2,
        low=None if whole.low is None else whole.low / 2,
        high=None if whole.high is None else whole.high / 2,
    )


def _volume_surface_radius(fraction: Measurement, surface: Measurement) -> BpxParameter:
    """3ε/S; its interval takes both as independent, in relative standard uncertainties."""
    assert fraction.value is not None
    assert surface.value is not None
    value = 3 * fraction.value / surface.value
    halves = [
        (item.high - item.low) / 2 / item.value
        for item in (fraction, surface)
        if item.low is not None and item.high is not None and item.value
    ]
    half = value * math.hypot(*halves) if len(halves) == 2 else None
    meaning = "3 · volume / surface of the active material (Sauter mean), from both numbers"
    low, high = (None, None) if half is None else (value - half, value + half)
    return BpxParameter("Particle radius [m]", value, low, high, meaning, (fraction, surface))


def bpx_content(
    parameters: tuple[BpxParameter, ...], *, title: str, config: BpxConfig, base: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The content of the file: a fragment, or the base with the measured numbers in its electrode.

    Raises
    ------
    InputError
        If the base has no such electrode, or one of several active materials.
    """
    section = f"{config.electrode.capitalize()} electrode"
    content: dict[str, Any] = copy.deepcopy(dict(base)) if base is not None else {"Parameterisation": {section: {}}}
    electrode = content.get("Parameterisation", {}).get(section)
    if not isinstance(electrode, dict) or "Particle" in electrode:
        raise InputError(
            f"expected a BPX file with a {section} of one active material as base, found {electrode!r:.80}"
        )
    electrode.update({parameter.name: parameter.value for parameter in parameters})
    header = content.get("Header", {"BPX": BPX_VERSION, "Title": title, "Model": "Partial"})
    described = " ".join(
        text for text in (header.get("Description", ""), _description(parameters, title, section)) if text
    )
    return {"Header": {**header, "Description": described}, **{k: v for k, v in content.items() if k != "Header"}}


def _description(parameters: tuple[BpxParameter, ...], title: str, section: str) -> str:
    """Every number with its interval, for whoever sees the file without its sidecar."""
    words = [f"{section} measured from the scan {title} by voltomo {VERSION}."]
    for p in parameters:
        interval = (
            "uncertainty not estimated" if p.low is None or p.high is None else f"95 %: {p.low:.4g} to {p.high:.4g}"
        )
        missing = f", without {', '.join(p.missing)}" if p.missing and p.low is not None else ""
        words.append(f"{p.name}: {p.value:.4g} ({interval}{missing}; {p.meaning}).")
    words.append(_implied(parameters))
    return " ".join(words)


def _implied(parameters: tuple[BpxParameter, ...]) -> str:
    """What a model of spheres makes of radius and surface."""
    value = {parameter.name: parameter.value for parameter in parameters}
    share = value["Surface area per unit volume [m-1]"] * value["Particle radius [m]"] / 3
    return f"Spheres of this radius and surface fill {share:.4g} of the electrode."


def write_bpx(
    path: Path, parameters: tuple[BpxParameter, ...], *, title: str, config: BpxConfig, overwrite: bool = False
) -> tuple[Path, Path]:
    """Write the BPX file and its sidecar ``NAME.uncertainty.json``; returns both paths.

    Raises
    ------
    InputError
        If a file exists and may not be replaced, or the base does not fit.
    ReadError
        If the base is no JSON object.
    """
    sidecar = path.with_name(f"{path.stem}.uncertainty.json")
    present = [str(p) for p in (path, sidecar) if p.exists()]
    if present and not overwrite:
        raise InputError(f"{' and '.join(present)} exist already; give --overwrite to replace them")
    base = _read_base(Path(config.base)) if config.base is not None else None
    content = bpx_content(parameters, title=title, config=config, base=base)
    beside = {"voltomo": 1, "file": path.name, "parameters": [_sidecar_row(parameter) for parameter in parameters]}
    with storage_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(sidecar, json.dumps(beside, indent=1, ensure_ascii=False) + "\n")
        write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    return path, sidecar


def _sidecar_row(parameter: BpxParameter) -> dict[str, Any]:
    return {**asdict(parameter), "level": 0.95, "missing": parameter.missing}


def _read_base(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"no BPX file {path} to take as base") from error
    except (OSError, ValueError) as error:
        raise ReadError(f"expected a BPX file (JSON) in {path}: {error}") from error
    if not isinstance(content, dict):
        raise ReadError(f"expected a BPX file (JSON) in {path}, found a {type(content).__name__}")
    return content
