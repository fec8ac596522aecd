"""Averages over networks, mirrored images and axes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from voltomo.errors import InputError
from voltomo.inference.averaging import AxisAverage, Ensemble, FlipAverage, softmax


@dataclass(frozen=True)
class Fixed:
    """The same logits everywhere."""

    logits: tuple[float, ...]
    halo: tuple[int, int, int] = (0, 0, 0)
    multiple: tuple[int, int, int] = (1, 1, 1)

    @property
    def classes(self) -> int:
        return len(self.logits)

    def __call__(self, grey: np.ndarray) -> np.ndarray:
        return np.broadcast_to(np.float32(self.logits)[:, None, None, None], (self.classes, *grey.shape[1:])).copy()


@dataclass(frozen=True)
class Ramp:
    """The second logit grows by 1 per voxel along x of the array that is handed over: a network that prefers a side."""

    classes: int = 2
    halo: tuple[int, int, int] = (0, 2, 2)
    multiple: tuple[int, int, int] = (1, 4, 4)

    def __call__(self, grey: np.ndarray) -> np.ndarray:
        logits = np.zeros((2, *grey.shape[1:]), np.float32)
        logits[1] = np.arange(grey.shape[3]) - (grey.shape[3] - 1) / 2
        return logits


GREY = np.zeros((1, 4, 4, 8), np.float32)


def test_softmax_adds_up_to_one() -> None:
    """Probabilities add up to 1, also for logits of hundreds."""
    shares = softmax(np.random.default_rng(0).normal(0, 300, (3, 2, 5, 5)).astype(np.float32))
    np.testing.assert_allclose(shares.sum(axis=0), 1, atol=1e-6)


def test_ensemble_averages_probabilities() -> None:
    """3 to 1 and 1 to 3 make a half each."""
    one, two = Fixed((float(np.log(3)), 0.0)), Fixed((0.0, float(np.log(3))))
    np.testing.assert_allclose(np.exp(Ensemble((one, two))(GREY)), 0.5, atol=1e-6)


def test_disagreement_of_an_ensemble() -> None:
    """0 where members share their doubt, a quarter for 3 to 1 against 1 to 3, a half for sure ones that contradict."""
    one, two, sure = Fixed((float(np.log(3)), 0.0)), Fixed((0.0, float(np.log(3)))), Fixed((50.0, 0.0))
    for members, expected in (((one, one), 0), ((one, two), 0.25), ((sure, Fixed((0.0, 50.0))), 0.5)):
        both = Ensemble(members)
        answer = both.in_detail(GREY)
        np.testing.assert_allclose(answer.disagreement, expected, atol=1e-6)
        np.testing.assert_array_equal(answer.logits, both(GREY))
        np.testing.assert_array_equal(answer.members[:, 0, 0, 0], [int(np.argmax(m.logits)) for m in members])


def test_ensemble_reads_what_all_members_need() -> None:
    """Halo and multiple hold for every member; members with other classes are refused."""
    both = Ensemble((Fixed((0, 0), (0, 3, 1), (1, 4, 4)), Fixed((0, 0), (1, 2, 2), (1, 6, 1))))
    assert (both.halo, both.multiple) == ((1, 3, 2), (1, 12, 4))
    with pytest.raises(InputError, match="same phases"):
        Ensemble((Fixed((0, 0)), Fixed((0, 0, 0))))


def test_flips_take_a_preferred_side_away() -> None:
    """A network that prefers one side has no preference after averaging over mirrored images, for any size."""
    for width in (8, 7):
        shares = np.exp(FlipAverage(Ramp(), through_plane=True)(GREY[..., :width]))
        assert shares.shape == (2, 4, 4, width)
        if width == 8:
            np.testing.assert_allclose(shares, 0.5, atol=1e-6)


def test_axes_are_turned_back() -> None:
    """Slices along z, y and x are averaged at the voxel that they belong to."""
    turned = np.exp(AxisAverage(Ramp())(GREY[..., :4]))
    # Along z and along y, the ramp runs along x; along x, z and x change places, so that it runs along z.
    one = softmax(Ramp()(GREY[..., :4]))
    expected = (2 * one + one.swapaxes(1, 3)) / 3
    np.testing.assert_allclose(turned, expected, atol=1e-6)
    assert AxisAverage(Ramp()).halo == (2, 2, 2)
