from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.ndimage as ndi

from voltomo.metrics.realizations import choose_classes, correlation_length, doubt, pair_sums, segmentation_part

WHOLE = (slice(0, 40), slice(0, 40), slice(0, 40))


def test_classes_come_as_often_as_their_probabilities_say() -> None:
    """Of 10⁵ voxels a share p falls to each phase, within four standard deviations of a binomial."""
    shape = (1, 100, 1000)
    given = (51, 127, 77)
    field = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    probabilities = [np.full(shape, p, np.uint8) for p in given]
    chosen = choose_classes(np.ones(shape, np.uint8), probabilities, field, (1, 2, 5))
    for phase, p in zip((1, 2, 5), given, strict=True):
        share = p / 255
        assert (chosen == phase).mean() == pytest.approx(share, abs=4 * math.sqrt(share * (1 - share) / field.size))


def test_what_is_certain_or_outside_stays() -> None:
    """A probability of 1 is always chosen, however far out the field is; 0 stays outside."""
    labels = np.array([[[1, 2, 0, 2]]], np.uint8)
    first = np.where(labels == 1, np.uint8(255), np.uint8(0))
    second = np.where(labels == 2, np.uint8(255), np.uint8(0))
    for level in (-9.0, 0.0, 9.0):
        field = np.full(labels.shape, level, np.float32)
        np.testing.assert_array_equal(choose_classes(labels, (first, second), field, (1, 2)), labels)


def test_a_voxel_without_probabilities_keeps_its_phase() -> None:
    """Zeros everywhere say nothing."""
    labels = np.full((1, 1, 3), 2, np.uint8)
    zeros = np.zeros_like(labels)
    np.testing.assert_array_equal(choose_classes(labels, (zeros, zeros), np.zeros((1, 1, 3), np.float32), (1, 2)), 2)


def test_doubt_is_what_the_likeliest_phase_leaves() -> None:
    """|p - onehot| is 0 where one is sure and outside, and 1/2 where two are equal."""
    labels = np.array([[[1, 1, 0]]], np.uint8)
    one, two = (np.array([[values]], np.uint8) for values in ([255, 128, 100], [0, 127, 155]))
    np.testing.assert_allclose(doubt(labels, (one, two)).ravel(), [0, 1 - 128 / 255, 0], atol=1e-6)


@pytest.mark.parametrize("sigma", [1.0, 2.0, 3.0])
def test_the_length_of_filtered_noise_is_found(sigma: float) -> None:
    """White noise through a Gaussian of 1 to 3 voxels gives that length; 15 % is the scatter of one volume of 40³."""
    noise = ndi.gaussian_filter(np.random.default_rng(1).standard_normal((40, 40, 40)), sigma, mode="wrap")
    sums = pair_sums(noise.astype(np.float32), starts=WHOLE, axes=(0, 1, 2))
    assert correlation_length(sums) == pytest.approx(sigma, rel=0.15)


def test_pairs_of_blocks_add_up_to_those_of_the_whole() -> None:
    """Each pair is counted by the block in which it starts."""
    noise = np.random.default_rng(2).random((40, 6, 7)).astype(np.float32)
    across = (slice(0, 6), slice(0, 7))
    whole = pair_sums(noise, starts=(slice(0, 40), *across), axes=(0, 2))
    parts = [pair_sums(noise, starts=(s, *across), axes=(0, 2)) for s in (slice(0, 13), slice(13, 40))]
    np.testing.assert_allclose(sum(parts), whole, rtol=1e-12)


def test_the_bias_of_the_likeliest_map_counts() -> None:
    """Realizations of 1 and 3 about a value of 5: a bias of 3, a scatter of √2."""
    part = segmentation_part(5.0, [1.0, 3.0], "")
    assert part.bias == 3.0
    assert part.standard_uncertainty == pytest.approx(math.sqrt(9 + 2))
