from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError
from skimage.registration import phase_cross_correlation

from voltomo.errors import InputError, ShapeError
from voltomo.stages.scan_image import DOSES, ImageScanConfig, run_image_scan
from voltomo.stages.synth import SynthConfig
from voltomo.stages.workspace import MemoryWorkspace
from voltomo.synthesis.generate import make_structure
from voltomo.synthesis.raster import rasterize
from voltomo.synthesis.structure import Structure

QUIET = ImageScanConfig(
    blur=0, noise=0, rings=0, texture=0, porous_texture=0, supersampling=1, dtype="float32", levels={1: 0.25, 4: 0.25}
)
CONFIGS = {
    "default": ImageScanConfig(seed=7),
    "everything": ImageScanConfig(
        supersampling=3,
        noise_kernel=((0.1, 0.3, 0.1), (0.3, 1.0, 0.3), (0.1, 0.3, 0.1)),
        fringes=5.0,
        fringe_length=1.0,
        halo=0.3,
        halo_length=4.0,
        missing_wedge=30.0,
        drift=0.03,
        drift_width=20.0,
        particle_spread=0.02,
        grain_spread=0.02,
        cupping=0.1,
        dtype="float32",
    ),
}


def _make(config: SynthConfig) -> tuple[Structure, np.ndarray]:
    """A structure and its phases."""
    structure = make_structure(config.request(), np.random.default_rng(1))
    z, y, x = (slice(0, n) for n in structure.shape)
    return structure, rasterize(structure, (z, y, x))[0]


@pytest.fixture(scope="module")
def small() -> tuple[Structure, np.ndarray]:
    """A small cathode in a cylinder."""
    return _make(SynthConfig(shape=(24, 40, 44), voxel_size="100 nm", d50="1.5 um", field_of_view="cylinder"))


def _scan(
    small: tuple[Structure, np.ndarray], config: ImageScanConfig, work: MemoryWorkspace | None = None
) -> np.ndarray:
    volume = run_image_scan(*small, config, work or MemoryWorkspace())
    assert volume.shape == small[0].shape
    assert volume.voxel_size == small[0].voxel_size
    return np.asarray(volume.data)[0]


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("block", [(9, 17, 13), (24, 11, 44)])
def test_blocks_change_nothing(small: tuple[Structure, np.ndarray], name: str, block: tuple[int, int, int]) -> None:
    """Scanned in blocks by two threads, every voxel equals that of the scan made at once, bit by bit."""
    whole = _scan(small, CONFIGS[name])
    blocks = _scan(small, CONFIGS[name], MemoryWorkspace(block_shape=block, workers=2))
    assert np.array_equal(whole, blocks)


def test_a_perfect_scanner_shows_one_grey_per_phase(small: tuple[Structure, np.ndarray]) -> None:
    """Without any artefact each phase has its level, given or usual; the outside is 0."""
    grey, phases = _scan(small, QUIET), small[1]
    for phase, level in ((0, 0.0), (1, 0.25), (2, 0.70), (3, 0.32), (4, 0.25)):
        assert np.unique(grey[phases == phase]) == pytest.approx([level], abs=1e-6)


def test_supersampling_keeps_the_fractions(small: tuple[Structure, np.ndarray]) -> None:
    """Partial volume changes voxels at surfaces alone, and the mean grey by less than 0.003: counting noise."""
    sharp = _scan(small, QUIET)
    shared = _scan(small, QUIET.model_copy(update={"supersampling": 2}))
    inside = small[1] > 0
    assert shared[inside].mean() == pytest.approx(sharp[inside].mean(), abs=0.003)
    # Levels are summed in float32: differences of rounding are none.
    assert 0.05 < np.mean(np.abs(shared[inside] - sharp[inside]) > 1e-4) < 0.8


@pytest.mark.parametrize(("dtype", "full"), [("uint8", 255), ("uint16", 65535)])
def test_integers_span_their_range(small: tuple[Structure, np.ndarray], dtype: str, full: int) -> None:
    """Grey 1 is the largest integer: 0.7 of it for the active material."""
    grey = _scan(small, QUIET.model_copy(update={"dtype": dtype}))
    assert grey.dtype == dtype
    assert np.unique(grey[small[1] == 2]) == pytest.approx([0.7 * full], abs=1)


def test_doses_differ_by_their_noise(small: tuple[Structure, np.ndarray]) -> None:
    """Low, medium and high dose have the noise of the table; a stated noise goes before a dose.

    16 000 correlated voxels inside: the standard deviation is known to about 5 %.
    """
    inside = small[1] > 0
    for dose, noise in (*DOSES.items(), (None, 0.05)):
        config = QUIET.model_copy(update={"dose": dose} | {"noise": noise if dose is None else None})
        difference = (_scan(small, config) - _scan(small, QUIET))[inside]
        assert difference.std() == pytest.approx(noise, rel=0.15)


def test_a_section_is_scanned_in_its_plane() -> None:
    """One slice has the blur of its plane, its partial volume along z, and noise of the stated strength."""
    section = _make(SynthConfig(shape=(1, 90, 100), d50="2 um"))
    assert _scan(section, ImageScanConfig(missing_wedge=20, drift=0.02)).shape == (1, 90, 100)
    noisy, still = (_scan(section, QUIET.model_copy(update={"noise": noise})) for noise in (0.1, 0.0))
    assert (noisy - still).std() == pytest.approx(0.1, rel=0.1)


@pytest.mark.parametrize("supersampling", [1, 2, 3])
def test_the_scan_lies_on_its_truth(supersampling: int) -> None:
    """Phase correlation finds a default scan where its phases are, to 0.1 voxel; it is read to 0.02 voxel."""
    structure, phases = _make(SynthConfig(shape=(40, 64, 64), d50="2 um"))
    grey = _scan((structure, phases), ImageScanConfig(supersampling=supersampling, dtype="float32"))
    window = np.hanning(40)[:, None, None] * np.hanning(64)[:, None] * np.hanning(64)
    truth = (phases == 2).astype(float)
    shift = phase_cross_correlation(
        (truth - truth.mean()) * window, (grey - grey.mean()) * window, upsample_factor=50, normalization=None
    )[0]
    assert np.abs(shift).max() <= 0.1


def test_seeds_repeat_and_differ(small: tuple[Structure, np.ndarray]) -> None:
    """Equal seeds give equal voxels; another seed other noise."""
    config = ImageScanConfig(supersampling=1)
    assert np.array_equal(_scan(small, config), _scan(small, config))
    assert not np.array_equal(_scan(small, config), _scan(small, config.model_copy(update={"seed": 1})))


def test_the_config_is_lossless_and_strict() -> None:
    """It goes to plain values and back; typing errors, greys that an integer cannot hold and nonsense are refused."""
    for config in CONFIGS.values():
        assert ImageScanConfig.model_validate_json(config.model_dump_json()) == config
    for wrong in (
        {"blurr": 1},
        {"levels": {1: -0.5}},
        {"noise_kernel": ((1.0, 2.0), (3.0, 4.0))},
        {"blur": 0.2, "fringe_length": 1.0},
        {"missing_wedge": 180},
        {"noise": float("nan")},
    ):
        with pytest.raises(ValidationError):
            ImageScanConfig.model_validate(wrong)
    assert ImageScanConfig(levels={1: -0.5}, dtype="float32").levels[1] == -0.5


def test_levels_of_foreign_phases_are_refused(small: tuple[Structure, np.ndarray]) -> None:
    """A level for a phase that the structure has not names those that it has."""
    with pytest.raises(InputError, match="2 active"):
        _scan(small, ImageScanConfig(levels={9: 0.4}))


def test_phases_of_another_window_are_refused(small: tuple[Structure, np.ndarray]) -> None:
    """Phases that do not cover the structure cannot cut its field of view."""
    with pytest.raises(ShapeError, match="differ in shape"):
        _scan((small[0], small[1][1:]), QUIET)


def test_a_wedge_needs_square_voxels() -> None:
    """Angles mean nothing in a plane that is stretched."""
    stretched = _make(SynthConfig(shape=(1, 60, 60), voxel_size="100,100,200 nm", d50="2 um"))
    with pytest.raises(InputError, match="as long along y as along x"):
        _scan(stretched, ImageScanConfig(missing_wedge=20))
