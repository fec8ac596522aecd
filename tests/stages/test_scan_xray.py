from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from pydantic import ValidationError
from scipy import ndimage
from skimage.registration import phase_cross_correlation
from skimage.transform import iradon

from voltomo.errors import InputError
from voltomo.io.data_exchange import write_data_exchange
from voltomo.stages.scan_xray import XrayScanConfig, XrayScanResult, run_xray_scan
from voltomo.stages.study_workspace import StudyWorkspace
from voltomo.stages.synth import SynthConfig
from voltomo.stages.workspace import MemoryWorkspace
from voltomo.stages.xray_exposures import paint_specimen
from voltomo.synthesis.families import ACTIVE
from voltomo.synthesis.generate import make_structure
from voltomo.synthesis.raster import rasterize
from voltomo.synthesis.structure import Structure

PIXEL = 64e-9


@pytest.fixture(scope="module")
def sample() -> Structure:
    """A small cylinder of cathode."""
    config = SynthConfig(shape=(24, 64, 64), voxel_size="64 nm", d50="1.6 um", field_of_view="cylinder", seed=2)
    return make_structure(config.request(), np.random.default_rng(config.seed))


QUICK = XrayScanConfig(angles=9, flats=3, darks=2, jitter=0.5, illumination_shift=2.0, dead=0.001, seed=5)


def _arrays(result: XrayScanResult) -> list[np.ndarray]:
    return [np.asarray(a) for s in result.stacks.values() for a in (s.data, s.flats, s.darks)]


def _attenuation(result: XrayScanResult, contrast: str = "absorption") -> np.ndarray:
    """(A, V, U) line integrals in a user's way: mean flat, mean dark, logarithm."""
    stack = result.stacks[contrast]
    data, flats, darks = (np.asarray(a, float) for a in (stack.data, stack.flats, stack.darks))
    return -np.log((data - darks.mean(0)) / (flats.mean(0) - darks.mean(0)))


def _reconstruct(result: XrayScanResult, size: int) -> np.ndarray:
    """(Z, Y, X) µ in 1/m by scikit-image, whose angles run the other way round and whose axis is at U // 2."""
    lines = _attenuation(result)
    center = result.truth["scans"]["absorption"]["center_of_rotation"]
    columns = round(center) + np.arange(-(size // 2), size - size // 2)
    assert center == round(center)
    theta = -np.degrees(result.stacks["absorption"].angles)
    found = [iradon(lines[:, v, columns].T, theta, circle=True) for v in range(lines.shape[1])]
    # The axis is the middle of the window for us, and pixel size // 2 for iradon.
    return ndimage.shift(np.array(found) / PIXEL, (0, -0.5, -0.5), order=3)


@pytest.fixture(scope="module")
def round_trip(sample: Structure) -> tuple[XrayScanResult, np.ndarray]:
    """A scan at high dose on an instrument without faults but blur, and its reconstruction."""
    config = XrayScanConfig(
        angles=180, dose=1e6, nonlinearity=0, dead=0, jitter=0, flux_drift=0, illumination_shift=0, dark_drift=0,
        blur=0.4, center_offset=4.5, seed=1,
    )  # fmt: skip
    result = run_xray_scan(sample, config, MemoryWorkspace())
    return result, _reconstruct(result, 64)


def test_reconstruction_by_others_gives_back_attenuation(
    sample: Structure, round_trip: tuple[XrayScanResult, np.ndarray]
) -> None:
    """Deep inside the active material µ is that of the tables within 3 %, and in wide pores 0 within 3 % of it."""
    result, found = round_trip
    phases, _ = rasterize(sample, tuple(slice(0, n) for n in sample.shape))
    mu = result.truth["materials"]["active"]["mu"]
    inside = ndimage.binary_erosion(phases == ACTIVE, iterations=4)
    pore = ndimage.binary_erosion(phases == 1, iterations=2)
    assert inside.sum() > 500
    assert found[inside].mean() == pytest.approx(mu, rel=0.03)
    assert found[pore].mean() == pytest.approx(0, abs=0.03 * mu)


def test_thresholding_the_reconstruction_gives_back_the_truth(
    sample: Structure, round_trip: tuple[XrayScanResult, np.ndarray]
) -> None:
    """Half of µ as a threshold finds the active material with an IoU above 0.93.

    A voxel is decided at its centre, and the blur rounds cracks off: at radii of 12 voxels that costs a few per cent.
    """
    result, found = round_trip
    phases, _ = rasterize(sample, tuple(slice(0, n) for n in sample.shape))
    mask, truth = found > 0.5 * result.truth["materials"]["active"]["mu"], phases == ACTIVE
    assert np.count_nonzero(mask & truth) / np.count_nonzero(mask | truth) > 0.93


def test_truth_and_reconstruction_are_aligned(sample: Structure, round_trip: tuple[XrayScanResult, np.ndarray]) -> None:
    """Phase correlation of µ in truth and reconstruction finds a shift below 0.1 voxels along each axis."""
    _, found = round_trip
    phases, _ = rasterize(sample, tuple(slice(0, n) for n in sample.shape))
    truth = ndimage.gaussian_filter((phases == ACTIVE).astype(float), 0.7)
    shift, _, _ = phase_cross_correlation(truth, found, upsample_factor=100, normalization=None)
    assert np.abs(shift).max() < 0.1


def test_blocks_change_nothing(sample: Structure) -> None:
    """Both scans with flats and darks, and their truth, are the same in blocks of two threads, bit by bit."""
    config = QUICK.model_copy(update={"contrast": "both", "distance": "20 um", "halo": "100 nm"})
    whole = run_xray_scan(sample, config, MemoryWorkspace())
    blocks = run_xray_scan(sample, config, MemoryWorkspace(block_shape=(5, 13, 50), workers=2))
    assert all(np.array_equal(a, b) for a, b in zip(_arrays(whole), _arrays(blocks), strict=True))
    assert whole.truth == blocks.truth


def test_a_study_takes_the_scan_in_shards(sample: Structure, tmp_path: Path) -> None:
    """Written to Zarr in blocks of 32 and copied to a file, the counts are those in memory; done blocks are kept."""
    (tmp_path / "edge").write_text("32", encoding="utf-8")
    whole = run_xray_scan(sample, QUICK, MemoryWorkspace())
    for _ in range(2):
        work = StudyWorkspace("scan", tmp_path, sample.voxel_size, budget=2_000_000_000, workers=2)
        stored = run_xray_scan(sample, QUICK, work)
        assert stored.truth == whole.truth
    path = write_data_exchange(stored.stacks["absorption"], tmp_path / "scan.h5")
    with h5py.File(path) as file:
        found = [file[f"exchange/{name}"][...] for name in ("data", "data_white", "data_dark")]
    assert all(np.array_equal(a, b) for a, b in zip(found, _arrays(whole), strict=True))


def test_the_specimen_is_the_refined_structure(sample: Structure) -> None:
    """What is scanned is the structure on the finer grid, voxel by voxel, with what lies above and below the window."""
    work = MemoryWorkspace()
    specimen = paint_specimen(sample, factor=3, margin=2, work=work)
    rows, columns = slice(-6, 3 * 24 + 6), slice(0, 3 * 64)
    expected, _ = rasterize(sample.refined(3), (rows, columns, columns))
    assert np.array_equal(specimen.phases[...], expected.transpose(1, 2, 0))
    assert np.any(specimen.phases[:, :, :6] == ACTIVE)


def test_seeds_repeat_and_differ(sample: Structure) -> None:
    """The same seed gives the same counts and truth; another seed gives other noise, jitter and dead pixels."""
    one, again = (run_xray_scan(sample, QUICK, MemoryWorkspace()) for _ in range(2))
    other = run_xray_scan(sample, QUICK.model_copy(update={"seed": 6}), MemoryWorkspace())
    assert all(np.array_equal(a, b) for a, b in zip(_arrays(one), _arrays(again), strict=True))
    assert one.truth == again.truth
    assert not np.array_equal(_arrays(one)[0], _arrays(other)[0])
    assert one.truth["scans"]["absorption"]["shift_u"] != other.truth["scans"]["absorption"]["shift_u"]
    assert one.truth["dead_pixels"] != other.truth["dead_pixels"]


def test_a_result_says_all_about_itself(sample: Structure) -> None:
    """Shapes, types, units and the truth, which is plain JSON, belong together."""
    result = run_xray_scan(sample, QUICK, MemoryWorkspace())
    stack = result.stacks["absorption"]
    assert stack.shape == (9, 24, 64 + 2 * QUICK.margin)
    assert (stack.flats.shape[0], stack.darks.shape[0]) == (3, 2)
    assert (stack.flat_times, stack.dark_times) == ((0, 0, 1), (0, 1))
    assert {np.asarray(a).dtype for a in (stack.data, stack.flats, stack.darks)} == {np.dtype(np.uint16)}
    assert (stack.pixel_size, stack.energy, stack.distance) == (pytest.approx(PIXEL), 8000, 0)
    truth = json.loads(json.dumps(result.truth))
    assert truth == result.truth
    scan = truth["scans"]["absorption"]
    assert len(scan["shift_u"]) == len(scan["shift_v"]) == len(scan["angles"]) == 9
    assert scan["center_of_rotation"] == pytest.approx(0.5 * (stack.shape[2] - 1) + QUICK.center_offset)
    assert truth["materials"]["binder"]["mu"] < 0.1 * truth["materials"]["active"]["mu"]
    assert truth["materials"]["pore"]["mu"] == 0


def test_dose_decides_the_noise(sample: Structure) -> None:
    """Hundred times the photons, a tenth of the noise of the open beam after correction (5 %)."""
    noise = {}
    for dose in ("low", "high"):
        config = XrayScanConfig(angles=20, dose=dose, flats=200, dead=0, nonlinearity=0, read_noise=0, center_offset=0)
        air = _attenuation(run_xray_scan(sample, config, MemoryWorkspace()))[:, :, :10]
        noise[dose] = (air - air.mean(axis=(1, 2), keepdims=True)).std()
    assert noise["low"] / noise["high"] == pytest.approx(10, rel=0.05)


def test_a_missing_wedge_misses_angles(sample: Structure) -> None:
    """120 of 180 degrees from -60 on leave a gap of 60 degrees and a uniform step elsewhere."""
    config = QUICK.model_copy(update={"angles": 24, "first_angle": -60.0, "angle_range": 120.0})
    angles = np.degrees(run_xray_scan(sample, config, MemoryWorkspace()).stacks["absorption"].angles)
    assert np.diff(angles) == pytest.approx(np.full(23, 5.0))
    assert (angles[0], angles[-1]) == (pytest.approx(-57.5), pytest.approx(57.5))


def test_the_second_scan_is_of_a_moved_sample(sample: Structure) -> None:
    """The Zernike scan has its own jitter, states how the sample moved, and images it with more contrast."""
    config = QUICK.model_copy(update={"contrast": "both", "halo": "200 nm"})
    result = run_xray_scan(sample, config, MemoryWorkspace())
    scans = result.truth["scans"]
    assert list(result.stacks) == ["absorption", "zernike"]
    assert scans["absorption"]["sample_shift"] == [0, 0, 0]
    assert scans["zernike"]["sample_shift"] == list(config.motion)
    assert scans["zernike"]["sample_rotation"] == pytest.approx(np.radians(config.motion_angle))
    assert scans["zernike"]["shift_u"] != scans["absorption"]["shift_u"]
    contrast = {name: np.std(s.data[...]) / np.mean(s.data[...]) for name, s in result.stacks.items()}
    assert contrast["zernike"] > 3 * contrast["absorption"]


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"energy": "8"}, "8 keV"),
        ({"distance": "3"}, "no unit"),
        ({"dose": 0.1}, "photons"),
        ({"dose": "huge"}, "dose"),
        ({"contrast": "zernike", "halo": "0 um"}, "halo"),
        ({"rays": 3}, "rays"),
    ],
)
def test_bad_requests_are_refused(changes: dict[str, object], match: str) -> None:
    """What cannot be understood names the field or shows what to write."""
    with pytest.raises(ValidationError, match=match):
        XrayScanConfig(**changes)


def test_impossible_scans_are_refused(sample: Structure) -> None:
    """Voxels that are no cubes, and fringes that leave every tile, are refused with what to do."""
    with pytest.raises(InputError, match="square pixels"):
        run_xray_scan(replace(sample, voxel_size=(2e-7, 64e-9, 64e-9)), QUICK, MemoryWorkspace())
    with pytest.raises(InputError, match="distance below 1 m"):
        run_xray_scan(sample, QUICK.model_copy(update={"distance": "1 m"}), MemoryWorkspace())


def test_a_sample_that_leaves_the_view_is_told() -> None:
    """An axis further off than the margin, few angles and saturated pixels each give a warning."""
    config = SynthConfig(shape=(8, 64, 64), voxel_size="64 nm", d50="1.6 um", field_of_view="cylinder", seed=2)
    thin = make_structure(config.request(), np.random.default_rng(config.seed))
    scan = QUICK.model_copy(update={"center_offset": 30.0})
    text = " ".join(run_xray_scan(thin, scan, MemoryWorkspace()).warnings)
    assert "leaves the field of view" in text
    assert "9 angles are few" in text
    scan = QUICK.model_copy(update={"contrast": "zernike", "halo": "200 nm", "ring_transmission": 0.05})
    result = run_xray_scan(thin, scan, MemoryWorkspace())
    assert result.truth["scans"]["zernike"]["saturated_share"] > 0
    assert any("are saturated" in text for text in result.warnings)
