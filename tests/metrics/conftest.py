"""Bodies with an exact answer, digitised."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pytest

from voltomo.metrics.neighbors import count_neighbors
from voltomo.metrics.surfaces import InterfaceCounts
from voltomo.morphology.directions import crofton_directions

Labels = npt.NDArray[np.uint8]
Edges = tuple[float, float, float]


def _ball(radius: float, *, edges: Edges = (1.0, 1.0, 1.0), shift: Sequence[float] = (0, 0, 0)) -> Labels:
    """1 outside, 2 in a ball whose centre lies `shift` voxels from a voxel centre; two voxels around it."""
    half = [int(radius / edge) + 3 for edge in edges]
    z, y, x = np.ogrid[tuple(slice(-h, h + 1) for h in half)]
    grid = zip((z, y, x), shift, edges, strict=True)
    return (sum(((g - s) * e) ** 2 for g, s, e in grid) <= radius**2).astype(np.uint8) + np.uint8(1)


def _boolean_model(number_density: float, radius: float, edge: int, rng: np.random.Generator) -> Labels:
    """Overlapping balls of one radius at Poisson points: 2 inside, 1 outside; stationary, so cut from a larger box."""
    wide = edge + 2 * radius
    centers = rng.random((rng.poisson(number_density * wide**3), 3)) * wide - radius
    labels = np.ones((edge,) * 3, np.uint8)
    for center in centers:
        low = np.maximum(np.ceil(center - radius), 0).astype(int)
        high = np.minimum(np.floor(center + radius) + 1, edge).astype(int)
        z, y, x = np.ogrid[tuple(slice(a, max(a, b)) for a, b in zip(low, high, strict=True))]
        inside = (z - center[0]) ** 2 + (y - center[1]) ** 2 + (x - center[2]) ** 2 <= radius**2
        labels[low[0] : high[0], low[1] : high[1], low[2] : high[2]][inside] = 2
    return labels


def _count(labels: Labels, *, phase_ids: Sequence[int] = (1, 2), edges: Edges | None = None) -> InterfaceCounts:
    directions = crofton_directions(edges, 3 if labels.shape[0] > 1 else 2)
    return InterfaceCounts(count_neighbors(labels, phase_ids=phase_ids, offsets=directions.offsets), directions)


@pytest.fixture
def ball() -> Callable[..., Labels]:
    """Digitised ball: ``ball(radius, edges=, shift=)``."""
    return _ball


@pytest.fixture
def boolean_model() -> Callable[..., Labels]:
    """Overlapping balls: ``boolean_model(number_density, radius, edge, rng)``."""
    return _boolean_model


@pytest.fixture
def count_interfaces() -> Callable[..., InterfaceCounts]:
    """Neighbors of a map along the Crofton directions: ``count_interfaces(labels, phase_ids=, edges=)``."""
    return _count
