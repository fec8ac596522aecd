"""Twins of synthetic scans whose settings are known, and of real slices."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import tifffile

from voltomo.artifacts import PhaseMap, PhaseTable, Volume
from voltomo.errors import InputError, PhaseNotFoundError, ShapeError
from voltomo.stages.likeness import measure_likeness
from voltomo.stages.particles import run_particles
from voltomo.stages.scan_image import ImageScanConfig
from voltomo.stages.segment import SegmentConfig, run_segment
from voltomo.stages.synth import SynthConfig
from voltomo.stages.twin import TwinConfig, TwinMatch, compare_twin, plan_twin
from voltomo.stages.twin_scan import TwinPlan, make_twin, scan_structure
from voltomo.stages.workspace import MemoryWorkspace
from voltomo.synthesis.families import ACTIVE, BINDER, CRACK_PHASE, PORE

STRUCTURE = SynthConfig(
    shape=(64, 128, 128), voxel_size="100 nm", porosity=0.4, binder=0.0, d50="2.2 um", cracked=0.0, hollow=0.0, seed=3
)
LEVELS = {PORE: 0.25, ACTIVE: 0.75, CRACK_PHASE: 0.25, BINDER: 0.3}
SCAN = ImageScanConfig(
    levels=LEVELS, texture=0.0, blur=1.8, noise=0.04, noise_length=1.2, rings=0.02, dtype="uint16", seed=4
)
CONFIG = TwinConfig(seed=9)
FULL = 65535.0


@cache
def _source() -> Volume:
    """A scan with known settings."""
    return scan_structure(STRUCTURE, SCAN, MemoryWorkspace())


@cache
def _plan() -> TwinPlan:
    return plan_twin(_source(), CONFIG, MemoryWorkspace())


@cache
def _match() -> TwinMatch:
    twin = make_twin(_plan(), _plan().shape, MemoryWorkspace())
    return compare_twin(_plan(), twin, CONFIG, MemoryWorkspace())


def test_settings_of_a_synthetic_scan_come_back() -> None:
    """Levels, blur, noise and its length, rings and D50 of a known scan are recovered from its grey values alone."""
    settings, noise = _plan().settings, _plan().noise
    assert noise is not None
    # A twentieth of the contrast: what the comparison allows as well.
    assert settings.pore / FULL == pytest.approx(0.25, abs=0.025)
    assert settings.active / FULL == pytest.approx(0.75, abs=0.025)
    # The segmentation puts the surface where the noise lets it, and voxels are half a voxel blurred by themselves.
    assert settings.blur == pytest.approx(1.8, rel=0.15)
    assert noise.std / FULL == pytest.approx(0.04, rel=0.10)
    assert settings.noise_length == pytest.approx(1.2, abs=0.3)
    # 60 circles, of which one in five carries a ring.
    assert settings.rings / FULL == pytest.approx(0.02, rel=0.40)
    # Some 100 particles, many of them cut by the edge of the window.
    assert settings.d50 == pytest.approx(2.2e-6, rel=0.20)
    assert settings.porosity + settings.binder == pytest.approx(0.4, abs=0.03)


def test_most_statistics_of_the_twin_match() -> None:
    """The twin, measured on its own scan, has what its source has; the noise and the blur among it."""
    rows = {row.key: row for row in _match().rows}
    for key in ("noise", "blur", "grey_level[active]", "grey_level[pore+binder]", "noise_length_x"):
        assert rows[key].is_matched, rows[key]
    compared = [row for row in rows.values() if row.is_matched is not None]
    assert sum(bool(row.is_matched) for row in compared) >= 0.8 * len(compared)


def test_record_is_plain_json() -> None:
    """The record holds rows with names, units, definitions, both values and the verdict."""
    record = json.loads(json.dumps(_match().to_record()))
    row = next(row for row in record["rows"] if row["name"] == "blur")
    assert row["unit"] == "voxel"
    assert row["definition"]
    assert {"source", "twin", "relative_difference", "tolerance", "is_matched"} <= row.keys()
    assert record["history"]
    assert record["curves"]["source"].keys() == record["curves"]["twin"].keys()


def test_twin_is_another_electrode_of_the_same_kind() -> None:
    """Same shape, voxel size and dtype; other particles; the same twin again for the same seed."""
    plan = _plan()
    twin = make_twin(plan, plan.shape, MemoryWorkspace())
    again = make_twin(plan, plan.shape, MemoryWorkspace(block_shape=(40, 64, 64)))
    assert twin.shape == _source().shape
    assert twin.voxel_size == pytest.approx(_source().voxel_size)
    assert twin.data.dtype == np.uint16
    assert np.array_equal(np.asarray(twin.data), np.asarray(again.data))
    correlation = np.corrcoef(np.ravel(twin.data), np.ravel(_source().data))[0, 1]
    assert abs(correlation) < 0.2  # blurred particles leave some thousand independent places: 0.03 by chance


def test_measured_in_blocks_as_at_once() -> None:
    """Statistics do not depend on how the volume is cut."""
    source = _source()
    phases = run_segment(source, SegmentConfig(), MemoryWorkspace()).phase_map
    particles = run_particles(phases, CONFIG.particles, MemoryWorkspace()).instance_map
    whole = measure_likeness(source, phases, MemoryWorkspace(), instance_map=particles).likeness
    blocks = measure_likeness(
        source, phases, MemoryWorkspace(block_shape=(40, 70, 50), workers=2), instance_map=particles
    ).likeness
    for one, two in zip(whole, blocks, strict=True):
        assert (one.key, one.reason) == (two.key, two.reason)
        assert one.value == (None if two.value is None else pytest.approx(two.value, rel=1e-6))


def test_section_without_voxel_size() -> None:
    """A section of unknown voxel size gets a twin in voxels, and what was assumed is said."""
    section = Volume.from_array(np.asarray(_source().data)[0, 32])
    plan = plan_twin(section, TwinConfig(rounds=0), MemoryWorkspace())
    assert plan.shape == (1, 128, 128)
    assert any("voxel size" in note for note in plan.notes)
    twin = make_twin(plan, plan.shape, MemoryWorkspace())
    match = compare_twin(plan, twin, TwinConfig(rounds=0), MemoryWorkspace())
    assert {row.unit for row in match.rows} <= {"1", "grey", "voxel"}
    (drift,) = (row for row in match.rows if row.name == "drift")
    assert drift.source is None
    assert "slices" in drift.reason


def test_trial_twins_of_a_large_scan_are_smaller() -> None:
    """A trial holds at most the stated number of voxels, and then corrects the scanner alone."""
    config = TwinConfig(rounds=1, trial_voxels=300_000, seed=9)
    plan = plan_twin(_source(), config, MemoryWorkspace())
    assert all(np.prod(entry["window"]) <= 300_000 for entry in plan.history)
    assert plan.settings.porosity == pytest.approx(
        plan_twin(_source(), replace_rounds(config, 0), MemoryWorkspace()).settings.porosity
    )


def replace_rounds(config: TwinConfig, rounds: int) -> TwinConfig:
    """The same with another number of rounds."""
    return config.model_copy(update={"rounds": rounds})


def test_what_was_segmented_already_is_taken() -> None:
    """Phases and particles that are given are measured as they are."""
    phases = run_segment(_source(), SegmentConfig(), MemoryWorkspace()).phase_map
    given = plan_twin(_source(), TwinConfig(rounds=0), MemoryWorkspace(), phase_map=phases)
    made = plan_twin(_source(), TwinConfig(rounds=0), MemoryWorkspace())
    assert given.settings == made.settings


def test_families_without_particles_are_refused() -> None:
    """A separator has no particles to match."""
    plan = replace(_plan(), family="separator")
    with pytest.raises(InputError, match="particles"):
        plan.synth_config()


def test_phases_must_fit_the_scan() -> None:
    """Another shape, or no active phase, is refused."""
    table = PhaseTable.two_class()
    with pytest.raises(ShapeError):
        measure_likeness(_source(), PhaseMap(np.ones((4, 4, 4), np.uint8), table), MemoryWorkspace())
    grey = Volume.from_array(np.random.default_rng(0).normal(size=(1, 40, 40)).astype(np.float32))
    lonely = PhaseMap(np.ones((1, 40, 40), np.uint8), PhaseTable(tuple(p for p in table if p.role != "active")))
    with pytest.raises(PhaseNotFoundError, match="role active"):
        measure_likeness(grey, lonely, MemoryWorkspace())


def test_real_slice_gets_a_twin_with_its_greys(data: Callable[[str], Path]) -> None:
    """The twin of a nano-CT slice has its grey levels, blur and noise."""
    slice_ = Volume.from_array(tifffile.imread(data("nmc_nanoct/B_510.tif"))[:320, :320])
    config = TwinConfig(rounds=3, seed=1)
    plan = plan_twin(slice_, config, MemoryWorkspace())
    match = compare_twin(plan, make_twin(plan, plan.shape, MemoryWorkspace()), config, MemoryWorkspace())
    rows = {row.name: row for row in match.rows if row.phase in ("", "active")}
    for name in ("grey_level", "blur", "noise_length_y"):
        assert rows[name].is_matched, rows[name]
