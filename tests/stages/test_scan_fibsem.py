from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import ndimage

from voltomo.stages.scan_fibsem import FibsemScanConfig, FibsemScanResult, run_fibsem_scan
from voltomo.stages.study_workspace import StudyWorkspace
from voltomo.stages.synth import SynthConfig
from voltomo.stages.workspace import MemoryWorkspace
from voltomo.synthesis import Structure, make_structure, rasterize
from voltomo.synthesis.families import ACTIVE

CONFIG = FibsemScanConfig(seed=2)


def _structure(family: str, **changes: object) -> Structure:
    settings: dict[str, object] = {"shape": (12, 48, 56), "family": family, "d50": None, "seed": 1}
    config = SynthConfig(**(settings | changes))  # type: ignore[arg-type]
    return make_structure(config.request(), np.random.default_rng(config.seed))


@pytest.fixture(scope="module")
def cathode() -> Structure:
    """A small solid-state cathode."""
    return _structure("assb")


@pytest.fixture(scope="module")
def scanned(cathode: Structure) -> FibsemScanResult:
    """Its scan with the usual settings."""
    return run_fibsem_scan(cathode, CONFIG, MemoryWorkspace())


def test_a_scan_says_what_it_is(cathode: Structure, scanned: FibsemScanResult) -> None:
    """Shape, sizes, tilt and truth belong together; the record is JSON."""
    stack, track = scanned.stack, scanned.track
    dz, dy, dx = cathode.voxel_size
    sine = math.sin(math.radians(52))
    assert stack.shape == (12, round(48 * sine), 56)
    assert np.dtype(stack.data.dtype) == np.uint8
    assert stack.voxel_size == pytest.approx((dz, dy / sine, dx))
    assert len(track) == 12
    record = json.loads(json.dumps(scanned.record))
    greys = {name: phase["grey"] for name, phase in record["phases"].items()}
    assert greys["pore"] == greys["crack"] < greys["electrolyte"] < greys["active"]
    assert record["foreshortening"] == pytest.approx(sine)
    assert "collector" not in record["phases"]  # the window shows none


def test_phases_show_in_the_order_of_their_greys(cathode: Structure, scanned: FibsemScanResult) -> None:
    """The mean grey over all slices lies between those of pore and active material, and slices are not flat."""
    images = np.asarray(scanned.stack.data).astype(float)
    greys = [phase["grey"] for phase in scanned.record["phases"].values()]
    assert min(greys) < images.mean() < max(greys)
    assert images.std() > 10


@pytest.mark.parametrize("block_shape", [(5, 38, 56), (12, 20, 31)])
def test_blocks_and_threads_change_nothing(
    cathode: Structure, scanned: FibsemScanResult, block_shape: tuple[int, int, int]
) -> None:
    """Cut into blocks and made by two threads, the slices are equal bit by bit."""
    again = run_fibsem_scan(cathode, CONFIG, MemoryWorkspace(block_shape=block_shape, workers=2))
    assert np.array_equal(np.asarray(again.stack.data), np.asarray(scanned.stack.data))


def test_a_study_continues_a_scan(
    cathode: Structure, scanned: FibsemScanResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a study the slices are the same, and what is done when a run ends is not done again."""

    def scan() -> FibsemScanResult:
        return run_fibsem_scan(
            cathode, CONFIG, StudyWorkspace("scan", tmp_path / "stage", cathode.voxel_size, 2_000_000_000, 1)
        )

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("this was done before")

    first = scan()
    for name in ("scan_slices", "draw_track"):
        monkeypatch.setattr(f"voltomo.stages.scan_fibsem.{name}", refuse)
    for result in (first, scan()):
        assert np.array_equal(np.asarray(result.stack.data[:]), np.asarray(scanned.stack.data))
        assert np.array_equal(result.track.dx, scanned.track.dx)


def test_another_seed_gives_another_run(cathode: Structure, scanned: FibsemScanResult) -> None:
    """The same seed repeats the run, as the blocks show; another one draws another drift and other noise."""
    other = run_fibsem_scan(cathode, FibsemScanConfig(seed=3), MemoryWorkspace())
    assert np.all(other.track.dy[1:] != scanned.track.dy[1:])
    assert np.mean(np.asarray(other.stack.data) != np.asarray(scanned.stack.data)) > 0.8


@pytest.mark.parametrize("family", ["nmc", "graphite", "li-s", "separator"])
def test_every_kind_of_structure_can_be_scanned(family: str) -> None:
    """Particles, none, one solid phase: with resin, a dose in numbers, thin slices and 16 bit."""
    structure = _structure(family, shape=(6, 32, 32))
    thin = f"{structure.voxel_size[0] * 1e9 / 2:g} nm"
    config = FibsemScanConfig(
        pores="resin", electrons=300, slice_thickness=thin, dtype="uint16", tilt_corrected=True, redeposition=0.2
    )
    result = run_fibsem_scan(structure, config, MemoryWorkspace())
    assert result.stack.shape == (12, 32, 32)
    assert np.asarray(result.stack.data).std() > 0
    assert result.record["phases"]["pore"]["grey"] > 0.1 * 65535


def test_a_quiet_run_is_quiet() -> None:
    """With everything off but the beam's width, the brightest pixel has the grey of the only solid phase."""
    config = FibsemScanConfig(
        dose="noiseless", drift=0, jump=0, thickness_spread=0, brightness_drift=0, brightness_step=0, curtain=0,
        streak=0, rim=0, trail=0, grain_contrast=0, texture=0,
    )  # fmt: skip
    structure = _structure("separator", shape=(5, 24, 24))
    result = run_fibsem_scan(structure, config, MemoryWorkspace())
    assert np.all(result.track.dy == 0)
    assert np.asarray(result.stack.data).max() == round(result.record["phases"]["polymer"]["grey"])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("slice_thickness", "0 nm"),
        ("slice_thickness", "20"),
        ("shine_depth", "-1 nm"),
        ("dose", "huge"),
        ("tilt", 5),
        ("max_drift", 40),
        ("curtains", 0.1),
    ],
)
def test_bad_settings_are_refused(field: str, value: object) -> None:
    """Lengths are positive with a unit, choices are known, drift stays where material is, keys are known."""
    with pytest.raises(ValidationError, match=field):
        FibsemScanConfig(**{field: value})


@pytest.mark.parametrize("tilt_corrected", [True, False])
def test_the_truth_comes_back_at_a_high_dose(*, tilt_corrected: bool) -> None:
    """Put back by the track and cut midway between two greys, the slices give the active material of the truth.

    A blurred surface crosses the cut within half a pixel of its place: particles of 30 voxels then overlap by 0.93.
    """
    structure = replace(_structure("assb", shape=(96, 96, 96)), shape=(6, 96, 96))
    config = FibsemScanConfig(dose="high", tilt_corrected=tilt_corrected, thickness_spread=0, dtype="uint16", seed=2)
    result = run_fibsem_scan(structure, config, MemoryWorkspace())
    truth, _ = rasterize(structure, (slice(0, 6), slice(0, 96), slice(0, 96)))
    greys = {name: phase["grey"] for name, phase in result.record["phases"].items()}
    track, found = result.track, np.zeros(truth.shape)
    for k, image in enumerate(np.asarray(result.stack.data).astype(float)):
        grey = (image - 65535 * track.offset[k]) / track.gain[k]
        rows = (np.arange(96) + 0.5) * result.record["foreshortening"] - 0.5 + track.dy[k]
        places = np.meshgrid(rows, np.arange(96) + track.dx[k], indexing="ij")
        found[k] = ndimage.median_filter(ndimage.map_coordinates(grey, places, order=1, mode="nearest"), 3)
    is_active = found > 0.5 * (greys["active"] + greys["electrolyte"])
    inner = (slice(None), slice(8, -8), slice(8, -8))
    is_true = truth[inner] == ACTIVE
    overlap = np.count_nonzero(is_active[inner] & is_true) / np.count_nonzero(is_active[inner] | is_true)
    assert overlap > 0.9


def test_no_view_into_pores_is_a_depth_of_zero(cathode: Structure) -> None:
    """0 nm is allowed and makes pores black."""
    config = FibsemScanConfig(shine_depth="0 nm", dose="noiseless", rim=0, trail=0, probe=0, bandwidth=0)
    result = run_fibsem_scan(cathode, config.model_copy(update={"brightness_step": 0, "brightness_drift": 0}),
                             MemoryWorkspace())  # fmt: skip
    assert np.asarray(result.stack.data).min() == pytest.approx(0.1 * 255, abs=1)
