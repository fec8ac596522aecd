from __future__ import annotations

import math

import numpy as np
import pytest

from voltomo.artifacts import Measurement, Phase, PhaseMap, PhaseTable, UncertaintyPart
from voltomo.errors import InputError, ShapeError
from voltomo.metrics.sample import Sample
from voltomo.stages.label_variants import Retrained, RetrainedMap, VariantKind
from voltomo.stages.measure import MeasureConfig, run_measure
from voltomo.stages.operators import operator_parts, perturbed_boundary, retrained_parts
from voltomo.stages.workspace import MemoryWorkspace

TWO = PhaseTable((Phase(1, "pore", "pore"), Phase(2, "NMC", "active")))
SWAPPED = PhaseTable((Phase(1, "NMC", "active"), Phase(2, "pore", "pore")))
LEAN = {
    "electrode_tortuosity": "none",
    "paths": "none",
    "local_thickness": "none",
    "conventions": False,
    "connectivity": (6,),
    "uncertainty": {"bands": False, "parts_of_window": "none"},
}


def slab(width: int) -> np.ndarray:
    """A straight channel of pore, so many of 30 planes wide; flow along y and x."""
    ids = np.full((30, 16, 18), 2, np.uint8)
    ids[15 - width // 2 : 15 + width // 2] = 1
    return ids


def numbers(ids: np.ndarray) -> list[Measurement]:
    """Of a map."""
    return list(run_measure(PhaseMap(ids, TWO), MeasureConfig.model_validate(LEAN), MemoryWorkspace()).measurements)


def sample(ids: np.ndarray) -> Sample:
    """All of a map."""
    return Sample(TWO, ids.shape, ids.size)


def part(items: list[Measurement], name: str, axis: str = "") -> UncertaintyPart:
    """The operator part of a number of the pore."""
    item = next(m for m in items if (m.name, m.phase, m.axis) == (name, "pore", axis))
    return next(part for part in item.parts if part.name == "operator")


@pytest.mark.parametrize("block", [None, (11, 16, 7)])
def test_other_segmentations_scatter_as_they_are(block: tuple[int, int, int] | None) -> None:
    """Channels of 8, 10 and 12 of 30: u = 2/30 of fraction and D_eff, 0 of τ = 1, whatever ids and blocks they have."""
    ids = slab(10)
    swapped = np.array([0, 2, 1], np.uint8)[slab(12)]
    maps = [PhaseMap(slab(8), TWO), PhaseMap(swapped, SWAPPED)]
    found = operator_parts(numbers(ids), maps, ids, sample(ids), MemoryWorkspace(block))
    assert part(found, "volume_fraction").standard_uncertainty == pytest.approx(2 / 30)
    assert part(found, "effective_diffusivity_ratio", "x").standard_uncertainty == pytest.approx(2 / 30, rel=1e-3)
    assert part(found, "tortuosity_factor", "x").standard_uncertainty == pytest.approx(0, abs=1e-3)


def test_a_boundary_elsewhere_counts_as_a_range() -> None:
    """A channel of 10 that may be 6 to 14 planes wide: u = 4/30/√3 of fraction and D_eff."""
    ids = slab(10)
    found = perturbed_boundary(numbers(ids), ids, sample(ids), MemoryWorkspace(), voxels=2)
    assert part(found, "volume_fraction").standard_uncertainty == pytest.approx(4 / 30 / math.sqrt(3))
    through = part(found, "effective_diffusivity_ratio", "y").standard_uncertainty
    assert through == pytest.approx(4 / 30 / math.sqrt(3), rel=1e-3)


def test_a_channel_that_closes_has_no_uncertainty() -> None:
    """A boundary two voxels farther in closes a channel of four."""
    ids = slab(4)
    found = perturbed_boundary(numbers(ids), ids, sample(ids), MemoryWorkspace(), voxels=2)
    assert part(found, "tortuosity_factor", "x").standard_uncertainty is None
    assert part(found, "volume_fraction").standard_uncertainty == pytest.approx(4 / 30 / math.sqrt(3))


def test_maps_that_do_not_belong_together_are_refused() -> None:
    """Another shape, a phase that is missing, and paths without maps say what is wrong."""
    ids = slab(10)
    items = numbers(ids)
    with pytest.raises(ShapeError, match="differ in shape"):
        operator_parts(items, [PhaseMap(ids[:20], TWO)], ids, sample(ids), MemoryWorkspace())
    alone = PhaseTable((Phase(1, "pore", "pore"),))
    with pytest.raises(InputError, match="no phase NMC"):
        operator_parts(items, [PhaseMap(ids, alone)], ids, sample(ids), MemoryWorkspace())
    config = MeasureConfig.model_validate({**LEAN, "uncertainty": {"segmentations": ["a"]}})
    with pytest.raises(InputError, match="in Python give the maps"):
        run_measure(PhaseMap(ids, TWO), config, MemoryWorkspace())


def found_with(kind: VariantKind, width: int, who: str = "") -> RetrainedMap:
    """The channel as a model sees it that learned from such labels."""
    return RetrainedMap(kind, who, PhaseMap(slab(width), TWO))


def test_models_from_moved_labels_give_range_and_jitter() -> None:
    """Channels of 8 to 12 planes from moved labels, 12 from jittered ones: u² = (2/30)²/3 + (2/30)², of D_eff too.

    What fine-tuning alone changes (a channel of 12 from the labels as drawn) is taken off.
    """
    ids = slab(10)
    same = RetrainedMap("as drawn", "", None)
    tuned = [found_with("as drawn", 12), found_with("narrower", 10, "NMC"), found_with("wider", 14, "NMC")]
    plain = [same, found_with("narrower", 8, "NMC"), found_with("wider", 12, "NMC"), found_with("jittered", 12)]
    expected = math.sqrt((2 / 30) ** 2 / 3 + (2 / 30) ** 2)
    found = retrained_parts(numbers(ids), Retrained(tuple(plain), "how"), ids, sample(ids), MemoryWorkspace())
    assert part(found, "volume_fraction").standard_uncertainty == pytest.approx(expected)
    through = part(found, "effective_diffusivity_ratio", "x")
    assert through.standard_uncertainty == pytest.approx(expected, rel=1e-3)
    assert through.note == "how"
    found = retrained_parts(numbers(ids), Retrained(tuple(tuned), ""), ids, sample(ids), MemoryWorkspace())
    assert part(found, "volume_fraction").standard_uncertainty == pytest.approx(2 / 30 / math.sqrt(3))


def test_models_of_annotators_scatter_as_segmentations_do() -> None:
    """The study and models of two annotators with 8 and 12 of 30: u = 2/30; one annotator gives a range only."""
    ids = slab(10)
    same = RetrainedMap("as drawn", "", None)
    maps = (same, found_with("annotator", 8, "anna"), found_with("annotator", 12, "ben"))
    found = retrained_parts(numbers(ids), Retrained(maps, "how"), ids, sample(ids), MemoryWorkspace(), transport=False)
    assert part(found, "volume_fraction").standard_uncertainty == pytest.approx(2 / 30)
    assert "how" in part(found, "volume_fraction").note
    found = retrained_parts(numbers(ids), Retrained(maps[:2], ""), ids, sample(ids), MemoryWorkspace(), transport=False)
    item = next(m for m in found if (m.name, m.phase) == ("volume_fraction", "pore"))
    assert part(found, "volume_fraction").standard_uncertainty is None
    assert (item.bands[0].low, item.bands[0].high) == pytest.approx((8 / 30, 10 / 30))
