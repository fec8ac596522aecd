"""Levels, blur, rings and drift from sums over voxels."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from voltomo.artifacts import PhaseTable
from voltomo.blocks import Block, BlockPlan, reduce_blocks
from voltomo.morphology.grid import Grid
from voltomo.synthesis.likeness.edges import fit_edge
from voltomo.synthesis.likeness.estimate import (
    Fluctuations,
    Greys,
    find_interior,
    fluctuation_statistics,
    grey_statistics,
)
from voltomo.synthesis.likeness.statistic import Likeness
from voltomo.synthesis.likeness.sums import merge_sums, sum_fluctuations, sum_greys
from voltomo.synthesis.likeness.surfaces import REACH, depth_in_phase, distance_from_surface

TABLE = PhaseTable.two_class()
SPAN = (-2.0, 3.0)


def _whole(shape: tuple[int, ...]) -> Block:
    region = tuple(slice(0, n) for n in shape)
    return Block(0, region, region, region)


def _greys(grey: np.ndarray, phases: np.ndarray) -> Greys:
    grid = Grid.of(grey.shape, None)
    sums = sum_greys(_whole(grey.shape), grey, phases, active=2, grid=grid, span=SPAN, origin=0.5)
    return Greys(sums, 0.5, SPAN)


def _statistics(grey: np.ndarray, phases: np.ndarray) -> Likeness:
    greys = _greys(grey, phases)
    found, curves = grey_statistics(greys, TABLE, TABLE.by_id(2))
    interior = find_interior(greys, TABLE)
    center = (0.5 * (grey.shape[1] - 1), 0.5 * (grey.shape[2] - 1))
    sums = sum_fluctuations(
        _whole(grey.shape),
        grey,
        phases,
        interior=interior,
        active=2,
        grid=Grid.of(grey.shape, None),
        center=center,
        stride=1,
    )
    more, more_curves, _ = fluctuation_statistics(Fluctuations(sums), interior, TABLE)
    return Likeness((*found, *more), {**curves, **more_curves})


def _half_space(shape: tuple[int, int, int]) -> np.ndarray:
    phases = np.ones(shape, np.uint8)
    phases[:, :, shape[2] // 2 :] = 2
    return phases


@pytest.mark.parametrize("sigma", [0.8, 1.5, 2.5])
def test_blur_of_a_plane_edge_comes_back(sigma: float) -> None:
    """The Gaussian that blurred a plane is found."""
    phases = _half_space((1, 60, 80))
    grey = ndimage.gaussian_filter((phases == 2).astype(np.float32), (0, sigma, sigma), mode="nearest")
    # The sampled Gaussian of 0.8 is a little narrower than its sigma, and bins are half a voxel wide: 7 % there.
    assert _statistics(grey, phases).value("blur") == pytest.approx(sigma, rel=0.03 if sigma > 1 else 0.08)


def test_edge_fit_is_exact_for_its_own_model() -> None:
    """A profile that is the integral of a Gaussian gives all four numbers back."""
    from scipy.special import ndtr

    distance = np.arange(-9.75, 10, 0.5)
    fit = fit_edge(distance, np.full(len(distance), 100.0), 3 + 4 * ndtr((distance - 0.3) / 1.7))
    assert fit == pytest.approx((1.7, 0.3, 3.0, 7.0), rel=1e-5)


def test_no_edge_no_blur() -> None:
    """Without a surface the blur is withheld, with a reason."""
    rng = np.random.default_rng(0)
    grey = rng.normal(size=(1, 80, 80)).astype(np.float32)
    (blur,) = (s for s in _statistics(grey, np.full(grey.shape, 2, np.uint8)) if s.name == "blur")
    assert blur.value is None
    assert "too few" in blur.reason


def test_levels_leave_the_blurred_boundaries_out() -> None:
    """Mean and spread are those of the inside, not of the edge."""
    phases = _half_space((20, 60, 80))
    rng = np.random.default_rng(0)
    clean = ndimage.gaussian_filter((phases == 2).astype(np.float32), 1.5, mode="nearest")
    found = _statistics(clean + 0.1 * rng.normal(size=clean.shape).astype(np.float32), phases)
    # 6 voxels are four standard deviations of the blur; the mean of 40 000 voxels is known to 0.0005.
    assert found.value("grey_level", "pore+binder") == pytest.approx(0, abs=0.002)
    assert found.value("grey_level", "active") == pytest.approx(1, abs=0.002)
    assert found.value("grey_spread", "active") == pytest.approx(0.1, rel=0.02)
    assert found.value("volume_fraction", "active") == 0.5


def test_rings_are_told_from_noise() -> None:
    """Rings of known strength come back under noise ten times as strong; noise alone has none."""
    rng = np.random.default_rng(1)
    shape = (24, 160, 160)
    phases = np.full(shape, 2, np.uint8)
    noise = 0.2 * rng.normal(size=shape).astype(np.float32)
    y, x = np.ogrid[:160, :160]
    radius = np.rint(np.hypot(y - 79.5, x - 79.5)).astype(int)
    column = rng.normal(size=radius.max() + 1)
    rings = 0.02 * (column / column[12:].std())[radius]
    # 100 circles give a standard deviation to 7 %, the running mean of 15 adds little.
    assert _statistics(noise + rings.astype(np.float32), phases).value("rings") == pytest.approx(0.02, rel=0.15)
    assert _statistics(noise, phases).value("rings") == pytest.approx(0, abs=0.003)


def test_drift_is_the_spread_of_the_slices() -> None:
    """A ramp from 0 to 1 over the slices has a standard deviation of 1/√12."""
    grey = np.broadcast_to(np.linspace(0, 1, 40, dtype=np.float32)[:, None, None], (40, 40, 40))
    found = _statistics(np.ascontiguousarray(grey), np.full(grey.shape, 2, np.uint8))
    # 40 slices instead of a continuum: √((40 + 1) / (40 − 1)) more.
    assert found.value("drift") == pytest.approx(np.sqrt(41 / 39 / 12), rel=1e-3)


def test_texture_is_what_one_phase_varies_beyond_the_noise() -> None:
    """Noise everywhere and texture in the active material alone are told apart."""
    rng = np.random.default_rng(2)
    phases = _half_space((1, 400, 400))
    noise = 0.05 * rng.normal(size=phases.shape)
    texture = ndimage.gaussian_filter(rng.normal(size=phases.shape), (0, 2.5, 2.5))
    grey = noise + np.where(phases == 2, 1 + 0.1 * texture / texture.std(), 0)
    found = _statistics(grey.astype(np.float32), phases)
    assert found.value("noise") == pytest.approx(0.05, rel=0.03)
    # 80 000 / 4π·2.5² = 1000 independent patches: 2.2 % of the variance.
    assert found.value("texture", "active") == pytest.approx(0.1, rel=0.08)
    # exp(−h²/4·2.5²) = 1/2 at h = 4.16.
    assert found.value("texture_length", "active") == pytest.approx(4.16, rel=0.12)
    assert found.value("noise_length_x") == 0.0


def test_edge_of_the_field_of_view_is_no_surface() -> None:
    """Distances from the surface ignore voxels outside; depths end there."""
    phases = np.full((1, 30, 30), 2, np.uint8)
    phases[:, :, :5] = 0
    grid = Grid.of(phases.shape, None)
    signed, depth = distance_from_surface(phases, 2, grid), depth_in_phase(phases, grid)
    assert signed[0, 15, 6] == REACH
    assert depth[0, 15, 6] == 2


def test_blocks_change_nothing() -> None:
    """Sums in blocks with the stated halo equal those of the whole."""
    rng = np.random.default_rng(3)
    shape = (24, 37, 41)
    phases = (ndimage.gaussian_filter(rng.normal(size=shape), 3) > 0).astype(np.uint8) + 1
    phases[:, :4] = 0
    grey = (phases + rng.normal(size=shape)).astype(np.float32)

    def summed(block_shape: tuple[int, int, int]) -> dict[str, np.ndarray]:
        return reduce_blocks(
            lambda block, *arrays: sum_greys(
                block, *arrays, active=2, grid=Grid.of(shape, None), span=SPAN, origin=0.5
            ),
            grey,
            phases,
            plan=BlockPlan(shape, block_shape, REACH),
            merge=merge_sums,
        )

    whole, blocks = summed(shape), summed((9, 14, 17))
    assert whole.keys() == blocks.keys()
    for name in whole:
        assert np.allclose(whole[name], blocks[name], rtol=1e-9, atol=1e-9)
