"""Structures of a few smooth particles, for tests of what happens inside them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from voltomo.synthesis import Layers, Particles, Slits, Structure, Voids


@pytest.fixture
def balls() -> Callable[..., Structure]:
    """Balls of phase 2 in pore, in a window of voxels of edge 1 m: centres, radii and any other field."""

    def make(
        shape: tuple[int, int, int], centers: Any, radii: Any, *, roughness: float = 0.0, **fields: Any
    ) -> Structure:
        places = np.asarray(centers, float).reshape(-1, 3)
        semi_axes = np.repeat(np.asarray(radii, float).reshape(-1, 1), 3, axis=1)
        turns = np.tile(np.eye(3), (len(places), 1, 1))
        values: dict[str, Any] = {
            "family": "nmc",
            "shape": shape,
            "voxel_size": (1.0, 1.0, 1.0),
            "origin": (0.0, 0.0, 0.0),
            "particles": Particles(places, semi_axes, turns, np.full(len(places), 2, np.uint8), roughness),
            "slits": Slits.none(),
            "voids": Voids.none(),
            "layers": Layers.none(),
            "background": 1,
            "reach": 1.0,
            "texture_length": 8.0,
            "collector": -np.inf,
            "free_surface": np.inf,
            "seed": 5,
        }
        return Structure(**(values | fields))

    return make


@pytest.fixture
def slit() -> Callable[..., Slits]:
    """One slit through particle 0: its normal, its width, and any other field."""

    def make(normal: Any, width: float, **fields: Any) -> Slits:
        across = np.asarray(normal, float) / np.linalg.norm(normal)
        along = np.cross(across, (0.3, -0.7, 0.5))
        values: dict[str, Any] = {
            "particle": 0,
            "kind": np.uint8(1),
            "is_open": True,
            "normal": across,
            "direction": along / np.linalg.norm(along),
            "offset": 0.0,
            "low": -np.inf,
            "inner": -1.0,
            "extent": 2.0,
            "wave": 0.0,
            "width": width,
        }
        return Slits(**{name: np.asarray([value]) for name, value in (values | fields).items()})

    return make
