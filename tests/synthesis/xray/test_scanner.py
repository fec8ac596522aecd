from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage
from skimage.registration import phase_cross_correlation

from voltomo.phantoms import Ball, rasterize
from voltomo.synthesis.materials import ALUMINIUM
from voltomo.synthesis.xray import scanner
from voltomo.synthesis.xray.attenuation import OpticalConstants, Spectrum, optical_constants, tube_spectrum
from voltomo.synthesis.xray.geometry import Motion, ParallelGeometry
from voltomo.synthesis.xray.scanner import Specimen, XrayOptics, scan_region
from voltomo.synthesis.xray.wave import WaveOptics

SIZE, HEIGHT, COLUMNS, PIXEL = 32, 20, 48, 64e-9
MU, DELTA = 3e4, 1.4e-5
WAVES = {"absorption": WaveOptics(), "fringes": WaveOptics(5e-5), "ring": WaveOptics(0.0, math.pi / 2, 0.7, 1.5e-7)}


def _geometry(count: int = 12, **changes: object) -> ParallelGeometry:
    angles = (np.arange(count) + 0.5) * np.pi / count  # none along the rows of voxels
    still = np.zeros(count)
    plain = ParallelGeometry(angles, still, still, (HEIGHT, COLUMNS), 0.5 * (COLUMNS - 1), (HEIGHT, SIZE, SIZE))
    return replace(plain, **changes)


def _optics(wave: WaveOptics = WAVES["absorption"], blur: float = 0.0) -> XrayOptics:
    return XrayOptics(PIXEL, Spectrum((8e3,), (1.0,)), [{2: OpticalConstants(MU, DELTA)}], wave, blur)


def _specimen(ball: Ball, *, margin: int = 40, factor: int = 2) -> Specimen:
    """A ball given in voxels of the window, on the fine grid."""
    z, y, x = ((c + 0.5) * factor - 0.5 for c in ball.center)
    fine = Ball((z + margin * factor, y, x), ball.radius * factor)
    shape = ((HEIGHT + 2 * margin) * factor, SIZE * factor, SIZE * factor)
    phases = (2 * (rasterize(fine, shape) > 0)).astype(np.uint8).transpose(1, 2, 0)
    return Specimen(phases, factor, margin, is_cylinder=False)


BALL = Ball((9.0, 18.0, 13.0), 6.0)


def _scan(specimen: Specimen, geometry: ParallelGeometry, optics: XrayOptics) -> np.ndarray:
    region = slice(0, len(geometry)), slice(0, HEIGHT), slice(0, COLUMNS)
    return scan_region(region, specimen, geometry, optics)


def _centroids(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(A,) mean row and column of what is missing from the beam."""
    lost = 1 - image
    total = lost.sum(axis=(1, 2))
    v, u = np.arange(image.shape[1]), np.arange(image.shape[2])
    return (lost.sum(axis=2) * v).sum(axis=1) / total, (lost.sum(axis=1) * u).sum(axis=1) / total


def test_the_middle_of_a_ball_obeys_beer_and_lambert() -> None:
    """Through the centre of a ball T = exp(−2µr), to half a voxel in 12: the staircase of the fine grid."""
    image = _scan(_specimen(Ball((10.0, 15.5, 15.5), 6.0)), _geometry(), _optics())
    rows = image[:, 10, 23:25].mean(axis=1)
    assert -np.log(rows) / PIXEL / MU == pytest.approx(np.full(12, 12.0), abs=0.5)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"center_of_rotation": 26.3},
        {"shift_u": np.linspace(-2, 2, 12), "shift_v": np.linspace(1.3, -1.7, 12)},
        {"motion": Motion((0.6, -1.4, 2.3), 0.2)},
    ],
    ids=["plain", "center", "jitter", "motion"],
)
def test_a_ball_off_the_axis_lands_where_the_formula_says(changes: dict[str, object]) -> None:
    """Its centre of mass is within 0.03 pixels of `ParallelGeometry.land` under every angle.

    Weak attenuation, because the centre of mass of 1 − T is that of the path lengths only to first order.
    """
    optics = replace(_optics(), constants=[{2: OpticalConstants(10.0, 0.0)}])
    geometry = _geometry(**changes)
    rows, columns = _centroids(_scan(_specimen(BALL), geometry, optics).astype(np.float64))
    expected_rows, expected_columns = geometry.land(*BALL.center)
    assert np.abs(rows - expected_rows).max() < 0.03
    assert np.abs(columns - expected_columns).max() < 0.03


def test_a_moved_sample_is_seen_as_if_its_shapes_had_moved() -> None:
    """Turning from x to y and shifting the whole sample gives the image of a ball at the turned and shifted place."""
    motion = Motion((1.0, -2.0, 3.0), 0.3)
    middle = 0.5 * (SIZE - 1)
    y, x = BALL.center[1] - middle, BALL.center[2] - middle
    turned = (math.sin(0.3) * x + math.cos(0.3) * y, math.cos(0.3) * x - math.sin(0.3) * y)
    moved = Ball((BALL.center[0] + 1.0, middle + turned[0] - 2.0, middle + turned[1] + 3.0), BALL.radius)
    found = _scan(_specimen(BALL), _geometry(motion=motion), _optics())
    expected = _scan(_specimen(moved), _geometry(), _optics())
    # The staircases of both balls differ by part of a fine voxel.
    assert np.abs(found - expected).max() < 0.02
    assert found.mean() == pytest.approx(expected.mean(), abs=1e-4)


def test_jitter_and_center_are_found_by_correlation() -> None:
    """Shifts measured against the still scan are those asked for, within 0.1 pixels."""
    jitter = np.array([0.4, -1.25, 0.8, 0.1]), np.array([-0.7, 1.5, 0.3, -0.2])
    still = _scan(_specimen(BALL), _geometry(4), _optics(blur=0.7))
    moved = _scan(
        _specimen(BALL),
        _geometry(4, shift_v=jitter[0], shift_u=jitter[1], center_of_rotation=0.5 * (COLUMNS - 1) + 2.5),
        _optics(blur=0.7),
    )
    for i in range(4):
        shift, _, _ = phase_cross_correlation(1 - moved[i], 1 - still[i], upsample_factor=50, normalization=None)
        assert shift == pytest.approx((jitter[0][i], jitter[1][i] + 2.5), abs=0.1)


def test_pixels_average_intensities() -> None:
    """A pixel half covered by thick matter lets half of the beam through, not the root of the attenuation."""
    phases = np.zeros((SIZE * 2, SIZE * 2, (HEIGHT + 2) * 2), np.uint8)
    phases[:, :31] = 2
    optics = replace(_optics(), constants=[{2: OpticalConstants(1e6, 0.0)}])
    image = _scan(Specimen(phases, 2, 1, is_cylinder=False), _geometry(1, angles=np.zeros(1)), optics)
    through = math.exp(-1e6 * PIXEL * SIZE)
    assert image[0, 5, 8:25] == pytest.approx([through] * 15 + [0.5 * (1 + through), 1.0], abs=1e-6)


def test_blur_is_the_point_spread() -> None:
    """The blurred scan is the Gaussian of the sharp one (1 %: pixels are no points)."""
    sharp, blurred = (_scan(_specimen(BALL), _geometry(2), _optics(blur=b)) for b in (0.0, 1.5))
    expected = ndimage.gaussian_filter(sharp, (0, 1.5, 1.5))
    assert np.abs(blurred - expected).max() < 0.01


def test_a_spectrum_hardens() -> None:
    """With a tube, attenuation per length falls with thickness; with one energy it stays."""
    slopes = {}
    for name, spectrum in (("tube", tube_spectrum(30e3, filter_thickness=1e-4)), ("line", Spectrum((1e4,), (1.0,)))):
        constants = [{2: optical_constants(ALUMINIUM, e)} for e in spectrum.energies]
        optics = XrayOptics(1e-5, spectrum, constants, WAVES["absorption"])
        image = _scan(_specimen(Ball((10.0, 15.5, 15.5), 9.0)), _geometry(1), optics)
        per_length = [-math.log(image[0, 10, u]) / BALL_CHORD[u] for u in (16, 24)]
        slopes[name] = per_length[1] / per_length[0]
    assert slopes["line"] == pytest.approx(1, abs=0.03)
    assert slopes["tube"] < 0.93


BALL_CHORD = {u: 2 * math.sqrt(81 - (u - 23.5) ** 2) for u in (16, 24)}


@pytest.mark.parametrize("name", WAVES)
def test_blocks_change_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any part of the scan, alone, is the same part of the whole, bit by bit; also where waves travel in tiles."""
    monkeypatch.setattr(scanner, "TILE", 24)
    geometry = _geometry(shift_v=np.linspace(-1, 1, 12), shift_u=np.linspace(0.5, -0.5, 12))
    optics, specimen = _optics(WAVES[name], blur=0.6), _specimen(BALL)
    whole = _scan(specimen, geometry, optics)
    region = slice(3, 8), slice(5, 17), slice(19, 48)
    assert np.array_equal(scan_region(region, specimen, geometry, optics), whole[region])


@pytest.mark.parametrize("name", ["fringes", "ring"])
def test_tiles_do_not_show(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Waves in tiles of 16 pixels and in one piece differ by less than 1 % of the contrast."""
    optics, specimen = _optics(WAVES[name], blur=0.6), _specimen(BALL)
    whole = _scan(specimen, _geometry(4), optics)
    monkeypatch.setattr(scanner, "TILE", 16)
    tiled = _scan(specimen, _geometry(4), optics)
    assert np.abs(tiled - whole).max() < 0.01 * np.ptp(whole)


def test_fringes_surround_edges() -> None:
    """Free space brightens the outside of an edge and darkens its inside; the photons stay the same."""
    near, far = (
        _scan(_specimen(Ball((10.0, 15.5, 15.5), 6.0)), _geometry(1), _optics(w))
        for w in (WAVES["absorption"], WAVES["fringes"])
    )
    assert far[0, 10].max() > 1.05
    assert near.max() <= 1
    assert far.mean() == pytest.approx(near.mean(), rel=2e-3)


def test_phase_retrieval_gives_back_the_thickness() -> None:
    """Paganin's filter (J. Microsc. 206 (2002) 33) turns near-field fringes of one material into its path lengths.

    It assumes the transport of intensity, which at 64 nm and 10 µm holds to some per cent of the ball's diameter; the
    fringes themselves, taken for attenuation, are off by more than ten times as much.
    """
    distance = 1e-5
    ball = _specimen(Ball((10.0, 15.5, 15.5), 6.0))
    near, far = (
        _scan(ball, _geometry(1), _optics(wave, blur=0.7))[0] for wave in (WAVES["absorption"], WaveOptics(distance))
    )
    frequency = np.add.outer(np.fft.fftfreq(HEIGHT, PIXEL) ** 2, np.fft.fftfreq(COLUMNS, PIXEL) ** 2)
    low_pass = 1 + distance * DELTA / MU * (2 * np.pi) ** 2 * frequency
    retrieved = np.fft.ifft2(np.fft.fft2(far) / low_pass).real
    thickness, found, plain = (-np.log(image) / MU / PIXEL for image in (near, retrieved, far))
    error = np.sqrt(np.mean((found - thickness) ** 2))
    assert error < 0.03 * 12
    assert np.sqrt(np.mean((plain - thickness) ** 2)) > 10 * error
