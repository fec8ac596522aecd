from __future__ import annotations

import numpy as np
import pytest
import scipy.ndimage as ndi

from voltomo.artifacts import Measurement, Phase, PhaseMap, PhaseTable, UncertaintyPart
from voltomo.metrics.conduction import solve_flow
from voltomo.metrics.sample import Sample
from voltomo.metrics.transport import measure_transport
from voltomo.stages.apparent import with_apparent
from voltomo.stages.measure import MeasureConfig, MeasureResult, run_measure
from voltomo.stages.transport import TransportSettings
from voltomo.stages.workspace import MemoryWorkspace

TWO = PhaseTable((Phase(1, "pore", "pore"), Phase(2, "NMC", "active")))
LEAN = {
    "electrode_tortuosity": "none",
    "paths": "none",
    "local_thickness": "none",
    "conventions": False,
    "connectivity": (6,),
}


def measured(ids: np.ndarray, block: tuple[int, int, int] | None = None, **settings: object) -> MeasureResult:
    """The numbers of a map, with the parts of its window."""
    wanted = {"bands": False, **settings.pop("uncertainty", {})}
    config = MeasureConfig.model_validate({**LEAN, **settings, "uncertainty": wanted})
    return run_measure(PhaseMap(ids, TWO, (1e-7,) * 3), config, MemoryWorkspace(block))


def window(seed: int, shape: tuple[int, int, int] = (40, 40, 40), threshold: float = -0.4) -> np.ndarray:
    """A window of a Gaussian field, 65 % pore."""
    wide = tuple(n + 24 for n in shape)
    smooth = ndi.gaussian_filter(np.random.default_rng(seed).standard_normal(wide), 2.0)
    inner = smooth[12:-12, 12:-12, 12:-12] * (2 * np.sqrt(np.pi) * 2.0) ** 1.5
    return np.where(inner > threshold, np.uint8(1), np.uint8(2))


def one(result: MeasureResult, name: str, axis: str = "z") -> Measurement:
    """A number of the pore."""
    return next(m for m in result.measurements if (m.name, m.phase, m.axis) == (name, "pore", axis))


def part(item: Measurement, name: str = "representativity") -> UncertaintyPart:
    """Of the budget."""
    return next(part for part in item.parts if part.name == name)


def test_stated_scatter_is_that_between_windows() -> None:
    """Of τ and D_eff, what one window states is the scatter between 24 windows.

    The scatter of 24 windows is known to 15 %, and parts of one window resemble their neighbors a little.
    """
    found: dict[str, list[Measurement]] = {"tortuosity_factor": [], "effective_diffusivity_ratio": []}
    for seed in range(24):
        ids = window(seed)
        sample = Sample(TWO, ids.shape, ids.size)
        rows = measure_transport(solve_flow(ids, {1: 1.0}, axis=0), sample, phase="pore", axis="z")
        items, _ = with_apparent(rows, ids, sample, TransportSettings(), MemoryWorkspace())
        for name, kept in found.items():
            kept += [item for item in items if item.name == name]
    for items in found.values():
        spread = np.std([item.value for item in items], ddof=1)
        stated = [part(item).standard_uncertainty for item in items]
        assert None not in stated
        assert 0.6 < np.sqrt(np.mean(np.square(stated))) / spread < 1.5


def test_turning_the_window_turns_the_numbers() -> None:
    """Parts, laws and edges of axis z are those of y in the turned map, whatever the blocks."""
    ids = window(1)
    upright = measured(ids)
    turned = measured(np.ascontiguousarray(ids.transpose(1, 0, 2)), (17, 40, 23))
    for name in ("tortuosity_factor", "bruggeman_exponent", "representative_volume"):
        here, there = one(upright, name, "z"), one(turned, name, "y")
        assert here.value == pytest.approx(there.value, rel=1e-6)
        if name != "representative_volume":
            assert part(here).standard_uncertainty == pytest.approx(part(there).standard_uncertainty, rel=1e-4)


def test_the_curve_ends_with_the_window_and_falls() -> None:
    """Edges rise to 4 µm, spreads fall from the smallest parts to the whole window, and the law is told."""
    result = measured(window(2))
    curve = next(c for c in result.apparent if (c.name, c.axis) == ("tortuosity_factor", "z"))
    assert curve.edges[-1] == pytest.approx(4e-6)
    assert list(curve.edges) == sorted(curve.edges)
    assert curve.spreads[0] > curve.spreads[-1]
    assert curve.counts == (27, 27, 8, 8, 1)
    assert 0.6 < curve.exponent < 1.4
    assert curve.to_record()["means"][-1] == one(result, "tortuosity_factor").value
    edge = one(result, "representative_volume")
    assert edge.statistic == "5 % of the tortuosity factor"
    assert "apparent values" in edge.definition
    assert part(one(result, "tortuosity_factor"), "window size").bias is not None


def test_a_window_of_one_phase_has_no_scatter() -> None:
    """All parts of a box full of pore are alike."""
    item = one(measured(np.ones((32, 32, 32), np.uint8)), "tortuosity_factor")
    assert part(item).standard_uncertainty is None
    assert "do not differ" in part(item).note


def test_parts_that_do_not_conduct_give_no_law() -> None:
    """A wall with one hole: most parts are blocked, and edge and budget say that the window is too small."""
    ids = np.ones((40, 40, 40), np.uint8)
    for z in range(3, 40, 8):
        ids[z] = 2
        ids[z, 18:22, 18:22] = 1
    result = measured(ids)
    assert "too small" in part(one(result, "tortuosity_factor")).note
    assert one(result, "representative_volume").status == "withheld"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"uncertainty": {"parts_of_window": "none"}}, "left out"),
        ({"sides": "periodic"}, "periodic"),
    ],
)
def test_what_is_left_out_says_why(settings: dict, words: str) -> None:
    """Of the representativity, in its note."""
    item = one(measured(window(3, (32, 32, 32)), **settings), "tortuosity_factor")
    assert words in part(item).note


def test_the_electrode_tortuosity_factor_says_why_it_has_none() -> None:
    """Its intervals did not hold as often as they should."""
    item = one(measured(window(4), electrode_tortuosity="all"), "electrode_tortuosity_factor")
    assert part(item).standard_uncertainty is None
    assert "90 %" in part(item).note


def test_conductors_together_scatter_too() -> None:
    """The common tortuosity factor of two phases has its representativity; less scatters than of the pore alone."""
    result = measured(window(5), conductivities={"pore": 1.0, "NMC": 0.3})
    both = next(m for m in result.measurements if (m.name, m.phase, m.axis) == ("tortuosity_factor", "pore+NMC", "z"))
    alone = one(result, "tortuosity_factor")
    assert part(both).standard_uncertainty < part(alone).standard_uncertainty


def test_a_window_of_few_integral_ranges_gives_nothing() -> None:
    """In 28³ voxels of a field correlated over 4, parts resemble their neighbors: the note names the integral range."""
    item = one(measured(window(6, (28, 28, 28))), "tortuosity_factor")
    assert part(item).standard_uncertainty is None
    assert "integral_range" in part(item).note
