"""A tiny electrode with noise, and settings that train in a second."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from voltomo.artifacts.phases import Phase, PhaseTable
from voltomo.learning.pairs import LabelledImage

PHASES = PhaseTable((Phase(2, "pore", "pore"), Phase(5, "NMC", "active")))
"""Ids that are no row numbers."""


def _discs(seed: int, shape: tuple[int, int, int]) -> np.ndarray:
    """Bright discs (cylinders along z) in the dark: 5 inside, 2 outside."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: shape[1], : shape[2]]
    inside = np.zeros(shape[1:], bool)
    for _ in range(6):
        center, radius = rng.uniform(0, shape[1:]), rng.uniform(6, 12)
        inside |= (y - center[0]) ** 2 + (x - center[1]) ** 2 < radius**2
    return np.broadcast_to(np.where(inside, 5, 2), shape).astype(np.uint8)


@pytest.fixture
def phases() -> PhaseTable:
    """Two phases."""
    return PHASES


@pytest.fixture
def labelled() -> Callable[..., LabelledImage]:
    """``labelled(seed, shape=...)``: an image whose classes overlap in grey, so that neighbours must be looked at."""

    def make(seed: int, *, shape: tuple[int, int, int] = (1, 64, 64), channels: int = 1, **more: Any) -> LabelledImage:
        labels = _discs(seed, shape)
        noise = np.random.default_rng(seed + 100).normal(0, 25, (channels, *shape))
        grey = np.clip(np.where(labels == 5, 150, 90) + noise, 0, 255).astype(np.uint8)
        return LabelledImage(f"image {seed}", grey, labels, **more)

    return make
