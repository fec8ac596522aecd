from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from voltomo.artifacts import Measurement, Phase, PhaseTable
from voltomo.metrics.sample import Sample
from voltomo.stages import varied_flows
from voltomo.stages.boundary_sides import both_sides, moved_boundaries
from voltomo.stages.study_workspace import StudyWorkspace
from voltomo.stages.workspace import MemoryWorkspace

TWO = PhaseTable((Phase(1, "pore", "pore"), Phase(2, "NMC", "active")))
TAU = Measurement("tortuosity_factor", 1.0, "1", phase="pore", axis="x", method="finite volumes")
FRACTION = Measurement("volume_fraction", 10 / 30, "1", phase="pore", method="voxel count")


def channel() -> tuple[np.ndarray, Sample]:
    """A straight channel of pore, 10 of 30 planes wide."""
    ids = np.full((30, 12, 12), 2, np.uint8)
    ids[10:20] = 1
    return ids, Sample(TWO, (30, 12, 12), ids.size)


def test_layers_of_voxels_come_and_go() -> None:
    """A channel of 10 planes has 8 and 12 with its boundary one layer farther in and out; interfaces have no sides."""
    ids, sample = channel()
    contact = Measurement("interface_area", 1.0, "1/m", phase="pore", phase_2="NMC")
    items = [FRACTION, TAU, contact]
    sides = moved_boundaries(items, ids, sample, MemoryWorkspace(), voxels=1, transport=True)
    assert both_sides(FRACTION, sides) == pytest.approx((8 / 30, 12 / 30))
    assert both_sides(TAU, sides) == pytest.approx((1, 1), abs=1e-3)  # the solve has a tolerance of 0.5 %
    assert both_sides(contact, sides) is None


def test_a_study_solves_the_same_maps_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What bands and operator part both ask for is found again, with equal numbers, and not solved again."""
    ids, sample = channel()
    work = StudyWorkspace("measure", tmp_path, None, 2_000_000_000, workers=1)
    first = moved_boundaries([FRACTION, TAU], ids, sample, work, voxels=1, transport=True)

    def unexpected(*_args: object, **_settings: object) -> None:
        raise AssertionError("solved again")

    monkeypatch.setattr(varied_flows, "solve_flow", unexpected)
    assert moved_boundaries([FRACTION, TAU], ids, sample, work, voxels=1, transport=True) == first
