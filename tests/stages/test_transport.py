"""The transport rows of `measure`."""

from __future__ import annotations

import math
from collections.abc import Callable
from unittest import mock

import numpy as np
import pytest
from pydantic import ValidationError

from voltomo.artifacts import Measurement, Phase, PhaseMap, PhaseTable, ThroughPlane
from voltomo.errors import InputError
from voltomo.metrics.path_tortuosity import PATHS
from voltomo.metrics.transport import TRANSPORT
from voltomo.phantoms import Laminate
from voltomo.stages.measure import MeasureConfig, run_measure
from voltomo.stages.workspace import MemoryWorkspace

TABLE = PhaseTable((Phase(1, "pore", "pore"), Phase(2, "active", "active")))


def rows(
    ids: np.ndarray,
    table: PhaseTable = TABLE,
    *,
    budget: int | None = None,
    names: tuple[str, ...] = TRANSPORT,
    through_plane: ThroughPlane = "unknown",
    **settings: object,
) -> list[Measurement]:
    """The transport rows of a map."""
    config = MeasureConfig.model_validate({"connectivity": (6,), **settings})
    phase_map = PhaseMap(ids, table, (1e-7,) * 3, through_plane=through_plane)
    found = run_measure(phase_map, config, MemoryWorkspace(budget=budget))
    return [row for row in found.measurements if row.name in names]


def test_layers_give_the_four_numbers_along_each_axis() -> None:
    """Along the layers ε = D_eff, so τ = 1 and α = 1; across them nothing flows, and that is said."""
    found = rows(Laminate((2, 3), (1, 2)).rasterize((20, 12, 12)))
    values = {(row.name, row.axis): row.value for row in found}
    assert len(found) == 12
    for axis in "yx":
        assert values["tortuosity_factor", axis] == pytest.approx(1, rel=1e-6)
        assert values["effective_diffusivity_ratio", axis] == pytest.approx(0.4, rel=1e-6)
        assert values["macmullin_number", axis] == pytest.approx(2.5, rel=1e-6)
        assert values["bruggeman_exponent", axis] == pytest.approx(1, rel=1e-6)
    assert values["tortuosity_factor", "z"] == values["macmullin_number", "z"] == math.inf
    assert values["effective_diffusivity_ratio", "z"] == 0
    assert values["bruggeman_exponent", "z"] is None
    assert {row.status for row in found if row.axis == "z"} == {"warned", "withheld"}


def test_conductors_together_have_rows_of_their_own() -> None:
    """Three numbers per axis, beside those of the pore alone; layers along the flow conduct as their mean."""
    ids = Laminate((2, 3), (1, 2)).rasterize((10, 10, 10))
    found = [row for row in rows(ids, conductivities={"pore": 1, "active": 0.05}) if row.phase == "pore+active"]
    values = {(row.name, row.axis): row.value for row in found}
    assert len(found) == 9
    assert values["tortuosity_factor", "x"] == pytest.approx(1, rel=1e-6)
    assert values["effective_diffusivity_ratio", "x"] == pytest.approx(0.4 + 0.6 * 0.05, rel=1e-6)
    assert values["effective_diffusivity_ratio", "z"] == pytest.approx(1 / (0.4 + 0.6 / 0.05), rel=1e-6)
    with pytest.raises(ValidationError, match="two or more"):
        rows(ids, conductivities={"pore": 1})
    with pytest.raises(InputError, match="no phase 'glue'"):
        rows(ids, conductivities={"pore": 1, "glue": 1})


def test_the_electrode_is_measured_from_both_ends_through_it() -> None:
    """Along the through-plane axis where it is known, else along all."""
    ids = Laminate((2, 3), (1, 2)).rasterize((10, 10, 10))
    names = ("electrode_tortuosity_factor",)
    found = rows(ids, names=names)
    assert [(row.axis, row.statistic) for row in found[:3]] == [
        ("z", "open at the low face"),
        ("z", "open at the high face"),
        ("y", "open at the low face"),
    ]
    assert len(found) == 6
    known = rows(ids, names=names, through_plane="y")
    assert {row.axis for row in known} == {"y"}
    # Two straight slits, one with a single wall: they share the charge 1 : 2, so that R is 2·(1/9 + 4/9) = 10/9 of that
    # of equal slits. The last half voxel adds 2 %.
    assert all(row.value == pytest.approx(10 / 9, rel=0.03) for row in known)
    assert rows(ids, names=names, electrode_tortuosity="none") == []


def test_paths_are_measured_where_it_is_cheap() -> None:
    """Lengths and widths per axis; a large volume names what to ask for."""
    ids = Laminate((2, 3), (1, 2)).rasterize((10, 10, 10))
    found = {(row.name, row.axis): row for row in rows(ids, names=PATHS)}
    assert found["path_tortuosity", "x"].value == pytest.approx(1, rel=1e-6)
    assert found["constrictivity", "x"].value == pytest.approx(1, rel=1e-6)
    assert found["path_tortuosity", "z"].status == "withheld"
    assert rows(ids, names=PATHS, paths="none") == []
    with mock.patch("voltomo.stages.transport._MOST_VOXELS_OF_PATHS", 999):
        assert all("paths: all" in row.reason for row in rows(ids, names=PATHS))
        assert rows(ids, names=PATHS, paths="all")[2].status == "ok"


def test_a_long_solve_tells_how_far_it_is() -> None:
    """In percent, never backwards, and to the end."""
    told: list[tuple[str, int, int]] = []

    class Listening(MemoryWorkspace):
        def progress_of(self, step: str) -> Callable[[int, int], None]:
            return lambda done, total: told.append((step, done, total))

    field = np.random.default_rng(0).random((16, 16, 16))
    config = MeasureConfig(connectivity=(6,), electrode_tortuosity="none", paths="none", tolerance=1e-4)
    run_measure(PhaseMap(np.where(field < 0.6, 1, 2).astype(np.uint8), TABLE), config, Listening())
    done = [d for step, d, _ in told if step == "flow through pore, z"]
    assert len(done) > 3
    assert done == sorted(done)
    assert done[-1] == 100


def test_a_mixture_is_warned() -> None:
    """Where binder and pore share one class, the number is too low and its row says by how much."""
    ids = Laminate((2, 3), (1, 2)).rasterize((10, 10, 10))
    found = rows(ids, PhaseTable.two_class())
    assert {row.status for row in found if row.axis == "y"} == {"warned"}
    assert all("1.81" in row.reason for row in found if row.axis == "y")


def test_the_user_chooses_the_phases() -> None:
    """By name; none at all; an unknown one is an error."""
    ids = Laminate((2, 3), (1, 2)).rasterize((10, 10, 10))
    assert {row.phase for row in rows(ids, transport=("active",))} == {"active"}
    assert rows(ids, transport="none") == []
    with pytest.raises(InputError, match="no phase 'glue'; the map has pore, active"):
        rows(ids, transport=("glue",))


@pytest.mark.parametrize("case", ["no memory", "outside", "absent"])
def test_what_cannot_be_had_is_withheld_with_the_reason(case: str) -> None:
    """And the other numbers go on."""
    ids = Laminate((2, 3), (1, 2)).rasterize((10, 10, 10))
    budget = 10**8 if case == "no memory" else None
    if case == "outside":
        ids[:, 0, 0] = 0
    if case == "absent":
        ids[:] = 2
    found = rows(ids, budget=budget)
    assert {row.status for row in found} == {"withheld"}
    says = {"no memory": "--memory allows", "outside": "crop", "absent": "no voxel is pore"}
    assert all(says[case] in row.reason for row in found)


def test_a_section_has_no_transport() -> None:
    """Flow in a plane is not flow in a volume."""
    assert rows(np.ones((1, 20, 20), np.uint8)) == []
