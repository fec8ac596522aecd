"""The transport rows of `measure`."""

from __future__ import annotations

import math

import numpy as np
import pytest

from voltomo.artifacts import Measurement, Phase, PhaseMap, PhaseTable
from voltomo.errors import InputError
from voltomo.metrics.transport import TRANSPORT
from voltomo.phantoms import Laminate
from voltomo.stages.measure import MeasureConfig, run_measure
from voltomo.stages.workspace import MemoryWorkspace

TABLE = PhaseTable((Phase(1, "pore", "pore"), Phase(2, "active", "active")))


def rows(
    ids: np.ndarray, table: PhaseTable = TABLE, *, budget: int | None = None, **settings: object
) -> list[Measurement]:
    """The transport rows of a map."""
    config = MeasureConfig.model_validate({"connectivity": (6,), **settings})
    found = run_measure(PhaseMap(ids, table, (1e-7,) * 3), config, MemoryWorkspace(budget=budget))
    return [row for row in found.measurements if row.name in TRANSPORT]


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
