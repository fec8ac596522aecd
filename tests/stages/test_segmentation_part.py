"""The maps of the members of an ensemble, carried to fractions, surfaces and transport."""

from __future__ import annotations

import math

import numpy as np
import pytest

import voltomo as vt
from voltomo.artifacts import Measurement, Phase, PhaseMap, PhaseTable, UncertaintyPart
from voltomo.errors import InputError, ShapeError
from voltomo.metrics.sample import Sample
from voltomo.stages.measure import MeasureConfig, run_measure
from voltomo.stages.segmentation_part import segmentation_parts
from voltomo.stages.uncertainty_config import UncertaintyConfig
from voltomo.stages.workspace import MemoryWorkspace

TWO = PhaseTable((Phase(1, "pore", "pore"), Phase(2, "NMC", "active")))
LEAN = {
    "electrode_tortuosity": "none",
    "paths": "none",
    "local_thickness": "none",
    "conventions": False,
    "connectivity": (6,),
    "uncertainty": {"bands": False, "parts_of_window": "none", "realizations": 0},
}


def slab(width: int) -> np.ndarray:
    """A straight channel of pore, so many of 30 planes wide; flow along y and x."""
    ids = np.full((30, 16, 18), 2, np.uint8)
    ids[15 - width // 2 : 15 + width // 2] = 1
    return ids


def ensemble(*widths: int, **fields: np.ndarray) -> PhaseMap:
    """A channel of 10 planes, and as the members see it."""
    return PhaseMap(slab(10), TWO, members=tuple(slab(width) for width in widths), **fields)


def numbers(ids: np.ndarray) -> list[Measurement]:
    """Of a map by itself."""
    return list(run_measure(PhaseMap(ids, TWO), MeasureConfig.model_validate(LEAN), MemoryWorkspace()).measurements)


def part(items: list[Measurement], name: str, axis: str = "") -> UncertaintyPart:
    """The segmentation part of a number of the pore."""
    item = next(m for m in items if (m.name, m.phase, m.axis) == (name, "pore", axis))
    return next(part for part in item.parts if part.name == "segmentation")


@pytest.mark.parametrize("block", [None, (11, 16, 7)])
def test_members_with_their_boundary_elsewhere_scatter_as_they_are(block: tuple[int, int, int] | None) -> None:
    """Channels of 8, 10, 12 of 30 around 10: u = 2/30 of fraction and D_eff, 0 of surface and τ, in blocks as well."""
    seen = ensemble(8, 10, 12)
    ids = np.asarray(seen.data)
    sample = Sample(TWO, (30, 16, 18), ids.size)
    found = segmentation_parts(numbers(ids), seen, ids, sample, UncertaintyConfig(), MemoryWorkspace(block))
    assert part(found, "volume_fraction").standard_uncertainty == pytest.approx(2 / 30)
    assert part(found, "effective_diffusivity_ratio", "x").standard_uncertainty == pytest.approx(2 / 30, rel=1e-3)
    assert part(found, "tortuosity_factor", "x").standard_uncertainty == pytest.approx(0, abs=1e-3)
    assert part(found, "specific_surface_area").standard_uncertainty == pytest.approx(0, abs=1e-12)
    assert "3 members" in part(found, "volume_fraction").note
    assert "central part" in part(found, "tortuosity_factor", "x").note


def test_measure_takes_the_members_of_a_map() -> None:
    """`vt.measure` puts them beside what the probabilities give: with sure ones, the members count; with none, too."""
    sure = np.stack([np.where(slab(10) == i, 255, 0).astype(np.uint8) for i in TWO.ids])
    lean = {**LEAN, "transport": "none", "uncertainty": {**LEAN["uncertainty"], "realizations": 2}}
    for seen in (ensemble(6, 10, 14), ensemble(6, 10, 14, probabilities=sure)):
        found = list(vt.measure(seen, **lean))
        assert part(found, "volume_fraction").standard_uncertainty == pytest.approx(4 / 30)
    assert "the probabilities give less, u = 0" in part(found, "volume_fraction").note
    doubtful = np.full((2, *slab(10).shape), 127, np.uint8)
    wide = part(list(vt.measure(ensemble(10, 10, 10, probabilities=doubtful), **lean)), "volume_fraction")
    assert wide.standard_uncertainty is not None
    assert wide.standard_uncertainty > 0.01
    assert "members give less: u = 0," in wide.note


def test_a_member_that_closes_the_channel_leaves_transport_without_a_part() -> None:
    """The fraction has one; the tortuosity factor says why it has none."""
    found = list(vt.measure(ensemble(0, 10, 12), **LEAN))
    assert part(found, "volume_fraction").standard_uncertainty == pytest.approx(math.sqrt(104 / 2) / 30)
    assert part(found, "tortuosity_factor", "x").standard_uncertainty is None
    assert "1 of 3 members" in part(found, "tortuosity_factor", "x").note


def test_members_that_do_not_fit_are_refused() -> None:
    """A single member, another shape, and another type say what was expected."""
    with pytest.raises(InputError, match=r"two members of an ensemble or more, found one"):
        vt.measure(ensemble(8), **LEAN)
    for wrong in (slab(8)[:20], slab(8).astype(np.int32)):
        with pytest.raises(ShapeError, match=r"member 2 .* expected \(30, 16, 18\) uint8"):
            vt.measure(PhaseMap(slab(10), TWO, members=(slab(8), wrong)), **LEAN)
