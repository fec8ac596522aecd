from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.ndimage as ndi

from voltomo.artifacts import Measurement, Phase, PhaseMap, PhaseTable, Volume
from voltomo.metrics.sample import Sample
from voltomo.stages.main_numbers import Variant, row_key
from voltomo.stages.measure import MeasureConfig, run_measure
from voltomo.stages.segment import SegmentConfig, run_segment
from voltomo.stages.varied_flows import central_part, flow_ratios, single_flows
from voltomo.stages.workspace import MemoryWorkspace

TWO = PhaseTable((Phase(1, "pore", "pore"), Phase(2, "NMC", "active")))
LEAN = {
    "electrode_tortuosity": "none",
    "paths": "none",
    "local_thickness": "none",
    "conventions": False,
    "connectivity": (6,),
}


def config(**uncertainty: object) -> MeasureConfig:
    """Nothing but what the tests look at."""
    return MeasureConfig.model_validate({**LEAN, "uncertainty": {"parts_of_window": "none", **uncertainty}})


def of(items: list[Measurement], name: str, axis: str = "x") -> Measurement:
    """A number of the pore."""
    return next(m for m in items if (m.name, m.phase, m.axis) == (name, "pore", axis))


def channel(width: int) -> np.ndarray:
    """A straight channel of pore, so many of 30 planes wide."""
    ids = np.full((30, 16, 18), 2, np.uint8)
    ids[15 - width // 2 : 15 + width // 2] = 1
    return ids


def field(edge: int, sigma: float, seed: int) -> np.ndarray:
    """A smooth random field of standard deviation 1."""
    smooth = ndi.gaussian_filter(np.random.default_rng(seed).standard_normal((edge,) * 3), sigma, mode="wrap")
    return smooth / smooth.std()


@pytest.mark.parametrize("shape", [(30, 40, 50), (300, 300, 300), (20, 900, 900)])
def test_the_central_part_is_a_bounded_share(shape: tuple[int, int, int]) -> None:
    """All of a small volume; of a large one a part of its shape, in the middle, of 2¹⁹ to 2²¹ voxels."""
    part = central_part(shape)
    voxels = math.prod(side.stop - side.start for side in part)
    assert voxels <= 2**21
    assert voxels == math.prod(shape) or voxels > 0.9 * min(2**19, math.prod(shape))
    assert all(abs(side.start - (n - side.stop)) <= 1 for side, n in zip(part, shape, strict=True))


def test_a_map_varied_by_nothing_has_ratios_of_one() -> None:
    """Whatever the variant is called; a variant with half of the channel has half of the conductivity."""
    ids = channel(12)
    flows = (("pore", 2),)
    variants = {
        "map": Variant(TWO, lambda _block, labels: labels),
        "narrow": Variant(TWO, lambda _block, _labels: channel(6)),
    }
    found = flow_ratios(variants, (ids,), flows, Sample(TWO, ids.shape, ids.size), MemoryWorkspace(), step="s")
    assert set(found["map"].values()) == {1.0}
    ratios = {key[0]: value for key, value in found["narrow"].items()}
    assert ratios["effective_diffusivity_ratio"] == pytest.approx(0.5, rel=1e-3)
    assert ratios["tortuosity_factor"] == pytest.approx(1.0, rel=1e-3)


def test_the_band_of_a_channel_is_that_of_its_width() -> None:
    """A channel of 10 of 30 planes conducts as one of 8 to 12; τ stays 1; one of 2 planes closes."""
    found = list(run_measure(PhaseMap(channel(10), TWO), config(), MemoryWorkspace()).measurements)
    (band,) = of(found, "effective_diffusivity_ratio").bands
    assert (band.low, band.high) == (pytest.approx(8 / 30, rel=1e-3), pytest.approx(12 / 30, rel=1e-3))
    (band,) = of(found, "tortuosity_factor").bands
    assert (band.low, band.high) == (pytest.approx(1, rel=1e-3), pytest.approx(1, rel=1e-3))
    thin = list(run_measure(PhaseMap(channel(2), TWO), config(), MemoryWorkspace()).measurements)
    assert of(thin, "tortuosity_factor").bands[0].high == math.inf


def test_certain_probabilities_leave_nothing_open() -> None:
    """Where every voxel is sure of its phase, the segmentation part of τ is 0; where it is not, it is not."""
    ids = np.where(field(32, 3.0, 0) > 0, np.uint8(1), np.uint8(2))
    sure = np.stack([np.where(ids == 1, np.uint8(255), np.uint8(0)), np.where(ids == 2, np.uint8(255), np.uint8(0))])
    likely = 255 / (1 + np.exp(-4 * field(32, 3.0, 0)))
    doubtful = np.stack([likely, 255 - likely]).astype(np.uint8)
    spreads = []
    for probabilities in (sure, doubtful):
        held = PhaseMap(ids, TWO, probabilities=probabilities)
        found = list(run_measure(held, config(bands=False), MemoryWorkspace()).measurements)
        (part,) = [part for part in of(found, "tortuosity_factor").parts if part.name == "segmentation"]
        assert "8 maps" in part.note
        spreads.append(part.standard_uncertainty)
    assert spreads[0] == pytest.approx(0, abs=1e-12)
    assert spreads[1] > 0.01


def test_the_resolution_part_of_tau_holds_the_truth() -> None:
    """A blurred, noisy scan of a smooth structure: τ less the bias of its voxels is within 2u of the truth's."""
    truth = np.where(field(72, 5.0, 3) > 0, np.uint8(1), np.uint8(2))
    grey = ndi.gaussian_filter((truth == 2).astype(np.float32), 1.2, mode="wrap")
    volume = Volume.from_array(grey + 0.03 * field(72, 1.0, 9).astype(np.float32))
    settings = SegmentConfig.model_validate({"phases": TWO.to_rows()})
    ids = run_segment(volume, settings, MemoryWorkspace()).phase_map
    held = {"volume": volume, "segmentation": settings}
    found = list(run_measure(ids, config(bands=False), MemoryWorkspace(), **held).measurements)
    exact = list(run_measure(PhaseMap(truth, TWO), config(bands=False), MemoryWorkspace()).measurements)
    for axis in "zyx":
        item, true = of(found, "tortuosity_factor", axis), of(exact, "tortuosity_factor", axis)
        parts = {part.name: part for part in item.parts}
        assert parts["resolution"].standard_uncertainty is not None, parts["resolution"].note
        shift = next(part.bias for part in true.parts if part.name == "discretization")
        assert abs(item.value - parts["discretization"].bias - (true.value - shift)) < (
            2 * parts["resolution"].standard_uncertainty
        )


def test_flows_of_several_conductors_are_left_alone() -> None:
    """Only flows through one phase between closed sides are followed."""
    wanted = MeasureConfig.model_validate({**LEAN, "conductivities": {"pore": 1, "NMC": 0.1}})
    items = list(run_measure(PhaseMap(channel(10), TWO), wanted, MemoryWorkspace()).measurements)
    assert single_flows(items) == (("pore", 1), ("pore", 2))
    assert all(not item.bands for item in items if item.phase == "pore+NMC")
    assert len({row_key(item) for item in items}) == len(items)
