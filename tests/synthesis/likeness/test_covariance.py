"""Noise and texture from squared differences of pairs."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from voltomo.blocks import Block
from voltomo.morphology.grid import Grid
from voltomo.synthesis.likeness.covariance import Covariance, fit_length, half_width, spectrum
from voltomo.synthesis.likeness.noise_model import fit_noise
from voltomo.synthesis.likeness.sums import FARTHEST_LAG, Interior, sum_fluctuations
from voltomo.synthesis.likeness.surfaces import REACH


def _covariance(image: np.ndarray) -> Covariance:
    """Of an image that is one phase throughout."""
    region = tuple(slice(0, n) for n in image.shape)
    interior = Interior(np.zeros(256), np.zeros(256), np.ones(256))
    sums = sum_fluctuations(
        Block(0, region, region, region),
        image,
        np.ones(image.shape, np.uint8),
        interior=interior,
        active=2,
        grid=Grid.of(image.shape, None),
        center=(0.0, 0.0),
        stride=1,
    )
    count, squares = sums["pairs"]
    found = Covariance.of_pairs(count[1], squares[1])
    assert found is not None
    return found


def _noise(shape: tuple[int, int, int], *, std: float, length: float) -> np.ndarray:
    """White noise through a Gaussian, scaled to a standard deviation, on a brightness that drifts."""
    white = np.random.default_rng(1).normal(size=shape)
    sigma = [length if n > 1 else 0 for n in shape]
    smooth = ndimage.gaussian_filter(white, sigma, mode="wrap") if length else white
    return (std * smooth / smooth.std()).astype(np.float32)


@pytest.mark.parametrize("length", [0.0, 0.8, 1.5, 2.5])
def test_noise_has_the_strength_and_length_it_was_made_with(length: float) -> None:
    """Standard deviation and correlation length of Gaussian noise come back, also on a brightness that drifts."""
    image = _noise((1, 300, 300), std=2.0, length=length)
    image += 0.01 * np.arange(300, dtype=np.float32)  # a ramp over lags up to 12 adds at most 0.06² / 2 to 4
    found = _covariance(image)
    # 90 000 voxels hold 90 000 / 4π·l² independent ones: 2 % for l = 2.5, whose plateau at lag 12 is not quite reached.
    assert np.sqrt(found.variance) == pytest.approx(2.0, rel=0.04)
    for axis in "yx":
        assert fit_length(found.along(axis)) == pytest.approx(length, abs=0.15)


def test_noise_along_z_is_told_apart() -> None:
    """Noise that is correlated in the plane alone has length 0 along z."""
    planes = [_noise((1, 90, 90), std=1.0, length=1.5)[0]]
    rng = np.random.default_rng(2)
    planes = [ndimage.gaussian_filter(rng.normal(size=(90, 90)), 1.5) for _ in range(30)]
    found = _covariance(np.array(planes, np.float32))
    assert fit_length(found.along("z")) == 0.0
    assert fit_length(found.along("x")) == pytest.approx(1.5, abs=0.15)


def test_a_section_has_no_length_along_z() -> None:
    """Where there are no pairs along z, nothing is guessed."""
    assert fit_length(_covariance(_noise((1, 200, 200), std=1.0, length=1.0)).along("z")) is None


def test_kernel_gives_back_the_covariance() -> None:
    """White noise through the kernel has the covariance that the kernel was made from, also where axes differ."""
    white = np.random.default_rng(3).normal(size=(400, 400))
    wanted = ndimage.gaussian_filter(white, (0.7, 2.0), mode="wrap")
    first = _covariance((wanted / wanted.std()).astype(np.float32)[None])
    model = fit_noise(first, first)
    kernel = model.kernel()
    assert model.std == pytest.approx(1, rel=0.03)
    assert np.sum(kernel**2) == pytest.approx(1)
    assert kernel.shape[0] == 1
    again = ndimage.convolve(np.random.default_rng(4).normal(size=(400, 400)), kernel[0], mode="wrap")
    second = _covariance(again.astype(np.float32)[None])
    for axis in "yx":
        # 1 % of the energy was left out, and two samples of 160 000 voxels scatter by 2 % each.
        assert np.allclose(second.along(axis)[:5], first.along(axis)[:5] / first.variance, atol=0.06)


def test_spectrum_of_white_noise_is_flat() -> None:
    """Its power equals the variance at every frequency."""
    frequency, power = spectrum(_covariance(_noise((1, 300, 300), std=3.0, length=0.0)))
    assert frequency[0] == 0
    assert frequency[-1] == pytest.approx(0.48)
    # A radial mean at low frequency is over few cells: 10 % there.
    assert power[3:] == pytest.approx(np.full(len(power) - 3, 9.0), rel=0.12)


def test_half_width_is_where_the_covariance_has_halved() -> None:
    """Interpolated between lags; None where it does not fall so far."""
    assert half_width(np.array([0.0, 1, 4, 8]), np.array([1.0, 0.8, 0.4, 0.1])) == pytest.approx(3.25)
    assert half_width(np.array([0.0, 1, 4]), np.array([1.0, np.nan, 0.0])) == pytest.approx(2)
    assert half_width(np.arange(3.0), np.array([1.0, 0.9, 0.8])) is None
    assert half_width(np.arange(3.0), np.array([-1.0, 0.9, 0.8])) is None


def test_pairs_within_a_phase_only() -> None:
    """A step of brightness between two phases is no noise of either."""
    image = np.zeros((1, 120, 120), np.float32)
    image[:, :, 60:] = 100
    phases = np.where(image > 0, 2, 1).astype(np.uint8)
    region = tuple(slice(0, n) for n in image.shape)
    interior = Interior(np.full(256, 3.0), np.zeros(256), np.ones(256))
    sums = sum_fluctuations(
        Block(0, region, region, region),
        image,
        phases,
        interior=interior,
        active=2,
        grid=Grid.of(image.shape, None),
        center=(0.0, 0.0),
        stride=1,
    )
    count, squares = sums["pairs"]
    assert count[1].sum() > 0
    assert squares.sum() == 0


def test_blocks_add_up_to_the_whole() -> None:
    """Pairs and circles do not depend on how a volume is cut."""
    from voltomo.blocks import BlockPlan, reduce_blocks
    from voltomo.synthesis.likeness.sums import merge_sums

    rng = np.random.default_rng(5)
    phases = (ndimage.gaussian_filter(rng.normal(size=(30, 40, 50)), 4) > 0).astype(np.uint8) + 1
    grey = (phases + rng.normal(size=phases.shape)).astype(np.float32)

    def summed(block_shape: tuple[int, int, int]) -> dict[str, np.ndarray]:
        plan = BlockPlan((30, 40, 50), block_shape, REACH + FARTHEST_LAG)
        return reduce_blocks(
            lambda block, *arrays: sum_fluctuations(
                block,
                *arrays,
                interior=Interior(np.full(256, 2.0), np.ones(256), np.ones(256)),
                active=2,
                grid=Grid.of(phases.shape, None),
                center=(19.5, 24.5),
                stride=2,
            ),
            grey,
            phases,
            plan=plan,
            merge=merge_sums,
        )

    whole, blocks = summed((30, 40, 50)), summed((17, 13, 19))
    assert np.array_equal(whole["pairs"][0], blocks["pairs"][0])
    for name in whole:
        assert np.allclose(whole[name], blocks[name], rtol=1e-9)
