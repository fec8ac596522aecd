from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import shift
from skimage.registration import phase_cross_correlation

from voltomo.blocks import BlockPlan, map_blocks
from voltomo.synthesis import Structure
from voltomo.synthesis.families import ACTIVE, ELECTROLYTE, PORE
from voltomo.synthesis.fibsem import FibsemScanner, SliceTrack, Wander, draw_track, phase_yields, scan_slices
from voltomo.synthesis.raster import rasterize

BallMaker = Callable[..., Structure]
VOXEL = 50e-9
REAL = FibsemScanner(
    is_tilt_corrected=False,
    shine_depth=3 * VOXEL,
    grain_contrast=0.1,
    texture=0.5,
    curtain=0.3,
    streak=0.1,
    rim=0.8,
    rim_width=1.5,
    trail=0.2,
    trail_length=4.0,
    redeposition=0.2,
    probe=0.6,
    electrons=2000.0,
    bandwidth=0.5,
    dtype="uint16",
    seed=11,
)
STRAY = Wander(0.4, 4.0, 0.3, 8.0, 0.2, 0.05, 0.05, 0.3)


@pytest.fixture
def grains(balls: BallMaker) -> Structure:
    """A field of small balls of two phases, in and around the window."""
    rng = np.random.default_rng(5)
    centers = rng.uniform((-8, -20, -20), (20, 116, 116), size=(500, 3))
    phases = rng.choice([ACTIVE, ELECTROLYTE], size=500)
    structure = balls(list(centers), list(rng.uniform(3, 7, size=500)), shape=(6, 96, 96), phases=phases.tolist())
    return replace(structure, grain_size=4 * VOXEL)


def _track(structure: Structure, wander: Wander, *, seed: int = 0) -> SliceTrack:
    return draw_track(
        structure.shape[0],
        slice_thickness=structure.voxel_size[0],
        voxel_size=structure.voxel_size,
        wander=wander,
        rng=np.random.default_rng(seed),
    )


def _scan(
    structure: Structure,
    scanner: FibsemScanner,
    track: SliceTrack,
    block_shape: tuple[int, int, int] | None = None,
) -> np.ndarray:
    shape = (len(track), *scanner.image_shape(structure.shape))
    out = np.zeros(shape, scanner.dtype)
    plan = BlockPlan(shape, block_shape or shape)
    blank = np.zeros(shape, np.uint8)

    def function(block: object, region: np.ndarray) -> np.ndarray:
        return scan_slices(block, region, structure=structure, scanner=scanner, track=track)  # type: ignore[arg-type]

    map_blocks(function, blank, out=out, plan=plan)
    return out


def test_an_ideal_microscope_shows_the_phases(grains: Structure) -> None:
    """With everything off and one point per pixel, each pixel has the grey of its phase in the truth."""
    scanner = FibsemScanner(subsamples=1, dtype="uint16")
    images = _scan(grains, scanner, _track(grains, Wander()))
    truth, _ = rasterize(grains, (slice(0, 6), slice(0, 96), slice(0, 96)))
    yields = phase_yields(grains, scanner)
    levels = scanner.display(yields).levels(yields.mean)
    assert set(np.unique(truth)) == {PORE, ACTIVE, ELECTROLYTE}
    assert np.array_equal(images, levels[truth])
    # Black level, and the brightest phase of the family.
    assert levels[PORE] == round(0.10 * 65535)
    assert levels.max() == round(0.65 * 65535)


@pytest.mark.parametrize("block_shape", [(2, 96, 96), (6, 31, 37), (1, 96, 29)])
@pytest.mark.parametrize("is_corrected", [False, True])
def test_blocks_change_nothing(grains: Structure, block_shape: tuple[int, int, int], *, is_corrected: bool) -> None:
    """With everything on, a stack cut into blocks equals that in one piece, bit by bit."""
    scanner = replace(REAL, is_tilt_corrected=is_corrected)
    track = _track(grains, STRAY)
    assert np.array_equal(_scan(grains, scanner, track, block_shape), _scan(grains, scanner, track))


def test_seeds_make_the_noise(grains: Structure) -> None:
    """The same seed gives the same images, another one other curtains and noise."""
    track = _track(grains, STRAY)
    first = _scan(grains, REAL, track)
    assert np.array_equal(first, _scan(grains, REAL, track))
    assert np.mean(first != _scan(grains, replace(REAL, seed=12), track)) > 0.9


@pytest.mark.parametrize("tilt", [38.0, 52.0, 90.0])
def test_a_tilted_face_is_foreshortened(balls: BallMaker, tilt: float) -> None:
    """A disc is sin(tilt) as high as wide (from its second moments), at its place; stretched back it is round."""
    structure = balls([(0, 30, 32)], [14], shape=(1, 60, 64))
    for is_corrected in (False, True):
        scanner = FibsemScanner(math.radians(tilt), is_corrected, subsamples=4, dtype="uint16")
        image = _scan(structure, scanner, _track(structure, Wander()))[0].astype(float)
        factor = 1.0 if is_corrected else math.sin(math.radians(tilt))
        assert image.shape == (round(60 * factor), 64)
        weight = image - image.min()
        rows, columns = np.indices(image.shape)
        middle = (weight * rows).sum() / weight.sum()
        height = np.sqrt((weight * (rows - middle) ** 2).sum() / weight.sum())
        width = np.sqrt((weight * (columns - 32) ** 2).sum() / weight.sum())
        # The area of a pixel adds 1/12 to a second moment of R²/4 = 49.
        assert height / width == pytest.approx(factor, rel=0.005)
        assert middle == pytest.approx((30 + 0.5) * factor - 0.5, abs=0.02)


@pytest.mark.parametrize("is_corrected", [False, True])
@pytest.mark.parametrize("is_infiltrated", [False, True])
def test_the_table_aligns_every_slice_with_the_truth(
    grains: Structure, *, is_corrected: bool, is_infiltrated: bool
) -> None:
    """At a high dose, moving each slice back by (dy, dx) leaves less than 0.1 pixel to an ideal image of the phases.

    Nothing is seen through the pores here: deeper material shows above the object it belongs to, whatever the drift.
    Trails are as strong as they usually are: twice as strong they pull by 0.1 pixel where resin leaves little contrast.
    """
    scanner = replace(
        REAL,
        is_tilt_corrected=is_corrected,
        is_infiltrated=is_infiltrated,
        shine_depth=0.0,
        electrons=50_000.0,
        trail=0.1,
    )
    track = _track(grains, replace(STRAY, walk=1.5, max_drift=6.0))
    still = replace(track, dy=np.zeros(6), dx=np.zeros(6), gain=np.ones(6), offset=np.zeros(6))
    ideal = FibsemScanner(is_tilt_corrected=is_corrected, is_infiltrated=is_infiltrated, dtype="uint16")
    drifted, truth = _scan(grains, scanner, track).astype(float), _scan(grains, ideal, still).astype(float)
    assert np.ptp(track.dy) > 2
    inner = (slice(8, -8), slice(8, -8))  # what comes in over the edge is left out
    for k in range(6):
        back = shift(drifted[k], (-track.dy[k], -track.dx[k]), order=3)[inner]
        window = np.outer(*(np.hanning(n) for n in back.shape))
        rest, _, _ = phase_cross_correlation(
            window * (truth[k][inner] - truth[k].mean()),
            window * (back - back.mean()),
            upsample_factor=50,
            normalization=None,
        )
        assert np.abs(rest).max() < 0.1


def test_gain_and_offset_are_those_of_the_track(grains: Structure) -> None:
    """A straight line through the greys with and without drift of brightness has the slope and offset of the table."""
    track = _track(grains, Wander(slow=0.05, step=0.1, step_chance=0.5))
    even = replace(track, gain=np.ones(6), offset=np.zeros(6))
    scanner = FibsemScanner(dtype="uint16")
    shown, plain = (_scan(grains, scanner, t).astype(float) for t in (track, even))
    for k in range(6):
        gain, offset = np.polyfit(plain[k].ravel(), shown[k].ravel(), 1)
        # Rounding to 65535 levels is all that differs.
        assert gain == pytest.approx(track.gain[k], abs=1e-4)
        assert offset / 65535 == pytest.approx(track.offset[k], abs=1e-4)


def test_slices_are_cut_where_the_table_says(balls: BallMaker) -> None:
    """The area of a ball's section gives the depth of each slice, within 0.05 voxel where the radius changes fast."""
    structure = balls([(0, 30, 32)], [24], shape=(22, 60, 64))
    track = _track(structure, Wander(thickness_spread=0.3))
    images = _scan(structure, FibsemScanner(subsamples=4, dtype="uint16"), track).astype(float)
    share = (images - images.min()) / (images.max() - images.min())
    radius_square = share.sum(axis=(1, 2)) / math.pi
    depth = np.sqrt(24**2 - radius_square[8:])
    assert depth == pytest.approx(track.z[8:] / VOXEL, abs=0.05)


def test_resin_lifts_pores_and_closes_the_view(grains: Structure) -> None:
    """Filled pores have the grey of resin everywhere, however deep one could see."""
    scanner = replace(FibsemScanner(subsamples=1, dtype="uint16"), is_infiltrated=True, shine_depth=1e-6)
    images = _scan(grains, scanner, _track(grains, Wander()))
    truth, _ = rasterize(grains, (slice(0, 6), slice(0, 96), slice(0, 96)))
    yields = phase_yields(grains, scanner)
    assert np.array_equal(images, scanner.display(yields).levels(yields.mean)[truth])
    assert 0 < yields.mean[PORE] < yields.mean[ELECTROLYTE]


def test_drift_shows_the_specimen_beyond_the_window(grains: Structure) -> None:
    """A slice that drifted by six pixels shows at its edge what lies outside of the window, not emptiness."""
    track = _track(grains, Wander())
    moved = replace(track, dx=np.full(6, 6.0))
    scanner = FibsemScanner(subsamples=1, dtype="uint16")
    image = _scan(grains, scanner, moved)
    outside, _ = rasterize(grains, (slice(0, 6), slice(0, 96), slice(-6, 90)))
    yields = phase_yields(grains, scanner)
    assert np.array_equal(image, scanner.display(yields).levels(yields.mean)[outside])
