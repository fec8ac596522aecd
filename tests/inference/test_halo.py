"""The halo that matters is measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from voltomo.artifacts import Model
from voltomo.inference.engines import open_predictor
from voltomo.inference.halo import measure_halo


@dataclass(frozen=True)
class Mean:
    """Brighter than the mean over a window of known reach, or not; claims to look farther."""

    reach: int
    halo: tuple[int, int, int] = (0, 48, 48)
    multiple: tuple[int, int, int] = (1, 4, 4)
    classes: int = 2

    def __call__(self, grey: np.ndarray) -> np.ndarray:
        size = 2 * self.reach + 1
        mean = ndimage.uniform_filter(grey[0], (1, size, size), mode="constant")
        return np.stack([mean, grey[0]])


def test_finds_the_reach_of_a_filter() -> None:
    """A mean over 8 voxels on either side needs 8 of the 48 that are claimed; 4 would change voxels beside a cut."""
    grey = np.random.default_rng(0).random((1, 4, 160, 160), np.float32)
    assert measure_halo(Mean(8), grey) == (0, 8, 8)
    assert measure_halo(Mean(7), grey, changed=0) == (0, 8, 8)


def test_short_axes_keep_the_full_halo() -> None:
    """Where the sample is too short for a cut, nothing is claimed."""
    grey = np.random.default_rng(0).random((1, 1, 160, 80), np.float32)
    assert measure_halo(Mean(8), grey) == (0, 8, 48)


def test_of_a_network(network_model: Callable[..., Model]) -> None:
    """Of a network, hardly more is needed than claimed, and never more."""
    predictor = open_predictor(network_model())
    grey = np.random.default_rng(0).random((1, 1, 96, 112), np.float32)
    found = measure_halo(predictor, grey)
    assert all(one <= full for one, full in zip(found, predictor.halo, strict=True))
    assert found[1] % predictor.multiple[1] == 0 or found[1] == predictor.halo[1]
