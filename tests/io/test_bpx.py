"""A study as parameters of a cell model."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from typer.testing import CliRunner

from voltomo.artifacts import Measurement, Measurements, Phase, PhaseTable, UncertaintyPart
from voltomo.cli.app import app
from voltomo.errors import GateError, InputError, ReadError, VoltomoError
from voltomo.io.bpx import BpxConfig, BpxParameter, bpx_content, bpx_parameters, write_bpx

BASE = Path(__file__).parents[2] / "benchmarks" / "cell_model" / "base.json"
PHASES = PhaseTable((Phase(1, "pore", "pore"), Phase(2, "binder", "binder"), Phase(3, "NMC", "active")))
PARTS = (UncertaintyPart("representativity", 0.01), UncertaintyPart("segmentation", note="not estimated"))


def _row(name: str, value: float, unit: str, phase: str, spread: float, **fields: Any) -> Measurement:
    return Measurement(
        name, value, unit, phase=phase, low=value - spread, high=value + spread, method="m", parts=PARTS, **fields
    )


ROWS = (
    _row("volume_fraction", 0.3, "1", "pore", 0.01),
    _row("volume_fraction", 0.6, "1", "NMC", 0.03),
    _row("specific_surface_area", 4e5, "1/m", "NMC", 4e4),
    _row("equivalent_diameter", 8e-6, "m", "NMC", 1e-6, statistic="D50, volume-weighted"),
    _row("effective_diffusivity_ratio", 0.12, "1", "pore", 0.001, axis="z"),
    _row("effective_diffusivity_ratio", 0.20, "1", "pore", 0.001, axis="x"),
)


def _parameters(rows: tuple[Measurement, ...] = ROWS, **settings: Any) -> dict[str, BpxParameter]:
    found = bpx_parameters(Measurements(rows), PHASES, through_plane="z", config=BpxConfig(**settings))
    return {parameter.name: parameter for parameter in found}


def _bpx() -> ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # bpx 1.1 calls pyparsing by names that pyparsing is about to drop
        return pytest.importorskip("bpx")


def test_the_four_numbers_are_those_of_the_study() -> None:
    """Porosity, D_eff/D₀ through the plane, the surface, and 3ε/S with the relative errors of both."""
    found = _parameters()
    assert {name: p.value for name, p in found.items()} == pytest.approx(
        {
            "Porosity": 0.3,
            "Transport efficiency": 0.12,
            "Particle radius [m]": 3 * 0.6 / 4e5,
            "Surface area per unit volume [m-1]": 4e5,
        }
    )
    radius = found["Particle radius [m]"]
    assert radius.high == pytest.approx(4.5e-6 * (1 + (0.05**2 + 0.1**2) ** 0.5))
    assert radius.missing == ("segmentation",)


def test_spheres_of_radius_and_surface_fill_the_measured_volume() -> None:
    """A cell model takes the active volume as S·R/3; with the default radius that is what was measured."""
    found = _parameters()
    implied = found["Particle radius [m]"].value * found["Surface area per unit volume [m-1]"].value / 3
    assert implied == pytest.approx(0.6)


def test_weighting_and_axis_are_those_asked_for() -> None:
    """Half of the D50 by volume, and the transport along x."""
    found = _parameters(radius="volume", axis="x")
    assert (found["Particle radius [m]"].value, found["Particle radius [m]"].low) == (4e-6, 3.5e-6)
    assert found["Transport efficiency"].value == 0.20


@pytest.mark.parametrize("base", [False, True])
def test_bpx_accepts_the_file(tmp_path: Path, base: bool) -> None:
    """The `bpx` package reads a whole cell with the electrode in it, and the electrode of a fragment within a cell."""
    bpx = _bpx()
    config = BpxConfig(base=str(BASE)) if base else BpxConfig()
    write_bpx(tmp_path / "cell.json", tuple(_parameters().values()), title="scan", config=config)
    content = json.loads((tmp_path / "cell.json").read_text())
    if not base:
        whole = json.loads(BASE.read_text())["Parameterisation"]["Positive electrode"]
        content["Parameterisation"]["Positive electrode"] = whole | content["Parameterisation"]["Positive electrode"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        read = bpx.parse_bpx_obj(content)
    electrode = read.parameterisation.positive_electrode
    assert (electrode.porosity, electrode.transport_efficiency) == (0.3, 0.12)
    assert electrode.surface_area_per_unit_volume == 4e5
    assert read.header.model == ("DFN" if base else "Partial")


def test_uncertainties_stand_in_the_description_and_beside_the_file(tmp_path: Path) -> None:
    """Neither the file alone nor its sidecar alone leaves a number without its interval."""
    _, sidecar = write_bpx(
        tmp_path / "cell.json", tuple(_parameters().values()), title="scan", config=BpxConfig(electrode="negative")
    )
    described = json.loads((tmp_path / "cell.json").read_text())["Header"]["Description"]
    assert "Porosity: 0.3 (95 %: 0.29 to 0.31, without segmentation" in described
    assert "fill 0.6 of the electrode" in described
    rows = json.loads(sidecar.read_text())["parameters"]
    assert [row["name"] for row in rows] == list(_parameters())
    assert rows[0]["sources"][0]["parts"][0]["name"] == "representativity"
    with pytest.raises(InputError, match="exist already"):
        write_bpx(tmp_path / "cell.json", tuple(_parameters().values()), title="scan", config=BpxConfig())


def test_a_base_keeps_everything_else() -> None:
    """Only the four numbers and the description change."""
    base = json.loads(BASE.read_text())
    content = bpx_content(tuple(_parameters().values()), title="scan", config=BpxConfig(), base=base)
    changed = content["Parameterisation"]["Positive electrode"]
    assert {key for key, value in changed.items() if base["Parameterisation"]["Positive electrode"][key] != value} == {
        *_parameters()
    }
    assert content["Header"]["Description"].startswith(base["Header"]["Description"])
    assert base == json.loads(BASE.read_text())


@pytest.mark.parametrize(
    ("phases", "rows", "through_plane", "kind", "words"),
    [
        (PhaseTable.two_class(), ROWS, "z", GateError, "role pore"),
        (PhaseTable((*PHASES, Phase(4, "LMO", "active"))), ROWS, "z", InputError, "several phases"),
        (PHASES, ROWS, "unknown", InputError, "axis=z"),
        (PHASES, ROWS[:4], "z", GateError, "no effective_diffusivity_ratio"),
        (PHASES, (*ROWS[:4], replace(ROWS[4], value=0.0, low=0.0)), "z", GateError, "cannot go into"),
        (
            PHASES,
            (*ROWS[:4], replace(ROWS[4], value=None, low=None, high=None, status="withheld", reason="memory")),
            "z",
            GateError,
            "memory",
        ),
        (PHASES, (*ROWS[:2], replace(ROWS[2], unit="1/voxel"), *ROWS[3:]), "z", GateError, "voxel size"),
    ],
)
def test_what_a_cell_model_cannot_use_is_refused(
    phases: PhaseTable, rows: tuple[Measurement, ...], through_plane: str, kind: type[VoltomoError], words: str
) -> None:
    """No pore, two active materials, no axis, no transport, blocked pores, no voxel size."""
    with pytest.raises(kind, match=words):
        bpx_parameters(Measurements(rows), phases, through_plane=through_plane, config=BpxConfig())


def test_bases_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    """A missing file, no JSON, and a cell without the electrode."""
    found = tuple(_parameters().values())

    def write(base: Path) -> None:
        write_bpx(tmp_path / "cell.json", found, title="s", config=BpxConfig(base=str(base)))

    with pytest.raises(InputError, match="no BPX file"):
        write(tmp_path / "none.json")
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(ReadError, match="JSON"):
        write(tmp_path / "broken.json")
    (tmp_path / "empty.json").write_text('{"Parameterisation": {}}')
    with pytest.raises(InputError, match="Positive electrode"):
        write(tmp_path / "empty.json")
    assert not (tmp_path / "cell.json").exists()


def test_the_command_asks_for_a_study(tmp_path: Path) -> None:
    """`export --what bpx` of a folder that is no study says so, and --set belongs to bpx alone."""
    command = ["export", str(tmp_path), "-o", str(tmp_path / "cell.json")]
    assert "no" in str(CliRunner().invoke(app, [*command, "--what", "bpx"]).exception)
    assert "belongs to --what bpx" in str(CliRunner().invoke(app, [*command, "--set", "axis=z"]).exception)
